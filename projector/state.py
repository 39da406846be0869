"""What both servers must agree on: the source's epoch (D6), and that Redis still holds what was published (D9)."""

import logging
from collections.abc import Awaitable
from typing import cast
from uuid import uuid4

import redis.asyncio
from psycopg import errors

from projector.backlog import request_rebuild
from projector.database import AsyncDatabase
from projector.errors import DatabaseUnavailable
from projector.names import (
    BUILT,
    DOCUMENTS,
    EPOCH_FIELD,
    INSTANCE_FIELD,
    PUBLISHED_FIELD,
    STATE_KEY,
    built_field,
)
from projector.publish import PublishCount
from projector.sql import read_query

log = logging.getLogger(__name__)


async def agree_on_epoch(connection: AsyncDatabase, client: redis.asyncio.Redis) -> int:
    """The epoch of the server behind this connection. A server that restarted its counting (restored from a dump,
    another timeline), or that crashed and counts again what was not on disk, begins a new one, and everything is
    rebuilt under it."""
    await _refuse_standby(connection)
    cursor = await connection.execute(read_query("current_epoch"))
    if row := await cursor.fetchone():
        return int(row[0])
    stored = await _read(client, EPOCH_FIELD)
    async with connection.transaction():
        cursor = await connection.execute(read_query("begin_epoch"), (int(stored or 0),))
        row = await cursor.fetchone()
        if row is not None and row[0] > 1:
            log.warning("the source restarted its counting, everything is rebuilt", extra={"epoch": row[0]})
            await _rebuild_everything(connection, "a new epoch of the source")
    if row is None:
        return await agree_on_epoch(connection, client)
    await client.hset(STATE_KEY, EPOCH_FIELD, str(row[0]))
    return int(row[0])


async def _refuse_standby(connection: AsyncDatabase) -> None:
    """It may be about to be promoted, and is asked again."""
    cursor = await connection.execute("SELECT pg_is_in_recovery()")
    if await cursor.fetchone() == (True,):
        raise DatabaseUnavailable(
            "PostgreSQL is a standby, which takes no writes. Promote it, or name the primary in PROJECTOR_DATABASE_URL."
        ) from errors.ReadOnlySqlTransaction("recovery is in progress")


async def notice_empty_redis(connection: AsyncDatabase, client: redis.asyncio.Redis) -> bytes:
    """The mark of this Redis. Where it is missing the documents are missing, too (flushed, replaced, never filled):
    everything is queued, then a new mark set, so that a crash in between repeats it."""
    mark = await _read(client, INSTANCE_FIELD)
    if mark is None:
        log.warning("Redis is empty, everything is built")
        await _rebuild_everything(connection, "Redis was empty")
        await client.hsetnx(STATE_KEY, INSTANCE_FIELD, uuid4().hex)
        mark = await _read(client, INSTANCE_FIELD) or b""
    return mark


class RedisWatch:
    """Notices a Redis that lost its documents or went back to older ones (D9). What it remembers is kept in the
    database, too, so that a loss while no worker ran is noticed by the next one."""

    def __init__(self, connection: AsyncDatabase, client: redis.asyncio.Redis, count: PublishCount) -> None:
        self._connection = connection
        self._client = client
        self._count = count
        self._mark: bytes | None = None
        self._stored = 0

    async def run_once(self) -> None:
        if self._mark is None:
            await self._begin()
        mark = await notice_empty_redis(self._connection, self._client)
        before = self._count.value
        count = int(await _read(self._client, PUBLISHED_FIELD) or 0)
        if self._mark == mark:
            self._count.observe(count, before)
        else:  # filled from nothing: its count begins anew
            self._mark, self._count.value, self._count.went_back = mark, count, False
        if self._count.went_back:
            log.warning("Redis went back to older documents, everything is rebuilt", extra={"count": count})
            await _rebuild_everything(self._connection, "Redis went back to older documents")
            self._count.went_back = False
        await self._store(self._count.value)

    async def _begin(self) -> None:
        cursor = await self._connection.execute("SELECT instance, published FROM projector.redis_state")
        if row := await cursor.fetchone():
            self._mark, self._count.value = row[0].encode(), max(row[1], self._count.value)

    async def _store(self, count: int) -> None:
        """Seldom, and without waiting for the disk: it only has to be about as old as a crash."""
        if count != self._stored:
            self._stored = count
            mark = (self._mark or b"").decode()
            await self._connection.execute(read_query("store_redis_state"), (mark, count))


async def finish_rebuilds(connection: AsyncDatabase, client: redis.asyncio.Redis) -> list[str]:
    """Tells the read API which kinds of document have been built completely; returns those that just were."""
    cursor = await connection.execute(read_query("finished_rebuilds"))
    finished = await cursor.fetchall()
    for document, queued_at in finished:
        await client.hset(STATE_KEY, built_field(document), BUILT)
        await connection.execute(
            "DELETE FROM projector.rebuild WHERE document = $1 AND queued_at = $2::text::timestamptz",
            (document, queued_at),
        )
    return [document for document, _ in finished]


async def _rebuild_everything(connection: AsyncDatabase, reason: str) -> None:
    for document in DOCUMENTS:
        await request_rebuild(connection, document, reason)


async def _read(client: redis.asyncio.Redis, field: str) -> bytes | None:
    return await cast("Awaitable[bytes | None]", client.hget(STATE_KEY, field))
