"""What a program may do to the ERP's tables in one step of a transaction."""

from collections.abc import Callable
from typing import LiteralString

from psycopg import sql

from projector.faults.mutation_tables import (
    Cursor,
    Targets,
    first_column,
    identifier,
    listed,
    placeholders,
    statement,
)

EXPRESSIONS: dict[str, list[LiteralString]] = {
    "bool": ["NOT {c}", "mod(id, 2) = 0"],
    "int4": ["mod(id, 97)"],
    "numeric": ["- {c}", "mod(id, 97)"],
    "varchar": ["upper({c})", "lower({c})"],
    "date": ["current_date - mod(id, 40)"],
    "timestamp": ["localtimestamp - mod(id, 40) * interval '1 day'"],
    "timestamptz": ["now() - mod(id, 40) * interval '1 day'"],
}
NO_OPS: list[LiteralString] = [
    "UPDATE {t} SET {c} = {c}",
    "UPDATE {t} SET {c} = {c} WHERE mod(id, 5) = 1",
    "UPDATE {t} SET id = id WHERE mod(id, 7) = 1",
    "UPDATE {t} SET {c} = NULL WHERE false",
    "DELETE FROM {t} WHERE id < 0",
    "INSERT INTO {t} ({c}) SELECT {c} FROM {t} WHERE false",
]
TRUNCATED = ("reviews", "invoice_payments", "cart_items", "product_prices", "customer_addresses", "promotions")
TRUNCATED_WITH_CHILDREN = ("carts", "sales_invoices", "sales_orders")


