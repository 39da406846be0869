"""The reference ERP: its tables and seeded, believable data at any scale.

Scale 1 is 1,000 products, 2,000 customers and 10,000 orders of 5 salespeople, with all else in
proportion. The same scale, seed and day always give the same rows.
"""

from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from projector.sql import read_sql

TABLES = (
    "branches",
    "warehouses",
    "roles",
    "users",
    "currencies",
    "suppliers",
    "categories",
    "products",
    "inventory_items",
    "pricing_lists",
    "product_prices",
    "customers",
    "customer_addresses",
    "reviews",
    "sales_orders",
    "sales_items",
    "sales_invoices",
    "invoice_payments",
    "carts",
    "cart_items",
    "promotions",
    "audit_log",
)

_STEPS = (
    "chance",
    "organisation",
    "products",
    "stock",
    "customers",
    "orders",
    "invoices",
    "shop",
    "finish",
)

_BAGHDAD_OFFSET = timedelta(hours=3)


def create_schema(connection: psycopg.Connection) -> None:
    """Create the ERP's tables, empty, in the first schema of the search_path."""
    connection.execute(read_sql("erp/schema.sql").encode())


def generate(
    connection: psycopg.Connection,
    *,
    scale: float = 1.0,
    seed: int = 1,
    today: date | None = None,
) -> dict[str, int]:
    """Fill the empty tables in one transaction and return how many rows each has.

    `today` is the last day of the history; without it, the day it is now in Baghdad.
    """
    if not 0 < scale <= 10_000:
        raise ValueError(f"scale must be above 0 and at most 10000, not {scale}")
    day = today or (datetime.now(UTC) + _BAGHDAD_OFFSET).date()
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    with connection.transaction():
        _set_parameters(cursor, {"scale": scale, "seed": seed, "today": day.isoformat()})
        for step in _STEPS:
            cursor.execute(read_sql(f"erp/generate/{step}.sql").encode())
        return {table: _count(cursor, table) for table in TABLES}


def _set_parameters(cursor: psycopg.Cursor[tuple[int]], parameters: dict[str, float | int | str]) -> None:
    for name, value in parameters.items():
        cursor.execute("SELECT set_config('generator.' || %s, %s, true)", (name, str(value)))


def _count(cursor: psycopg.Cursor[tuple[int]], table: str) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
    row = cursor.fetchone()
    return row[0] if row else 0


def drop_schema(connection: psycopg.Connection) -> None:
    """Removes what create_schema made, and nothing else."""
    for table in TABLES:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(table)))
    connection.execute("DROP TYPE IF EXISTS invoice_type, invoice_status")
