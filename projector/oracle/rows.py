"""The raw rows of the ERP's tables, read once and found by foreign key in memory."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format, TransactionStatus
from psycopg.rows import dict_row, scalar_row

from .values import INFINITY, MINUS_INFINITY, START, Beyond, Moment, RawJson, Row

# What the contract names in its first section; the types are those of the database.
COLUMNS: dict[str, tuple[str, ...]] = {
    table: tuple(columns.split())
    for table, columns in {
        "branches": "id name name_ar code is_active created_at",
        "warehouses": "id name name_ar branch_id is_active created_at",
        "roles": "id name",
        "users": """id name email phone role_id branch_id is_salesperson is_active password
            created_at""",
        "categories": "id name name_ar parent_id is_active",
        "products": """id sku name name_ar description description_ar category_id unit_price
            cost_price unit_of_measure barcode image_url cdn_image_url images weight dimensions
            color size brand model is_active is_featured actual_available_stock tags created_at
            updated_at""",
        "inventory_items": """id product_id warehouse_id quantity_on_hand quantity_reserved
            quantity_ordered created_at updated_at""",
        "pricing_lists": """id name price_list_type discount_percentage is_active valid_from
            valid_to created_at updated_at""",
        "product_prices": """id product_id pricing_list_id price discount_percentage
            minimum_quantity created_at updated_at""",
        "reviews": """id product_id customer_id rating title comment status is_visible is_deleted
            customer_name created_at""",
        "customers": """id customer_code name name_ar company_name phone email address city country
            tax_number credit_limit payment_terms currency salesperson_id is_active created_at
            updated_at""",
        "customer_addresses": """id customer_id label full_name phone address_line1 address_line2
            city country is_default_shipping is_active is_deleted""",
        "currencies": "id code symbol exchange_rate is_base_currency is_active",
        "sales_orders": """id order_number customer_id branch_id warehouse_id order_date
            expected_delivery_date actual_delivery_date status payment_status payment_method
            subtotal discount_percentage discount_amount tax_percentage tax_amount total_amount
            paid_amount notes created_by created_at updated_at""",
        "sales_items": """id sales_order_id product_id quantity unit_price discount_percentage
            discount_amount line_total delivered_quantity notes""",
        "sales_invoices": """id invoice_number customer_id sales_order_id branch_id invoice_date
            due_date currency_id exchange_rate invoice_type status subtotal discount_amount
            tax_amount total_amount paid_amount created_by created_at updated_at""",
        "invoice_payments": """id payment_number sales_invoice_id purchase_invoice_id payment_date
            amount currency_id payment_method reference_number created_by created_at""",
        "carts": "id customer_id branch_id status is_active promo_code created_at updated_at",
        "cart_items": """id cart_id product_id quantity unit_price subtotal is_available added_at
            updated_at""",
        "promotions": """id title description banner_url discount_type discount_value start_date
            end_date is_active priority applies_to_checkout applies_to_home branch_id
            promo_code""",
    }.items()
}
OPTIONAL = {"reviews", "customer_addresses", "carts", "cart_items", "promotions"}


class Rows:
    """The rows of every table at one moment. Columns that are not given are NULL."""

    def __init__(self, tables: Mapping[str, Iterable[Row]]) -> None:
        self._tables: dict[str, dict[int, Row]] = {table: {} for table in COLUMNS}
        for table, rows in tables.items():
            blank: dict[str, Any] = dict.fromkeys(COLUMNS[table])
            completed = (blank | dict(row) for row in rows)
            self._tables[table] = {row["id"]: row for row in sorted(completed, key=lambda r: r["id"])}
        self._indexes: dict[tuple[str, str], dict[Any, list[Row]]] = {}
        self.known: dict[Any, Any] = {}
        """What has been computed of these rows and is wanted again."""

    def all(self, table: str) -> Sequence[Row]:
        return list(self._tables[table].values())

    def get(self, table: str, row_id: int | None) -> Row | None:
        return None if row_id is None else self._tables[table].get(row_id)

    def where(self, table: str, column: str, value: Any) -> Sequence[Row]:
        """The rows with that value in that column, by id; none where the value is NULL."""
        if (table, column) not in self._indexes:
            index: dict[Any, list[Row]] = defaultdict(list)
            for row in self._tables[table].values():
                index[row[column]].append(row)
            self._indexes[table, column] = dict(index)
        return [] if value is None else self._indexes[table, column].get(value, [])


def load(connection: psycopg.Connection[Any]) -> Rows:
    """Read every table that exists from one snapshot, or within the open transaction."""
    idle = connection.info.transaction_status == TransactionStatus.IDLE
    with connection.transaction():
        if idle:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return Rows({table: _read(connection, table) for table in COLUMNS})


def _read(connection: psycopg.Connection[Any], table: str) -> list[Row]:
    # Binary results depend on no DateStyle and no time zone, and hold every date there is.
    with connection.cursor(binary=True, row_factory=dict_row) as cursor:
        if table in OPTIONAL and not _exists(connection, table):
            return []
        for kind, loader in LOADERS.items():
            cursor.adapters.register_loader(kind, loader)
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
        query = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table))
        return [{n: _text(v) for n, v in row.items()} for row in cursor.execute(query)]


def _exists(connection: psycopg.Connection[Any], table: str) -> bool:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone())


def _text(value: Any) -> Any:
    """Labels of the ERP's own enums come as bytes: psycopg does not know their types."""
    return value.decode() if isinstance(value, bytes) else value


class RawJsonLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> RawJson:
        return RawJson(bytes(data).decode())


class DayLoader(Loader):
    """Days from 2000-01-01, the extremes of which are the infinities."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Moment:
        days = int.from_bytes(bytes(data), "big", signed=True)
        if days in (2**31 - 1, -(2**31)):
            return INFINITY if days > 0 else MINUS_INFINITY
        ordinal = days + START.toordinal()
        return date.fromordinal(ordinal) if 1 <= ordinal <= LAST_DAY else Beyond(days)


class InstantLoader(Loader):
    """Microseconds from 2000-01-01 UTC, the extremes of which are the infinities."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Moment:
        micros = int.from_bytes(bytes(data), "big", signed=True)
        if micros in (2**63 - 1, -(2**63)):
            return INFINITY if micros > 0 else MINUS_INFINITY
        try:
            return START + timedelta(microseconds=micros)
        except OverflowError:
            return Beyond(micros)


LAST_DAY = date.max.toordinal()
LOADERS: dict[str, type[Loader]] = {
    "json": RawJsonLoader,
    "date": DayLoader,
    "timestamp": InstantLoader,
    "timestamptz": InstantLoader,
}