class Actions(Targets):
    """Draws and runs single steps. `act` runs any of them and says what it was."""

    def act(self, cursor: Cursor) -> str:
        action = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        return action(self, cursor)

    # Inserts

    def _insert_rows(self, cursor: Cursor) -> str:
        table, count = self._table(), self._random.choice((1, 1, 2, 5, 40))
        ids = self._new_ids(count) if self._random.random() < 0.3 else []
        self.insert(cursor, table, count, ids)
        return f"insert {count} into {table}"

    def _insert_copies(self, cursor: Cursor) -> str:
        table = self._table()
        names = listed(map(identifier, self._names(table)))
        query = "INSERT INTO {t} ({names}) SELECT {names} FROM {t} ORDER BY id DESC LIMIT %s"
        cursor.execute(statement(query, t=table, names=names), (self._random.randint(1, 150),))
        return f"insert {cursor.rowcount} copies into {table}"

    def _upsert(self, cursor: Cursor) -> str:
        table = self._table()
        ids = self._ids(cursor, table, self._random.randint(1, 8)) + self._new_ids(2)
        query, values = self._insertion(cursor, table, len(ids), ids, {})
        pairs = listed(statement("{c} = EXCLUDED.{c}", c=name) for name in self._names(table))
        if self._random.random() < 0.2:
            cursor.execute(query + sql.SQL(" ON CONFLICT DO NOTHING"), values)
        else:
            cursor.execute(query + statement(" ON CONFLICT (id) DO UPDATE SET {p}", p=pairs), values)
        return f"upsert {len(ids)} into {table}"

    def _merge(self, cursor: Cursor) -> str:
        if cursor.connection.info.server_version < 150000:
            return "merge nothing: the server is too old"
        table = self._table()
        columns = self.catalog.columns[table]
        ids = self._ids(cursor, table, self._random.randint(1, 8)) + self._new_ids(2)
        rows = [[str(row_id), *self._row(cursor, table, {})] for row_id in ids]
        types: list[LiteralString] = ["integer", *(it.declared for it in columns)]
        leaf = not self.catalog.children(table)
        query = statement(
            """MERGE INTO {t} AS t USING (VALUES {rows}) AS s (id, {names}) ON t.id = s.id
               WHEN MATCHED AND {deletes} THEN DELETE
               WHEN MATCHED THEN UPDATE SET {pairs}
               WHEN NOT MATCHED THEN INSERT (id, {names}) OVERRIDING SYSTEM VALUE
                    VALUES (s.id, {sources})""",
            t=table,
            rows=placeholders(rows, types),
            names=listed(map(identifier, self._names(table))),
            deletes=sql.SQL("mod(t.id, 3) = 0" if leaf else "false"),
            pairs=listed(statement("{c} = s.{c}", c=name) for name in self._names(table)),
            sources=listed(statement("s.{c}", c=name) for name in self._names(table)),
        )
        cursor.execute(query, [value for row in rows for value in row])
        return f"merge {len(ids)} into {table}"

    def _copy(self, cursor: Cursor) -> str:
        table, count = self._table(), self._random.choice((1, 10, 60))
        rows = [self._row(cursor, table, {}) for _ in range(count)]
        names = listed(map(identifier, self._names(table)))
        with cursor.copy(statement("COPY {t} ({names}) FROM STDIN", t=table, names=names)) as copy:
            for row in rows:
                copy.write_row(row)
        return f"copy {count} into {table}"

    def _place_order(self, cursor: Cursor) -> str:
        order = self.insert(cursor, "sales_orders", 1)[0]
        self.insert(cursor, "sales_items", self._random.randint(1, 6), sales_order_id=order)
        for _ in range(self._random.randint(0, 2)):
            invoice = self.insert(cursor, "sales_invoices", 1, sales_order_id=order)[0]
            self.insert(cursor, "invoice_payments", 2, sales_invoice_id=invoice)
        return f"place order {order}"

    # Updates

    def _update_rows(self, cursor: Cursor) -> str:
        table = self._table()
        columns = self.catalog.columns[table]
        chosen = self._random.sample(columns, min(len(columns), self._random.choice((1, 1, 2, 5))))
        ids = self._ids(cursor, table, self._random.choice((1, 1, 1, 4)))
        pairs = listed(statement("{c} = %s", c=column.name) for column in chosen)
        values = [self._value(cursor, column) for column in chosen]
        query = statement("UPDATE {t} SET {pairs} WHERE id = ANY(%s)", t=table, pairs=pairs)
        cursor.execute(query, [*values, ids])
        return f"update {table} {ids}: {', '.join(column.name for column in chosen)}"

    def _update_many(self, cursor: Cursor) -> str:
        column = self._column()
        divisor = self._random.choice((1, 2, 3, 7, 10, 10))
        value = self._value(cursor, column)
        shaped = EXPRESSIONS.get(column.type, []) if not column.parent else []
        if shaped and self._random.random() < 0.6:
            expression = statement(self._random.choice(shaped), c=column.name)
        else:
            expression = sql.SQL("{}").format(value)
        query = "UPDATE {t} SET {c} = {e} WHERE mod(id, {divisor}) = 0"
        cursor.execute(statement(query, t=column.table, c=column.name, e=expression, divisor=divisor))
        return f"update {cursor.rowcount} of {column.table}.{column.name}"

    def _move_references(self, cursor: Cursor) -> str:
        column = self._random.choice(self.catalog.references())
        ids = self._ids(cursor, column.table, self._random.choice((1, 1, 20)))
        query = statement("UPDATE {t} SET {c} = %s WHERE id = ANY(%s)", t=column.table, c=column.name)
        cursor.execute(query, (self._value(cursor, column), ids))
        return f"move {len(ids)} of {column.table}.{column.name}"

    def _change_ids(self, cursor: Cursor) -> str:
        table = self._table()
        old = self._unreferenced(cursor, table, self._random.choice((1, 3)))
        query = statement("UPDATE {t} SET id = id + %s WHERE id = ANY(%s)", t=table)
        cursor.execute(query, (self._random.randint(1, 50_000), [it for it in old if it < 2**31 - 50_001]))
        return f"change {cursor.rowcount} ids of {table}"

    def _replace_parent(self, cursor: Cursor) -> str:
        """A copy under a new id takes over everything that refers to a row, and the row goes."""
        table = self._random.choice([it for it in self.catalog.tables if self.catalog.children(it)])
        names = listed(map(identifier, self._names(table)))
        copied = "INSERT INTO {t} (id, {names}) OVERRIDING SYSTEM VALUE SELECT %s, {names} FROM {t}"
        for old in self._ids(cursor, table, 1):
            new = self._new_ids(1)[0]
            cursor.execute(statement(copied + " WHERE id = %s", t=table, names=names), (new, old))
            for child in self.catalog.children(table):
                moved = statement("UPDATE {t} SET {c} = %s WHERE {c} = %s", t=child.table, c=child.name)
                cursor.execute(moved, (new, old))
            cursor.execute(statement("DELETE FROM {t} WHERE id = %s", t=table), (old,))
        return f"replace a row of {table}"

    def _flip_base_currency(self, cursor: Cursor) -> str:
        cursor.execute("UPDATE currencies SET is_base_currency = is_base_currency IS NOT TRUE")
        return "flip base currencies"

    def _no_op(self, cursor: Cursor) -> str:
        column = self._column()
        cursor.execute(statement(self._random.choice(NO_OPS), t=column.table, c=column.name))
        return f"change nothing in {column.table}.{column.name}"

    def _two_tables(self, cursor: Cursor) -> str:
        """One statement that deletes from one table and updates another."""
        query = """WITH gone AS (DELETE FROM sales_items WHERE id = ANY(%s)
                                 RETURNING sales_order_id)
                   UPDATE sales_orders SET notes = 'fewer items', total_amount = 0
                   FROM gone WHERE id = gone.sales_order_id"""
        cursor.execute(query, (self._ids(cursor, "sales_items", 3),))
        return "delete items and update their orders"

    def _block(self, cursor: Cursor) -> str:
        """A subtransaction of PL/pgSQL that is undone between two changes that stay."""
        column = self._column()
        block = """DO $block$ BEGIN
                UPDATE {t} SET {c} = {c} WHERE mod(id, 3) = 0;
                BEGIN
                    UPDATE {t} SET {c} = {value} WHERE mod(id, 3) = 1;
                    RAISE EXCEPTION 'undone';
                EXCEPTION WHEN raise_exception THEN NULL;
                END;
                UPDATE {t} SET {c} = {value} WHERE mod(id, 9) = 2;
            END $block$"""
        value = sql.Literal(self._value(cursor, column))
        cursor.execute(statement(block, t=column.table, c=column.name, value=value))
        return f"a block on {column.table}.{column.name}"

    # Deletes

    def _delete_unreferenced(self, cursor: Cursor) -> str:
        table = self._table()
        ids = self._unreferenced(cursor, table, self._random.choice((1, 1, 5)))
        cursor.execute(statement("DELETE FROM {t} WHERE id = ANY(%s)", t=table), (ids,))
        return f"delete {ids} of {table}"

    def _delete_with_children(self, cursor: Cursor) -> str:
        table = self._table()
        ids = self._ids(cursor, table, 1)
        self._delete_tree(cursor, table, ids)
        return f"delete {ids} of {table} with what refers to it"

    def _delete_tree(self, cursor: Cursor, table: str, ids: list[int]) -> None:
        for child in self.catalog.children(table):
            if child.cascades:
                continue
            found = statement("SELECT id FROM {t} WHERE {c} = ANY(%s)", t=child.table, c=child.name)
            cleared = statement("UPDATE {t} SET {c} = NULL WHERE {c} = ANY(%s)", t=child.table, c=child.name)
            referring = first_column(cursor, found, ids)
            keep = child.table == table or len(referring) > 20 or self._random.random() < 0.5
            if referring and child.nullable and keep:
                cursor.execute(cleared, (ids,))
            elif referring:
                self._delete_tree(cursor, child.table, referring)
        cursor.execute(statement("DELETE FROM {t} WHERE id = ANY(%s)", t=table), (ids,))

    def _delete_many(self, cursor: Cursor) -> str:
        table = self._table()
        query = sql.SQL("DELETE FROM {} WHERE id IN ({}) AND mod(id, 7) = {}").format(
            identifier(table), self._select_unreferenced(table), self._random.randrange(7)
        )
        cursor.execute(query)
        return f"delete {cursor.rowcount} of {table}"

    def _delete_and_insert(self, cursor: Cursor) -> str:
        table = self._table()
        ids = self._unreferenced(cursor, table, 2)
        cursor.execute(statement("DELETE FROM {t} WHERE id = ANY(%s)", t=table), (ids,))
        if ids:
            self.insert(cursor, table, len(ids), ids)
        return f"delete and insert {ids} of {table}"

    def _truncate(self, cursor: Cursor) -> str:
        deep = self._random.random() < 0.1
        names = TRUNCATED_WITH_CHILDREN if deep else TRUNCATED
        table = self._random.choice([name for name in names if name in self.catalog.tables])
        restart = sql.SQL("RESTART IDENTITY" if self._random.random() < 0.2 else "")
        cascade = sql.SQL("CASCADE" if deep else "")
        cursor.execute(statement("TRUNCATE {t} {r} {cascade}", t=table, r=restart, cascade=cascade))
        return f"truncate {table}"


WEIGHTS: dict[Callable[[Actions, Cursor], str], int] = {
    Actions._update_rows: 30,
    Actions._update_many: 5,
    Actions._move_references: 8,
    Actions._change_ids: 4,
    Actions._replace_parent: 2,
    Actions._flip_base_currency: 1,
    Actions._no_op: 4,
    Actions._two_tables: 2,
    Actions._block: 3,
    Actions._insert_rows: 12,
    Actions._insert_copies: 3,
    Actions._place_order: 8,
    Actions._upsert: 6,
    Actions._merge: 5,
    Actions._copy: 4,
    Actions._delete_unreferenced: 5,
    Actions._delete_with_children: 5,
    Actions._delete_many: 3,
    Actions._delete_and_insert: 4,
    Actions._truncate: 1,
}
