"""Answers as they come over a socket."""

import json
import socket
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import zstandard

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """One answer, its body as it was sent."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def content(self) -> Any:
        """The JSON of the body."""
        coding = self.headers.get(b"content-encoding")
        if coding == b"gzip":
            return json.loads(zlib.decompress(self.body, 16 + zlib.MAX_WBITS))
        return json.loads(zstandard.ZstdDecompressor().decompress(self.body) if coding == b"zstd" else self.body)

    @property
    def is_last(self) -> bool:
        return self.headers.get(b"connection") == b"close"


def exchange(address: Address, *pieces: bytes, seconds: float = 20.0, pause: float = 0.0) -> bytes:
    """Everything that comes back until the server hangs up; TimeoutError if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    received = b""
    with socket.create_connection(address, timeout=seconds) as connection:
        with suppress(ConnectionError):  # it may hang up while pieces are still being sent
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        with suppress(ConnectionError):
            while data := connection.recv(1 << 16):
                received += data
                connection.settimeout(max(0.01, deadline - time.monotonic()))
    return received


def read_answers(received: bytes, methods: list[bytes]) -> list[WireAnswer]:
    """The answers to requests of these methods, of which the last may be missing; AssertionError for anything else."""
    answers: list[WireAnswer] = []
    while received:
        head, found, received = received.partition(b"\r\n\r\n")
        assert found, head
        status_line, *lines = head.split(b"\r\n")
        status = int(status_line.removeprefix(b"HTTP/1.1 ")[:3])
        if status == 100:
            continue
        headers = dict(line.split(b": ", 1) for line in lines)
        # A 400 is of bytes that are no request, and so of no method.
        has_body = status == 400 or (status != 304 and methods[len(answers)] != b"HEAD")
        length = int(headers[b"content-length"]) if has_body else 0
        answers.append(WireAnswer(status, headers, received[:length]))
        assert len(answers[-1].body) == length
        received = received[length:]
    return answers
