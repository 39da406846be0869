"""Connections to PostgreSQL that wait for no answer for ever, whatever becomes of the network between."""

import time
from types import TracebackType
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection, errors, waiting
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")

QUICK_SECONDS = 8.0
"""For answers that take no work."""
_INTERVAL_SECONDS = 0.1


class AsyncDatabase(AsyncConnection[tuple[Any, ...]]):
    """A connection whose every wait ends: after `limit_seconds`, or at once where its task is cancelled. Either closes
    the connection. The driver would try to cancel the statement on a new connection first and wait for the answer,
    which behind a network that swallows packets never comes.

    `waiting_since` (monotonic seconds, None while it rests) and `backend_pid` are for those who judge whether an
    answer still comes.
    """

    purpose: str = ""
    limit_seconds: float = QUICK_SECONDS
    waiting_since: float | None = None
    backend_pid: int = 0

    async def wait(
        self,
        gen: PQGen[T],
        interval: float = _INTERVAL_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's signature
    ) -> T:
        if timeout is not None:  # silence is an answer, too: notifies()
            return await super().wait(gen, interval, timeout)
        self.waiting_since = time.monotonic()
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=self.limit_seconds)
        except errors._WaitTimeout:  # noqa: SLF001 - the driver's only name for it
            self.pgconn.finish()
            raise _no_answer(self.limit_seconds) from None
        except BaseException:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise
        finally:
            self.waiting_since = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes without a word to the server: it rolls back whatever is open."""
        await self.close()


class Database(Connection[tuple[Any, ...]]):
    """The same for a thread that does one thing after the other."""

    limit_seconds: float = QUICK_SECONDS

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL_SECONDS, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, self.limit_seconds if timeout is None else timeout)
        except errors._WaitTimeout:  # noqa: SLF001
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise _no_answer(self.limit_seconds) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _no_answer(seconds: float) -> psycopg.OperationalError:
    return psycopg.OperationalError(f"PostgreSQL did not answer within {seconds:.0f} s")
