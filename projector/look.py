"""One look at a snapshot before building in it: its place in the source's order, and what it has seen change that
nobody has published yet."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from projector.database import array_literal
from projector.horizon import Horizon
from projector.work import Event, Fanout, Version, Wanted

PENDING_LIMIT = 1_000
"""More events waiting than this, and a batch does not look at each of them: fresh documents go to the backlog, where
each is built once for all that waits, and what is built meanwhile is built whole."""

NOBODY = "2"
"""A claim that holds nothing: no row is ever locked by this transaction, while 0 stands in those that nobody locked."""


@dataclass(frozen=True, slots=True)
class Look:
    """What else this snapshot has changed: events that wait or are in another worker's hands, fan-outs that wait, and
    queued sections of the documents in question."""

    version: Version
    events: Sequence[Event]
    xids: Sequence[int]
    """Of the events that wait, one by one; where they are too many, they themselves are left out."""
    fanouts: Sequence[Fanout]
    queued: Sequence[tuple[str, int, str]]
    end: int
    """The first transaction that had not begun."""
    in_progress: Sequence[int]
    mark: str
    """Which run of `install` this snapshot sees."""

    @property
    def too_many(self) -> bool:
        return len(self.xids) > PENDING_LIMIT

    def advance(self, horizon: Horizon, in_hand: Collection[int]) -> None:
        """Tells the horizon what this look has seen; `in_hand` are the transactions of the claim's own events."""
        end = max(self.xids) if self.too_many else self.end
        horizon.advance(end, chain(self.xids, self.in_progress, in_hand))


def statement(claim_xid: str, wanted: Wanted, horizon: Horizon) -> str:
    """EXECUTE of the prepared look at these documents. All values are numbers or names of our own."""
    documents = ",".join(document for document, ids in wanted.items() for _ in ids)
    numbers = array_literal(id_ for ids in wanted.values() for id_ in ids)
    behind = f"'{horizon.low}', '{array_literal(horizon.open)}'"
    return f"EXECUTE look ('{int(claim_xid)}', {PENDING_LIMIT + 1}, '{{{documents}}}', '{numbers}', {behind})"


def read(row: tuple[Any, ...], epoch: int) -> Look:
    """What the look answered."""
    order, clock, found, fanouts, queued, end, in_progress, mark = row
    waiting = _rows(found)
    events = waiting if len(waiting) <= PENDING_LIMIT else ()
    return Look(
        version=Version(epoch, order, clock),
        events=[Event(one[0], one[1], one[2], tuple(one[3:7]), one[7], int(one[8])) for one in events],
        xids=[int(one[8]) for one in waiting],
        fanouts=[read_fanout(*one) for one in _rows(fanouts)],
        queued=[(one[0], one[1], one[2]) for one in _rows(queued)],
        end=end,
        in_progress=[int(xid) for xid in _rows(in_progress)],
        mark=mark,
    )


def read_fanout(document: str, section: str, fanout: dict[str, Any]) -> Fanout:
    """A fan-out as the backlog keeps it."""
    keys = tuple(tuple(values) for values in fanout.get("keys", ()))
    return Fanout(document, section, fanout.get("table"), tuple(fanout.get("columns", ())), keys)


def _rows(text: bytes | None) -> list[Any]:
    return json.loads(text) if text else []
