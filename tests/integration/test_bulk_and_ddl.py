"""What an ERP does beside plain statements: COPY, MERGE, upserts, cascades, triggers of its own, partitions, children,
and rows that logical replication writes."""

from collections.abc import Iterator

import psycopg
import pytest

from projector import capture
from projector.demo.erp import create_schema
from projector.install import install
from projector.settings import Settings
from tests.conftest import Postgres
from tests.waiting import wait_until


def _events(erp: psycopg.Connection) -> set[tuple[str, str]]:
    """Takes what was captured: table and operation."""
    rows = erp.execute("DELETE FROM projector.outbox RETURNING source, operation::text, fault").fetchall()
    assert [fault for _, _, fault in rows if fault] == []
    return {(source, operation) for source, operation, _ in rows}


def _keys(erp: psycopg.Connection) -> list[tuple]:
    return erp.execute("DELETE FROM projector.outbox RETURNING operation::text, key_1").fetchall()


STATEMENTS = {
    "MERGE INTO inventory_items i USING (VALUES (1, 7), (-1, 8)) AS n (id, q) ON i.id = n.id"
    " WHEN MATCHED THEN UPDATE SET quantity_on_hand = n.q"
    " WHEN NOT MATCHED THEN INSERT (product_id, warehouse_id, quantity_on_hand) VALUES (1, 1, n.q)": {
        ("inventory_items", "U"), ("inventory_items", "I"),
    },
    "INSERT INTO products (id, sku, name) OVERRIDING SYSTEM VALUE VALUES (1, 'x', 'upserted'), (99999, 'y', 'new')"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name": {("products", "U"), ("products", "I")},
    "INSERT INTO products (id, sku, name) OVERRIDING SYSTEM VALUE VALUES (1, 'x', 'kept')"
    " ON CONFLICT DO NOTHING": set(),
    "WITH gone AS (DELETE FROM cart_items WHERE id < 5 RETURNING cart_id)"
    " UPDATE carts SET promo_code = 'x' WHERE id IN (SELECT cart_id FROM gone)": {("cart_items", "D"), ("carts", "U")},
    "UPDATE products SET updated_at = now(), cost_price = 1 WHERE id = 1": set(),
}  # fmt: skip


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_kind_of_statement_is_captured_as_what_it_does(
    statement: str, installed: Settings, erp: psycopg.Connection
) -> None:
    erp.execute(statement.encode())
    assert _events(erp) == STATEMENTS[statement]


def test_copy_is_one_event_however_many_rows(installed: Settings, erp: psycopg.Connection) -> None:
    with erp.cursor().copy("COPY reviews (product_id, rating, status) FROM STDIN") as copy:
        for number in range(20_000):
            copy.write_row((number % 30 + 1, 5, "approved"))
    ((operation, keys),) = _keys(erp)
    assert operation == "I"
    assert sorted(keys) == list(range(1, 31))


