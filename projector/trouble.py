"""Troubles: failures of a server that may pass by themselves, told apart from faults that stay."""

import re
import traceback
from dataclasses import dataclass

import psycopg
from psycopg import errors
from redis import exceptions as redis_errors

from projector.errors import DatabaseUnavailable, RedisUnavailable


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong in a few words, and what an operator can do about it."""

    what: str
    remedy: str


LOST = Trouble("connection lost", "Look at the server, and at what is between.")

_MOVING = Trouble("Redis moves a slot of its cluster", "Wait.")
_UNCOVERED = Trouble("Redis is a cluster, and some slots belong to no shard", "Look for them with CLUSTER SLOTS.")
_REPLICA = "Point PROJECTOR_REDIS_URL at the primary."
_REFUSALS = {
    "OOM": Trouble("Redis is full", "Raise its maxmemory, or remove what is not the projector's."),
    "READONLY": Trouble("Redis is a read-only replica", _REPLICA),
    "UNBLOCKED": Trouble("Redis was made a read-only replica", _REPLICA),
    "MASTERDOWN": Trouble("Redis is a replica without its primary", _REPLICA),
    "LOADING": Trouble("Redis is loading its data", "Wait."),
    "BUSY": Trouble("Redis is busy with a script of somebody's", "Wait, or SCRIPT KILL."),
    "MISCONF": Trouble(
        "Redis cannot write its snapshot and takes no writes", "See its log; projector needs no snapshots."
    ),
    "NOREPLICAS": Trouble("Redis has too few replicas to take writes", "Repair them, or ask for fewer."),
    "CLUSTERDOWN": Trouble("Redis is a cluster, and down", "Look for the shard that is away with CLUSTER NODES."),
    "TRYAGAIN": _MOVING,
    "MOVED": _MOVING,
    "ASK": _MOVING,
    "NOAUTH": Trouble("Redis wants a password", "Correct PROJECTOR_REDIS_URL."),
    "WRONGPASS": Trouble("Redis refuses the password", "Correct PROJECTOR_REDIS_URL."),
    "NOPERM": Trouble("Redis refuses a command or key to this account", "Grant it with ACL SETUSER."),
}
"""By the code with which Redis begins its answer. A server older than 7 hides it in the text of a script's error."""
_CODE = re.compile(rf"\b({'|'.join(_REFUSALS)})\b")
_SCRIPT_NOPERM = "ACL failure in script"

_DATABASE: tuple[tuple[type[psycopg.Error], Trouble], ...] = (
    (
        errors.ReadOnlySqlTransaction,
        Trouble(
            "PostgreSQL is a standby and takes no writes",
            "Name all servers in PROJECTOR_DATABASE_URL, with target_session_attrs=read-write.",
        ),
    ),
    (errors.DiskFull, Trouble("PostgreSQL's disk is full", "Give it room.")),
    (
        errors.QueryCanceled,
        Trouble("a statement took too long", "Run projector check, or raise PROJECTOR_STATEMENT_TIMEOUT_SECONDS."),
    ),
    (
        errors.IdleInTransactionSessionTimeout,
        Trouble("this process stood still and lost what it had claimed", "Look for a frozen host, or one that swaps."),
    ),
    (
        errors.TransactionTimeout,
        Trouble("PostgreSQL ends transactions too early", "Set transaction_timeout to 0 for the projector's role."),
    ),
    (psycopg.OperationalError, LOST),
    (psycopg.InterfaceError, LOST),
)


def trouble(error: BaseException) -> Trouble | None:
    """What this error is about if a new connection, or some time, may cure it; None where it does not."""
    if isinstance(error, DatabaseUnavailable | RedisUnavailable):
        return (error.__cause__ and trouble(error.__cause__)) or LOST
    if isinstance(error, redis_errors.RedisClusterException):
        return (error.__cause__ and trouble(error.__cause__)) or _UNCOVERED
    if isinstance(error, redis_errors.RedisError | ConnectionError | TimeoutError):
        return _redis_trouble(error)
    if isinstance(error, RuntimeError | AttributeError) and _met_in_connection(error):
        return LOST
    return next((found for kind, found in _DATABASE if isinstance(error, kind)), None)


def _met_in_connection(error: BaseException) -> bool:
    """Whether it comes of a connection that is used after its end. The client of a cluster closes all its connections
    when one fails, those too that others are just writing to; uvloop refuses to write to one that broke while it was
    idle. The library calls neither an error of Redis."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__") == "redis.asyncio.connection" for frame in frames)


def _redis_trouble(error: Exception) -> Trouble | None:
    if isinstance(error, redis_errors.ResponseError | redis_errors.ConnectionError):
        text = f"{error.status_code} {error}".replace(_SCRIPT_NOPERM, "NOPERM")
        if found := _CODE.search(text):
            return _REFUSALS[found[1]]
    lost = redis_errors.ConnectionError | redis_errors.TimeoutError | ConnectionError | TimeoutError
    return LOST if isinstance(error, lost | redis_errors.ClusterError) else None
