"""Tally: what the processes of the read API count, where whoever answers scrapes can read it.

Counts are integers in memory: of one process alone, or in a file that the parent of all processes reads, too. So a
request costs a few additions, nothing is collected while nobody asks, and a process that was killed leaves its counts.
"""

import mmap
import os
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from projector.tally import LAG_BOUNDS

STATUSES: Final = (200, 202, 304, 400, 401, 403, 404, 405, 413, 422, 429, 500, 503, 504)
OTHER: Final = "other"
"""Whatever is not among the known routes, or statuses."""
LATENCY_BOUNDS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
COUNTERS: Final = (
    "near_cache_hits", "near_cache_misses", "stale_answers", "line_reconnects", "subscription_reconnects",
    "stream_events", "streams_dropped",
)  # fmt: skip
GAUGES: Final = (
    "near_cache_bytes", "near_cache_documents", "near_cache_on", "streams", "heartbeat_seen_us", "written_us",
)  # fmt: skip
"""What a process holds at the moment; the last two are unix microseconds, 0 for never."""

_STATUS_PLACES = {status: place for place, status in enumerate(STATUSES)}
_WORD = 8


class Histogram:
    """Counts of values by bound, and their sum in nanoseconds, at one place of the memory."""

    __slots__ = ("_counts", "bounds", "bounds_ns", "place", "sum")

    def __init__(self, counts: memoryview, place: int, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self._counts = counts
        self.place = place
        self.bounds_ns = tuple(round(bound * 1e9) for bound in bounds)
        self.sum = place + len(bounds) + 1

    def observe(self, nanoseconds: int) -> None:
        self._counts[self.place + bisect_left(self.bounds_ns, nanoseconds)] += 1
        self._counts[self.sum] += nanoseconds

    @property
    def counts(self) -> list[int]:
        """For each bound, and of the rest."""
        return list(self._counts[self.place : self.sum])

    @property
    def seconds(self) -> float:
        return float(self._counts[self.sum] / 1e9)

    @staticmethod
    def length(bounds: Sequence[float]) -> int:
        return len(bounds) + 2


class RouteTally:
    """The requests of one address, by status and by time."""

    __slots__ = ("_counts", "_other", "_place", "latency")

    def __init__(self, counts: memoryview, place: int) -> None:
        self._counts = counts
        self._place = place
        self._other = len(STATUSES)
        self.latency = Histogram(counts, place + len(STATUSES) + 1, LATENCY_BOUNDS)

    def count(self, status: int, began_ns: int) -> None:
        """One request that was answered just now; `began_ns` by time.perf_counter_ns()."""
        # Written out, which halves what it costs: every request passes here.
        took, counts, latency = time.perf_counter_ns() - began_ns, self._counts, self.latency
        counts[self._place + _STATUS_PLACES.get(status, self._other)] += 1
        counts[latency.place + bisect_left(latency.bounds_ns, took)] += 1
        counts[latency.sum] += took

    @property
    def by_status(self) -> dict[str, int]:
        """Those that ever occurred."""
        names = [*map(str, STATUSES), OTHER]
        counts = self._counts[self._place : self._place + len(names)]
        return {name: count for name, count in zip(names, counts, strict=True) if count}

    @staticmethod
    def length() -> int:
        return len(STATUSES) + 1 + Histogram.length(LATENCY_BOUNDS)


class Tally:
    """All counts of one process, laid out the same in each. The `routes` are paths, with OTHER for what is none."""

    def __init__(self, routes: Sequence[str], memory: memoryview | None = None) -> None:
        names = (*routes, OTHER)
        after_routes = len(names) * RouteTally.length()
        self._places = {
            name: after_routes + Histogram.length(LAG_BOUNDS) + place for place, name in enumerate((*COUNTERS, *GAUGES))
        }
        length = max(self._places.values()) + 1
        self.counts = memoryview(bytearray(length * _WORD)).cast("q") if memory is None else memory[:length]
        self.routes = {name: RouteTally(self.counts, place * RouteTally.length()) for place, name in enumerate(names)}
        self.heartbeat = Histogram(self.counts, after_routes, LAG_BOUNDS)

    def __getitem__(self, name: str) -> int:
        return int(self.counts[self._places[name]])

    def add(self, name: str) -> None:
        """Counts one more of a counter."""
        self.counts[self._places[name]] += 1

    def set(self, **gauges: int) -> None:
        """Takes note of what the process holds at the moment."""
        for name, value in gauges.items():
            self.counts[self._places[name]] = value
        self.counts[self._places["written_us"]] = time.time_ns() // 1000


def shared_memory(folder: Path, words: int = 16_384) -> memoryview:
    """Memory of this process that others can read, too, as a file of that folder."""
    path = folder / str(os.getpid())
    with path.open("a+b") as file:
        file.truncate(words * _WORD)
        return memoryview(mmap.mmap(file.fileno(), words * _WORD)).cast("q")


def read_shared(path: Path) -> memoryview:
    """The memory of another process as it is now."""
    return memoryview(path.read_bytes()).cast("q")
