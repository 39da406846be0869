"""Connections to the ERP's database: bounded in time, with raw parameters ($1) and JSON as bytes."""

from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncRawCursor, RawCursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict

from projector.connection import AsyncDatabase as AsyncDatabase
from projector.connection import Database as Database
from projector.errors import DatabaseUnavailable, SettingsError, one_line
from projector.settings import Settings

_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
GRACE_SECONDS = 5.0
"""An answer may be so much later than the server's own limit for the statement."""
STATEMENTS_AT_ONCE = 10
"""A builder sends so many in one message, and the server's limit is for each."""

_SESSION_ENDED = frozenset({"25P03", "25P04"})
"""A transaction was idle, or open, for longer than the server allows."""
_SERVER_BUSY = frozenset({"55006", "55P03"})
"""Of class 55 (an object is not in the right state) what passes: in use, locked."""
_READ_TOO_MUCH = frozenset({"57014", "53400"})
"""Of the server's classes what fewer rows cure: the statement time-out, the limit on temporary files."""
_SERVER_CLASSES = frozenset({"08", "28", "40", "53", "57", "58", "72", "F0"})
"""Connection, login, rolled back for another's sake, out of resources, operator, I/O, snapshot too old, configuration.

What is left is the data's or the section's fault: 21 and 22 (a value), 42 (a name or a right), 54 (a row too large),
P0 (raised by a function of the ERP's), XX (a damaged page), and their like.
"""


async def connect(settings: Settings, purpose: str, *, snapshots: bool = False, quick: bool = False) -> AsyncDatabase:
    """An autocommit connection for the projector's own loops; DatabaseUnavailable says why there is none.

    With `snapshots` every transaction of it, a pipeline too, reads one snapshot and writes nothing. With `quick` no
    answer of it takes work, and none is waited for longer than QUICK_SECONDS.
    """
    url = _read_url(settings)
    try:
        # What is worth preparing is prepared by name. The driver's own cache would deallocate that, too, after
        # every ROLLBACK.
        connection = await AsyncDatabase.connect(
            url,
            autocommit=True,
            cursor_factory=AsyncRawCursor,
            prepare_threshold=None,
            **_options(settings, purpose),
        )
        await _set_up(connection, settings, snapshots=snapshots)
    except psycopg.Error as error:
        raise _unavailable(url, error) from error
    if not quick:
        connection.limit_seconds = _limit(settings) * (STATEMENTS_AT_ONCE if snapshots else 1)
    connection.purpose = purpose
    connection.adapters.register_loader("json", _JsonBytes)
    return connection


async def _set_up(connection: AsyncDatabase, settings: Settings, *, snapshots: bool) -> None:
    cursor = await connection.execute(_session_query(), _session_values(settings))
    # As the server has it: a pooler tells the driver another one.
    connection.backend_pid = (await cursor.fetchall())[0][0]
    if snapshots:
        await connection.execute(
            "SELECT set_config('default_transaction_isolation', 'repeatable read', false),"
            " set_config('default_transaction_read_only', 'on', false)"
        )


def connect_blocking(settings: Settings, purpose: str, *, quick: bool = False) -> Database:
    """The same for commands that do one thing after the other."""
    url = _read_url(settings)
    try:
        connection = Database.connect(url, autocommit=True, cursor_factory=RawCursor, **_options(settings, purpose))
        connection.execute(_session_query(), _session_values(settings))
    except psycopg.Error as error:
        raise _unavailable(url, error) from error
    if not quick:
        connection.limit_seconds = _limit(settings)
    return connection


def _limit(settings: Settings) -> float:
    return settings.statement_timeout_seconds + GRACE_SECONDS


