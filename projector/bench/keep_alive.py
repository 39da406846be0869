"""The least of an HTTP client: one keep-alive connection, one request at a time, nothing parsed that need not be."""

import re
import socket
from typing import NamedTuple, Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT_SECONDS = 10.0


class Reply(NamedTuple):
    """Status line and headers as they came, and the body."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    def header(self, name: str) -> str:
        """A header's value, "" where there is none."""
        found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode() if found else ""


class KeepAlive:
    """A connection to a server on the loopback interface."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str, headers: str = "") -> Reply:
        """`headers` are whole lines, each with its line end."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n".encode())
        head, _, body = self._read_until(b"\r\n\r\n").partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        missing = int(found[1]) - len(body) if found and b" 304 " not in head[:16] else 0
        parts = [body]
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return Reply(head, b"".join(parts))

    def _read_until(self, end: bytes) -> bytes:
        data = self._receive()
        while end not in data:
            data += self._receive()
        return data

    def _receive(self) -> bytes:
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data
