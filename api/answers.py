"""Finished answers: the envelope, the ETags, compressed bodies, and the 304 for a client that has the answer already.

{"success": true, "data": {…}, "metadata": {"cached": true, "data_sources": 6, "generated_at": …}}
{"success": false, "error": "Product 789 not found", "details": {"code": "not_found", …}}

An answer has one representation for each content coding, each with a strong ETag of its own: `"<hash>"`,
`"<hash>-gzip"`, `"<hash>-zstd"`. If-None-Match is answered with 304 whichever of them it names, for all of them are the
same answer, and the 304 repeats the tag that the client holds.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from starlette.responses import Response

from api.documents import StoredDocument
from api.encodings import IDENTITY, SMALLEST, choose, compress
from api.errors import ApiError
from api.representations import (
    CACHE_CONTROL,
    VARY,
    Header,
    Headers,
    Representation,
    coded,
    coded_tags,
    represent,
    tags_of,
)
from api.templates import Question, compose, encode
from api.versions import Stamp

_WARNING = (b"warning", b'110 - "Response is Stale"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ETAG = re.compile(rb'"[^"]*"')
_INSTANTS = 4_096
_ANSWER_BYTES, _REPRESENTATION_BYTES = 1_100, 750
"""What Python's objects for them take beside the body."""


class Sendable(NamedTuple):
    """What goes out: an answer as one request wants it."""

    status: int
    headers: list[Header]
    body: bytes


class Wanted(NamedTuple):
    """What the headers of a request say that matters here; several headers of one name are one list."""

    known: bytes | None
    """If-None-Match."""
    accepted: bytes | None
    """Accept-Encoding."""
    request_id: bytes | None
    """X-Request-ID, of the last header."""


class Answer:
    """An answer that can be sent any number of times. It is compressed when that is first wanted, once."""

    __slots__ = (
        "age_seconds", "built_us", "extra", "grown", "keys", "representations", "sources", "stamps", "status", "tags",
    )  # fmt: skip

    def __init__(
        self,
        status: int,
        body: bytes,
        tags: tuple[bytes, ...] = (),
        extra: Headers = (),
        sources: int = 0,
        built_us: int | None = None,
    ) -> None:
        self.status = status
        self.tags = tags
        """The ETags of all representations, identity first, and whatever else If-None-Match may name."""
        self.extra = extra
        self.sources = sources
        self.built_us = built_us
        self.representations = {IDENTITY: represent(body, IDENTITY, tags[0] if tags else None, extra)}
        self.age_seconds: int | None = None
        """For how long it has not been known to be right; None while it is."""
        self.grown = 0
        """Bytes that compression added and nobody has counted yet."""
        self.keys: tuple[bytes, ...] = ()
        """Of the documents that it was made of, or found not to exist: it can change only when one of them does."""
        self.stamps: tuple[Stamp, ...] = ()
        """The states of those among them that it is always made of."""

    @property
    def version(self) -> bytes | None:
        """That of the newest state that a 200 was made of. Of an address, a later one never has an earlier version."""
        if self.status != 200:
            return None
        return max(filter(None, (stamp.newest for stamp in self.stamps)), default=None)

    @property
    def body(self) -> bytes:
        """The body as it is, not compressed."""
        return self.representations[IDENTITY].body

    @property
    def headers(self) -> list[Header]:
        """The headers that go with `body`."""
        return self.representations[IDENTITY].headers

    @property
    def size(self) -> int:
        """Bytes of memory that it takes."""
        bodies = (len(representation.body) for representation in self.representations.values())
        return _ANSWER_BYTES + sum(_REPRESENTATION_BYTES + length for length in bodies)

    def represented(self, coding: bytes) -> Representation:
        """The representation that is sent where a client wants `coding`: of small or untagged answers the plain one."""
        found = self.representations.get(coding)
        if found is None:
            found = self._compress(coding) if self.can_compress else self.representations[IDENTITY]
        return found

    @property
    def can_compress(self) -> bool:
        return bool(self.tags) and len(self.body) >= SMALLEST

    def _compress(self, coding: bytes) -> Representation:
        body = compress(self.body, coding)
        found = represent(body, coding, coded(self.tags[0], coding), self.extra)
        self.representations[coding] = found
        self.grown += _REPRESENTATION_BYTES + len(body)
        return found


class Part(Answer):
    """What an address joins with other parts: sections of one document, which are sent by no request on their own."""

    __slots__ = ("alone", "degraded", "sections")

    def __init__(
        self, sections: dict[str, bytes | None], degraded: tuple[str, ...], sources: int, built_us: int | None
    ) -> None:
        super().__init__(200, b"", sources=sources, built_us=built_us)
        self.sections = sections
        self.degraded = degraded
        self.alone: Answer | None = None
        """The answer that needs no other part, once it has been made."""

    @property
    def size(self) -> int:
        return _ANSWER_BYTES + sum(len(section or b"") for section in self.sections.values())

    def aged(self, age_seconds: int) -> "Part":
        """The same, as it was right so long ago."""
        part = Part(self.sections, self.degraded, self.sources, self.built_us)
        part.age_seconds = age_seconds
        return part


class Prepared(Response):
    """Sends bytes and headers that are ready, and so costs nothing to make."""

    def __init__(self, status: int, headers: Iterable[Header], body: bytes = b"") -> None:
        self.status_code = status
        self.raw_headers = list(headers)
        self.body = body
        self.background = None


