"""The outbox: change events that the ERP's transactions wrote, claimed by a transaction that stays open until their
documents are published."""

from projector.build import Request
from projector.claim import begin_claim, prepare_claim
from projector.database import AsyncDatabase
from projector.work import Event


class Outbox:
    """Fresh events, up to a limit at once, in the order of the table."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    async def prepare(self, connection: AsyncDatabase) -> None:
        await prepare_claim(connection, "claim_events", "int")

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        rows = await begin_claim(connection, f"EXECUTE claim_events ({self._limit})")
        if not rows:
            return None
        return Request(rows[0][-1], events=[Event(row[0], row[1], row[2], row[3:7]) for row in rows])
