"""What PostgreSQL's catalog says of the ERP and of our views; identifiers are always quoted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from projector.database import Database
from projector.sql import read_query

Reads: TypeAlias = Mapping[str, frozenset[str]]
"""Table name to the columns that are read of it."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def view_reads(connection: Database, view: str) -> Reads | None:
    """The tables and columns that projector.<view> reads; None where there is no such view."""
    name = f"projector.{quoted(view)}"
    row = connection.execute("SELECT to_regclass($1) IS NULL", (name,)).fetchone()
    if row == (True,):
        return None
    rows = connection.execute(read_query("view_reads"), (name,))
    reads = defaultdict(set)
    for table, column in rows:
        reads[table].add(column)
    return {table: frozenset(columns) for table, columns in reads.items()}


def column_types(connection: Database, schema: str, table: str) -> dict[str, bool]:
    """Column name to whether IS DISTINCT FROM sees every difference of its values."""
    relation = f"{quoted(schema)}.{quoted(table)}"
    return dict(connection.execute(read_query("column_types"), (relation,)).fetchall())


def existing_tables(connection: Database, schema: str, tables: Iterable[str]) -> set[str]:
    rows = connection.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1)::oid"
        " AND relkind IN ('r', 'p') AND relname = ANY($2::text[])",
        (quoted(schema), list(tables)),
    )
    return {name for (name,) in rows}
