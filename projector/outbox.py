"""The outbox: change events that the ERP's transactions wrote, claimed by a transaction that stays open until their
documents are published."""

from collections.abc import Callable, Iterable
from typing import Any

from projector.build import Request
from projector.cause import merge
from projector.claim import begin_claim, prepare_claim
from projector.database import AsyncDatabase, array_literal
from projector.horizon import Horizon
from projector.provenance import Causes
from projector.resolve import Router
from projector.sql import read_query
from projector.work import Event, Wanted, by_sections

COLLECTED = 4
"""So many times as many events are claimed at once as where they are built."""
HEARTBEAT = "H"
"""The operation of a heartbeat, which touches no document; key_1 is its moment."""


class _Claims:
    """Rows of one sort, behind the horizon, up to a limit at once."""

    left: bool

    def __init__(self, limit: int, horizon: Horizon) -> None:
        self._limit = limit
        self._horizon = horizon

    async def prepare(self, connection: AsyncDatabase) -> None:
        # As in projector.waiting_events: the planner would read the whole table.
        await connection.execute("SELECT set_config('enable_seqscan', 'off', false)")
        await prepare_claim(connection, "claim_events", "xid8, xid8[], int, boolean")

    async def _claim_rows(self, connection: AsyncDatabase, limit: int) -> list[tuple[Any, ...]]:
        behind = f"'{self._horizon.low}', '{array_literal(self._horizon.open)}'"
        return await begin_claim(connection, f"EXECUTE claim_events ({behind}, {limit}, {self.left})")


class Outbox(_Claims):
    """Fresh events; many at once while the lane only collects, so that each document is queued in few rows."""

    left = False

    def __init__(self, limit: int, horizon: Horizon, collects: Callable[[], bool] = lambda: False) -> None:
        super().__init__(limit, horizon)
        self._collects = collects

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        rows = await self._claim_rows(connection, self._limit * (COLLECTED if self._collects() else 1))
        if not rows:
            return None
        heartbeats = [row for row in rows if row[1] == HEARTBEAT]
        changes = [row for row in rows if row[1] != HEARTBEAT] if heartbeats else rows
        return Request(
            rows[0][-1],
            events=[read_event(row) for row in changes],
            xids={row[8] for row in rows},
            ages=[row[9] for row in changes],
            heartbeat=max((row[3][0] for row in heartbeats), default=None),
            collects=len(rows) > self._limit,
        )


class Beside(_Claims):
    """Documents that take long to build, which fresh changes touched and left: here each is built once, however many
    changes touched it meanwhile."""

    left = True

    def __init__(self, limit: int, horizon: Horizon, router: Router) -> None:
        super().__init__(limit, horizon)
        self._router = router

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        rows = await self._claim_rows(connection, self._limit)
        if not rows:
            return None
        events = [read_event(row) for row in rows]
        return Request(
            rows[0][-1],
            wanted=self._router.resolve(events).wanted,
            rows=len(rows),
            xids={row[8] for row in rows},
            ages=[row[9] for row in rows],
            causes=_left_causes(events),
        )


async def leave(connection: AsyncDatabase, wanted: Wanted, causes: Causes) -> None:
    """Asks for documents in the outbox, a row for each set of sections: whoever asks waits for nobody."""
    for document, bits, ids in by_sections(wanted):
        texts, places = causes.of_left(document, ids)
        values = (document, bits, array_literal(ids), None if places is None else array_literal(places), texts)
        await connection.execute(read_query("leave"), values)


def _left_causes(rows: Iterable[Event]) -> dict[tuple[str, int], str]:
    """What documents were left for, each by all the rows that name it."""
    found: dict[tuple[str, int], list[str]] = {}
    for row in rows:
        texts = (row.fault or "").split("\n")
        ids, places = row.keys[0] or (), row.keys[1]
        for id_, place in zip(ids, places or [0] * len(ids), strict=True):
            if id_ is not None and place is not None:
                found.setdefault((row.source, id_), []).append(texts[place])
    return {document: merge(texts) for document, texts in found.items()}


def read_event(row: tuple[Any, ...]) -> Event:
    return Event(row[0], row[1], row[2], row[3:7], row[7], row[8])
