"""Progress of the backlog's drain: what `status` needs to say how far it is and when it ends."""

from collections.abc import Sequence

from projector.database import AsyncDatabase
from projector.sql import read_query
from projector.tally import Totals


class Progress:
    """Adds what the lanes of this process drained to what others did. Kept in the database: it outlives a worker."""

    def __init__(self, connection: AsyncDatabase, lanes: Sequence[Totals]) -> None:
        self._connection = connection
        self._lanes = lanes
        self._noted = self._drained()

    async def run_once(self) -> None:
        drained = self._drained()
        await self._connection.execute(read_query("note_progress"), (drained - self._noted,))
        self._noted = drained

    def _drained(self) -> int:
        return sum(totals.rows for totals in self._lanes)
