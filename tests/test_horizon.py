"""The horizon of the outbox: what a claim may leave out."""

from hypothesis import given
from hypothesis import strategies as st

from projector.horizon import OPEN_LIMIT, Horizon

LOOKS = st.lists(st.tuples(st.integers(1, 300), st.sets(st.integers(1, 300), max_size=120)), min_size=1, max_size=6)


@given(LOOKS)
def test_what_the_latest_accepted_look_left_unfinished_is_never_left_out(looks: list[tuple[int, set[int]]]) -> None:
    horizon = Horizon()
    for end, unfinished in looks:
        before = horizon.low
        horizon.advance(end, unfinished)
        if end >= before:
            assert all(xid >= horizon.low or xid in horizon.open for xid in unfinished)
            assert horizon.low <= end
            assert len(horizon.open) <= OPEN_LIMIT


def test_a_long_transaction_does_not_hold_back_what_comes_after_it() -> None:
    horizon = Horizon()
    horizon.advance(100_000, {7})
    assert (horizon.low, horizon.open) == (100_000, (7,))


def test_an_older_look_changes_nothing() -> None:
    horizon = Horizon()
    horizon.advance(500, ())
    horizon.advance(400, {1, 2})
    assert (horizon.low, horizon.open) == (500, ())
