"""Requests for a rebuild that the read API writes to a Redis stream (invalidate-cache), moved to the backlog."""

import logging
from uuid import uuid4

from projector.backlog import queue_documents
from projector.cause import REFRESH
from projector.database import AsyncDatabase
from projector.names import ENTITIES, REFRESH_STREAM
from projector.shards import Client
from projector.streams import BATCH, GROUP, Entries, Stream

log = logging.getLogger(__name__)

ABANDONED_MILLISECONDS = 30_000
"""A request that a worker took and did not confirm for so long is taken over."""


class RefreshRequests:
    """One consumer of the group; a request is confirmed after the backlog holds it, so a crash repeats it."""

    def __init__(self, client: Client, redis_timeout_seconds: float) -> None:
        self._client = client
        self._stream = Stream(client, REFRESH_STREAM, redis_timeout_seconds)
        self._consumer = uuid4().hex

    async def join(self) -> None:
        """Before the first run."""
        await self._stream.join()

    async def run_once(self, connection: AsyncDatabase) -> int:
        """Moves the requests that wait, waiting for some; returns how many."""
        entries = await self._stream.joined(self._take())
        for document, ids in _by_document(entries).items():
            await queue_documents(connection, document, "*", ids, REFRESH)
        if entries:
            await self._client.xack(REFRESH_STREAM, GROUP, *[entry for entry, _ in entries])
            await self._client.xdel(REFRESH_STREAM, *[entry for entry, _ in entries])
        return len(entries)

    async def leave(self) -> None:
        """Removes this consumer; a request it still held would stay with it, so only after run_once ended."""
        await self._client.xgroup_delconsumer(REFRESH_STREAM, GROUP, self._consumer)

    async def _take(self) -> Entries:
        _, abandoned, _ = await self._client.xautoclaim(
            REFRESH_STREAM, GROUP, self._consumer, ABANDONED_MILLISECONDS, count=BATCH
        )
        return list(abandoned) or await self._stream.read(self._consumer)


def _by_document(entries: Entries) -> dict[str, set[int]]:
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
