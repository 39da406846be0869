"""One number in three tables: a product whose weight, stock and price are the same number in every transaction.

Nobody else can change its rows: triggers of the ERP's own pass them over, so that random transactions may run beside.
"""

import threading
import time
from contextlib import suppress
from typing import Any

import psycopg

from projector.faults.load import AWAY, Pausable, Url
from projector.names import document_key

_GUARD = """
CREATE OR REPLACE FUNCTION keep_the_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('numbers.writer', true) = 'yes' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    ELSIF TG_OP = 'TRUNCATE' THEN
        RAISE restrict_violation USING MESSAGE = 'the numbers are kept';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON products FOR EACH ROW
    WHEN (OLD.id = {product}) EXECUTE FUNCTION keep_the_numbers();
CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON pricing_lists FOR EACH ROW
    WHEN (OLD.id = {pricing_list}) EXECUTE FUNCTION keep_the_numbers();
"""
_GUARD_OF_TABLE = """
CREATE TRIGGER keep_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW
    WHEN (OLD.product_id = {product}) EXECUTE FUNCTION keep_the_numbers();
CREATE TRIGGER keep_new_rows BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW
    WHEN (NEW.product_id = {product}) EXECUTE FUNCTION keep_the_numbers();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON {table} EXECUTE FUNCTION keep_the_numbers();
"""
_ROWS = """
WITH product AS (INSERT INTO products (name, weight, is_active) VALUES ('numbers', 0, true) RETURNING id),
    list AS (INSERT INTO pricing_lists (name, is_active) VALUES ('numbers', true) RETURNING id),
    item AS (INSERT INTO inventory_items (product_id, quantity_on_hand) SELECT id, 0 FROM product),
    price AS (INSERT INTO product_prices (product_id, pricing_list_id, price)
        SELECT product.id, list.id, 0 FROM product, list)
SELECT product.id, list.id FROM product, list
"""
_WRITE = (
    "UPDATE products SET weight = %s WHERE id = %s",
    "UPDATE inventory_items SET quantity_on_hand = %s WHERE product_id = %s",
    "UPDATE product_prices SET price = %s WHERE product_id = %s",
)
_PAUSE_SECONDS = 0.005
_RETRY_SECONDS = 0.05
_PATIENCE = 400


def make_numbers(connection: psycopg.Connection[Any]) -> int:
    """The product's rows and their guards; returns its id. In autocommit."""
    ((product, pricing_list),) = connection.execute(_ROWS).fetchall()
    connection.execute(_GUARD.format(product=product, pricing_list=pricing_list).encode())
    for table in ("inventory_items", "product_prices"):
        connection.execute(_GUARD_OF_TABLE.format(table=table, product=product).encode())
    return int(product)


class NumberWriter(Pausable):
    """Writes one number after the other, and knows of each whether it was committed.

    Where the server goes away in the middle of a COMMIT, it is asked afterwards what became of the transaction.
    """

    def __init__(self, url: Url, product: int) -> None:
        super().__init__("numbers")
        self.product = product
        self.key = document_key("product", product)
        self.path = f"/api/mobile/products/{product}/complete"
        self.number = 0
        """The last one known to be committed."""
        self._url = url
        self._one = threading.Lock()

    def work(self) -> None:
        """A number every five milliseconds, on one connection for as long as it holds."""
        with self._connect() as connection:
            while self.may_work():
                self._write(connection)
                time.sleep(_PAUSE_SECONDS)

    def write_now(self) -> int:
        """Commits one more and returns it; tries until the server takes it."""
        while True:
            with suppress(*AWAY), self._connect() as connection:
                return self._write(connection)
            time.sleep(_RETRY_SECONDS)

    def read_back(self) -> None:
        """After the source went back: what it holds now is the last number."""
        with self._connect() as connection:
            self.number = self._read(connection)

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._url(), options="-c numbers.writer=yes", connect_timeout=5)
        connection.autocommit = True
        return connection

    def _write(self, connection: psycopg.Connection[Any]) -> int:
        with self._one:
            number = self.number + 1
            try:
                with connection.transaction():
                    for statement in _WRITE:
                        connection.execute(statement, (number, self.product))
            except AWAY:
                if not self._was_committed(number):
                    raise
            self.number = number
            self.committed += 1
            return number

    def _was_committed(self, number: int) -> bool:
        """Nobody else writes it."""
        for _ in range(_PATIENCE):
            with suppress(*AWAY), self._connect() as connection:
                return self._read(connection) == number
            time.sleep(_RETRY_SECONDS)
        return False

    def _read(self, connection: psycopg.Connection[Any]) -> int:
        rows = connection.execute("SELECT weight::int FROM products WHERE id = %s", (self.product,)).fetchall()
        return int(rows[0][0])
