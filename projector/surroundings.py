"""Whether the PostgreSQL around an installation lets it work: room, rights, clock, and who stands in its way."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

from projector.database import Database
from projector.findings import Finding, Level
from projector.loopback import is_loopback
from projector.settings import Settings
from projector.sql import read_query

CONNECTIONS_OF_A_WORKER: Final = 23
LONG_HOURS: Final = 1.0
CLOCK_SECONDS: Final = 2.0
"""Further apart, timers fire late and heartbeats seem slow."""


def check_surroundings(connection: Database, settings: Settings) -> Iterator[Finding]:
    """Of the server that PROJECTOR_DATABASE_URL names, as this role sees it."""
    yield _check_server(connection)
    yield from _check_way(connection, settings)
    yield from _check_room(connection)
    yield from _check_rights(connection)
    yield from _check_capture(connection)
    yield from _check_clock(connection, settings)
    yield from _check_transactions(connection)
    yield from _check_invalid_indexes(connection)


def is_local(host: str | None) -> bool:
    """Whether this is a socket's folder, or a loopback address: nobody listens on the way there."""
    return not host or host.startswith(("/", "@")) or is_loopback(host)


def _value(connection: Database, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def _check_server(connection: Database) -> Finding:
    version = _value(connection, "SELECT current_setting('server_version')")
    if _value(connection, "SELECT pg_is_in_recovery()"):
        return Finding(
            Level.ERROR, "postgresql", "this server is a standby and takes no writes. Name all servers in"
            " PROJECTOR_DATABASE_URL, with target_session_attrs=read-write",
        )  # fmt: skip
    return Finding(Level.OK, "postgresql", f"version {version}, writable")


def _check_way(connection: Database, settings: Settings) -> Iterator[Finding]:
    parts = conninfo_to_dict(settings.database())
    hosts = str(parts.get("host") or "")
    if "," in hosts and parts.get("target_session_attrs") not in ("read-write", "primary"):
        yield Finding(
            Level.WARNING, "failover", f"PROJECTOR_DATABASE_URL names several servers ({hosts}), and the first that"
            " answers is taken, a standby too. Add target_session_attrs=read-write",
        )  # fmt: skip
    host = connection.info.host
    if not is_local(host) and not connection.pgconn.ssl_in_use:
        yield Finding(
            Level.WARNING, "tls", f"the connection to {host} is not encrypted."
            " Add sslmode=verify-full and sslrootcert=… to PROJECTOR_DATABASE_URL",
        )  # fmt: skip


def _check_room(connection: Database) -> Iterator[Finding]:
    row = connection.execute(read_query("room")).fetchone()
    free, limit, prepared = row or (0, 0, 0)
    if free < CONNECTIONS_OF_A_WORKER:
        yield Finding(
            Level.WARNING, "connections", f"{free} of {limit} are free, and a worker holds {CONNECTIONS_OF_A_WORKER}."
            " Raise max_connections, or end sessions that nobody needs",
        )  # fmt: skip
    if prepared:
        yield Finding(
            Level.WARNING, "two-phase commit", f"max_prepared_transactions is {prepared}: PREPARE TRANSACTION fails"
            " while a worker sleeps, where it wrote to a captured table. Set it to 0, or do without on these tables",
        )  # fmt: skip


def _check_rights(connection: Database) -> Iterator[Finding]:
    """Whether this role may write the queues, as `run` and `rebuild` do."""
    refused = [table for (table,) in connection.execute(read_query("unwritable_queues"))]
    user = _value(connection, "SELECT current_user::text")
    if refused:
        yield Finding(
            Level.ERROR, "rights", f"role {user} may not write {', '.join(refused)} in the schema projector, as a"
            " worker must. Run: projector install --roles, and use a member of projector_worker",
        )  # fmt: skip
    else:
        yield Finding(Level.OK, "rights", f"role {user} may do what a worker does")


def _check_capture(connection: Database) -> Iterator[Finding]:
    if paused := _value(connection, "SELECT to_jsonb(i) ->> 'paused_at' FROM projector.installation i"):
        yield Finding(Level.ERROR, "capture", f"paused since {paused}: documents grow stale. Run: projector resume")


def _check_clock(connection: Database, settings: Settings) -> Iterator[Finding]:
    asked = time.time()
    there = float(_value(connection, "SELECT extract(epoch FROM clock_timestamp())::float8"))
    ahead = there - (asked + time.time()) / 2
    if abs(ahead) > CLOCK_SECONDS:
        yield Finding(
            Level.WARNING, "clock", f"PostgreSQL's is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this"
            " host's: timers fire late, and heartbeats seem slow. Have both hosts keep time by NTP",
        )  # fmt: skip
    if offset := settings.clock_offset_seconds:
        then = datetime.fromtimestamp(there + offset, UTC).isoformat(timespec="minutes")
        yield Finding(
            Level.WARNING, "clock offset", f"documents are built as of {then}."
            " After the rehearsal unset PROJECTOR_CLOCK_OFFSET_SECONDS, for all workers",
        )  # fmt: skip


def _check_transactions(connection: Database) -> Iterator[Finding]:
    row = connection.execute(read_query("oldest_transaction")).fetchone()
    if row is not None and row[1] > LONG_HOURS:
        who, hours = row
        yield Finding(
            Level.WARNING, "transactions", f"{who} has been open for {hours:.1f} h: deleted rows cannot be removed,"
            " and install waits where it has written. End it, if nobody needs it",
        )  # fmt: skip


def _check_invalid_indexes(connection: Database) -> Iterator[Finding]:
    for (index,) in connection.execute(read_query("invalid_indexes")):
        yield Finding(
            Level.WARNING, f"index {index}", "its creation was interrupted, and it serves nothing."
            f" Run: DROP INDEX CONCURRENTLY {index}; then what check proposes",
        )  # fmt: skip
