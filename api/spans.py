"""Spans of requests, below the one that `traceparent` names. Stands in front only where spans are wanted."""

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import request_ids
from api.routes import PATHS
from projector.logs import TRACE

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_CARRIERS: Final = frozenset({b"traceparent", b"tracestate"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LONGEST_PATH: Final = 500


class Spans:
    """Makes one span of each request, whatever its answer."""

    def __init__(self, app: ASGIApp, tracer: "Tracer") -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = TraceContextTextMapPropagator()
        self._routes = [(compile_path(path)[0], path) for path in PATHS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        span = self._begin(scope)
        TRACE.set(format_trace_id(span.get_span_context().trace_id))

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note(span, message)
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            span.end()

    def _begin(self, scope: Scope) -> "Span":
        given = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIERS}
        method = scope["method"] if scope["method"] in _METHODS else "HTTP"
        attributes = {"http.request.method": method, "url.path": scope["path"][:_LONGEST_PATH]}
        name = method
        if route := next((path for pattern, path in self._routes if pattern.match(scope["path"])), None):
            attributes["http.route"] = route
            name = f"{method} {route}"
        context = self._propagator.extract(given)
        return self._tracer.start_span(name, context, kind=SpanKind.SERVER, attributes=attributes)


def _note(span: "Span", message: Message) -> None:
    span.set_attribute("http.response.status_code", message["status"])
    if request_id := dict(message["headers"]).get(request_ids.NAME):
        span.set_attribute("projector.request_id", request_id.decode())
    if message["status"] >= 500:
        span.set_status(StatusCode.ERROR)
