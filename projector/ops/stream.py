"""A stream of server-sent events to one page, as an ASGI application."""

import asyncio

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from projector.ops.access import HEADERS, require_own_page, require_permitted
from projector.ops.feed import Feed, Page
from projector.settings import Settings

RETRY = b"retry: 2000\n\n"
"""Milliseconds until a browser that lost the stream asks again."""


class Stream:
    """Ends when the page is closed, when it takes nothing, or with the worker."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        self._settings = settings
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        refusal = require_permitted(self._settings, request) or require_own_page(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if self._feed.is_full:
            await _begin(send, 503)
            await send({"type": "http.response.body", "body": b"too many pages are open\n"})
            return
        if request.method == "HEAD":
            await _begin(send, 200)
            await send({"type": "http.response.body", "body": b""})
            return
        await self._tell(Page(scope["hang_up"]), receive, send)

    async def _tell(self, page: Page, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_end_when_gone(page, receive))
        self._feed.join(page)
        try:
            await _begin(send, 200)
            await send({"type": "http.response.body", "body": RETRY, "more_body": True})
            while (event := await page.next()) is not None:
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._feed.leave(page)
            gone.cancel()


async def _begin(send: Send, status: int) -> None:
    kind = b"text/event-stream" if status == 200 else b"text/plain"
    headers = [(b"content-type", kind + b"; charset=utf-8"), (b"connection", b"close")]
    headers += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _end_when_gone(page: Page, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    page.end()
