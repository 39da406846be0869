"""Random transactions of an ERP, alone or several at once, and a small database to run them on.

A seed, the time and the state of the database decide every statement: a run can be repeated.
"""

from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import errors, sql

from projector.faults.mutation_actions import Actions
from projector.faults.mutation_tables import Catalog
from projector.faults.mutation_values import Values

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]

EXPECTED = (
    errors.IntegrityError,
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.QueryCanceled,
)
ISOLATION_LEVELS = ["READ COMMITTED"] * 8 + ["REPEATABLE READ", "SERIALIZABLE"]
SEED_COUNTS = {
    "branches": 3,
    "warehouses": 5,
    "roles": 3,
    "users": 8,
    "categories": 4,
    "products": 30,
    "inventory_items": 60,
    "pricing_lists": 6,
    "product_prices": 80,
    "customers": 30,
    "reviews": 60,
    "customer_addresses": 20,
    "currencies": 3,
    "sales_orders": 80,
    "sales_items": 200,
    "sales_invoices": 70,
    "invoice_payments": 80,
    "carts": 15,
    "cart_items": 30,
    "promotions": 10,
}


class Mutator:
    """Runs random transactions, one after another, on any connection to one database."""

    def __init__(
        self,
        seed: int,
        *,
        now: datetime | None = None,
        timezone: str = "Asia/Baghdad",
        nastiness: float = 0.35,
    ) -> None:
        self._random = Random(seed)
        moment = now or datetime.now(UTC)
        self._values = Values(self._random, moment, ZoneInfo(timezone), nastiness)
        self._actions: Actions | None = None

    def transaction(self, connection: Connection) -> str:
        """Run one transaction to its end and say what became of it."""
        return list(self.steps(connection))[-1]

    def steps(self, connection: Connection, *, lock_timeout_ms: int | None = None) -> Generator[str, None, None]:
        """Run one transaction step by step; the last thing yielded says what became of it."""
        done: list[str] = []
        try:
            actions = self._begin(connection, lock_timeout_ms)
            for step in self._steps(actions, connection.cursor()):
                done.append(step)
                yield step
            outcome = self._end(connection)
        except EXPECTED as error:
            connection.rollback()
            outcome = _expected(error)
        yield f"{outcome}: {'; '.join(done)}"

    def learn(self, connection: Connection) -> Actions:
        """The actions that the database's tables allow, known from the first call on."""
        if self._actions is None:
            self._actions = Actions(self._random, self._values, Catalog(connection))
        return self._actions

    def _begin(self, connection: Connection, lock_timeout_ms: int | None) -> Actions:
        if connection.autocommit:
            connection.execute("BEGIN")
        level = sql.SQL(self._random.choice(ISOLATION_LEVELS))
        connection.execute(sql.SQL("SET TRANSACTION ISOLATION LEVEL {}").format(level))
        if lock_timeout_ms is not None:
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(lock_timeout_ms))
        return self.learn(connection)

    def _steps(self, actions: Actions, cursor: Cursor) -> Iterator[str]:
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 6))):
            if self._random.random() < 0.15:
                yield from self._savepoint(actions, cursor)
            else:
                yield actions.act(cursor)

    def _savepoint(self, actions: Actions, cursor: Cursor) -> Iterator[str]:
        cursor.execute("SAVEPOINT attempt")
        try:
            for _ in range(self._random.randint(1, 3)):
                yield actions.act(cursor)
        except (errors.IntegrityError, errors.LockNotAvailable) as error:
            cursor.execute("ROLLBACK TO attempt")
            yield _expected(error)
        if self._random.random() < 0.6:
            cursor.execute("ROLLBACK TO attempt")
            yield "rolled back to the savepoint"
        cursor.execute("RELEASE attempt")

    def _end(self, connection: Connection) -> str:
        if self._random.random() < 0.1:
            connection.rollback()
            return "rolled back on purpose"
        connection.commit()
        return "committed"


def _expected(error: psycopg.Error) -> str:
    """What to report of an error that concurrent or careless transactions may meet.

    One that a trigger of the schema projector raises is none of these: it would break the ERP.
    """
    from_trigger = "projector." in (error.diag.context or "")
    if from_trigger and isinstance(error, errors.IntegrityError):
        raise error
    return f"rolled back: {type(error).__name__}, {error.diag.message_primary}"


def interleave(
    connections: Sequence[Connection], seed: int, transactions: int, *, lock_timeout_ms: int = 20
) -> Iterator[str]:
    """Run transactions, one open on each connection, a step of a random one at a time.

    All of it happens in one thread, so that a statement that must wait for another transaction
    waits in vain: after the lock timeout its own transaction is rolled back.
    """
    random, mutator = Random(seed), Mutator(seed)
    waiting = list(connections)
    running: list[tuple[Connection, Iterator[str], list[str]]] = []
    ended = 0
    while running or ended < transactions:
        while waiting and ended + len(running) < transactions:
            connection = waiting.pop()
            running.append((connection, mutator.steps(connection, lock_timeout_ms=lock_timeout_ms), []))
        one = random.choice(running)
        connection, steps, seen = one
        step = next(steps, None)
        if step is not None:
            seen.append(step)
            continue
        ended += 1
        running.remove(one)
        waiting.append(connection)
        yield seen[-1]


def seed_rows(connection: Connection, seed: int, *, now: datetime | None = None) -> None:
    """Fill empty tables with a small dataset in which every oddity has a chance, and commit."""
    mutator = Mutator(seed, now=now, nastiness=0.25)
    with connection.transaction(), connection.cursor() as cursor:
        actions = mutator.learn(connection)
        actions.dangling = 0
        for table, count in SEED_COUNTS.items():
            if table in actions.catalog.tables:
                actions.insert(cursor, table, count)


def trim_rows(connection: Connection, factor: int = 2) -> None:
    """Delete what nothing refers to, down to so many times the small dataset, so that long runs stay small."""
    actions = Mutator(0).learn(connection)
    for table, count in reversed(SEED_COUNTS.items()):
        with connection.transaction(), connection.cursor() as cursor:
            actions.delete_beyond(cursor, table, factor * count)