def document_answer(question: Question, document: StoredDocument) -> Answer:
    """The answer to a question, made of the document."""
    if question.template.is_part:
        return _part(question, document)
    data = compose(question, document)
    shown = question.selection.sections
    sources, built_us = _count_sources(question, document), document.built_us(shown)
    metadata = encode(_metadata(question, document, sources, built_us))
    body = b'{"success":true,"data":%b,"metadata":%b}' % (data, metadata)
    return Answer(200, body, tags_of(body), sources=sources, built_us=built_us)


def _part(question: Question, document: StoredDocument) -> Part:
    shown = question.selection.sections
    sections = {name: document.sections[name] for name in shown}
    built_us, sources = document.built_us(shown), _count_sources(question, document)
    return Part(sections, tuple(_degraded(question, document)), sources, built_us)


def tagged(body: bytes, extra: Headers = ()) -> Answer:
    """A 200 with a strong ETag, which changes exactly when the body does."""
    return Answer(200, body, tags_of(body), extra)


def untagged(status: int, content: Mapping[str, Any], headers: Headers = ()) -> Answer:
    """An answer that says something about this moment only."""
    return Answer(status, encode(content), extra=headers)


def failure(error: ApiError) -> Answer:
    """An error in its envelope."""
    return untagged(error.status, error_content(error), error.headers)


def error_content(error: ApiError) -> dict[str, Any]:
    """What the envelope says of an error."""
    return {"success": False, "error": error.message, "details": error.details}


def as_stale(answer: Answer, age_seconds: int) -> Answer:
    """The answer, marked as one that was right `age_seconds` ago and may not be any more.

    Its ETag is another, or a client would keep the mark once the answer is fresh again; but a client that holds the
    fresh answer is told that it need not fetch it again, with the same warning.
    """
    if isinstance(answer, Part):
        return answer.aged(age_seconds)
    body = b'%b,"stale":true,"age_seconds":%d}}' % (answer.body[:-2], age_seconds)
    tags = coded_tags(coded(answer.tags[0], b"stale%d" % age_seconds)) if answer.tags else ()
    extra = (*answer.extra, *stale_headers(age_seconds))
    stale = Answer(answer.status, body, (*tags, *answer.tags), extra, answer.sources, answer.built_us)
    stale.age_seconds = age_seconds
    return stale


def stale_headers(age_seconds: int) -> Headers:
    """What every answer says that was right so long ago."""
    return (_WARNING, (b"age", b"%d" % age_seconds))


def read_wanted(headers: Iterable[Header]) -> Wanted:
    """What the headers of a request ask for."""
    known = accepted = request_id = None
    for name, value in headers:
        if name == b"if-none-match":
            known = value if known is None else known + b"," + value
        elif name == b"accept-encoding":
            accepted = value if accepted is None else accepted + b"," + value
        elif name == b"x-request-id":
            request_id = value
    return Wanted(known, accepted, request_id)


def respond(answer: Answer, wanted: Wanted) -> Sendable:
    """The answer as it is sent: a 304 without body where the client has it already."""
    if wanted.known is not None and answer.tags:
        etag = _held(answer, wanted.known, wanted.accepted)
        if etag is not None:
            return Sendable(304, [(b"etag", etag), CACHE_CONTROL, VARY, *answer.extra], b"")
    found = answer.represented(choose(wanted.accepted))
    return Sendable(answer.status, found.headers, found.body)


def response(answer: Answer, request_headers: Iterable[Header] = ()) -> Prepared:
    """The same as FastAPI's routes return it."""
    return Prepared(*respond(answer, read_wanted(request_headers)))


@functools.lru_cache(maxsize=_INSTANTS)
def instant(microseconds: int | None) -> str | None:
    """Microseconds since 1970 as every document shows an instant."""
    if microseconds is None:
        return None
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _held(answer: Answer, known: bytes, accepted: bytes | None) -> bytes | None:
    """The tag of this answer that If-None-Match names: alone, in a list, weakly, or as `*`."""
    if known in answer.tags:
        return known
    if known.strip() == b"*":
        return answer.represented(choose(accepted)).etag
    return next((etag for etag in _ETAG.findall(known) if etag in answer.tags), None)


def _count_sources(question: Question, document: StoredDocument) -> int:
    counted = (field.section for field, is_shown in question.selection.fields if is_shown and field.counted)
    return sum(document.sections[section] not in (None, b"null") for section in counted)


def _metadata(question: Question, document: StoredDocument, sources: int, built_us: int | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"cached": True, "data_sources": sources, "generated_at": instant(built_us)}
    for name, parameter in question.template.metadata:
        metadata[name] = question[parameter]
    if degraded := _degraded(question, document):
        metadata["degraded"] = degraded
    return metadata


def _degraded(question: Question, document: StoredDocument) -> list[str]:
    """The names in `data` of what is older than it should be, or missing."""
    sections = question.selection.sections
    if not document.stamp.degraded and None not in map(document.sections.__getitem__, sections):
        return []
    degraded = document.degraded(sections)
    shown = (field for field, is_shown in question.selection.fields if is_shown)
    return [name for field in shown if field.section in degraded for name in field.names]
