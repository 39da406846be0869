"""The reference ERP: generated data is believable, odd in the known ways, and repeatable."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from projector.demo.erp import TABLES, create_schema, generate
from projector.demo.traffic import IDLE, LABELS, Traffic

TODAY = date(2025, 11, 5)
SCALE = 0.1

CONTRACT_COLUMNS = {
    "branches": "id name name_ar code is_active created_at",
    "warehouses": "id name name_ar branch_id is_active created_at",
    "roles": "id name",
    "users": "id name email phone role_id branch_id is_salesperson is_active password created_at",
    "categories": "id name name_ar parent_id is_active",
    "products": "id sku name name_ar description description_ar category_id unit_price cost_price"
    " unit_of_measure barcode image_url cdn_image_url images weight dimensions color size brand"
    " model is_active is_featured actual_available_stock tags created_at updated_at",
    "inventory_items": "id product_id warehouse_id quantity_on_hand quantity_reserved"
    " quantity_ordered created_at updated_at",
    "pricing_lists": "id name price_list_type discount_percentage is_active valid_from valid_to created_at updated_at",
    "product_prices": "id product_id pricing_list_id price discount_percentage minimum_quantity created_at updated_at",
    "reviews": "id product_id customer_id rating title comment status is_visible is_deleted customer_name created_at",
    "customers": "id customer_code name name_ar company_name phone email address city country"
    " tax_number credit_limit payment_terms currency salesperson_id is_active created_at"
    " updated_at",
    "customer_addresses": "id customer_id label full_name phone address_line1 address_line2 city"
    " country is_default_shipping is_active is_deleted",
    "currencies": "id code symbol exchange_rate is_base_currency is_active",
    "sales_orders": "id order_number customer_id branch_id warehouse_id order_date"
    " expected_delivery_date actual_delivery_date status payment_status payment_method subtotal"
    " discount_percentage discount_amount tax_percentage tax_amount total_amount paid_amount"
    " notes created_by created_at updated_at",
    "sales_items": "id sales_order_id product_id quantity unit_price discount_percentage"
    " discount_amount line_total delivered_quantity notes",
    "sales_invoices": "id invoice_number customer_id sales_order_id branch_id invoice_date"
    " due_date currency_id exchange_rate invoice_type status subtotal discount_amount tax_amount"
    " total_amount paid_amount created_by created_at updated_at",
    "invoice_payments": "id payment_number sales_invoice_id purchase_invoice_id payment_date"
    " amount currency_id payment_method reference_number created_by created_at",
    "carts": "id customer_id branch_id status is_active promo_code created_at updated_at",
    "cart_items": "id cart_id product_id quantity unit_price subtotal is_available added_at updated_at",
    "promotions": "id title description banner_url discount_type discount_value start_date"
    " end_date is_active priority applies_to_checkout applies_to_home branch_id promo_code",
}

ODD_ROWS = {
    "an order in a lower-case status": "sales_orders WHERE status <> upper(status)",
    "an order without status": "sales_orders WHERE status IS NULL",
    "an order without created_at": "sales_orders WHERE created_at IS NULL",
    "an order without customer": "sales_orders WHERE customer_id IS NULL",
    "an order without items": "sales_orders AS o WHERE NOT EXISTS"
    " (SELECT FROM sales_items WHERE sales_order_id = o.id)",
    "an order by one who is no salesperson": "sales_orders AS o JOIN users ON users.id ="
    " o.created_by WHERE is_salesperson IS NOT TRUE",
    "a late order": "sales_orders WHERE status = 'SHIPPED' AND expected_delivery_date < '2025-11-05'",
    "more reserved than on hand": "inventory_items WHERE quantity_reserved > quantity_on_hand",
    "the same place twice": "inventory_items AS a JOIN inventory_items AS b"
    " USING (product_id, warehouse_id) WHERE a.id < b.id",
    "a product without stock": "products AS p WHERE NOT EXISTS (SELECT FROM inventory_items WHERE product_id = p.id)",
    "an empty image URL": "products WHERE image_url = ''",
    "a duplicated image URL": "products, json_array_elements_text("
    "CASE json_typeof(images) WHEN 'array' THEN images END) AS url WHERE url = image_url",
    "images that are no array": "products WHERE json_typeof(images) = 'object'",
    "images that are one string": "products WHERE json_typeof(images) = 'string'",
    "an image that is no string": "products, json_array_elements("
    "CASE json_typeof(images) WHEN 'array' THEN images END) AS i WHERE json_typeof(i) = 'number'",
    "a dimension with an escaped NUL": "products WHERE dimensions::text LIKE '%\\\\u0000%'",
    "an overpaid invoice": "sales_invoices WHERE paid_amount > total_amount AND status = 'PARTIALLY_PAID'",
    "an invoice without order": "sales_invoices WHERE sales_order_id IS NULL",
    "an overdue invoice": "sales_invoices WHERE status = 'OVERDUE' AND due_date < '2025-11-05'",
    "a payment of a purchase": "invoice_payments WHERE purchase_invoice_id IS NOT NULL AND sales_invoice_id IS NULL",
    "a review without name": "reviews WHERE customer_name = ''",
    "a price list that has expired": "pricing_lists WHERE valid_to < '2025-11-05'",
    "a price list of the future": "pricing_lists WHERE valid_from > '2025-11-05'",
    "an inactive price list": "pricing_lists WHERE NOT is_active",
}


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        create_schema(connection)
        yield connection


@pytest.fixture
def erp(connection: psycopg.Connection) -> psycopg.Connection:
    generate(connection, scale=SCALE, today=TODAY)
    return connection


def rows(connection: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def values(connection: psycopg.Connection, query: str) -> set[Any]:
    return {value for (value,) in rows(connection, query)}


def fingerprint(connection: psycopg.Connection, table: str) -> str:
    query = f"SELECT md5(string_agg(row::text, '|' ORDER BY id)) FROM {table} AS row"
    return str(rows(connection, query))


def empty(connection: psycopg.Connection) -> None:
    tables = sql.SQL(", ").join(map(sql.Identifier, TABLES))
    connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))


def test_schema_has_every_table_and_column_of_the_contract(connection: psycopg.Connection) -> None:
    found: dict[str, set[str]] = {}
    for table, column in rows(
        connection,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()",
    ):
        found.setdefault(table, set()).add(column)
    assert found.keys() == set(TABLES)
    for table, columns in CONTRACT_COLUMNS.items():
        assert set(columns.split()) <= found[table], table


def test_only_primary_keys_are_indexed(connection: psycopg.Connection) -> None:
    assert values(
        connection,
        "SELECT indisprimary FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
        " WHERE relnamespace = current_schema()::regnamespace",
    ) == {True}


def test_schema_goes_into_the_first_schema_of_the_search_path(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop; SET search_path = shop, public")
        create_schema(connection)
        generate(connection, scale=0.01, today=TODAY)
        assert connection.execute("SELECT count(*) FROM shop.branches").fetchone() == (5,)


def test_same_seed_gives_the_same_rows_whatever_the_session(erp: psycopg.Connection) -> None:
    first = {table: fingerprint(erp, table) for table in TABLES}
    empty(erp)
    with erp.transaction():
        erp.execute("SET LOCAL TimeZone = 'America/New_York'; SET LOCAL DateStyle = 'German'")
        generate(erp, scale=SCALE, today=TODAY)
    assert {table: fingerprint(erp, table) for table in TABLES} == first


def test_another_seed_gives_other_rows(erp: psycopg.Connection) -> None:
    tables = set(TABLES) - {"roles", "currencies", "pricing_lists", "promotions"}
    first = {table: fingerprint(erp, table) for table in tables}
    empty(erp)
    generate(erp, scale=SCALE, seed=2, today=TODAY)
    assert [table for table in tables if fingerprint(erp, table) == first[table]] == []


def test_counts_are_in_proportion_to_the_scale(connection: psycopg.Connection) -> None:
    small = generate(connection, scale=0.2, today=TODAY)
    assert (small["products"], small["customers"], small["sales_orders"]) == (200, 400, 2000)
    empty(connection)
    large = generate(connection, scale=0.8, today=TODAY)
    assert values(connection, "SELECT count(*) FROM users WHERE is_salesperson") == {4}
    for table in ("inventory_items", "product_prices", "sales_items", "sales_invoices", "reviews"):
        assert large[table] == pytest.approx(4 * small[table], rel=0.1), table
    assert large["sales_items"] == pytest.approx(3 * large["sales_orders"], rel=0.1)
    assert large["inventory_items"] == pytest.approx(3 * large["products"], rel=0.1)


@pytest.mark.parametrize("scale", [0.001, 0.05])
def test_the_smallest_databases_have_a_handful_of_everything(connection: psycopg.Connection, scale: float) -> None:
    counts = generate(connection, scale=scale, today=TODAY)
    assert counts.keys() == set(TABLES)
    assert min(counts.values()) >= 5


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_a_scale_that_is_no_size_is_refused(connection: psycopg.Connection, scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        generate(connection, scale=scale)


def test_history_ends_on_the_day_asked_for(erp: psycopg.Connection) -> None:
    ((newest, today),) = rows(
        erp,
        "SELECT max(created_at) < '2025-11-05 08:00+03',"
        " count(*) FILTER (WHERE created_at >= '2025-11-05 00:00+03') > 0 FROM sales_orders",
    )
    assert newest
    assert today


def test_ids_go_on_after_the_generated_ones(erp: psycopg.Connection) -> None:
    erp.execute("INSERT INTO customers (name) VALUES ('new')")
    assert values(erp, "SELECT id FROM customers WHERE name = 'new'") == {201}


def test_the_generator_leaves_nothing_behind(erp: psycopg.Connection) -> None:
    assert values(erp, "SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()") == {0}


def test_much_of_the_text_is_arabic(erp: psycopg.Connection) -> None:
    for table, column in (
        ("customers", "name_ar"),
        ("products", "name_ar"),
        ("categories", "name_ar"),
        ("branches", "name_ar"),
    ):
        query = f"SELECT bool_and({column} ~ '[ء-ي]') FROM {table} WHERE {column} IS NOT NULL"
        assert values(erp, query) == {True}, table
    names = rows(erp, "SELECT name ~ '[ء-ي]', count(*) FROM customers GROUP BY 1")
    assert len(names) == 2


@pytest.mark.parametrize(("type_name", "column"), [("invoice_type", "invoice_type"), ("invoice_status", "status")])
def test_every_value_of_an_enum_occurs(erp: psycopg.Connection, type_name: str, column: str) -> None:
    assert values(erp, f"SELECT unnest(enum_range(NULL::{type_name}))") <= values(
        erp, f"SELECT {column} FROM sales_invoices"
    )


def test_every_status_occurs(erp: psycopg.Connection) -> None:
    assert values(erp, "SELECT upper(status) FROM sales_orders") >= {
        "DRAFT",
        "PENDING",
        "CONFIRMED",
        "SHIPPED",
        "DELIVERED",
        "COMPLETED",
        "CANCELLED",
    }
    assert values(erp, "SELECT status FROM reviews") >= {
        "approved",
        "pending",
        "rejected",
        "flagged",
    }


@pytest.mark.parametrize("oddity", ODD_ROWS)
def test_the_known_oddities_occur(erp: psycopg.Connection, oddity: str) -> None:
    assert rows(erp, f"SELECT FROM {ODD_ROWS[oddity]} LIMIT 1"), oddity


def test_no_number_is_nan_or_infinite(erp: psycopg.Connection) -> None:
    for table, column in rows(
        erp,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema ="
        " current_schema() AND data_type IN ('numeric', 'double precision')",
    ):
        query = f"SELECT count(*) FROM {table} WHERE {column} IN ('NaN', 'Infinity', '-Infinity')"
        assert values(erp, query) == {0}, (table, column)


def test_amounts_add_up(erp: psycopg.Connection) -> None:
    assert (
        rows(
            erp,
            "SELECT o.id FROM sales_orders AS o JOIN sales_items ON sales_order_id = o.id"
            " GROUP BY o.id HAVING sum(line_total) <> o.subtotal"
            " AND count(line_total) = count(*)",
        )
        == []
    )
    assert (
        rows(
            erp,
            "SELECT i.id FROM sales_invoices AS i JOIN invoice_payments ON sales_invoice_id = i.id"
            " GROUP BY i.id HAVING sum(amount) <> i.paid_amount AND count(amount) = count(*)",
        )
        == []
    )


def test_each_change_can_be_made_and_moves_a_row(erp: psycopg.Connection) -> None:
    traffic = Traffic(erp)
    for label in LABELS:
        before = [fingerprint(erp, table) for table in TABLES]
        assert any(traffic.perform(label) for _ in range(100)), label
        assert [fingerprint(erp, table) for table in TABLES] != before, label


def test_two_hundred_steps_make_every_kind_of_change(erp: psycopg.Connection) -> None:
    traffic = Traffic(erp, seed=3)
    assert {traffic.step() for _ in range(200)} == set(LABELS)


def test_placed_orders_reserve_what_they_hold(erp: psycopg.Connection) -> None:
    traffic = Traffic(erp)
    reserved = "SELECT sum(quantity_reserved) FROM inventory_items"
    sold = "SELECT coalesce(sum(quantity), 0) FROM sales_items WHERE sales_order_id > 1000"
    (before,) = values(erp, reserved)
    for _ in range(20):
        traffic.perform("order placed")
    (after,), (quantity,) = values(erp, reserved), values(erp, sold)
    assert after - before == quantity > 0


def test_payments_go_on_until_nothing_is_owed(erp: psycopg.Connection) -> None:
    owed = (
        "SELECT id FROM sales_invoices WHERE status IN ('PENDING', 'OVERDUE', 'PARTIALLY_PAID')"
        " AND coalesce(total_amount, 0) > coalesce(paid_amount, 0)"
    )
    assert rows(erp, owed)
    traffic = Traffic(erp)
    for _ in range(1000):
        traffic.perform("payment received")
    assert rows(erp, owed) == []


def test_traffic_survives_rows_that_are_deleted_under_it(erp: psycopg.Connection) -> None:
    traffic = Traffic(erp)
    for table in ("invoice_payments", "inventory_items", "product_prices", "cart_items", "reviews"):
        erp.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    erp.execute(
        "DELETE FROM sales_invoices WHERE id % 2 = 0; DELETE FROM sales_items;"
        "DELETE FROM products WHERE id > 3; DELETE FROM sales_orders AS o"
        " WHERE NOT EXISTS (SELECT FROM sales_invoices WHERE sales_order_id = o.id)"
    )
    labels = {traffic.step() for _ in range(200)}
    assert labels > {"customer edited", "payment received", "order advanced"}
    assert labels.isdisjoint({"order placed", "stock received"})


def test_traffic_on_empty_tables_adds_the_first_customers(connection: psycopg.Connection) -> None:
    traffic = Traffic(connection)
    assert {traffic.step() for _ in range(20)} <= {"customer added", "customer edited", IDLE}


def test_traffic_finds_all_rows_by_primary_key(database_url: str, erp: psycopg.Connection) -> None:
    with psycopg.connect(database_url, autocommit=True) as other, other.transaction():
        other.execute("SET LOCAL enable_seqscan = off")
        traffic = Traffic(other)
        assert {traffic.step() for _ in range(200)} == set(LABELS)
        assert values(other, "SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0") == set()


def test_the_same_seed_makes_the_same_changes(connection: psycopg.Connection) -> None:
    def changes() -> tuple[list[str], str]:
        empty(connection)
        generate(connection, scale=SCALE, today=TODAY)
        traffic = Traffic(connection, seed=7)
        return [next(traffic.transactions()) for _ in range(50)], fingerprint(connection, "sales_items")

    assert changes() == changes()
