"""The access log: one JSON line for each request, when it has been answered."""

import json
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import request_ids

logger = logging.getLogger(__name__)

_LONGEST_PATH = 500


class AccessLog:
    """Logs method, path, status, body bytes, microseconds and X-Request-ID of every request that it passes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter_ns()
        status, sent, request_id = 0, 0, None

        async def send_counting(message: Message) -> None:
            nonlocal status, sent, request_id
            if message["type"] == "http.response.start":
                status, request_id = message["status"], dict(message["headers"]).get(request_ids.NAME)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_counting)
        finally:
            logger.info(_line(scope, status, sent, request_id, (time.perf_counter_ns() - began) // 1000))


def _line(scope: Scope, status: int, sent: int, request_id: bytes | None, microseconds: int) -> str:
    query = scope["query_string"]
    target = scope.get("raw_path", b"") + (b"?" + query if query else b"")
    fields = {
        "method": scope["method"],
        "path": target.decode("ascii", "replace")[:_LONGEST_PATH],
        "status": status,
        "bytes": sent,
        "microseconds": microseconds,
        "request_id": None if request_id is None else request_id.decode(),
    }
    return json.dumps(fields, separators=(",", ":"))
