"""The HTTP protocol of the server: the error envelope where no request reaches the application, and an end for every
connection that is kept and not used.

A connection may be idle for as long as uvicorn's keep-alive says, before its first request too. A request that has
begun to arrive has `PATIENCE_SECONDS` to do so. Answers that go on are told when the server begins to stop.
"""

import functools
from asyncio import Transport
from collections import deque
from typing import Any, Final, cast

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.answers import Answer, failure
from api.errors import BadRequest, Overloaded
from api.lasting import END, HangUp

PATIENCE_SECONDS = 30.0
LONGEST_HEAD: Final = 65_536
"""Bytes of a request's head, and of anything else that is neither a head's end nor a body."""

_NO_HTTP: Final = "Invalid HTTP request received."
_TOO_LONG: Final = f"The head of the request is longer than {LONGEST_HEAD} bytes."


class EnvelopeProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools."""

    _silent_bytes = 0
    """What the parser was fed since the last end of a head or piece of a body."""
    _is_between = True
    """Whether the last that the parser said was the end of a message."""
    _patience_ends = 0.0
    """When the message that arrives must have arrived; 0 where none does."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._hang_up_in(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        if self._is_answering:
            end = self.cycle.scope["state"].get(END)
            if end is not None:
                end()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._silent_bytes += len(data)
        self._is_between = False
        while data:
            data = self._feed(data)
        if self._silent_bytes > LONGEST_HEAD:
            self._give_up(_TOO_LONG)
        elif self._is_answering or self._is_between:
            self._patience_ends = 0.0
        if not self._is_answering and not self.transport.is_closing():
            self._wait_for_more()

    def on_headers_complete(self) -> None:
        if self._silent_bytes > LONGEST_HEAD:
            self._measure_head()
        self._silent_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """What follows a chunked body as headers belongs to nothing that anybody reads."""
        self.headers = cast("list[tuple[bytes, bytes]]", deque(maxlen=0))

    def on_message_complete(self) -> None:
        self._is_between = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP and hangs up, since where the next request begins is not known.

        Requests that came before it are answered first.
        """
        if self._is_answering:
            self.cycle.keep_alive = False
            return
        body, headers = _close(failure(BadRequest(msg)))
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in self._default_headers + headers)]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()

    @property
    def _default_headers(self) -> list[tuple[bytes, bytes]]:
        return self.server_state.default_headers

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _feed(self, data: bytes) -> bytes:
        """What the parser left: what follows the offer of another protocol, which is never taken up."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return data[offer.args[0] :]
        except httptools.HttpParserError:
            self._give_up(_NO_HTTP)
        return b""

    def _give_up(self, message: str) -> None:
        if not self.transport.is_closing():
            self.logger.warning(message)
            self.send_400_response(message)

    def _measure_head(self) -> None:
        """Other requests may have come in the same piece."""
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LONGEST_HEAD:
            self._give_up(_TOO_LONG)
            raise ValueError(_TOO_LONG)

    def _wait_for_more(self) -> None:
        if self._is_between:
            self._hang_up_in(self.timeout_keep_alive)
            return
        now = self.loop.time()
        self._patience_ends = self._patience_ends or now + PATIENCE_SECONDS
        self._hang_up_in(self._patience_ends - now)

    def _hang_up_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        answer = _refuse if app is service_unavailable else app
        super()._start_asgi_task(cycle, cast("Any", functools.partial(self._answer, cycle, answer)))

    async def _answer(
        self, cycle: RequestResponseCycle, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await app(scope, receive, send)
        except RuntimeError:
            # uvloop refuses to write to a client that is gone before it tells us that it is.
            if not self.transport.is_closing():
                raise
            cycle.disconnected = True
        except HangUp:
            self.transport.abort()
            cycle.disconnected = True


async def _refuse(_: Scope, __: Receive, send: Send) -> None:
    """Answers in the application's place where there are too many connections."""
    body, headers = _close(failure(Overloaded()))
    await send({"type": "http.response.start", "status": Overloaded.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _close(answer: Answer) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    return answer.body, [*answer.headers, (b"connection", b"close")]
