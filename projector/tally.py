"""Tally: what a worker has done since it began, in plain numbers that outlive its sessions."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from projector.work import Place

LAG_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
TIMED_EVERY_SECONDS = 5.0
"""How often a section is timed, which costs its batch some 0.1 ms."""


class Buckets:
    """How many values lie at or below each bound and above the one before; the last count is of the rest."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = LAG_BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, values: Sequence[float], plus: float = 0.0) -> None:
        """Counts each value, `plus` added to all of them."""
        ordered = sorted(values)
        below = 0
        for place, bound in enumerate(self.bounds):
            upto = bisect_right(ordered, bound - plus)
            self.counts[place] += upto - below
            below = upto
        self.counts[-1] += len(ordered) - below
        self.sum += sum(ordered) + plus * len(ordered)


def cumulate(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """A histogram as Prometheus takes it: by bound, how many values lie at or below."""
    names = [*map(str, bounds), "+Inf"]
    return [(name, float(count)) for name, count in zip(names, accumulate(counts), strict=True)]


@dataclass(slots=True)
class Totals:
    """What a lane has done since it began."""

    batches: int = 0
    events: int = 0
    rows: int = 0
    documents: int = 0
    changed: int = 0
    unchanged: int = 0
    fenced: int = 0
    degraded: int = 0
    failed: int = 0
    lag: Buckets = field(default_factory=Buckets)
    """Seconds from when events were written to when what they touch was published."""


@dataclass(slots=True)
class SectionTotals:
    """What was built of a section; and how many documents and seconds the batches took that were timed."""

    built: int = 0
    timed: int = 0
    seconds: float = 0.0
    timed_at: float = -TIMED_EVERY_SECONDS

    def is_to_be_timed(self, now: float) -> bool:
        """Now and then."""
        if now - self.timed_at < TIMED_EVERY_SECONDS:
            return False
        self.timed_at = now
        return True


class SectionTally(dict[Place, SectionTotals]):
    """Counts what readers build, by section."""

    def __missing__(self, place: Place) -> SectionTotals:
        self[place] = SectionTotals()
        return self[place]


@dataclass(slots=True)
class Tally:
    """Everything that one worker counts."""

    live: Totals = field(default_factory=Totals)
    beside: Totals = field(default_factory=Totals)
    backlog: Totals = field(default_factory=Totals)
    sections: SectionTally = field(default_factory=SectionTally)
    sessions: int = 0
    """Sessions that were begun; all but the first are reconnects, or came after an `install`."""
    notified: int = 0
    """Times that a sleeping worker was woken by a writer."""
    polled: int = 0
    """Times that it looked by itself."""
    timers_fired: int = 0
    compared: int = 0
    """Documents that the audit compared."""
    drift_found: int = 0
    drift_repaired: int = 0
