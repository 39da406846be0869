"""Readers that poll one document and never may see it go back, nor its sections apart from each other.

What counts: *went back*, a smaller number than the same reader saw before, or no document after there was one; *apart*,
different numbers in the sections of one answer. A reader through the API begins anew with a new API process. A reader
of Redis is forgiving where the fault itself is that Redis loses documents (flushed, emptied, an older file); one
through the API does not: no reader of one API process may see a document go back even then. Both are forgiving
where the source itself went back to an earlier state.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis

from projector.bench.keep_alive import KeepAlive
from projector.faults.load import Pausable
from projector.faults.store import Store

Numbers = tuple[int, ...]

_POLL_SECONDS = 0.01
_AWAY_SECONDS = 0.05
_SECTIONS = ("product", "inventory", "pricing")


@dataclass(slots=True)
class Sightings:
    """What one reader saw."""

    reads: int = 0
    went_back: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    last: int | None = None
    forgiving: bool = False
    """While a fault itself takes documents back, only sections apart count."""

    def see(self, numbers: Numbers | None) -> None:
        """The numbers of one answer; None where there is no document."""
        self.reads += 1
        if numbers is not None and len(set(numbers)) != 1:
            self.apart.append(f"{numbers} after {self.last}")
        if self.last is not None and not self.forgiving:
            if numbers is None:
                self.went_back.append(f"vanished after {self.last}")
            elif min(numbers) < self.last:
                self.went_back.append(f"from {self.last} to {numbers}")
        self.last = None if numbers is None else max(numbers)


class Reader(Pausable):
    """Polls every ten milliseconds; a server that is away is no answer."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sightings = Sightings()

    def read(self) -> None:
        """Reads once."""
        raise NotImplementedError

    def _poll(self) -> None:
        while self.may_work():
            self.read()
            time.sleep(_POLL_SECONDS)


class ApiReader(Reader):
    """Through the read API, wherever it listens at the moment; 503 is an answer that says nothing of the document."""

    def __init__(self, port: Callable[[], int], path: str) -> None:
        super().__init__("API reader")
        self._port = port
        self._path = path
        self._process = 0
        self._client: KeepAlive

    def work(self) -> None:
        port = self._port()
        if port != self._process:  # each process has a port of its own
            self._process = port
            self.sightings.last = None
        try:
            with KeepAlive(port) as client:
                self._client = client
                self._poll()
        except OSError:
            time.sleep(_AWAY_SECONDS)

    def read(self) -> None:
        reply = self._client.get(self._path)
        if reply.status == 200:
            data = json.loads(reply.body)["data"]
            self.sightings.see(numbers_of([data[name] for name in _SECTIONS]))
        elif reply.status == 404:
            self.sightings.see(None)


class RedisReader(Reader):
    """Directly, past all proxies, as the documents lie there."""

    def __init__(self, store: Store, key: str) -> None:
        super().__init__("Redis reader")
        self._store = store
        self._key = key
        self._client: Any = None

    def work(self) -> None:
        try:
            with self._store.client as self._client:
                self._poll()
        except (redis.RedisError, OSError):
            time.sleep(_AWAY_SECONDS)

    def read(self) -> None:
        sections = self._client.hmget(self._key, *_SECTIONS)
        found = [json.loads(section) for section in sections if section is not None]
        self.sightings.see(numbers_of(found) if len(found) == len(_SECTIONS) else None)


def numbers_of(sections: list[Any]) -> Numbers:
    """The number in each section of the product of numbers."""
    product, inventory, pricing = sections
    return int(product["weight"]), int(inventory["total_quantity"]), int(pricing[0]["price"])