def test_a_statement_with_very_many_keys_is_a_small_event(
    settings: Settings, erp: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that any row may have changed, and an update which columns did."""
    monkeypatch.setattr(capture, "MOST_KEYS", 500)
    install(settings)
    copied = "INSERT INTO products (sku, name) SELECT 'bulk', n FROM generate_series(1, {}) AS n"
    erp.execute(copied.format(500).encode())
    assert _sizes(erp) == [("I", None, 500)]
    erp.execute(copied.format(501).encode())
    assert _sizes(erp) == [("T", None, None)]
    erp.execute("UPDATE products SET brand = 'one' WHERE id = 1")
    ((_, one_column, _),) = _sizes(erp)
    erp.execute("UPDATE products SET brand = 'many' WHERE sku = 'bulk'")
    assert _sizes(erp) == [("T", one_column, None)]
    erp.execute("DELETE FROM products WHERE sku = 'bulk'")
    assert _sizes(erp) == [("T", None, None)]


def _sizes(erp: psycopg.Connection) -> list[tuple]:
    """Takes what was captured: operation, columns, and the number of the keys of which there are most."""
    return erp.execute(
        "DELETE FROM projector.outbox RETURNING operation::text, changed,"
        " greatest(cardinality(key_1), cardinality(key_2), cardinality(key_3), cardinality(key_4))"
    ).fetchall()


def test_cascades_and_triggers_of_the_erps_own_are_captured_where_they_write(
    installed: Settings, erp: psycopg.Connection
) -> None:
    erp.execute(
        "ALTER TABLE sales_items DROP CONSTRAINT sales_items_sales_order_id_fkey,"
        " ADD FOREIGN KEY (sales_order_id) REFERENCES sales_orders ON DELETE CASCADE"
    )
    erp.execute(
        "CREATE FUNCTION count_stock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE inventory_items SET quantity_on_hand = quantity_on_hand + OLD.quantity"
        " WHERE product_id = OLD.product_id; RETURN NULL; END $$;"
        " CREATE TRIGGER stock AFTER DELETE ON sales_items FOR EACH ROW EXECUTE FUNCTION count_stock()"
    )
    erp.execute("UPDATE sales_invoices SET sales_order_id = NULL")
    _events(erp)
    erp.execute("DELETE FROM sales_orders WHERE id = (SELECT sales_order_id FROM sales_items WHERE product_id IN"
                " (SELECT product_id FROM inventory_items) LIMIT 1)")  # fmt: skip
    assert _events(erp) == {("sales_orders", "D"), ("sales_items", "D"), ("inventory_items", "U")}


def test_an_event_of_a_savepoint_that_is_rolled_back_is_rolled_back(
    installed: Settings, erp_url: str, erp: psycopg.Connection
) -> None:
    with psycopg.connect(erp_url) as session:
        session.execute("SAVEPOINT here; UPDATE products SET name = 'undone' WHERE id = 1; ROLLBACK TO here")
        session.execute("UPDATE customers SET name = 'done' WHERE id = 1")
    assert _events(erp) == {("customers", "U")}


def test_sessions_of_restore_tools_are_captured(installed: Settings, erp: psycopg.Connection) -> None:
    """session_replication_role = replica switches off ordinary triggers; ours fire always."""
    erp.execute("SET session_replication_role = replica")
    erp.execute("UPDATE products SET name = 'restored' WHERE id = 1")
    assert _events(erp) == {("products", "U")}


PARTITIONED = """
    ALTER TABLE inventory_items RENAME TO plain;
    CREATE TABLE inventory_items (LIKE plain) PARTITION BY LIST (warehouse_id);
    CREATE TABLE items_1 PARTITION OF inventory_items FOR VALUES IN (1);
    CREATE TABLE items_rest PARTITION OF inventory_items DEFAULT PARTITION BY HASH (product_id);
    CREATE TABLE items_rest_0 PARTITION OF items_rest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    DROP TABLE plain CASCADE;
"""
INHERITED = """
    CREATE TABLE old_items () INHERITS (inventory_items);
    CREATE SCHEMA archive;
    CREATE TABLE archive.older_items () INHERITS (old_items);
"""


@pytest.fixture
def partitioned(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        create_schema(connection)
        connection.execute(PARTITIONED)
        connection.execute("INSERT INTO products (name) VALUES ('one'), ('two')")
        install(Settings(database_url=database_url))
        yield connection


@pytest.mark.parametrize("table", ["inventory_items", "items_1", "items_rest", "items_rest_0"])
def test_statements_that_name_a_partition_are_captured_like_those_that_name_its_parent(
    table: str, partitioned: psycopg.Connection
) -> None:
    warehouse = 1 if table == "items_1" else 2
    partitioned.execute(
        f"INSERT INTO {table} (id, product_id, warehouse_id, quantity_on_hand) VALUES (1, 2, {warehouse}, 3)"
    )
    assert _keys(partitioned) == [("I", [2])]
    partitioned.execute(f"UPDATE {table} SET product_id = 1 WHERE id = 1")
    assert _keys(partitioned) == [("U", [2, 1])]
    partitioned.execute(f"DELETE FROM {table}")
    assert _keys(partitioned) == [("D", [1])]
    partitioned.execute(f"TRUNCATE {table}")
    assert {operation for operation, _ in _keys(partitioned)} == {"T"}


def test_a_row_that_moves_to_another_partition_is_captured(partitioned: psycopg.Connection) -> None:
    partitioned.execute("INSERT INTO inventory_items (id, product_id, warehouse_id) VALUES (1, 2, 1)")
    _keys(partitioned)
    partitioned.execute("UPDATE inventory_items SET warehouse_id = 5")
    keys = _keys(partitioned)
    assert {2} == {key for _, found in keys for key in found}


@pytest.mark.parametrize("table", ["inventory_items", "old_items", "archive.older_items"])
def test_statements_that_name_a_child_are_captured(table: str, settings: Settings, erp: psycopg.Connection) -> None:
    erp.execute(INHERITED)
    install(settings)
    erp.execute(f"INSERT INTO {table} (id, product_id, warehouse_id, quantity_on_hand) VALUES (999, 3, 1, 1)")
    assert _keys(erp) == [("I", [3])]
    erp.execute("UPDATE inventory_items SET quantity_on_hand = 77 WHERE product_id = 3")
    ((operation, keys),) = _keys(erp)
    assert (operation, set(keys)) == ("U", {3})


def test_a_partition_that_came_after_the_installation_is_told_and_then_captured(
    partitioned: psycopg.Connection, database_url: str
) -> None:
    partitioned.execute("CREATE TABLE items_9 (LIKE inventory_items); INSERT INTO items_9 (id) VALUES (5)")
    partitioned.execute("DELETE FROM items_9; ALTER TABLE inventory_items ATTACH PARTITION items_9 FOR VALUES IN (9)")
    install(Settings(database_url=database_url))
    _keys(partitioned)
    partitioned.execute("INSERT INTO items_9 (id, product_id, warehouse_id) VALUES (1, 2, 9)")
    assert _keys(partitioned) == [("I", [2])]


@pytest.fixture
def replicated(other_server: Postgres) -> Iterator[tuple[psycopg.Connection, psycopg.Connection]]:
    """Two ERPs; products of the first are replicated into the second, which has projector installed."""
    with (
        other_server.fresh_database() as one,
        other_server.fresh_database() as other,
        psycopg.connect(one, autocommit=True) as publisher,
        psycopg.connect(other, autocommit=True) as subscriber,
    ):
        create_schema(publisher)
        create_schema(subscriber)
        publisher.execute("INSERT INTO products (name) VALUES ('copied')")
        publisher.execute("CREATE PUBLICATION erp FOR TABLE products, reviews")
        # Made apart: within one server, creating it with the subscription would wait for itself.
        publisher.execute("SELECT pg_create_logical_replication_slot('erp', 'pgoutput')")
        subscriber.execute(
            f"CREATE SUBSCRIPTION erp CONNECTION '{one}' PUBLICATION erp"
            " WITH (create_slot = false, slot_name = 'erp', copy_data = true, enabled = false)"
        )
        install(Settings(database_url=other))
        subscriber.execute("ALTER SUBSCRIPTION erp ENABLE")
        yield publisher, subscriber
        subscriber.execute("ALTER SUBSCRIPTION erp DISABLE")
        subscriber.execute("ALTER SUBSCRIPTION erp SET (slot_name = NONE)")
        subscriber.execute("DROP SUBSCRIPTION erp")
        publisher.execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL"
        )
        wait_until(lambda: _drop_slot(publisher), what="slot dropped")


def _drop_slot(publisher: psycopg.Connection) -> bool:
    query = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
    return publisher.execute(query).rowcount > 0


@pytest.mark.timeout(120)
def test_rows_that_logical_replication_writes_are_captured(
    replicated: tuple[psycopg.Connection, psycopg.Connection],
) -> None:
    """Its apply process fires row triggers only; the first copy of a table fires statement triggers too."""
    publisher, subscriber = replicated

    def captured(operation: str) -> bool:
        return operation in {found for found, _ in _keys(subscriber)}

    wait_until(lambda: captured("I"), what="the first copy is captured")
    publisher.execute("UPDATE products SET name = 'changed'")
    wait_until(lambda: captured("U"), what="a replicated update is captured")
    publisher.execute("INSERT INTO reviews (product_id, rating) VALUES (1, 5)")
    wait_until(lambda: captured("I"), what="a replicated insert is captured")
    publisher.execute("DELETE FROM reviews")
    wait_until(lambda: captured("D"), what="a replicated delete is captured")
    publisher.execute("TRUNCATE reviews")
    wait_until(lambda: captured("T"), what="a replicated truncation is captured")
