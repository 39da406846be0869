"""What the worker and the API need of Redis, as the two users of an access control list."""

from collections.abc import Sequence
from typing import Final

from projector.names import (
    CHANGES_CHANNEL,
    HEARTBEAT_KEY,
    KEY_PATTERN,
    REFRESH_STREAM,
    STATE_KEY,
    VERDICT_PREFIX,
    WAITING_STREAM,
)

WORKER, API = "projector-worker", "projector-api"

_EMPTY: Final = ("on", "resetkeys", "resetchannels", "-@all")
_WORKER_KEYS: Final = (f"~{KEY_PATTERN}", "~projector:*", "~{projector}:*")
_API_KEYS: Final = (
    f"%R~{KEY_PATTERN}", f"%R~{STATE_KEY}", f"%R~{STATE_KEY}:*", f"%R~{HEARTBEAT_KEY}", f"%R~{VERDICT_PREFIX}*",
    f"%W~{REFRESH_STREAM}", f"%W~{WAITING_STREAM}",
)  # fmt: skip
_CONNECTING: Final = ("asking", "client|setinfo", "client|setname", "cluster|slots", "ping", "select")
_WORKER_COMMANDS: Final = (
    "command", "del", "eval", "evalsha", "expire", "hdel", "hget", "hgetall", "hincrby", "hmget", "hset", "hsetnx",
    "info", "publish", "scan", "script|load", "type", "unlink", "wait", "xack", "xautoclaim", "xdel", "xgroup",
    "xreadgroup", "zadd", "zcard", "zcount", "zmscore", "zrange", "zrangebyscore", "zrem",
)  # fmt: skip
_API_COMMANDS: Final = ("hmget", "subscribe", "xadd")


def acl_commands() -> list[str]:
    """Commands that make the two users, or bring them up to this version. Passwords that they have stay."""
    return [
        _user(WORKER, _WORKER_KEYS, (*_CONNECTING, *_WORKER_COMMANDS)),
        _user(API, _API_KEYS, (*_CONNECTING, *_API_COMMANDS)),
    ]


def _user(name: str, keys: Sequence[str], commands: Sequence[str]) -> str:
    allowed = (f"+{command}" for command in sorted(commands))
    return " ".join(("ACL SETUSER", name, *_EMPTY, *keys, f"&{CHANGES_CHANNEL}", *allowed))
