"""Processes killed at every named point of a batch's way."""

import pytest

from projector.faults.injuries import AT_POINTS, Injury
from tests.faults.conftest import Suffer

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("injury", AT_POINTS, ids=lambda injury: injury.name)
def test_everything_is_right_again(injury: Injury, suffer: Suffer) -> None:
    """Every document, by itself; and meanwhile no reader saw one go back, nor its sections apart."""
    suffer(injury)
