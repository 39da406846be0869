"""Which failures pass by themselves, whatever words a server finds for them, and which stay."""

import asyncio

import psycopg
import pytest
import redis.asyncio
from redis import exceptions as redis_errors
from redis.asyncio.connection import DefaultParser

from projector.errors import RedisUnavailable
from projector.trouble import LOST, trouble

ANSWERS = {
    "OOM command not allowed when used memory > 'maxmemory'.": "Redis is full",
    "OOM command not allowed when used memory > 'maxmemory'. script: 1f2e, on @user_script:95.": "Redis is full",
    "ERR Error running script (call to f_1f2e): @user_script:95: @user_script: 95: -OOM command not allowed when used"
    " memory > 'maxmemory'.": "Redis is full",
    "READONLY You can't write against a read only replica.": "Redis is a read-only replica",
    "ERR Error running script (call to f_1f2e): @user_script:95: @user_script: 95: -READONLY You can't write against a"
    " read only replica.": "Redis is a read-only replica",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)": "Redis was made",
    "LOADING Redis is loading the dataset in memory": "Redis is loading its data",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "Redis is a replica without",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.": "Redis cannot",
    "NOREPLICAS Not enough good replicas to write. script: on @user_script:95.": "Redis has too few replicas",
    "CLUSTERDOWN The cluster is down": "Redis is a cluster, and down",
    "TRYAGAIN Multiple keys request during rehashing of slot": "Redis moves a slot",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": "Redis is busy",
    "NOAUTH Authentication required.": "Redis wants a password",
    "WRONGPASS invalid username-password pair or user is disabled.": "Redis refuses the password",
    "NOPERM User worker has no permissions to run the 'hset' command": "Redis refuses a command",
    "ERR ACL failure in script: User worker has no permissions to run the 'type' command": "Redis refuses a command",
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[:40])
def test_a_refusal_of_redis_is_named_also_where_a_script_met_it(answer: str) -> None:
    error = DefaultParser.parse_error(answer)
    found = trouble(error)
    assert found is not None
    assert found.what.startswith(ANSWERS[answer])
    wrapped = RedisUnavailable("Redis cannot be used")
    wrapped.__cause__ = error
    assert trouble(wrapped) == found


@pytest.mark.parametrize(
    "error",
    [
        redis_errors.ConnectionError("Connection closed by server."),
        redis_errors.TimeoutError("Timeout reading from socket"),
        ConnectionResetError(),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.CannotConnectNow("the database system is starting up"),
        psycopg.errors.TooManyConnections(),
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.InterfaceError("the connection is closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lost_connection_is_one(error: Exception) -> None:
    assert trouble(error) == LOST


def test_a_connection_that_somebody_else_closed_is_lost() -> None:
    """A cluster's client does that to all of its connections, and what is met by those who write is no RedisError."""
    with pytest.raises(AttributeError) as met:
        asyncio.run(redis.asyncio.Connection()._send_packed_command([b"PING"]))
    assert trouble(met.value) == LOST


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (psycopg.errors.ReadOnlySqlTransaction(), "PostgreSQL is a standby"),
        (psycopg.errors.IdleInTransactionSessionTimeout(), "this process stood still"),
        (psycopg.errors.DiskFull(), "PostgreSQL's disk is full"),
        (psycopg.errors.QueryCanceled(), "a statement took too long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_of_postgresql_is_named(error: psycopg.Error, what: str) -> None:
    found = trouble(error)
    assert found is not None
    assert found.what.startswith(what)


@pytest.mark.parametrize(
    "error",
    [
        redis_errors.ResponseError("wrong number of arguments for 'hset' command"),
        redis_errors.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
        redis_errors.ResponseError("BUSYGROUP Consumer Group name already exists"),
        psycopg.errors.UndefinedTable(),
        psycopg.errors.InsufficientPrivilege(),
        KeyError("projector"),
        AttributeError("'NoneType' object has no attribute 'writelines'"),
        RuntimeError("dictionary changed size during iteration"),
    ],
    ids=lambda error: str(error)[:20] or type(error).__name__,
)
def test_a_fault_that_trying_again_does_not_cure_is_none(error: Exception) -> None:
    assert trouble(error) is None
