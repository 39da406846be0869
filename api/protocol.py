"""The HTTP protocol of the server, with the error envelope where even HTTP itself is broken."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.answers import failure
from api.errors import BadRequest


class EnvelopeProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools; what cannot be parsed never reaches the application."""

    def send_400_response(self, msg: str) -> None:
        """Refuses the request and hangs up, since where the next one begins is not known."""
        answer = failure(BadRequest(msg))
        headers = (*self.server_state.default_headers, *answer.headers, (b"connection", b"close"))
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", answer.body]))
        self.transport.close()
