"""A lane: claim, build, publish, acknowledge, over and over, from one queue. While one batch is published the next
one is claimed and built."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from projector.backlog import queue_fanouts, queue_paced, queue_wanted
from projector.batches import Acknowledged, Report, Steps, keep_silent
from projector.build import Builder, Outcome, Request
from projector.database import AsyncDatabase
from projector.deadletters import DeadLetters
from projector.outbox import leave
from projector.points import reach
from projector.provenance import Causes
from projector.publish import Published, Publisher
from projector.reconcile import record_faults
from projector.resolve import Router
from projector.tally import Totals
from projector.tasks import end

BUILDERS, CLAIMS = 2, 5
"""Of a lane whose queue is full, each builder with a batch that is published besides: measured on two processors, one
leaves a fifth of what two do undone."""


class Queue(Protocol):
    """Where a lane's work comes from."""

    async def prepare(self, connection: AsyncDatabase) -> None:
        """Once for each connection, before the first claim."""

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        """Begins a transaction that holds what it returns; none is left open where the queue is empty."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a claim asked for, built; and the connection whose open transaction holds what it came from."""

    connection: AsyncDatabase
    request: Request
    outcome: Outcome
    steps: Steps


def ignore(_: Outcome) -> None:
    """Lanes that build whatever they claim queue nothing."""


