"""What both servers must agree on: the source's epoch (D6), and that Redis still holds what was published (D9)."""

import logging
from collections.abc import Awaitable
from typing import cast
from uuid import uuid4

import redis.asyncio

from projector.backlog import request_rebuild
from projector.database import AsyncDatabase
from projector.names import BUILT, DOCUMENTS, EPOCH_FIELD, INSTANCE_FIELD, STATE_KEY, built_field
from projector.sql import read_query

log = logging.getLogger(__name__)


async def agree_on_epoch(connection: AsyncDatabase, client: redis.asyncio.Redis) -> int:
    """The epoch of the server behind this connection. A server that restarted its counting (restored from a dump,
    another timeline) begins a new one, and everything is rebuilt under it."""
    cursor = await connection.execute(read_query("current_epoch"))
    if row := await cursor.fetchone():
        return int(row[0])
    stored = await cast("Awaitable[bytes | None]", client.hget(STATE_KEY, EPOCH_FIELD))
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


async def notice_lost_redis(connection: AsyncDatabase, client: redis.asyncio.Redis, known: bytes | None) -> bytes:
    """The mark of this Redis. Where it is missing the documents are gone too (flushed, replaced, never filled):
    everything is queued, then a new mark set, so that a crash in between repeats it."""
    mark = await _read_mark(client)
    if mark is not None and known in (None, mark):
        return mark
    log.warning("Redis lost its documents, everything is rebuilt" if known else "Redis is empty, everything is built")
    await _rebuild_everything(connection, "Redis lost its documents")
    if mark is None:
        await client.hsetnx(STATE_KEY, INSTANCE_FIELD, uuid4().hex)
    return await _read_mark(client) or b""


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


async def _read_mark(client: redis.asyncio.Redis) -> bytes | None:
    return await cast("Awaitable[bytes | None]", client.hget(STATE_KEY, INSTANCE_FIELD))