class _JsonBytes(Loader):
    """JSON as the bytes that PostgreSQL wrote: nothing is parsed on the way to Redis."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def _read_url(settings: Settings) -> str:
    """The URL, once libpq has understood it."""
    url = settings.database()
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        reason = one_line(error)
        raise SettingsError(f"PROJECTOR_DATABASE_URL cannot be used: {reason}. Correct it.") from None
    return url


def array_literal(ids: Iterable[int]) -> str:
    """Ids as the text of a bigint[]: one parameter however many there are."""
    return "{" + ",".join(map(str, ids)) + "}"


def is_fault_of_data(error: psycopg.Error) -> bool:
    """Whether a read failed because of what it reads, so that other rows or sections can still be read. Not where the
    connection is lost or the server cannot do better: there the same read succeeds later."""
    if error.sqlstate is None:
        return not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if error.sqlstate in _SESSION_ENDED or error.sqlstate in _SERVER_BUSY:
        return False
    return error.sqlstate in _READ_TOO_MUCH or error.sqlstate[:2] not in _SERVER_CLASSES


def reason_of(error: psycopg.Error) -> str:
    """The server's own words, without the statement that they are about."""
    words = [text for text in (error.diag.message_primary, error.diag.message_detail) if text]
    return " ".join((": ".join(words) or str(error)).split())


class Savepoint:
    """A part of a transaction that may fail because of the data; any other failure is raised."""

    def __init__(self, connection: AsyncDatabase) -> None:
        self._connection = connection
        self.error: psycopg.Error | None = None

    @property
    def reason(self) -> str | None:
        """What failed, in the server's words."""
        return None if self.error is None else reason_of(self.error)

    async def __aenter__(self) -> "Savepoint":
        await self._connection.execute("SAVEPOINT apart")
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if error is None:
            await self._connection.execute("RELEASE SAVEPOINT apart")
            return False
        if not (isinstance(error, psycopg.Error) and is_fault_of_data(error)):
            return False
        await self._connection.execute("ROLLBACK TO SAVEPOINT apart; RELEASE SAVEPOINT apart")
        self.error = error
        return True


async def limit_statements(connection: AsyncDatabase, seconds: float) -> None:
    """For the rest of the session."""
    await connection.execute("SELECT set_config('statement_timeout', $1, false)", (f"{seconds * 1000:.0f}",))


def _options(settings: Settings, purpose: str) -> dict[str, Any]:
    return {
        "application_name": f"projector {purpose}",
        "connect_timeout": int(settings.connect_timeout_seconds),
        **_KEEPALIVE,
    }


def _session_query() -> LiteralString:
    # Generic plans: the views are planned once a connection, not once a batch. JIT compiles for longer than they run.
    # A session that rests in a transaction belongs to a process that stands still: others need its claim. And a
    # statement whose client is gone ends: we close connections without a word.
    return """SELECT pg_backend_pid(),
        set_config('statement_timeout', $1, false), set_config('projector.clock_offset', $2, false),
        set_config('jit', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false),
        set_config('timezone', 'UTC', false), set_config('standard_conforming_strings', 'on', false),
        set_config('search_path', quote_ident($3) || ', pg_catalog', false),
        set_config('idle_in_transaction_session_timeout', $4, false),
        CASE WHEN version() LIKE '%linux%' THEN set_config('client_connection_check_interval', '2s', false) END"""


def _session_values(settings: Settings) -> tuple[str, ...]:
    return (
        f"{settings.statement_timeout_seconds * 1000:.0f}",
        f"{settings.clock_offset_seconds} seconds",
        settings.erp_schema,  # route queries name the ERP's tables as the sections do; ours are qualified
        f"{settings.claim_timeout_seconds * 1000:.0f}",
    )


def _unavailable(url: str, error: psycopg.Error) -> DatabaseUnavailable:
    where = conninfo_to_dict(url)
    place = f"{where.get('host', 'local socket')}:{where.get('port', 5432)}/{where.get('dbname', '')}"
    reason = one_line(error)
    return DatabaseUnavailable(
        f"PostgreSQL cannot be used ({place}): {reason} Check PROJECTOR_DATABASE_URL and that the server runs."
    )
