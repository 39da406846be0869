"""The read API as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import routes
from api.answers import failure, respond
from api.errors import ApiError, MethodNotAllowed, NoSuchPath
from api.openapi import add_examples
from api.read_model import ReadModel
from api.redis_line import RedisLine
from projector import __version__
from projector.settings import Settings

_DESCRIPTION = """\
Ready-made documents for the mobile apps, always as the ERP's database says now.

Money and quantities are JSON numbers with the exact decimal digits of the database. Instants are
ISO 8601 in UTC. Every answer with an ETag can be asked for again with If-None-Match. HEAD works where
GET does. Every address answers errors in one envelope; `details.code` tells them apart.
"""


def from_environment() -> FastAPI:
    """The application that several uvicorn workers make each for itself."""
    return create_app(Settings.load())


def create_app(settings: Settings) -> FastAPI:
    """The application; it begins to connect to Redis when it is started, and needs nothing else."""
    line = RedisLine(settings.redis(), settings.redis_timeout_seconds)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with line.opened():
            yield

    app = ReadApi(
        title="Mobile read API",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
    )
    _add_routes(app, ReadModel(line))
    _add_error_envelopes(app)
    app.add_middleware(HeadAsGet)
    return app


class ReadApi(FastAPI):
    """FastAPI with examples of whole documents in its OpenAPI."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        add_examples(document)
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

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


def _add_routes(app: FastAPI, read_model: ReadModel) -> None:
    routes.add_document_routes(app, read_model)
    routes.add_refresh_routes(app, read_model)
    routes.add_probe_routes(app, read_model)
    routes.add_documentation_routes(app)


def _add_error_envelopes(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        return respond(failure(_api_error(request, error)), ())

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
