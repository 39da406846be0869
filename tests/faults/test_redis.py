"""Redis goes away, loses what it held, is full, or is a replica."""

import pytest

from projector.faults.injuries import REDIS, Injury
from tests.faults.conftest import Suffer

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("injury", REDIS, ids=lambda injury: injury.name)
def test_everything_is_right_again(injury: Injury, suffer: Suffer) -> None:
    """Every document, by itself; and meanwhile no reader saw one go back, nor its sections apart."""
    suffer(injury)
