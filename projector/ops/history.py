"""History: what a worker did in the last minutes, point by point, out of the numbers that it counts anyway."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from projector.tally import Tally

PERIOD_SECONDS = 2.0
POINTS = 300
"""Ten minutes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for all workers, in rows."""

    outbox: int
    backlog: int


@dataclass(frozen=True, slots=True)
class Point:
    """What happened since the point before: rates by second, and the lag of the events among it in seconds; None where
    there was none."""

    at: float
    """Unix seconds, by the clock of the worker's host."""
    events: float
    documents: float
    """Published for fresh changes."""
    drained: float
    """Published from the backlog."""
    lag_50: float | None
    lag_99: float | None
    waiting: Waiting | None
    """As last seen; None while nobody looked."""


@dataclass(frozen=True, slots=True)
class _Counts:
    at: float
    events: int
    documents: int
    drained: int
    lag: tuple[int, ...]


class History:
    """The newest points. Taking one reads a few numbers and asks nobody."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._before = self._count()
        self.points: deque[Point] = deque(maxlen=POINTS)

    def take(self, waiting: Waiting | None = None) -> Point:
        """Adds a point and returns it."""
        now, before = self._count(), self._before
        seconds = max(now.at - before.at, 0.001)
        lags = [one - other for one, other in zip(now.lag, before.lag, strict=True)]
        bounds = self._tally.live.lag.bounds
        point = Point(
            at=round(time.time(), 1),
            events=_rate(now.events - before.events, seconds),
            documents=_rate(now.documents - before.documents, seconds),
            drained=_rate(now.drained - before.drained, seconds),
            lag_50=quantile(bounds, lags, 0.5),
            lag_99=quantile(bounds, lags, 0.99),
            waiting=waiting,
        )
        self._before = now
        self.points.append(point)
        return point

    def _count(self) -> _Counts:
        live, beside, backlog = self._tally.live, self._tally.beside, self._tally.backlog
        return _Counts(
            time.monotonic(),
            live.events,
            live.changed + live.unchanged + beside.changed + beside.unchanged,
            backlog.changed + backlog.unchanged,
            tuple(live.lag.counts),
        )


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1)


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """Below which that share of the values lies, as far as buckets tell; None where there are no values. What lies
    above the last bound counts as that."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    lower = 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count >= wanted:
            return round(lower + (bound - lower) * wanted / count, 6)
        wanted -= count
        lower = bound
    return lower
