"""Timers: sections that only time changes, moved to the backlog at their moments (D7); and a clock that went back."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from typing import cast

from projector.backlog import queue_documents, queue_fanouts
from projector.cause import CLOCK, TIMER
from projector.database import AsyncDatabase
from projector.names import CLOCK_FIELD, STATE_KEY
from projector.publish import Publisher
from projector.resolve import Router
from projector.shards import Client
from projector.work import Fanout

log = logging.getLogger(__name__)

TIMERS_AT_ONCE = 1_000
CLOCK_TOLERANCE_SECONDS = 5.0
"""Business clocks of several workers may lie so far apart; more means that the clock was put back."""
STORE_AFTER_SECONDS = 1.0


class Timers:
    """The business clock is the database's, which also builds."""

    def __init__(self, connection: AsyncDatabase, client: Client, publisher: Publisher, router: Router) -> None:
        self._connection = connection
        self._client = client
        self._publisher = publisher
        self._router = router
        self.queued = False
        """Whether the last run queued anything."""
        self.fired = 0
        """Timers that the last run moved."""

    async def run_once(self) -> float | None:
        """Moves due timers to the backlog; returns the seconds until the next one, None where there is none."""
        now = await self._business_time()
        self.queued, self.fired = await self._notice_step_back(now), 0
        while timers := await self._publisher.take_due(now, TIMERS_AT_ONCE):
            await self._queue(timers)
            await self._publisher.confirm_due(timers)
            self.queued = True
            self.fired += len(timers)
        due = await self._publisher.next_due()
        return None if due is None else max(0.0, (due - now) / 1e6)

    async def _business_time(self) -> int:
        cursor = await self._connection.execute("SELECT (extract(epoch FROM projector.now()) * 1000000)::bigint")
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _notice_step_back(self, now: int) -> bool:
        """Documents that were built in what is the future again show what is not true yet, and their timers lie
        behind that. The latest clock is kept in Redis, with the documents that were built by it; it is put back only
        after their sections are queued, so that a crash in between repeats it."""
        seen = int(await cast("Awaitable[bytes | None]", self._client.hget(STATE_KEY, CLOCK_FIELD)) or 0)
        went_back = now < seen - CLOCK_TOLERANCE_SECONDS * 1e6
        if went_back:
            await queue_fanouts(self._connection, self._clock_sections())
            log.warning("the clock was put back, what reads it is rebuilt", extra={"seconds": (seen - now) / 1e6})
        if went_back or now > seen + STORE_AFTER_SECONDS * 1e6:
            await self._client.hset(STATE_KEY, CLOCK_FIELD, str(now))
        return went_back

    def _clock_sections(self) -> list[Fanout]:
        return [
            Fanout(document.name, section.name, cause=CLOCK)
            for document in self._router.documents.values()
            for section in document.sections
            if section.reads_clock
        ]

    async def _queue(self, timers: Sequence[str]) -> None:
        by_section: dict[tuple[str, str], list[int]] = defaultdict(list)
        for timer in timers:
            document, id_, section = timer.split(":")
            by_section[document, section].append(int(id_))
        async with self._connection.transaction():
            for (document, section), ids in sorted(by_section.items()):
                await queue_documents(self._connection, document, section, ids, TIMER)
