"""The outbox: change events that the ERP's transactions wrote, claimed by a transaction that stays open until their
documents are published."""

from projector.build import Request
from projector.claim import begin_claim, prepare_claim
from projector.database import AsyncDatabase, array_literal
from projector.horizon import Horizon
from projector.work import Event


class Outbox:
    """Fresh events behind the horizon, up to a limit at once."""

    def __init__(self, limit: int, horizon: Horizon) -> None:
        self._limit = limit
        self._horizon = horizon

    async def prepare(self, connection: AsyncDatabase) -> None:
        # As in projector.waiting_events: the planner would read the whole table.
        await connection.execute("SELECT set_config('enable_seqscan', 'off', false)")
        await prepare_claim(connection, "claim_events", "xid8, xid8[], int")

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        low, open_ = self._horizon.low, array_literal(self._horizon.open)
        rows = await begin_claim(connection, f"EXECUTE claim_events ('{low}', '{open_}', {self._limit})")
        if not rows:
            return None
        events = [Event(row[0], row[1], row[2], row[3:7], row[7]) for row in rows]
        return Request(rows[0][-1], events=events, xids={row[8] for row in rows})
