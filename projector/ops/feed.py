"""The feed of the status page: everything that moves is read once and told to all open pages.

Server-sent events: `history` first, then a `point` every two seconds, and `seen` after each look at the servers.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from projector import __version__
from projector.ops.history import PERIOD_SECONDS, History, Waiting
from projector.ops.seen import see
from projector.settings import Settings
from projector.worker import Worker

LOOK_SECONDS = 2.0
LOOK_SHARE = 0.2
"""Of the time so much at most is spent on looking, where servers take long to answer."""
LONGEST_PAUSE_SECONDS = 10.0
MOST_PAGES = 20
MOST_WAITING = 8
"""Events that a page may be behind; one that took none of so many (some 8 s) is hung up on."""
LEAVE_SECONDS = 0.5


class Page:
    """One open page: events that it has not taken yet."""

    def __init__(self, hang_up: Callable[[], None]) -> None:
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        self._hang_up = hang_up
        self._ended = False

    def tell(self, event: bytes) -> None:
        """Hangs up where it has not taken what it was told before."""
        if self._events.full():
            self.drop()
        else:
            self._events.put_nowait(event)

    def drop(self) -> None:
        """At once, whatever is under way to it."""
        self._hang_up()
        self.end()

    def end(self) -> None:
        """What waits is not told any more."""
        self._ended = True
        if not self._events.full():
            self._events.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next event; None at the end."""
        event = await self._events.get()
        return None if self._ended else event


class Feed:
    """Takes a point all the time, which costs some microseconds. Looks at the servers only while a page is open."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self._settings = settings
        self._worker = worker
        self._history = History(worker.tally)
        self._began = time.time()
        self._pages: set[Page] = set()
        self._looking: asyncio.Task[None] | None = None
        self._seen: bytes | None = None
        self._waiting: Waiting | None = None
        self._leaving = False
        self._alone = asyncio.Event()
        self._alone.set()

    @property
    def is_full(self) -> bool:
        return self._leaving or len(self._pages) >= MOST_PAGES

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            point = self._history.take(self._waiting)
            if self._pages:
                self._tell(_event("point", {"point": asdict(point), "worker": self._describe()}))

    def join(self, page: Page) -> None:
        points = [asdict(point) for point in self._history.points]
        page.tell(_event("history", {"points": points, "period": PERIOD_SECONDS, "worker": self._describe()}))
        if self._seen is not None:
            page.tell(self._seen)
        self._pages.add(page)
        self._alone.clear()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="ops look")

    def leave(self, page: Page) -> None:
        self._pages.discard(page)
        if not self._pages and self._looking is not None:
            self._looking.cancel()
            self._looking = self._seen = self._waiting = None
            self._alone.set()

    async def end(self) -> None:
        """Lets all pages go."""
        self._leaving = True
        for page in self._pages:
            page.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._alone.wait()
        for page in list(self._pages):
            page.drop()

    async def _look(self) -> None:
        while True:
            began = time.monotonic()
            seen = await see(self._settings)
            self._seen, self._waiting = _event("seen", seen), _waiting(seen.get("status"))
            self._tell(self._seen)
            took = time.monotonic() - began
            await asyncio.sleep(min(max(LOOK_SECONDS, took / LOOK_SHARE), LONGEST_PAUSE_SECONDS))

    def _tell(self, event: bytes) -> None:
        for page in list(self._pages):
            page.tell(event)

    def _describe(self) -> dict[str, Any]:
        """This worker."""
        worker, tally = self._worker, self._worker.tally
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": __version__,
            "since": round(self._began, 1),
            "connected": worker.is_connected,
            "stopping": worker.stopping,
            "stuck": worker.is_stuck,
            "reconnects": max(0, tally.sessions - 1),
            "heartbeat": None if worker.pulse.beat is None else round(worker.pulse.age_seconds, 1),
            "heartbeat_late": worker.pulse.is_late(self._settings.heartbeat_late_seconds),
        }


def _waiting(status: dict[str, Any] | None) -> Waiting | None:
    if status is None:
        return None
    return Waiting(status["events_waiting"], sum(status["backlog"].values()) + status["fanouts_waiting"])


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
