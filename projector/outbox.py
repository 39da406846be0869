"""The outbox: change events that the ERP's transactions wrote, claimed by a transaction that stays open until their
documents are published."""

from projector.build import Request
from projector.database import AsyncDatabase
from projector.sql import read_query
from projector.work import Event


class Outbox:
    """Fresh events, up to a limit at once, in the order of the table."""

    name = "outbox"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        """Begins a transaction that holds the events; none is left open where there are no events."""
        async with connection.pipeline():
            await connection.execute("BEGIN")
            cursor = await connection.execute(read_query("claim_events"), (self._limit,), prepare=True, binary=True)
            rows = await cursor.fetchall()
        if not rows:
            await connection.execute("ROLLBACK")
            return None
        return Request(rows[0][-1], events=[Event(row[0], row[1], row[2], row[3:7]) for row in rows])
