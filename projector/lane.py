"""A lane: claim, build, publish, acknowledge, over and over, from one queue. While one batch is published the next
one is claimed and built."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol, Self

from projector.backlog import queue_fanouts, queue_paced, queue_wanted
from projector.build import Builder, Outcome, Request
from projector.database import AsyncDatabase
from projector.deadletters import DeadLetters
from projector.outbox import leave
from projector.points import reach
from projector.publish import Published, Publisher
from projector.reconcile import record_faults
from projector.resolve import Router
from projector.tally import Totals
from projector.tasks import end

log = logging.getLogger(__name__)


class Queue(Protocol):
    """Where a lane's work comes from."""

    async def prepare(self, connection: AsyncDatabase) -> None:
        """Once for each connection, before the first claim."""

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        """Begins a transaction that holds what it returns; none is left open where the queue is empty."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request, and the connection whose open transaction holds what it came from."""

    connection: AsyncDatabase
    request: Request


def ignore(_: Request, __: Outcome) -> None:
    """Lanes that build whatever they claim queue nothing."""


class Lane:
    """Connections claim in turn, one builds. A batch is acknowledged (its claim commits) only after Redis has
    answered for all of it; a failure anywhere closes the connections and so gives the claims back. Work in it as in
    a context (`async with`), which leaves nothing under way.

    Two connections let a batch be published while the next one is built; a third lets the one after be claimed
    meanwhile, which only a queue wants that is full already. `queued` hears of batches that queued more work.
    """

    def __init__(
        self,
        queue: Queue,
        builder: Builder,
        publisher: Publisher,
        dead_letters: DeadLetters,
        router: Router,
        connections: Sequence[AsyncDatabase],
        queued: Callable[[Request, Outcome], None] = ignore,
        totals: Totals | None = None,
    ) -> None:
        self.totals = totals or Totals()
        self._queue = queue
        self._builder = builder
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._router = router
        self._queued = queued
        self._turn = cycle(connections)
        self._claims_ahead = len(connections) > 2
        self._connections = connections
        self._claiming: asyncio.Task[Claim | None] | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._building = False
        self.found_at = -math.inf
        """When the queue last had something but heartbeats, by the monotonic clock."""
        self.found_heartbeat = False
        """Whether the last batch was nothing else."""
        self.behind = False
        """Whether the last batch stood before a long queue, and left building to others."""

    @property
    def busy(self) -> bool:
        """Whether a batch is being built or published."""
        return self._building or self._publishing is not None

    async def prepare(self) -> None:
        """Once, before the first batch."""
        await self._dead_letters.declare(self._connections[0], await self._builder.prepare())
        for connection in self._connections:
            await self._queue.prepare(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Finishes what is under way; after an error lets go of it, and closing the connections gives it back."""
        try:
            if error is None:
                await self.settle()
        finally:
            await end(*(task for task in (self._claiming, self._publishing) if task is not None))

    async def run_once(self) -> int:
        """Takes one batch as far as publishing; returns its events or documents, 0 where the queue had none."""
        claim = await self._next_claim()
        if claim is None:
            self.behind = False
            return 0
        reach("claimed")
        if self._claims_ahead:
            self._claiming = asyncio.create_task(self._claim())
        self._building, self.found_heartbeat = True, claim.request.is_heartbeat
        if not self.found_heartbeat:
            self.found_at = time.monotonic()
        outcome = await self._builder.build(claim.request)
        self.behind = outcome.behind
        if claim.request.pace is not None:
            claim.request.pace.took(claim.request.wanted, time.monotonic() - self.found_at)
        reach("built")
        await self.settle()
        self._building = False
        self.totals.events += len(claim.request.events)
        self._publishing = asyncio.create_task(self._finish(claim, outcome))
        # Lets publishing send its commands before the next claim takes the processor.
        await asyncio.sleep(0)
        return max(1, len(claim.request.events), outcome.built.documents)

    async def settle(self) -> None:
        """Waits for the batch that is being published; raises what it failed with."""
        if self._publishing is not None:
            task, self._publishing = self._publishing, None
            await task

    async def _next_claim(self) -> Claim | None:
        if self._claiming is None:
            return await self._claim()
        task, self._claiming = self._claiming, None
        return await task

    async def _claim(self) -> Claim | None:
        connection = next(self._turn)
        request = await self._queue.claim(connection)
        return None if request is None else Claim(connection, request)

    async def _finish(self, claim: Claim, outcome: Outcome) -> None:
        published = await self._publisher.publish(outcome.built, claim.request.heartbeat)
        if (ages := claim.request.ages) and not outcome.behind:
            self.totals.lag.observe(ages, time.monotonic() - claim.request.claimed_at)
        reach("published")
        await self._acknowledge(claim, outcome)
        self.totals.rows += claim.request.rows
        self._count(outcome, published)
        self._queued(claim.request, outcome)

    async def _acknowledge(self, claim: Claim, outcome: Outcome) -> None:
        connection = claim.connection
        await queue_fanouts(connection, outcome.fanouts)
        await queue_paced(connection, outcome.paced)
        await queue_wanted(connection, self._router, claim.request.postponed)
        await leave(connection, outcome.beside)
        await self._dead_letters.queue_mended(connection, outcome.built)
        await self._dead_letters.touch(connection, outcome.touched)
        await self._dead_letters.record(connection, outcome.built)
        await record_faults(connection, claim.request.events)
        reach("acknowledging")
        await connection.execute("COMMIT")
        reach("acknowledged")

    def _count(self, outcome: Outcome, published: Published) -> None:
        self.totals.batches += 1
        self.totals.documents += outcome.built.documents
        self.totals.changed += published.changed
        self.totals.unchanged += published.unchanged
        self.totals.fenced += published.fenced
        self.totals.degraded += len(outcome.built.degraded)
        self.totals.failed += len(outcome.built.failures)
