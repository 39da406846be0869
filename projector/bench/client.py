"""A load generator for where wrk is not installed: PORT TARGETS SECONDS CONNECTIONS."""

import asyncio
import itertools
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from projector.bench.helper import say
from projector.bench.options import percentile

_PATIENCE_SECONDS = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Tally:
    """What all connections saw."""

    delays: list[float] = field(default_factory=list)
    bytes: int = 0
    errors: int = 0
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """There was an answer."""


class Connection(asyncio.Protocol):
    """Sends the next request as soon as an answer is complete."""

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._received = b""
        self._whole = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._whole:
            self._whole = _length(self._received)
        if self._whole and len(self._received) >= self._whole:
            self._count()
            self._send()

    def _count(self) -> None:
        self._tally.delays.append(time.perf_counter() - self._sent)
        self._tally.bytes += len(self._received)
        self._tally.errors += self._received[9:10] not in (b"2", b"3")
        self._tally.answered.set()
        self._received, self._whole = b"", 0

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))  # type: ignore[attr-defined]


def _length(data: bytes) -> int:
    """Of the whole answer; 0 while that is not known."""
    head = data.find(b"\r\n\r\n") + 4
    if head < 4:
        return 0
    found = None if data[9:12] == b"304" else _LENGTH.search(data, 0, head)
    return head + (int(found[1]) if found else 0)


def _requests(file: str) -> Iterator[bytes]:
    made = []
    for line in Path(file).read_text().splitlines():
        path, tag, coding = line.split("\t")
        headers = f"If-None-Match: {tag}\r\n" * bool(tag) + f"Accept-Encoding: {coding}\r\n" * bool(coding)
        made.append(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n".encode())
    return itertools.cycle(made)


async def put_load(port: int, file: str, seconds: float, connections: int) -> Tally:
    """Closes the connections without waiting for answers that are on their way, but not before the first one: a server
    that is slow at first would otherwise be said to answer nothing."""
    tally, requests, loop = Tally(), _requests(file), asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(requests, tally), "127.0.0.1", port) for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    with suppress(TimeoutError):
        await asyncio.wait_for(tally.answered.wait(), _PATIENCE_SECONDS)
    for transport, _ in opened:
        transport.abort()
    return tally


def main() -> None:
    """Says what came of it."""
    port, file, seconds, connections = sys.argv[1:]
    began = time.perf_counter()
    tally = uvloop.run(put_load(int(port), file, float(seconds), int(connections)))
    delays = tally.delays or [0.0]
    say(
        requests=len(tally.delays),
        seconds=time.perf_counter() - began,
        bytes=tally.bytes,
        p50_ms=percentile(delays, 50) * 1e3,
        p99_ms=percentile(delays, 99) * 1e3,
        errors=tally.errors,
    )


if __name__ == "__main__":
    main()
