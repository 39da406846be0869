"""What both servers must agree on: the source's epoch (D6), and that Redis still holds what was published (D9)."""

import logging
from collections.abc import Awaitable, Iterable, Sequence
from typing import cast
from uuid import uuid4

from psycopg import errors

from projector.backlog import request_rebuild
from projector.cause import EPOCH, REFILL
from projector.database import AsyncDatabase
from projector.errors import DatabaseUnavailable
from projector.names import (
    BUILT,
    DOCUMENTS,
    EPOCH_FIELD,
    INSTANCE_FIELD,
    PUBLISHED_FIELD,
    built_field,
)
from projector.publish import PublishCounts
from projector.shards import Client, all_state_keys, state_keys
from projector.sql import read_query

log = logging.getLogger(__name__)


async def agree_on_epoch(connection: AsyncDatabase, client: Client) -> int:
    """The epoch of the server behind this connection. A server that restarted its counting (restored from a dump,
    another timeline), or that crashed and counts again what was not on disk, begins a new one, and everything is
    rebuilt under it."""
    await _refuse_standby(connection)
    cursor = await connection.execute(read_query("current_epoch"))
    if row := await cursor.fetchone():
        return int(row[0])
    stored = await read_epoch(client)
    async with connection.transaction():
        cursor = await connection.execute(read_query("begin_epoch"), (stored,))
        row = await cursor.fetchone()
        if row is not None and row[0] > 1:
            await _rebuild_everything(connection, "a new epoch of the source", EPOCH)
    if row is None:
        return await agree_on_epoch(connection, client)
    if row[0] > 1:
        log.warning("the source restarted its counting, everything is rebuilt", extra={"epoch": row[0]})
    await _write(client, EPOCH_FIELD, str(row[0]))
    return int(row[0])


async def read_epoch(client: Client) -> int:
    """The latest epoch that any shard knows of: one that was emptied knows of none."""
    known = await _read(client, state_keys(client), EPOCH_FIELD)
    return max(map(int, known.values()), default=0)


async def _refuse_standby(connection: AsyncDatabase) -> None:
    """It may be about to be promoted, and is asked again."""
    cursor = await connection.execute("SELECT pg_is_in_recovery()")
    if await cursor.fetchone() == (True,):
        raise DatabaseUnavailable(
            "PostgreSQL is a standby, which takes no writes. Promote it, or name the primary in PROJECTOR_DATABASE_URL."
        ) from errors.ReadOnlySqlTransaction("recovery is in progress")


async def notice_empty_redis(connection: AsyncDatabase, client: Client) -> dict[str, bytes]:
    """The mark of each shard, by the key of its state. Where one is missing the shard's documents are missing, too
    (flushed, replaced, never filled): everything is queued, then a new mark set, so that a crash in between repeats
    it."""
    keys = state_keys(client)
    marks = await _read(client, keys, INSTANCE_FIELD)
    if empty := [key for key in keys if key not in marks]:
        what = "a shard of Redis" if marks else "Redis"
        await _rebuild_everything(connection, f"{what} was empty", REFILL)
        log.warning("%s is empty, everything is built", what)
        await _mark(client)
        marks |= await _read(client, empty, INSTANCE_FIELD)
    return marks


async def _mark(client: Client) -> None:
    """Marks what has no mark. What was said there to be built is not any more."""
    keys = all_state_keys(client)
    marked = await _read(client, keys, INSTANCE_FIELD)
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        if key not in marked:
            pipeline.hdel(key, *map(built_field, DOCUMENTS))
            pipeline.hsetnx(key, INSTANCE_FIELD, uuid4().hex)
    await pipeline.execute()


