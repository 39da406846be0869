"""Patience with the ERP's locks: DDL that never waits long for one, because everybody behind it would wait, too."""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from projector.database import Database
from projector.errors import InstallError

T = TypeVar("T")

LOCK_TIMEOUT = "2s"
_LOCK_ATTEMPTS = 30


def retry_locked(connection: Database, statement: str, table: str) -> None:
    """Runs DDL on an ERP table without ever waiting long for its lock; InstallError when the table stays busy."""

    def run() -> None:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            connection.execute(statement)

    patiently(run, f"Table {table}")


def patiently(action: Callable[[], T], what: str) -> T:
    """Tries again what a lock stood in the way of; InstallError when it stays locked."""
    for attempt in range(_LOCK_ATTEMPTS):
        try:
            return action()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(min(0.2 * (attempt + 1), 2))
    raise InstallError(
        f"{what} stayed locked by a long transaction of the ERP ({_LOCK_ATTEMPTS} attempts)."
        " What was done so far stays; run the command again when it has ended."
    )
