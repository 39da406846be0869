"""Whether this ERP can follow a section's routes: it may have renamed or dropped what they name."""

import psycopg

from projector.catalog import quoted
from projector.database import Database, reason_of
from projector.sections import Route


def route_fault(connection: Database, schema: str, route: Route) -> str | None:
    """Why a route cannot be followed; None where it can."""
    relation = f"{quoted(schema)}.{quoted(route.table)}"
    row = connection.execute("SELECT to_regclass($1) IS NULL", (relation,)).fetchone()
    if row == (True,):
        return f"the ERP has no table {route.table}"
    if missing := _missing_columns(connection, relation, route):
        return f"table {route.table} has no column {', '.join(missing)}"
    return _query_fault(connection, route)


def _missing_columns(connection: Database, relation: str, route: Route) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS ("
        "SELECT FROM pg_attribute WHERE attrelid = to_regclass($2) AND attname = name AND attnum > 0"
        " AND NOT attisdropped) ORDER BY name",
        (list(route.columns), relation),
    )
    return [name for (name,) in rows]


def _query_fault(connection: Database, route: Route) -> str | None:
    """Plans the query without running it, which also looks at this role's rights."""
    if route.query is None:
        return None
    try:
        with connection.transaction():
            connection.execute(f"EXPLAIN {route.query}", ["{}"] * len(route.columns))
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        return reason_of(error)
    return None
