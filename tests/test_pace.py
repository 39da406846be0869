"""How long paced documents are held back after a build."""

from collections.abc import Callable

import pytest

from projector.pace import LONGEST_PAUSE_SECONDS, Pace


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pace], float]:
    """For how long, on a clock that stands still."""
    monkeypatch.setattr("time.monotonic", lambda: 1_000.0)
    return lambda pace: pace.seconds_left(0.0)


def test_a_build_is_followed_by_a_pause_nine_times_as_long(held: Callable[[Pace], float]) -> None:
    pace = Pace({"shop": 1.0})
    pace.took({"shop": [0, 1, 2]}, 0.3)
    assert held(pace) == pytest.approx(2.7)
    assert pace.due(["shop", "product"]) == ["product"]


def test_what_was_built_beside_it_does_not_count(held: Callable[[Pace], float]) -> None:
    pace = Pace({"shop": 1.0})
    pace.took({"shop": [0], "product": list(range(99))}, 4.0)
    assert held(pace) == pytest.approx(0.36)


def test_no_pause_is_longer_than_the_longest(held: Callable[[Pace], float]) -> None:
    pace = Pace({"shop": 1.0})
    pace.took({"shop": [0]}, 60.0)
    assert held(pace) == LONGEST_PAUSE_SECONDS
