"""Streams of Redis that the read API writes and one group of consumers reads: every worker is one of them."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from redis.exceptions import ResponseError

from projector.shards import Client

GROUP: Final = "projector"
BATCH: Final = 500
"""Entries that are read at once."""
BLOCK_MILLISECONDS: Final = 1_000

Entries: TypeAlias = list[tuple[bytes, dict[bytes, bytes]]]


class Stream:
    """One stream, and the group that reads it."""

    def __init__(self, client: Client, name: str, redis_timeout_seconds: float) -> None:
        self._client = client
        self._name = name
        # The answer has to come before the connection's own time is up.
        self._block_milliseconds = max(1, min(BLOCK_MILLISECONDS, int(redis_timeout_seconds * 500)))

    async def join(self) -> None:
        """Creates the group where there is none (first start, or Redis lost it)."""
        with suppress(ResponseError):  # BUSYGROUP: it exists
            await self._client.xgroup_create(self._name, GROUP, id="0", mkstream=True)

    async def read(self, consumer: str, *, block: bool = True, noack: bool = False) -> Entries:
        """Entries that nobody has read, waiting for some where it may `block`."""
        wait = self._block_milliseconds if block else None
        found: Any = await self._client.xreadgroup(
            GROUP, consumer, {self._name: ">"}, count=BATCH, block=wait, noack=noack
        )
        streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or ()]
        return [entry for entries in streams for entry in _flat(entries)]

    async def joined(self, reading: Awaitable[Entries]) -> Entries:
        """What was read; nothing where Redis had lost the group, which there is again then."""
        try:
            return await reading
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self.join()
            return []


def _flat(entries: Any) -> Entries:
    """RESP3 nests the entries of a stream once more than RESP2."""
    if entries and isinstance(entries[0], list):
        return [entry for part in entries for entry in part]
    return list(entries)
