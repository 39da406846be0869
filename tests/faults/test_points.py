"""Processes killed at every named point of a batch's way."""

from random import Random

import pytest

from projector.faults.injuries import AT_POINTS, Injury
from projector.faults.world import World
from tests.faults.conftest import Suffer

pytestmark = pytest.mark.timeout(120)

PAIRS = [AT_POINTS[place : place + 2] for place in range(0, len(AT_POINTS), 2)]


@pytest.mark.parametrize("injuries", PAIRS, ids=lambda injuries: ", ".join(injury.name for injury in injuries))
def test_everything_is_right_again(injuries: tuple[Injury, ...], suffer: Suffer) -> None:
    """Every document, by itself; and meanwhile no reader saw one go back, nor its sections apart. Two points under one
    load and one judgement: together those take longer than the kill."""

    def inflict(world: World, chance: Random) -> None:
        for injury in injuries:
            injury.inflict(world, chance)

    suffer(Injury("killed at points", inflict))
