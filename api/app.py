"""The read API as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import routes
from api.access_log import AccessLog
from api.after import Waiting
from api.answers import failure, response
from api.cors import Cors
from api.errors import ApiError, MethodNotAllowed, NoSuchPath
from api.events import Events
from api.front import Front
from api.gate import Gate, make_gate
from api.lines import Lines
from api.near_cache import NearCache
from api.notices import Notices
from api.openapi import PAGES, add_examples
from api.openapi_tokens import add_tokens
from api.processes import ending_when_hung
from api.read_model import ReadModel
from api.subscription import Subscription
from api.tally import Tally, shared_memory
from projector import __version__
from projector.checkout import Checkout
from projector.settings import Settings
from projector.tracing import tracing

_MEGABYTE = 1_048_576
_NOTE_SECONDS = 1.0
_DESCRIPTION = """\
Ready-made documents for the mobile apps, always as the ERP's database says now.

Money and quantities are JSON numbers with the exact decimal digits of the database. Instants are
ISO 8601 in UTC. Every answer with an ETag can be asked for again with If-None-Match, and comes
compressed with zstd or gzip where Accept-Encoding allows it. HEAD works where GET does. Every address
answers errors in one envelope; `details.code` tells them apart. `metadata.stale` marks what could not
be checked because the read model cannot be reached.
"""


def create_app(
    settings: Settings, *, access_log: bool = False, counts: Path | None = None, alone: bool = True
) -> "ReadApi":
    """The application; it begins to connect to Redis when it is started, and needs nothing else. In the folder
    `counts` others can read what it counts. Its process ends when it hangs if it is not `alone`."""
    url, timeout_seconds = settings.redis(), settings.api_redis_timeout_seconds
    tally = Tally(routes.PATHS, None if counts is None else shared_memory(counts))
    near_cache = NearCache(settings.near_cache_mb * _MEGABYTE, settings.tombstone_seconds)
    lines = Lines(url, timeout_seconds, near_cache, tally)
    checkout = Checkout.load(settings.checkout_file)
    read_model = ReadModel(lines, near_cache, checkout, tally, settings.api_heartbeat_late_seconds)
    gate = make_gate(settings, read_model)
    waiting = Waiting(lines, settings.api_after_seconds, settings.api_after_waiting)
    subscription = Subscription(lines, timeout_seconds, near_cache, read_model.probe, read_model.feel_heartbeat, tally)
    events = Events(gate, near_cache, subscription.begin, settings, tally)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if tracer := stack.enter_context(tracing("projector-api")):
                from api.spans import Spans  # it imports what only the extra installs

                app.put_in_front(lambda inner: Spans(inner, tracer))
            if not alone:
                await stack.enter_async_context(ending_when_hung())
            await stack.enter_async_context(lines.opened())
            await stack.enter_async_context(subscription.opened(is_needed=settings.near_cache_mb > 0))
            if counts is not None:
                await stack.enter_async_context(_noting(tally, near_cache, events))
            yield

    app = ReadApi(
        title="Mobile read API",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        needs_tokens=not gate.is_open,
        redirect_slashes=False,
        openapi_url=None,
    )
    app.state.near_cache, app.state.tally = near_cache, tally
    _add_routes(app, read_model, gate, waiting, events)
    _add_error_envelopes(app)
    app.add_middleware(HeadAsGet)
    templates, notices = [page.template for page in PAGES], Notices(settings.api_slow_seconds)
    app.put_in_front(lambda inner: Front(inner, read_model, gate, templates, tally, notices, names_all=access_log))
    if settings.cors_origins:
        app.put_in_front(lambda inner: Cors(inner, settings.cors_origins))
    if access_log:
        app.put_in_front(AccessLog)
    return app


@asynccontextmanager
async def _noting(tally: Tally, near_cache: NearCache, events: Events) -> AsyncIterator[None]:
    """Takes note of what this process holds, again and again."""

    async def note() -> None:
        while True:
            tally.set(
                near_cache_bytes=near_cache.size,
                near_cache_documents=len(near_cache),
                near_cache_on=int(near_cache.is_on),
                streams=events.open,
            )
            await asyncio.sleep(_NOTE_SECONDS)

    task = asyncio.create_task(note(), name="note")
    try:
        yield
    finally:
        task.cancel()


class ReadApi(FastAPI):
    """FastAPI with examples of whole documents in its OpenAPI, and with what answers before FastAPI does."""

    def __init__(self, *, needs_tokens: bool, **options: Any) -> None:
        super().__init__(**options)
        self._needs_tokens = needs_tokens
        self._front: ASGIApp = super().__call__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._front(scope, receive, send)

    def put_in_front(self, make: Callable[[ASGIApp], ASGIApp]) -> None:
        """Requests reach what `make` returns first, which is given what they reached until now."""
        self._front = make(self._front)

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        add_examples(document)
        if self._needs_tokens:
            add_tokens(document)
        return document


class HeadAsGet:
    """Answers HEAD with the headers of GET, Content-Length included, and no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        await self._app({**scope, "method": "GET", "is_head": True}, receive, send_without_body)


def _add_routes(app: FastAPI, read_model: ReadModel, gate: Gate, waiting: Waiting, events: Events) -> None:
    routes.add_document_routes(app, read_model, gate, waiting)
    routes.add_batch_route(app, read_model, gate, waiting)
    routes.add_events_route(app, events)
    routes.add_refresh_routes(app, read_model, gate)
    routes.add_probe_routes(app, read_model)
    routes.add_documentation_routes(app)


def _add_error_envelopes(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        return response(failure(_api_error(request, error)))

    for kind in (ApiError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _api_error(request: Request, error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NoSuchPath(request.url.path)
    if isinstance(error, HTTPException) and error.status_code == 405:
        return MethodNotAllowed(request.method, request.url.path, _allowed(error))
    # The server logs the error itself, with its traceback; the client learns nothing of it.
    return ApiError("The API failed to answer")


def _allowed(error: HTTPException) -> list[str]:
    methods = {name.strip() for name in (error.headers or {}).get("Allow", "").split(",")}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