class RedisWatch:
    """Notices a shard that lost its documents or went back to older ones (D9). What it remembers is kept in the
    database, too, so that a loss while no worker ran is noticed by the next one."""

    def __init__(self, connection: AsyncDatabase, client: Client, counts: PublishCounts) -> None:
        self._connection = connection
        self._client = client
        self._counts = counts
        self._marks: dict[str, bytes] | None = None
        self._stored: dict[str, int] = {}

    async def run_once(self) -> None:
        if self._marks is None:
            self._marks = await self._begin()
        marks = await notice_empty_redis(self._connection, self._client)
        before = {key: self._counts[key].value for key in marks}
        counts = await _read(self._client, list(marks), PUBLISHED_FIELD)
        for key, mark in marks.items():
            self._observe(key, mark, int(counts.get(key, 0)), before[key])
        if any(count.went_back for count in self._counts.values()):
            await _rebuild_everything(self._connection, "Redis went back to older documents", REFILL)
            log.warning("Redis went back to older documents, everything is rebuilt", extra={"count": self._went_back()})
            for count in self._counts.values():
                count.went_back = False
        await self._store(marks)

    def _observe(self, key: str, mark: bytes, count: int, before: int) -> None:
        known = self._counts[key]
        if self._marks is not None and self._marks.get(key) != mark:
            # Filled from nothing: its count begins anew.
            self._marks[key], known.value, known.went_back = mark, count, False
        else:
            known.observe(count, before)

    def _went_back(self) -> str:
        return ",".join(str(count.value) for count in self._counts.values() if count.went_back)

    async def _begin(self) -> dict[str, bytes]:
        marks = {}
        async for key, mark, published in await self._connection.execute(
            "SELECT state_key, instance, published FROM projector.redis_shard"
        ):
            marks[key] = mark.encode()
            self._counts[key].value = max(published, self._counts[key].value)
        return marks

    async def _store(self, marks: Iterable[str]) -> None:
        """Seldom, and without waiting for the disk: it only has to be about as old as a crash."""
        changed = [key for key in marks if self._counts[key].value != self._stored.get(key)]
        if changed:
            known = self._marks or {}
            values = [known[key].decode() for key in changed], [self._counts[key].value for key in changed]
            await self._connection.execute(read_query("store_redis_shards"), (changed, *values))
            self._stored |= dict(zip(changed, values[1], strict=True))


async def finish_rebuilds(connection: AsyncDatabase, client: Client) -> list[str]:
    """Tells the read API which kinds of document have been built completely; returns those that just were."""
    cursor = await connection.execute(read_query("finished_rebuilds"))
    finished = await cursor.fetchall()
    for document, queued_at in finished:
        await _write(client, built_field(document), BUILT)
        await connection.execute(
            "DELETE FROM projector.rebuild WHERE document = $1 AND queued_at = $2::text::timestamptz",
            (document, queued_at),
        )
    return [document for document, _ in finished]


async def read_built(client: Client) -> dict[str, bool]:
    """Whether all documents of a kind were ever built, for each kind: in every shard, or it is not."""
    fields = [built_field(document) for document in DOCUMENTS]
    states = [await cast("Awaitable[list[bytes | None]]", client.hmget(key, fields)) for key in state_keys(client)]
    return {
        document: bool(states) and all(state[place] == BUILT for state in states)
        for place, document in enumerate(DOCUMENTS)
    }


async def _write(client: Client, field: str, value: str | bytes) -> None:
    pipeline = client.pipeline(transaction=False)
    for key in all_state_keys(client):
        pipeline.hset(key, field, value)
    await pipeline.execute()


async def _rebuild_everything(connection: AsyncDatabase, reason: str, cause: str) -> None:
    """Queued at once: whoever is told of it afterwards, and sees empty queues, may take it for done."""
    async with connection.transaction():
        for document in DOCUMENTS:
            await request_rebuild(connection, document, reason, cause)


async def _read(client: Client, keys: Sequence[str], field: str) -> dict[str, bytes]:
    """The values of a field under these keys, where there is one."""
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.hget(key, field)
    values = await pipeline.execute()
    return {key: value for key, value in zip(keys, values, strict=True) if value is not None}
