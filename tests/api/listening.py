"""Listeners to streams of events: in the test's own process, and over a socket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message

from api.app import ReadApi
from api.lasting import HangUp
from tests.api.waiting import DEADLINE_SECONDS


@dataclass(frozen=True, slots=True)
class Event:
    """One event; a heartbeat is one without kind."""

    kind: str | None
    data: Any = None
    id: str | None = None


def read_event(block: str) -> Event | None:
    """One event of a stream; None of what only says how to reconnect."""
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))
    if "" in fields:
        return Event(None)
    if "event" not in fields:
        return None
    id_ = fields["id"][0] if "id" in fields else None
    return Event(fields["event"][0], json.loads("\n".join(fields["data"])), id_)


@dataclass
class Heard:
    """What comes of one stream."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    last_id: str | None = None
    has_ended: bool = False
    state: dict[str, Any] = field(default_factory=dict)
    """Of the request, which the server shares with the application."""
    was_hung_up: bool = False
    _read: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        self.body += message.get("body", b"")
        self._news.set()

    def done(self, task: "asyncio.Task[None]") -> None:
        self.was_hung_up = isinstance(task.exception(), HangUp)
        self.has_ended = True
        self._news.set()

    def next_now(self) -> Event | None:
        """The next event that has come already."""
        while (end := self.body.find(b"\n\n", self._read)) >= 0:
            block, self._read = self.body[self._read : end].decode(), end + 2
            event = read_event(block)
            if event is not None:
                self.last_id = event.id or self.last_id
                return event
        return None

    async def next(self, *, heartbeats: bool = False) -> Event:
        """The next event; TimeoutError if none comes."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (event := self.next_now()) is None or (event.kind is None and not heartbeats):
                if event is not None:
                    continue
                assert not self.has_ended, self.body
                self._news.clear()
                await self._news.wait()
        return event

    async def ended(self) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not self.has_ended:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(
    app: ReadApi,
    keys: str,
    last_id: str | None = None,
    *,
    method: str = "GET",
    client: str = "127.0.0.1",
    gate: asyncio.Event | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Heard]:
    """Opens a stream of a started application; the client leaves at the end. While `gate` is clear it takes nothing."""
    heard, leaving = Heard(), asyncio.Event()
    given = {**(headers or {}), **({"last-event-id": last_id} if last_id else {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("api", 80),
        "client": (client, 1),
        "method": method,
        "path": "/api/mobile/events",
        "raw_path": b"/api/mobile/events",
        "root_path": "",
        "query_string": f"keys={keys}".encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "state": {},
    }

    async def receive() -> Message:
        await leaving.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if gate is not None:
            await gate.wait()
        heard.take(message)

    heard.state = scope["state"]
    task = asyncio.create_task(app(scope, receive, send))
    task.add_done_callback(heard.done)
    try:
        yield heard
    finally:
        leaving.set()
        await asyncio.wait([task], timeout=DEADLINE_SECONDS)
        assert task.done()


def connect(address: tuple[str, int], keys: str, *headers: str, receive_buffer: int | None = None) -> socket.socket:
    """Asks for a stream over a socket."""
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(DEADLINE_SECONDS)
    connection.connect(address)
    lines = [f"GET /api/mobile/events?keys={keys} HTTP/1.1", "Host: api", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection
