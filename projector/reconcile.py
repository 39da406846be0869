"""What capture may have missed: told, remembered, and mended by rebuilding what reads it."""

import logging
from collections.abc import Iterable

from projector.database import AsyncDatabase
from projector.sql import read_query
from projector.work import Event

log = logging.getLogger(__name__)


async def record_faults(connection: AsyncDatabase, events: Iterable[Event]) -> None:
    """Remembers the tables whose triggers could not tell what changed, in the claim's transaction; the events
    themselves rebuild everything that reads them."""
    faults = {event.source: event.fault for event in events if event.fault is not None}
    for source, fault in sorted(faults.items()):
        log.error(
            "a trigger cannot tell what changed, everything that reads the table is rebuilt; run: projector install",
            extra={"table": source, "error": fault},
        )
        await connection.execute(read_query("record_capture_fault"), (source, fault))


class Reconciler:
    """Queues what has to be rebuilt once old transactions have ended, and says when capture is paused and not."""

    def __init__(self) -> None:
        self._paused = False

    async def run_once(self, connection: AsyncDatabase) -> int:
        """Returns how many sections or kinds of documents it queued."""
        await self._tell_of_pause(connection)
        cursor = await connection.execute(read_query("reconcile"))
        return len(await cursor.fetchall())

    async def _tell_of_pause(self, connection: AsyncDatabase) -> None:
        cursor = await connection.execute("SELECT paused_at IS NOT NULL FROM projector.installation")
        paused = await cursor.fetchone() == (True,)
        if paused and not self._paused:
            log.error("capture is paused, documents grow stale until: projector resume")
        elif self._paused and not paused:
            log.info("capture is resumed, everything is rebuilt")
        self._paused = paused
