"""The HTTP protocol of the server, with the error envelope where no request reaches the application."""

from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.answers import Answer, failure
from api.errors import BadRequest, Overloaded


class EnvelopeProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools."""

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP and hangs up, since where the next request begins is not known."""
        body, headers = _close(failure(BadRequest(msg)))
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in self._default_headers + headers)]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()

    @property
    def _default_headers(self) -> list[tuple[bytes, bytes]]:
        return self.server_state.default_headers

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, cast("Any", _refuse) if app is service_unavailable else app)


async def _refuse(_: Scope, __: Receive, send: Send) -> None:
    """Answers in the application's place where there are too many connections."""
    body, headers = _close(failure(Overloaded()))
    await send({"type": "http.response.start", "status": Overloaded.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _close(answer: Answer) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    return answer.body, [*answer.headers, (b"connection", b"close")]
