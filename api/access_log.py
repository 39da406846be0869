"""The access log: one JSON line for each request, when it has been answered."""

import json
import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import read_wanted

logger = logging.getLogger(__name__)

_LONGEST_PATH, _LONGEST_REQUEST_ID = 500, 128


class AccessLog:
    """Logs method, path, status, body bytes, microseconds and X-Request-ID of every request that it passes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter_ns()
        status, sent = 0, 0

        async def send_counting(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_counting)
        finally:
            logger.info(_line(scope, status, sent, (time.perf_counter_ns() - began) // 1000))


def _line(scope: Scope, status: int, sent: int, microseconds: int) -> str:
    query = scope["query_string"]
    target = scope.get("raw_path", b"") + (b"?" + query if query else b"")
    request_id = read_wanted(scope["headers"]).request_id
    fields = {
        "method": scope["method"],
        "path": target.decode("ascii", "replace")[:_LONGEST_PATH],
        "status": status,
        "bytes": sent,
        "microseconds": microseconds,
        "request_id": None if request_id is None else request_id.decode("ascii", "replace")[:_LONGEST_REQUEST_ID],
    }
    return json.dumps(fields, separators=(",", ":"))
