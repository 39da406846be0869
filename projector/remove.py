"""Removes from Redis what the projector wrote there: documents, timers, state."""

from projector.names import (
    DOCUMENTS,
    HEARTBEAT_KEY,
    LEASED_TIMERS_KEY,
    REFRESH_STREAM,
    STATE_KEY,
    TIMERS_KEY,
    VERDICT_PREFIX,
    WAITING_STREAM,
    key_patterns,
)
from projector.redis_server import open_redis, scan_keys
from projector.settings import Settings
from projector.shards import Client, all_state_keys

_AT_ONCE = 500
_KEYS = (TIMERS_KEY, LEASED_TIMERS_KEY, REFRESH_STREAM, WAITING_STREAM, HEARTBEAT_KEY)


async def forget_documents(settings: Settings) -> int:
    """Deletes every document and all state; returns the number of documents."""
    async with open_redis(settings) as client:
        for key in {STATE_KEY, *all_state_keys(client), *_KEYS}:
            await client.delete(key)
        await _delete(client, f"{VERDICT_PREFIX}*")
        patterns = {pattern for document in DOCUMENTS for pattern in key_patterns(document)}
        return sum([await _delete(client, pattern) for pattern in patterns])


async def _delete(client: Client, pattern: str) -> int:
    keys: list[str] = []
    deleted = 0
    async for key in scan_keys(client, pattern):
        keys.append(key)
        if len(keys) == _AT_ONCE:
            deleted += await client.unlink(*keys)
            keys.clear()
    return deleted + (await client.unlink(*keys) if keys else 0)
