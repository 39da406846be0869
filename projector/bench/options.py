"""How much a bench measures, and what its samples come down to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` is how long one thing is measured in one round; `scales` are those of the ERPs, 1 being 1,000
    products and 10,000 orders."""

    rounds: int
    seconds: float
    scales: tuple[float, ...]


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
