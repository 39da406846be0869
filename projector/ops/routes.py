"""The addresses of the status page, all below /ops."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import psycopg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from projector.errors import ProjectorError, one_line
from projector.letters import Choice, retry_letters
from projector.names import DOCUMENTS, SECTIONS
from projector.ops.access import HEADERS, require_own_header, require_permitted
from projector.ops.definitions import describe_sections
from projector.ops.document import look_up
from projector.ops.feed import Feed
from projector.ops.page import page, policy
from projector.ops.stream import Stream
from projector.redis_server import FAILURES
from projector.settings import Settings
from projector.worker import Worker

LONGEST_BODY = 10_000

_Answer = Callable[[Request], Awaitable[Response]]


class Refused(ProjectorError):
    """A request that makes no sense."""


def ops_routes(settings: Settings, worker: Worker, feed: Feed) -> list[BaseRoute]:
    """What the page needs; all but the page itself for the page alone."""
    one_at_a_time = asyncio.Lock()

    async def show(request: Request) -> Response:
        refusal = require_permitted(settings, request)
        headers = {"Content-Security-Policy": policy(), **HEADERS}
        return refusal or Response(page(), media_type="text/html", headers=headers)

    async def sections(_: Request) -> Response:
        described = await asyncio.to_thread(describe_sections, settings, worker.tally)
        return _json(described)

    async def document(request: Request) -> Response:
        kind, id_ = _choice(request.query_params.get("document"), request.query_params.get("id"))
        async with one_at_a_time:  # each takes connections and builds
            return _json(await look_up(settings, kind, id_))

    async def retry(request: Request) -> Response:
        due = await asyncio.to_thread(retry_letters, settings, _letters(await _body(request)))
        return _json(asdict(due))

    return [
        Route("/ops", show),
        Route("/ops/events", Stream(settings, feed), methods=["GET"]),
        Route("/ops/sections", _guarded(settings, sections)),
        Route("/ops/document", _guarded(settings, document)),
        Route("/ops/retry", _guarded(settings, retry), methods=["POST"]),
    ]


def _guarded(settings: Settings, answer: _Answer) -> _Answer:
    """The same for whoever may, with failures in a line."""

    async def guarded(request: Request) -> Response:
        if refusal := require_permitted(settings, request) or require_own_header(request):
            return refusal
        try:
            return await answer(request)
        except Refused as error:
            return _json({"error": str(error)}, 400)
        except ProjectorError as error:
            return _json({"error": str(error)}, 503)
        except TimeoutError:
            return _json({"error": "It took too long. Try again, or see projector check."}, 503)
        except (psycopg.Error, *FAILURES) as error:
            return _json({"error": f"A server failed: {one_line(error)}"}, 503)

    return guarded


def _choice(document: str | None, id_: str | None) -> tuple[str, int]:
    if document not in DOCUMENTS:
        raise Refused(f"There is no kind of document {document!r}. Choose one of {', '.join(DOCUMENTS)}.")
    if not re.fullmatch(r"-?[0-9]{1,18}", id_ or ""):
        raise Refused(f"An id is a whole number, and {id_!r} is none.")
    return document, int(id_ or 0)


def _letters(wanted: object) -> Choice:
    """Of {} all letters, else those of a document, a section and an id, as far as they are named."""
    if not isinstance(wanted, dict) or not wanted.keys() <= {"document", "section", "id"}:
        raise Refused("Letters are named by document, section and id.")
    document, section, id_ = (wanted.get(name) for name in ("document", "section", "id"))
    if document is None and section is None and id_ is None:
        return Choice(DOCUMENTS)
    if document not in DOCUMENTS or (section is not None and section not in SECTIONS[document]):
        raise Refused(f"There is no section {document}.{section}.")
    if id_ is not None and (not isinstance(id_, int) or abs(id_) >= 1 << 63):
        raise Refused(f"An id is a whole number, and {id_!r} is none.")
    return Choice([document], [] if id_ is None else [id_], section)


async def _body(request: Request) -> object:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_BODY:
            raise Refused("The request is too long.")
    try:
        return json.loads(body)
    except ValueError:
        raise Refused("The request is no JSON.") from None


def _json(content: object, status: int = 200) -> Response:
    return JSONResponse(content, status, headers=HEADERS)
