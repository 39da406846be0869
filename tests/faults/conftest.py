"""One world for each module: servers of its own, so that they may be broken."""

import shutil
from collections.abc import Callable, Iterator
from random import Random

import pytest

from projector.demo.servers import make_folder
from projector.faults.injuries import Injury
from projector.faults.recovery import recover
from projector.faults.trial import wound
from projector.faults.world import World
from tests.forked import ForkedCommand

Suffer = Callable[[Injury], None]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One worker, one API, and everything built."""
    folder = make_folder()
    try:
        with World(folder, seed=5, workers=1, command=ForkedCommand) as it:
            assert recover(it).faults == []
            yield it
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def suffer(world: World) -> Iterator[Suffer]:
    """Inflicts an injury under load and judges what is left. The next test finds sound processes in any case."""
    judged: list[Injury] = []

    def run(injury: Injury) -> None:
        recovery = wound(world, injury, Random(1))
        wrong = [*recovery.faults, *world.take_failures()]
        for reader in world.readers:
            wrong += [f"went back: {text}" for text in reader.sightings.went_back]
            wrong += [f"apart: {text}" for text in reader.sightings.apart]
        assert wrong == [], world.crew.tails()
        judged.append(injury)

    yield run
    if judged:
        return
    for reader in world.readers:
        reader.sightings.went_back.clear()
        reader.sightings.apart.clear()
    if recover(world).faults or world.take_failures():
        world.crew.replace_all()
