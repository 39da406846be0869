"""Triggers that somebody disabled or dropped: told at once, and reconciled when they are back."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from projector.backlog import queue_fanouts
from projector.capture import OPERATIONS, trigger_name
from projector.cause import TRIGGER
from projector.database import AsyncDatabase
from projector.resolve import Router
from projector.sql import read_query
from projector.work import Fanout

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A trigger that ought to fire; `source` is the captured table, of which `relation` may be a partition or child."""

    source: str
    relation: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} on {self.relation}"


async def find_faults(connection: AsyncDatabase) -> dict[Wanted, str]:
    """The triggers of ours that do not fire, and whether they are disabled or missing."""
    names = [trigger_name(operation) for operation in OPERATIONS]
    cursor = await connection.execute(read_query("trigger_faults"), (names,))
    return {Wanted(*trigger): fault async for *trigger, fault in cursor}


class TriggerWatch:
    """What a table's trigger did not see is in no event, so the fault is remembered in the database until the
    trigger fires again and what reads the table is queued, whoever works then."""

    def __init__(self, connection: AsyncDatabase, router: Router) -> None:
        self._connection = connection
        self._router = router
        self._told: set[Wanted] = set()

    async def run_once(self) -> bool:
        """Says whether a reconciliation was queued."""
        faults = await find_faults(self._connection)
        for trigger, fault in faults.items():
            if trigger not in self._told:
                log.error("a trigger does not fire, changes are not noticed: projector install mends it",
                          extra={"table": trigger.relation, "trigger": trigger.name, "fault": fault})  # fmt: skip
        self._told = set(faults)
        async with self._connection.transaction():
            await self._remember(faults)
            back = await self._forget_all_but(faults)
            await queue_fanouts(self._connection, self._readers(back))
        for table in sorted(back):
            log.warning("triggers fire again, what reads their table is rebuilt", extra={"table": table})
        return bool(back)

    async def _remember(self, faults: dict[Wanted, str]) -> None:
        for trigger, fault in faults.items():
            await self._connection.execute(
                "INSERT INTO projector.trigger_fault (source, place, fault) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                (trigger.source, str(trigger), fault),
            )

    async def _forget_all_but(self, faults: Iterable[Wanted]) -> set[str]:
        places = [str(trigger) for trigger in faults]
        cursor = await self._connection.execute(
            "DELETE FROM projector.trigger_fault WHERE place <> ALL ($1::text[]) RETURNING source",
            (places,),
        )
        return {table async for (table,) in cursor}

    def _readers(self, tables: Iterable[str]) -> list[Fanout]:
        return [
            Fanout(document, name, cause=TRIGGER)
            for table in sorted(tables)
            for document, bits in sorted(self._router.readers_of(table).items())
            for name in self._router.section_names(document, bits)
        ]
