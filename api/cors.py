"""Lets the web pages of some origins read the API (CORS). Where none is set, nothing of this stands in the way."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.representations import Header

_EXPOSED = (b"access-control-expose-headers", b"Age, ETag, Retry-After, Warning, WWW-Authenticate, X-Request-ID")
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, If-None-Match, Last-Event-ID, X-Request-ID"),
    (b"access-control-max-age", b"600"),
)
_VARY = (b"vary", b"Origin")


class Cors:
    """Answers the preflights of these origins, and names the origin in what else they are answered with."""

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self._app = app
        self._is_any = "*" in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        allowed = self._allowed(origin)
        if allowed and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await send({"type": "http.response.start", "status": 204, "headers": [*allowed, *_PREFLIGHT]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, _adding((*allowed, _EXPOSED) if allowed else (_VARY,), send))

    def _allowed(self, origin: bytes | None) -> tuple[Header, ...]:
        if origin is None or not (self._is_any or origin in self._origins):
            return ()
        return ((b"access-control-allow-origin", origin), _VARY)


def _adding(headers: Iterable[Header], send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_with_headers
