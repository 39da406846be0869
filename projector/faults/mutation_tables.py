"""The ERP's tables as a database declares them, and random choices of rows and of new rows."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from projector.faults.mutation_values import Column, Values
from projector.oracle import COLUMNS

Cursor = psycopg.Cursor[Any]

COLUMNS_OF_TABLES = """
    SELECT c.relname AS "table", a.attname AS name, t.typname AS type,
           format_type(a.atttypid, a.atttypmod) AS declared, a.atttypmod AS modifier,
           NOT a.attnotnull AS nullable, coalesce(f.parent, '') AS parent,
           coalesce(f.cascades, false) AS cascades,
           ARRAY(SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid
                 ORDER BY e.enumsortorder) AS labels
    FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS wanted (name, place)
    JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN LATERAL (
        SELECT p.relname::text AS parent, k.confdeltype = 'c' AS cascades
        FROM pg_constraint AS k
        JOIN pg_class AS p ON p.oid = k.confrelid
        WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum]
        LIMIT 1
    ) AS f ON true
    ORDER BY wanted.place, a.attnum
"""


class Catalog:
    """The contract's tables that exist in a database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        with connection.cursor(row_factory=class_row(Column)) as cursor:
            found = cursor.execute(COLUMNS_OF_TABLES, {"tables": list(COLUMNS)}).fetchall()
        named = [column for column in found if column.name in COLUMNS[column.table]]
        self.columns: dict[str, list[Column]] = {column.table: [] for column in named}
        for column in named:
            if column.name != "id":
                self.columns[column.table].append(column)
        self.tables = list(self.columns)

    def children(self, parent: str) -> list[Column]:
        """The columns that refer to a table."""
        every = (column for columns in self.columns.values() for column in columns)
        return [column for column in every if column.parent == parent]

    def references(self) -> list[Column]:
        every = (column for columns in self.columns.values() for column in columns)
        return [column for column in every if column.parent]


class Targets:
    """Draws tables, columns, rows and values of one database.

    `dangling` is the share of references to rows that are most likely not there.
    """

    dangling: float = 0.005

    def __init__(self, random: Random, values: Values, catalog: Catalog) -> None:
        self._random = random
        self._values = values
        self.catalog = catalog

    def _table(self) -> str:
        return self._random.choice(self.catalog.tables)

    def _column(self) -> Column:
        return self._random.choice(self.catalog.columns[self._table()])

    def _ids(self, cursor: Cursor, table: str, limit: int) -> list[int]:
        """Up to `limit` ids that stand together, from a random place on."""
        query = statement(
            """SELECT id FROM {t} ORDER BY id
               OFFSET (SELECT mod(%s, greatest(count(*), 1)) FROM {t}) LIMIT %s""",
            t=table,
        )
        return first_column(cursor, query, self._random.randrange(2**31), limit)

    def _unreferenced(self, cursor: Cursor, table: str, limit: int) -> list[int]:
        found = first_column(cursor, self._select_unreferenced(table))
        return self._random.sample(found, min(limit, len(found)))

    def delete_beyond(self, cursor: Cursor, table: str, limit: int) -> None:
        """Delete rows that nothing refers to, of those above so many."""
        query = statement(
            "DELETE FROM {t} WHERE id IN ({free}) AND id IN (SELECT id FROM {t} ORDER BY id OFFSET %s)",
            t=table,
            free=self._select_unreferenced(table),
        )
        cursor.execute(query, (limit,))

    def _select_unreferenced(self, table: str) -> sql.Composed:
        children = self.catalog.children(table)
        conditions = [
            statement("NOT EXISTS (SELECT FROM {t} AS c WHERE c.{c} = p.id)", t=child.table, c=child.name)
            for child in children
        ]
        every = sql.SQL(" AND ").join([sql.SQL("true"), *conditions])
        return sql.SQL("SELECT id FROM {} AS p WHERE {} ORDER BY id").format(identifier(table), every)

    def _new_ids(self, count: int) -> list[int]:
        first = self._random.randint(100_000, 2_000_000_000)
        return list(range(first, first + count))

    def _value(self, cursor: Cursor, column: Column) -> str | None:
        if not column.parent:
            return self._values.draw(column)
        if self._random.random() < self.dangling:
            return "99999"
        found = self._ids(cursor, column.parent, 1)
        unknown = column.nullable and self._random.random() < 0.12
        return None if unknown or not found else str(found[0])

    def insert(self, cursor: Cursor, table: str, count: int, ids: Sequence[int] = (), **fixed: int) -> list[int]:
        """Insert random rows in one statement, with these ids if any are given."""
        query, values = self._insertion(cursor, table, count, ids, fixed)
        return first_column(cursor, query + sql.SQL(" RETURNING id"), *values)

    def _insertion(
        self, cursor: Cursor, table: str, count: int, ids: Sequence[int], fixed: dict[str, int]
    ) -> tuple[sql.Composed, list[Any]]:
        rows = [self._row(cursor, table, fixed) for _ in range(count)]
        if ids:
            rows = [[str(row_id), *row] for row_id, row in zip(ids, rows, strict=True)]
        names = [*(["id"] if ids else []), *self._names(table)]
        query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {}").format(
            identifier(table), listed(map(identifier, names)), placeholders(rows)
        )
        return query, [value for row in rows for value in row]

    def _row(self, cursor: Cursor, table: str, fixed: dict[str, int]) -> list[str | None]:
        return [
            str(fixed[column.name]) if column.name in fixed else self._value(cursor, column)
            for column in self.catalog.columns[table]
        ]

    def _names(self, table: str) -> list[str]:
        return [column.name for column in self.catalog.columns[table]]


def identifier(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def statement(template: LiteralString, **parts: str | int | sql.Composable) -> sql.Composed:
    """The template with names as identifiers."""
    quoted = {key: identifier(it) if isinstance(it, str) else it for key, it in parts.items()}
    return sql.SQL(template).format(**quoted)


def placeholders(rows: list[Any], types: Sequence[LiteralString] = ()) -> sql.Composed:
    """Lists of placeholders in the shape of the rows, cast to the types if any are given."""
    casts = [sql.SQL("%s::" + name) for name in types] or [sql.SQL("%s")] * len(rows[0])
    return listed(sql.SQL("({})").format(listed(casts)) for _ in rows)


def first_column(cursor: Cursor, query: sql.Composed, *parameters: Any) -> list[Any]:
    return [row[0] for row in cursor.execute(query, parameters)]
