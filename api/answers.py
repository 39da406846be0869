"""Finished answers: the envelope, the ETag, and the 304 for a client that has the answer already.

{"success": true, "data": {…}, "metadata": {"cached": true, "data_sources": 6, "generated_at": …}}
{"success": false, "error": "Product 789 not found", "details": {"code": "not_found", …}}
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from starlette.responses import Response

from api.documents import StoredDocument
from api.errors import ApiError
from api.templates import Question, compose, encode

Headers = tuple[tuple[bytes, bytes], ...]

JSON_TYPE = b"application/json; charset=utf-8"
_CACHE_CONTROL = (b"cache-control", b"private, no-cache")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ETAG = re.compile(rb'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be sent any number of times."""

    status: int
    body: bytes
    headers: Headers
    etag: bytes | None = None


class Prepared(Response):
    """Sends bytes and headers that are ready, and so costs nothing to make."""

    def __init__(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.status_code = status
        self.raw_headers = list(headers)
        self.body = body
        self.background = None


def document_answer(question: Question, document: StoredDocument) -> Answer:
    """The answer to a question, made of the document."""
    data = compose(question, document)
    metadata = encode(_metadata(question, document))
    return tagged(b'{"success":true,"data":%b,"metadata":%b}' % (data, metadata))


def tagged(body: bytes) -> Answer:
    """A 200 with a strong ETag, which changes exactly when the body does."""
    etag = b'"%b"' % blake2b(body, digest_size=16).hexdigest().encode()
    return Answer(200, body, (*_json_headers(body), (b"etag", etag)), etag)


def untagged(status: int, content: Mapping[str, Any], headers: Headers = ()) -> Answer:
    """An answer that says something about this moment only."""
    body = encode(content)
    return Answer(status, body, (*_json_headers(body), *headers))


def failure(error: ApiError) -> Answer:
    """An error in its envelope."""
    return untagged(error.status, error_content(error), error.headers)


def error_content(error: ApiError) -> dict[str, Any]:
    """What the envelope says of an error."""
    return {"success": False, "error": error.message, "details": error.details}


def respond(answer: Answer, request_headers: Iterable[tuple[bytes, bytes]]) -> Prepared:
    """The answer as it is sent: a 304 without body where the client has it already."""
    if answer.etag is not None and _has(answer.etag, request_headers):
        return Prepared(304, ((b"etag", answer.etag), _CACHE_CONTROL))
    return Prepared(answer.status, answer.headers, answer.body)


def _json_headers(body: bytes) -> Headers:
    return (
        (b"content-type", JSON_TYPE),
        (b"content-length", b"%d" % len(body)),
        _CACHE_CONTROL,
    )


def _has(etag: bytes, request_headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether If-None-Match names the tag: in a list, weakly, or as `*`."""
    known = b",".join(value for name, value in request_headers if name == b"if-none-match")
    return known.strip() == b"*" or etag in _ETAG.findall(known)


def _metadata(question: Question, document: StoredDocument) -> dict[str, Any]:
    shown = [field for field, is_shown in question.selection.fields if is_shown]
    counted = [document.sections[field.section] for field in shown if field.counted]
    metadata: dict[str, Any] = {
        "cached": True,
        "data_sources": sum(body not in (None, b"null") for body in counted),
        "generated_at": _instant(document.built_us),
    }
    metadata |= {name: question[parameter] for name, parameter in question.template.metadata}
    if document.degraded:
        metadata["degraded"] = [field.name for field in shown if field.section in document.degraded]
    return metadata


def _instant(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
