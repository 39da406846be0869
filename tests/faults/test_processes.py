"""Processes killed at any moment, and such that stop and go on."""

import pytest

from projector.faults.injuries import PROCESSES, Injury
from tests.faults.conftest import Suffer

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("injury", PROCESSES, ids=lambda injury: injury.name)
def test_everything_is_right_again(injury: Injury, suffer: Suffer) -> None:
    """Every document, by itself; and meanwhile no reader saw one go back, nor its sections apart."""
    suffer(injury)