class Lane:
    """Connections that hold the claims of batches, and builders that build them. A batch is acknowledged (its claim
    commits) only after Redis has answered for all of it; a failure anywhere closes the connections and so gives the
    claims back. Work in it as in a context (`async with`), which leaves nothing under way.

    Two connections let a batch be published while the next one is built. With three more and a second builder one is
    read while the rows of another are collected, and one is packed while Redis writes another, so that neither server
    waits for us: which only a queue wants that is full already. `queued` hears of batches that queued more work,
    `report` of all that were acknowledged.
    """

    def __init__(
        self,
        queue: Queue,
        builders: Sequence[Builder],
        publisher: Publisher,
        dead_letters: DeadLetters,
        router: Router,
        connections: Sequence[AsyncDatabase],
        queued: Callable[[Outcome], None] = ignore,
        totals: Totals | None = None,
        report: Report = keep_silent,
    ) -> None:
        self.totals = totals or Totals()
        self._queue = queue
        self._builders = builders
        self._idle: asyncio.Queue[Builder] = asyncio.Queue()
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._router = router
        self._queued = queued
        self._report = report
        self._connections = connections
        self._free = deque(connections)
        self._claiming = asyncio.Lock()
        self._under_way: deque[asyncio.Task[Batch | None]] = deque()
        self._publishing: list[asyncio.Task[None]] = []
        self._building = False
        self.found_at = -math.inf
        """When the queue last had something to build, by the monotonic clock."""
        self.found_heartbeat = False
        """Whether the last batch was nothing else."""
        self.behind = False
        """Whether the last batch stood before a long queue, and left building to others."""

    @property
    def busy(self) -> bool:
        """Whether a batch is being built or published."""
        return self._building or bool(self._publishing)

    async def prepare(self) -> None:
        """Once, before the first batch."""
        for builder in self._builders:
            await builder.prepare()
            self._idle.put_nowait(builder)
        for connection in self._connections:
            await self._queue.prepare(connection)

    async def declare_broken(self) -> None:
        """Finds and tells the sections that cannot be built at all; in one of the lanes that share the letters."""
        await self._dead_letters.declare(self._connections[0], await self._builders[0].prepare_sections())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Finishes what is under way; after an error lets go of it, and closing the connections gives it back."""
        try:
            if error is None:
                await self.settle()
        finally:
            await end(*self._under_way, *self._publishing)

    async def run_once(self, *, alone: bool = False) -> int:
        """Takes one batch as far as publishing; returns how many events it has, 1 where it is of none, and 0 where the
        queue had nothing. With `alone` no other is begun before the next call."""
        batch = await self._next_batch(alone=alone)
        if batch is None:
            self.behind = False
            return 0
        self.found_heartbeat, self.behind = batch.request.is_heartbeat, batch.outcome.behind
        if self.behind:
            self.found_at = -math.inf  # nobody need give way to what was left to them
        while len(self._publishing) >= len(self._builders):
            await self._hear()
        self._building = False
        self.totals.events += len(batch.request.events)
        self._publishing.append(asyncio.create_task(self._finish(batch)))
        # Lets publishing send its commands before the next claim takes the processor.
        await asyncio.sleep(0)
        return max(1, len(batch.request.events))

    async def finish(self) -> None:
        """Takes what is under way as far as it goes: a claim that is held while its lane rests is in others' way."""
        while self._under_way:
            await self.run_once(alone=True)
        await self.settle()

    async def settle(self) -> None:
        """Waits for the batches that are being published; raises what one failed with."""
        while self._publishing:
            await self._hear()

    async def _hear(self, *others: asyncio.Task[Batch | None]) -> None:
        """Waits until a batch is published or one of the others is done; raises what publishing failed with."""
        await asyncio.wait([*self._publishing, *others], return_when=asyncio.FIRST_COMPLETED)
        for task in [task for task in self._publishing if task.done()]:
            self._publishing.remove(task)
            task.result()

    async def _next_batch(self, *, alone: bool) -> Batch | None:
        """The oldest that is under way, and where there is none, the next of the queue."""
        batches = 1 if alone else max(1, len(self._connections) - len(self._builders))  # and those that are published
        if batches == 1 and not self._under_way and not self._publishing:
            return await self._take()
        while len(self._under_way) < batches:
            self._under_way.append(asyncio.create_task(self._take()))
        while self._under_way:
            batch = await self._arrived(self._under_way[0])
            self._under_way.popleft()
            if batch is not None:
                return batch
        return None

    async def _arrived(self, taking: asyncio.Task[Batch | None]) -> Batch | None:
        """What is taken; or raises at once what the batch before fails with while it is published. Its claim is held
        until somebody hears of that, and the next claim may wait for what it holds: then neither would ever end."""
        while self._publishing and not taking.done():
            await self._hear(taking)
        return await taking

    async def _take(self) -> Batch | None:
        connection = self._free.popleft()
        async with self._claiming:  # in the order of the queue
            steps = Steps()
            request = await self._queue.claim(connection)
            steps.claimed = time.monotonic()
        if request is None:
            self._free.append(connection)
            return None
        reach("claimed")
        self._building = True
        if not request.is_heartbeat:
            self.found_at = steps.claimed
        builder = await self._idle.get()
        steps.building = time.monotonic()
        outcome = await builder.build(request)
        steps.built = time.monotonic()
        self._idle.put_nowait(builder)
        if request.pace is not None:
            request.pace.took(request.wanted, steps.built - steps.building)
        reach("built")
        return Batch(connection, request, outcome, steps)

    async def _finish(self, batch: Batch) -> None:
        request, outcome, steps = batch.request, batch.outcome, batch.steps
        causes = Causes(self._router, request, outcome)
        causes.give(outcome.built)
        steps.publishing = time.monotonic()
        published = await self._publisher.publish(outcome.built, request.heartbeat)
        steps.published = time.monotonic()
        if request.ages and not outcome.behind:
            self.totals.lag.observe(request.ages, steps.published - steps.claimed)
        reach("published")
        await self._acknowledge(batch, causes)
        self._free.append(batch.connection)
        self.totals.rows += request.rows
        self._count(outcome, published)
        self._queued(outcome)
        self._report(Acknowledged(request, outcome, published, steps))

    async def _acknowledge(self, batch: Batch, causes: Causes) -> None:
        connection, request, outcome = batch.connection, batch.request, batch.outcome
        await queue_fanouts(connection, causes.named(outcome.fanouts))
        await queue_paced(connection, causes.named(outcome.paced))
        await queue_wanted(connection, self._router, outcome.postponed, causes)
        await leave(connection, outcome.beside, causes)
        await self._dead_letters.queue_mended(connection, outcome.built)
        await self._dead_letters.touch(connection, outcome.touched)
        await self._dead_letters.record(connection, outcome.built)
        await record_faults(connection, request.events)
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
