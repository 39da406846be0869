"""The audit: compares a slow trickle of documents with fresh builds all the time, and mends and counts drift (D9)."""

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import TransactionStatus

from projector.backlog import queue_documents
from projector.cause import REPAIR
from projector.database import AsyncDatabase, array_literal
from projector.drift import Difference, Verifier, ids_of
from projector.names import KEY_PATTERN, read_key
from projector.publish import Publisher
from projector.redis_server import scan_step
from projector.resolve import Router
from projector.shards import Client
from projector.sql import read_query

log = logging.getLogger(__name__)

HANDFUL = 50
LONG_HANDFUL = 5
"""Of documents that take long to build."""
KEYS = 500
"""Keys of Redis that one step of the walk through them looks at."""
REDIS_KEYS = "*"
"""The walk through the keys of Redis, as a kind of document: it finds those of which only Redis knows."""
LOOK_AGAIN_SECONDS = (1.0, 2.0, 3.0)
"""A difference counts once it outlasts these pauses: as long as business clocks of several workers may lie apart."""
SUSPECTS = 20
"""So many handfuls at most wait for another look; then no new ones are taken."""
HASTY_PASSES = 3
"""A drift calls for so many passes in haste at most, or until one is clean: the other kinds must have their turn."""
HASTE = 10
KEPT = 1_000
"""Rows of projector.drift."""


@dataclass(frozen=True, slots=True)
class Handful:
    """Documents to compare, and whether in haste; `walk` is the row of projector.audit that led to them."""

    walk: str
    document: str
    ids: Sequence[int]
    hasty: bool = False
    looks: int = 0
    due: float = 0.0


@dataclass(slots=True)
class Step:
    """What one step did."""

    compared: int = 0
    drift: list[Difference] = field(default_factory=list)
    repaired: int = 0
    hasty: bool = False


