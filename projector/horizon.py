"""The horizon of the outbox: behind it everything is finished, and nobody has to look there again."""

from collections.abc import Iterable

OPEN_LIMIT = 50
"""Transactions that are remembered one by one; each costs a claim one probe of the index."""


class Horizon:
    """No event of a transaction below `low` waits or will ever come, except of those in `open`.

    A look at a snapshot tells this exactly: an event that is not among those it found belongs to a transaction that
    was in progress then, or had not begun. So rows that are long deleted, but that a long transaction keeps from being
    vacuumed, are not read again and again; and a transaction that commits after hours is one of the open ones.
    Lives as long as its session: a claim that is given back ends both.
    """

    def __init__(self) -> None:
        self.low = 0
        self.open: tuple[int, ...] = ()

    def advance(self, end: int, unfinished: Iterable[int]) -> None:
        """Takes what a look found: it knows all events of transactions below `end`, which was not assigned yet or
        is that of the last event it read; `unfinished` were in progress, or their events wait or are in hand."""
        if end < self.low:
            return
        waiting = sorted({xid for xid in unfinished if xid < end})
        self.low = waiting[OPEN_LIMIT] if len(waiting) > OPEN_LIMIT else end
        self.open = tuple(waiting[:OPEN_LIMIT])
