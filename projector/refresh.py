"""Requests for a rebuild that the read API writes to a Redis stream (invalidate-cache), moved to the backlog."""

import logging
from contextlib import suppress
from typing import Any
from uuid import uuid4

from redis.exceptions import ResponseError

from projector.backlog import queue_documents
from projector.cause import REFRESH
from projector.database import AsyncDatabase
from projector.names import ENTITIES, REFRESH_STREAM
from projector.shards import Client

log = logging.getLogger(__name__)

GROUP = "projector"
BLOCK_MILLISECONDS = 1_000
BATCH = 500
ABANDONED_MILLISECONDS = 30_000
"""A request that a worker took and did not confirm for so long is taken over."""


class RefreshRequests:
    """One consumer of the group; a request is confirmed after the backlog holds it, so a crash repeats it."""

    def __init__(self, client: Client, redis_timeout_seconds: float) -> None:
        self._client = client
        # The answer has to come before the connection's own time is up.
        self._block_milliseconds = max(1, min(BLOCK_MILLISECONDS, int(redis_timeout_seconds * 500)))
        self._consumer = uuid4().hex

    async def join(self) -> None:
        """Creates the group where there is none (first start, or Redis lost it)."""
        with suppress(ResponseError):  # BUSYGROUP: it exists
            await self._client.xgroup_create(REFRESH_STREAM, GROUP, id="0", mkstream=True)

    async def run_once(self, connection: AsyncDatabase) -> int:
        """Moves the requests that wait, waiting for some; returns how many."""
        try:
            entries = await self._take()
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self.join()
            return 0
        for document, ids in _by_document(entries).items():
            await queue_documents(connection, document, "*", ids, REFRESH)
        if entries:
            await self._client.xack(REFRESH_STREAM, GROUP, *[entry for entry, _ in entries])
            await self._client.xdel(REFRESH_STREAM, *[entry for entry, _ in entries])
        return len(entries)

    async def leave(self) -> None:
        """Removes this consumer; a request it still held would stay with it, so only after run_once ended."""
        await self._client.xgroup_delconsumer(REFRESH_STREAM, GROUP, self._consumer)

    async def _take(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        _, abandoned, _ = await self._client.xautoclaim(
            REFRESH_STREAM, GROUP, self._consumer, ABANDONED_MILLISECONDS, count=BATCH
        )
        if abandoned:
            return list(abandoned)
        found: Any = await self._client.xreadgroup(
            GROUP, self._consumer, {REFRESH_STREAM: ">"}, count=BATCH, block=self._block_milliseconds
        )
        return read_entries(found)


def read_entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries in the answer to a read of streams."""
    streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or ()]
    return [entry for entries in streams for entry in _flat(entries)]


def _flat(entries: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """RESP3 nests the entries of a stream once more than RESP2."""
    if entries and isinstance(entries[0], list):
        return [entry for part in entries for entry in part]
    return list(entries)


def _by_document(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> dict[str, set[int]]:
    wanted: dict[str, set[int]] = {}
    for entry, fields in entries:
        entity, id_ = fields.get(b"document", b"").decode(), fields.get(b"id", b"").decode()
        try:
            number = int(id_)
        except ValueError:
            number = None
        if entity not in ENTITIES or number is None or not -(2**63) <= number < 2**63:
            log.warning(
                "refresh request not understood",
                extra={"entry": entry.decode(), "document": entity},
            )
            continue
        for document in ENTITIES[entity]:
            wanted.setdefault(document, set()).add(number)
    return wanted
