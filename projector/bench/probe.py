"""Commit to visible: changes one stock item and polls a reader until it shows the change."""

import itertools
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

import psycopg

from projector.bench.keep_alive import KeepAlive
from projector.bench.options import percentile
from projector.errors import ProjectorError

PAUSE_SECONDS = (0.010, 0.020)
_PATIENCE_SECONDS = 10.0
_ITEMS = """
SELECT min(i.id), i.product_id FROM inventory_items i JOIN projector.product p ON p.id = i.product_id
GROUP BY i.product_id ORDER BY md5(i.product_id::text) LIMIT 1000
"""
_UPDATE = "UPDATE inventory_items SET quantity_on_hand = %s WHERE id = %s"

_quantities = itertools.count(9_000_000_001)
"""Quantities that no generated item has, each once."""


@dataclass(slots=True)
class Delays:
    """Milliseconds of each change: of its UPDATE; from before COMMIT, and from its return, until it was visible."""

    update: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)

    def add(self, other: "Delays") -> None:
        self.update += other.update
        self.total += other.total
        self.after += other.after

    @property
    def p50(self) -> float:
        return percentile(self.total, 50)


class Probe:
    """One ERP session and one reader's connection. `path` is where the reader shows a product."""

    def __init__(self, database_url: str, port: int, path: Callable[[int], str]) -> None:
        self._stack = ExitStack()
        self._connection = self._stack.enter_context(psycopg.connect(database_url))
        self._reader = self._stack.enter_context(KeepAlive(port))
        self._path = path
        self._items = itertools.cycle(self._connection.execute(_ITEMS).fetchall())
        self._connection.commit()
        self._random = random.Random(1)  # noqa: S311 - pauses, the same ones each time

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def measure(self, seconds: float) -> Delays:
        """Changes one item after the other, with pauses of 10 to 20 ms."""
        delays, end = Delays(), time.perf_counter() + seconds
        while not delays.total or time.perf_counter() < end:
            time.sleep(self._random.uniform(*PAUSE_SECONDS))
            self._change(delays)
        return delays

    def _change(self, delays: Delays) -> None:
        (item, product), quantity = next(self._items), next(_quantities)
        started = time.perf_counter()
        self._connection.execute(_UPDATE, (quantity, item), prepare=True)
        began = time.perf_counter()
        self._connection.commit()
        committed = time.perf_counter()
        seen = self._wait_for(self._path(product), str(quantity).encode(), committed + _PATIENCE_SECONDS)
        delays.update.append((began - started) * 1e3)
        delays.total.append((seen - began) * 1e3)
        delays.after.append((seen - committed) * 1e3)

    def _wait_for(self, path: str, text: bytes, deadline: float) -> float:
        while text not in self._reader.get(path).body:
            if time.perf_counter() > deadline:
                raise ProjectorError(f"{path} did not show a change within {_PATIENCE_SECONDS:.0f} s of its commit.")
        return time.perf_counter()


def api_path(product: int) -> str:
    return f"/api/mobile/products/{product}/complete"