class Audit:
    """Walks through all documents, on one connection. Its place is kept in the database, so that restarts go on and
    several workers share the walk. Memory is bounded by SUSPECTS handfuls."""

    def __init__(
        self,
        connection: AsyncDatabase,
        client: Client,
        router: Router,
        verifier: Verifier,
        publisher: Publisher,
    ) -> None:
        self._connection = connection
        self._client = client
        self._router = router
        self._verifier = verifier
        self._publisher = publisher
        self._suspects: list[Handful] = []

    async def prepare(self) -> None:
        """Once, before the first step."""
        async with self._writing():
            await self._connection.execute(
                "INSERT INTO projector.audit (document) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING",
                (self._walks(),),
            )

    async def run_once(self) -> Step:
        """Looks again at suspects whose pause is over, else at the next handful. Suspects that are still drift at
        their last look are published anew."""
        if await self._is_paused():
            self._suspects.clear()
            return Step()
        due = [handful for handful in self._suspects if handful.due <= time.monotonic()]
        if due:
            self._suspects.remove(due[0])
            handfuls = due[:1]
        elif len(self._suspects) < SUSPECTS:
            handfuls = await self._take()
        else:
            return Step()
        step = Step()
        for handful in handfuls:
            step.hasty |= handful.hasty
            step.compared += len(handful.ids)
            await self._compare(handful, step)
        return step

    async def _is_paused(self) -> bool:
        """While capture is paused documents grow stale by design, and resuming rebuilds them."""
        cursor = await self._connection.execute("SELECT paused_at IS NOT NULL FROM projector.installation")
        return await cursor.fetchone() == (True,)

    async def _compare(self, handful: Handful, step: Step) -> None:
        document = handful.document
        differences = await self._verifier.find_unexplained(document, handful.ids, self._publisher)
        if not differences:
            return
        if handful.looks < len(LOOK_AGAIN_SECONDS):
            due = time.monotonic() + LOOK_AGAIN_SECONDS[handful.looks]
            ids = ids_of(differences)
            self._suspects.append(Handful(handful.walk, document, ids, handful.hasty, handful.looks + 1, due))
            return
        await self._queue_failed([it for it in differences if it.failed])
        drift = [it for it in differences if not it.failed]
        if drift:
            step.drift += drift
            step.repaired += await self._mend(handful.walk, drift)

    async def _mend(self, walk: str, drift: Sequence[Difference]) -> int:
        """Publishes them anew, and says how many are right now."""
        left = {it.id for it in await self._verifier.repair(self._publisher, drift[0].document, drift)}
        for it in drift:
            log.error(
                "drift: served otherwise than a fresh build says",
                extra={"document": it.document, "id": it.id, "section": it.section, "difference": it.detail,
                       "repaired": it.id not in left},
            )  # fmt: skip
        async with self._writing():
            for it in drift:
                values = (it.document, it.id, it.section, it.detail, it.id not in left)
                await self._connection.execute(read_query("record_drift"), (*values, HASTY_PASSES, walk))
            await self._connection.execute(read_query("trim_drift"), (KEPT,))
        return sum(it.id not in left for it in drift)

    async def _queue_failed(self, failed: Sequence[Difference]) -> None:
        """Sections that cannot be built and of which no dead letter tells: the backlog's lane makes one."""
        async with self._writing():
            for it in failed:
                await queue_documents(self._connection, it.document, it.section, [it.id], REPAIR)

    async def _take(self) -> list[Handful]:
        """The next documents, none where others take them. The place is moved on before they are compared: what a
        crash leaves out is the next pass's."""
        async with self._writing():
            cursor = await self._connection.execute(read_query("audit_place"), (self._walks(),))
            row = await cursor.fetchone()
            if row is None:
                return []
            walk, place, hasty = row
            found, next_place = await (self._take_keys(place) if walk == REDIS_KEYS else self._take_ids(walk, place))
            if next_place:
                query = "UPDATE projector.audit SET place = $2::text WHERE document = $1::text"
                await self._connection.execute(query, (walk, next_place))
            else:
                await self._connection.execute(read_query("end_audit_pass"), (walk,))
        return [Handful(walk, document, ids, hasty) for document, ids in found.items()]

    async def _take_ids(self, document: str, place: str) -> tuple[dict[str, list[int]], str]:
        count = LONG_HANDFUL if self._router.documents[document].takes_long else HANDFUL
        query = f'SELECT id FROM projector."{document}" WHERE id > $1::bigint ORDER BY id LIMIT {count}'
        cursor = await self._connection.execute(query, (int(place or -(2**63)),))
        ids = [id_ async for (id_,) in cursor]
        return {document: ids} if ids else {}, str(ids[-1]) if len(ids) == count else ""

    async def _take_keys(self, place: str) -> tuple[dict[str, list[int]], str]:
        """The documents of which only Redis knows, among the next keys."""
        next_place, keys = await scan_step(self._client, place, KEY_PATTERN, KEYS)
        held: dict[str, set[int]] = {}
        for key in keys:
            if found := read_key(key.decode(errors="replace")):
                held.setdefault(found[0], set()).add(found[1])
        ghosts = {document: await self._without_entity(document, ids) for document, ids in held.items()}
        return {document: ids for document, ids in ghosts.items() if ids}, next_place

    async def _without_entity(self, document: str, ids: set[int]) -> list[int]:
        query = f'SELECT id FROM projector."{document}" WHERE id = ANY ($1::bigint[])'
        cursor = await self._connection.execute(query, (array_literal(ids),))
        return sorted(ids - {id_ async for (id_,) in cursor})

    def _walks(self) -> list[str]:
        return [*self._router.documents, REDIS_KEYS]

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        """A transaction that writes, on a connection whose other ones build, and so only read."""
        await self._connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        try:
            yield
            await self._connection.execute("COMMIT")
        finally:
            if self._connection.info.transaction_status is not TransactionStatus.IDLE:
                with suppress(psycopg.OperationalError):
                    await self._connection.execute("ROLLBACK")
