"""Connections that are cut, slow, or hang without closing."""

import pytest

from projector.faults.injuries import NETWORK, Injury
from tests.faults.conftest import Suffer

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("injury", NETWORK, ids=lambda injury: injury.name)
def test_everything_is_right_again(injury: Injury, suffer: Suffer) -> None:
    """Every document, by itself; and meanwhile no reader saw one go back, nor its sections apart."""
    suffer(injury)
