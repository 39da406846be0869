"""The long form: rounds of random injuries under load until the time is over, then the final judgement."""

import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from projector.bench.options import Tell
from projector.faults.injuries import INJURIES, Injury
from projector.faults.injuries.injury import forgiven
from projector.faults.outcome import Outcome
from projector.faults.recovery import Recovery, recover
from projector.faults.world import World

_MOST_CALM_SECONDS = 1.5
_SHARE_WITH_REBUILDS = 0.4


@dataclass(frozen=True, slots=True)
class Options:
    """How long the rounds go on, and what decides their injuries."""

    minutes: float = 10.0
    seed: int = 1
    workers: int = 2


class Trial:
    """One world, and what has come of it so far."""

    def __init__(self, world: World, options: Options, tell: Tell) -> None:
        self.outcome = Outcome(seed=options.seed, workers=options.workers)
        self._world = world
        self._options = options
        self._chance = Random(options.seed)
        self._tell = tell

    def run(self) -> Outcome:
        began = time.monotonic()
        self._take(recover(self._world), "first build")
        injuries: list[Injury] = []
        # One round at least: on a busy machine the first build alone may take longer than was asked for.
        while not self.outcome.injuries or time.monotonic() - began < self._options.minutes * 60:
            if not injuries:  # each once before any of them again
                injuries = self._chance.sample(INJURIES, len(INJURIES))
            self._run_round(injuries.pop())
        self._take(recover(self._world, thorough=True), "final judgement")
        self.outcome.minutes = (time.monotonic() - began) / 60
        self._read_counters()
        return self.outcome

    def _run_round(self, injury: Injury) -> None:
        rebuilds = self._chance.random() < _SHARE_WITH_REBUILDS
        recovery = wound(self._world, injury, self._chance, rebuilds=rebuilds)
        self.outcome.count(injury.name, recovery.seconds)
        self._take(recovery, injury.name)
        self._tell(f"{injury.name:42} right again after {recovery.seconds:5.2f} s")

    def _take(self, recovery: Recovery, name: str) -> None:
        """Keeps what was found; where something is wrong, the ends of the logs too, and new processes go on."""
        self.outcome.documents += recovery.verdict.documents
        self.outcome.differences += [f"{name}: {text}" for text in recovery.verdict.differences]
        stuck = [] if recovery.verdict.differences else recovery.faults
        if faults := [*stuck, *self._world.take_failures()]:
            self.outcome.failures += [f"{name}: {text}" for text in faults]
        if faults or recovery.faults:
            self.outcome.logs.append(f"after {name}\n{self._world.crew.tails()}")
            self._tell(f"{name}: {(recovery.faults or faults)[0][:500]}")
            self._world.crew.replace_all()

    def _read_counters(self) -> None:
        world, outcome = self._world, self.outcome
        outcome.committed = world.numbers.committed + world.random.committed
        outcome.rebuilds = world.crew.rebuilds.done
        outcome.reads = sum(reader.sightings.reads for reader in world.readers)
        for reader in world.readers:
            outcome.went_back += reader.sightings.went_back
            outcome.apart += reader.sightings.apart


def wound(world: World, injury: Injury, chance: Random, *, rebuilds: bool = False) -> Recovery:
    """One injury under load; the load ends when all parts are back, and the time of recovery begins."""
    with forgiven(world, injury):
        with world.under_load(rebuilds=rebuilds):
            time.sleep(chance.random() * _MOST_CALM_SECONDS)
            injury.inflict(world, chance)
            parts_back = time.monotonic()
        try:
            return recover(world, since=parts_back)
        finally:
            world.crew.thaw()


def run_trial(folder: Path, options: Options, tell: Tell) -> Outcome:
    """In a folder that the caller provides; projector's logs are left there."""
    with World(folder, seed=options.seed, workers=options.workers, tell=tell) as world:
        return Trial(world, options, tell).run()
