"""An injury: something that is broken on purpose and made whole again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Literal

from projector.faults.readers import Reader
from projector.faults.world import World


@dataclass(frozen=True, slots=True)
class Injury:
    """`inflict` returns when all parts are back: processes ready, servers answering, proxies forwarding."""

    name: str
    inflict: Callable[[World, Random], None]
    loses: Literal["", "redis", "source"] = ""
    """What goes back to an earlier state, or is lost, by the injury itself."""


@contextmanager
def forgiven(world: World, injury: Injury) -> Iterator[None]:
    """Readers do not count what the injury itself takes back."""
    losers: dict[str, list[Reader]] = {"redis": [world.redis_reader], "source": world.readers}
    forgiving = losers.get(injury.loses, [])
    for reader in forgiving:
        reader.sightings.forgiving = True
    try:
        yield
    finally:
        for reader in forgiving:
            reader.sightings.forgiving = False
