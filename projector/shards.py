"""The servers that Redis consists of: one, or the shards of a Redis Cluster; and the key of each one's state (D9)."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection
from redis.crc import key_slot

from projector.names import STATE_KEY

Client = redis.asyncio.Redis | redis.asyncio.RedisCluster

SLOTS: Final = 16_384
SLOTS_PER_STATE: Final = 64
"""A cluster has a state key for so many neighbouring slots: each shard holds some, and they move with their slots."""
_SERVERS = re.compile(r"(?P<scheme>\w+://)(?P<user>.*@)?(?P<hosts>[^/?]+)(?P<rest>.*)", re.DOTALL)

_acquire_connection = ClusterNode.acquire_connection


def _acquire_last_released(self: ClusterNode) -> Connection:
    """The library sends a command that a moving slot redirects behind ASKING, which holds for the next command of the
    same connection alone: it has to take the one that it has just given back, not the one idle for longest."""
    self._free.rotate(1)
    return _acquire_connection(self)


ClusterNode.acquire_connection = _acquire_last_released  # type: ignore[method-assign]


def slot_of(key: str | bytes) -> int:
    """The hash slot of a key."""
    return key_slot(key if isinstance(key, bytes) else key.encode())


@cache
def cluster_state_keys() -> Mapping[int, str]:
    """Every 64th slot, ascending, and the state key that lies in it. A shard's state is the first that it holds."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < SLOTS // SLOTS_PER_STATE:
        slot = slot_of(str(number))
        if slot % SLOTS_PER_STATE == 0:
            found.setdefault(slot, f"{STATE_KEY}:{{{number}}}")
        number += 1
    return dict(sorted(found.items()))


def servers(url: str) -> list[str]:
    """A URL for each of the servers that a URL names, separated by commas."""
    parts = _SERVERS.fullmatch(url)
    if parts is None or url.startswith("unix:"):
        return [url]
    before, behind = parts["scheme"] + (parts["user"] or ""), parts["rest"]
    return [f"{before}{host}{behind}" for host in parts["hosts"].split(",")]


def with_address(url: str, host: str, port: int) -> str:
    """The same URL for another server; without a host for another port of the same."""
    parts = _SERVERS.fullmatch(url)
    if parts is None:
        return url
    host = host or urlsplit(url).hostname or ""
    return f"{parts['scheme']}{parts['user'] or ''}{f'[{host}]' if ':' in host else host}:{port}{parts['rest']}"


def is_cluster(greeting: Any) -> bool:
    """Whether this answer to HELLO is one of a cluster's server."""
    if isinstance(greeting, list):
        greeting = dict(zip(greeting[::2], greeting[1::2], strict=False))
    return isinstance(greeting, dict) and greeting.get(b"mode") == b"cluster"


def primaries(client: redis.asyncio.RedisCluster) -> list[ClusterNode]:
    """The servers that hold slots, in the order of their names."""
    return sorted(client.get_primaries(), key=lambda node: str(node.name))


def state_keys(client: Client, keys: Iterable[str] | None = None) -> list[str]:
    """The state key of each shard, or of those in which these keys lie. A shard of a cluster that holds too few slots
    has none."""
    if not isinstance(client, redis.asyncio.RedisCluster):
        return [STATE_KEY]
    slots = client.nodes_manager.slots_cache
    found: dict[str, str] = {}
    for slot, state_key in cluster_state_keys().items():
        if nodes := slots.get(slot):
            found.setdefault(nodes[0].name, state_key)
    if keys is None:
        return list(found.values())
    owners = {nodes[0].name for key in keys if (nodes := slots.get(slot_of(key)))}
    return [found[name] for name in owners if name in found]


def all_state_keys(client: Client) -> list[str]:
    """Those that no shard uses at the moment, too: they wait for the day when slots move."""
    return list(cluster_state_keys().values()) if isinstance(client, redis.asyncio.RedisCluster) else [STATE_KEY]
