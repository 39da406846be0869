"""Whether the projector may be installed here: the server, the ERP's tables, the time zone and our rights, asked before
anything is touched."""

import psycopg

from projector.catalog import existing_tables, quoted
from projector.database import Database
from projector.errors import InstallError
from projector.sections import OPTIONAL_TABLES, load_documents

MINIMUM_VERSION = 140000
REQUIRED_TABLES = (
    "branches", "warehouses", "roles", "users", "categories", "products", "inventory_items", "pricing_lists",
    "product_prices", "customers", "currencies", "sales_orders", "sales_items", "sales_invoices",
    "invoice_payments",
)  # fmt: skip


def is_installed(connection: Database) -> bool:
    """Whether an installation, of any version, is there already."""
    row = connection.execute("SELECT to_regclass('projector.installation')").fetchone()
    return row is not None and row[0] is not None


def require_fit(connection: Database, schema: str, timezone: str) -> None:
    """InstallError says what is missing and what to do."""
    if connection.info.server_version < MINIMUM_VERSION:
        raise InstallError(f"PostgreSQL is too old ({connection.info.server_version}). Version 14 or newer is needed.")
    found = existing_tables(connection, schema, REQUIRED_TABLES)
    missing = [table for table in REQUIRED_TABLES if table not in found]
    # Later a table may have been renamed or dropped by an upgrade of the ERP: that breaks what reads it.
    if missing and not (found and is_installed(connection)):
        raise InstallError(
            f"This is not the ERP's database: schema {schema} has no table {', '.join(missing)}."
            " Check PROJECTOR_DATABASE_URL and PROJECTOR_ERP_SCHEMA."
        )
    _require_zone(connection, timezone)
    optional = {route.table for document in load_documents() for it in document.sections for route in it.routes}
    _require_rights(connection, schema, found | existing_tables(connection, schema, optional & OPTIONAL_TABLES))


def _require_zone(connection: Database, timezone: str) -> None:
    try:
        connection.execute("SELECT now() AT TIME ZONE $1::text", (timezone,))
    except psycopg.errors.InvalidParameterValue:
        raise InstallError(
            f"PostgreSQL knows no time zone {timezone!r}. Set PROJECTOR_TIMEZONE to a name like Asia/Baghdad."
        ) from None


def _require_rights(connection: Database, schema: str, tables: set[str]) -> None:
    create = "SELECT has_database_privilege(current_database(), 'CREATE'), current_user::text"
    allowed, user = connection.execute(create).fetchone() or (False, "?")
    if not allowed:
        raise InstallError(
            f"Role {user} may not create a schema in this database."
            " Grant it CREATE on the database, or install as the database's owner."
        )
    for table in sorted(tables):
        relation = f"{quoted(schema)}.{quoted(table)}"
        rights = "SELECT has_table_privilege($1, 'SELECT') AND has_table_privilege($1, 'TRIGGER')"
        if not (connection.execute(rights, (relation,)).fetchone() or (False,))[0]:
            raise InstallError(
                f"Role {user} may not add triggers to {schema}.{table}. Grant it SELECT and TRIGGER on"
                " the ERP's tables, or install as their owner."
            )
