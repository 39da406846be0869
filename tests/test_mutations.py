"""The oracle reads a real database, and random transactions leave no table of it alone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from projector.faults.mutations import Mutator, interleave, seed_rows
from projector.oracle import COLUMNS, INFINITY, Beyond, RawJson, documents, load

ZONE = "Asia/Baghdad"
NOW = datetime(2025, 11, 5, 18, tzinfo=UTC)
SCHEMA = Path(__file__).parents[1] / "sql" / "erp" / "schema.sql"

Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def connect(database_url: str) -> Iterator[Connect]:
    """Opens connections to an ERP with a small dataset, and closes them in the end."""
    opened: list[psycopg.Connection[Any]] = []

    def open_one() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(database_url))
        return opened[-1]

    with psycopg.connect(database_url) as connection:
        connection.execute(SCHEMA.read_bytes())
        connection.commit()
        seed_rows(connection, 1, now=NOW)
    yield open_one
    for connection in opened:
        connection.close()


class TestLoad:
    def test_loads_every_type_without_loss(self, connect: Connect) -> None:
        connection = connect()
        row = """INSERT INTO products (id, weight, dimensions, created_at, updated_at) VALUES
                 (777, 'NaN', '{"b": 1.50, "a": "\\u0000"}', 'infinity', '4713-01-01 BC')"""
        connection.execute(row)
        connection.execute("INSERT INTO sales_orders (id, order_date) VALUES (777, '5874897-12-31')")
        connection.execute("INSERT INTO users (id, created_at) VALUES (777, '2025-11-05 18:00')")
        connection.execute("SET datestyle = german")
        connection.execute("SET timezone = 'America/Havana'")
        connection.execute("INSERT INTO sales_invoices (id, invoice_type) VALUES (777, 'SALES')")
        rows = load(connection)
        loaded = rows.get("products", 777)
        assert loaded is not None
        assert loaded["weight"].is_nan()
        assert loaded["dimensions"] == RawJson('{"b": 1.50, "a": "\\u0000"}')
        assert loaded["created_at"] == INFINITY
        assert isinstance(loaded["updated_at"], Beyond)
        far, user, bill = (rows.get(it, 777) for it in ("sales_orders", "users", "sales_invoices"))
        assert far is not None
        assert isinstance(far["order_date"], Beyond)
        assert user is not None
        assert user["created_at"] == NOW
        assert bill is not None
        assert bill["invoice_type"] == "SALES"

    def test_optional_tables_may_be_missing(self, connect: Connect) -> None:
        connection = connect()
        connection.execute("DROP TABLE reviews, customer_addresses, cart_items, carts, promotions")
        connection.execute("ALTER TABLE products ADD unheard_of point")
        rows = load(connection)
        assert rows.all("reviews") == []
        assert documents(rows, now=NOW, timezone=ZONE)


class TestMutator:
    def test_a_seed_decides_every_step(self, connect: Connect) -> None:
        outcomes = []
        for _ in range(2):
            connection = connect()
            steps = Mutator(3, now=NOW).steps(connection)
            outcomes.append([next(steps) for _ in range(2)])
            steps.close()
            connection.rollback()
        assert outcomes[0] == outcomes[1]

    def test_every_table_is_changed_and_every_document_computed(self, connect: Connect) -> None:
        connection = connect()
        mutator, before = Mutator(1, now=NOW), load(connection)
        outcomes = [mutator.transaction(connection) for _ in range(250)]
        after = load(connection)
        assert {outcome.split(":")[0] for outcome in outcomes} == {
            "committed",
            "rolled back",
            "rolled back on purpose",
        }
        assert [it for it in COLUMNS if before.all(it) == after.all(it)] == []
        assert documents(after, now=NOW, timezone=ZONE)

    def test_interleaved_transactions_all_end(self, connect: Connect) -> None:
        connections = [connect() for _ in range(3)]
        connections[0].autocommit = True
        outcomes = list(interleave(connections, 1, 60))
        assert len(outcomes) == 60
        assert {it.info.transaction_status.name for it in connections} == {"IDLE"}
        assert [it for it in outcomes if it.startswith("committed")]
