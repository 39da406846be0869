"""A stream of believable changes to the reference ERP, one small transaction at a time."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import tuple_row

from projector.demo import statements

IDLE = "nothing to do"

_WEIGHTS = {
    "order placed": 20,
    "order advanced": 28,
    "order cancelled": 3,
    "payment received": 16,
    "stock received": 12,
    "price changed": 7,
    "product edited": 4,
    "review written": 5,
    "cart filled": 4,
    "customer edited": 4,
    "customer added": 2,
}
LABELS = tuple(_WEIGHTS)

_REMEMBERED = 5_000
_ATTEMPTS = 50
_CONFLICTS = (errors.IntegrityError, errors.DeadlockDetected, errors.SerializationFailure)

_NEXT_STATUS = {
    "DRAFT": "CONFIRMED",
    "PENDING": "CONFIRMED",
    "CONFIRMED": "SHIPPED",
    "SHIPPED": "DELIVERED",
}
_METHODS = ("cash", "cash", "bank_transfer", "zain_cash", "fast_pay", "صك")
_PEOPLE = ("أحمد الجبوري", "زينب الساعدي", "Omar Al-Obaidi", "حسين التميمي", "Noor Barzani")
_CITIES = ("Baghdad", "Basra", "Erbil", "Mosul", "Najaf", "بغداد", "كركوك")
_COMMENTS = ("جودة ممتازة", "وصل بسرعة", "سعر مناسب", "As described", "Could be better", None)
_DESCRIPTIONS = ("وصل حديثا، الكمية محدودة", "منتج مضمون من المصدر", "New packaging.", None)

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _Line:
    """A product taken from one inventory item."""

    inventory_id: int
    product_id: int
    unit_price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class _OpenOrder:
    """An order that can still progress, and what it reserved (unknown of generated ones)."""

    order_id: int
    status: str
    lines: tuple[_Line, ...] = ()


class Traffic:
    """Changes rows that it finds by primary key alone: a step costs the same at any scale.

    Works on one autocommit connection, in one thread. It knows the ids that were there when it
    began, the open orders and unpaid invoices among the newest thousands, and what it added; rows
    that have gone since then only make it choose something else.
    """

    def __init__(self, connection: psycopg.Connection[Any], *, seed: int = 1) -> None:
        self._connection = connection
        self._cursor = psycopg.Cursor(connection, row_factory=tuple_row)
        self._random = random.Random(seed)
        self._last_ids = {table: self._value(query) or 0 for table, query in statements.LAST_IDS.items()}
        self._salespeople = self._ids("SELECT id FROM users WHERE is_salesperson ORDER BY id")
        self._warehouses = self._ids("SELECT id FROM warehouses ORDER BY id")
        self._unpaid_invoices = self._ids(statements.UNPAID_INVOICES, (_REMEMBERED,))
        self._open_orders = [
            _OpenOrder(order_id, status)
            for order_id, status in self._rows(statements.OPEN_ORDERS, (_REMEMBERED, list(_NEXT_STATUS)))
        ]
        self._changes = {
            "order placed": self._place_order,
            "order advanced": self._advance_order,
            "order cancelled": self._cancel_order,
            "payment received": self._receive_payment,
            "stock received": self._receive_stock,
            "price changed": self._change_price,
            "product edited": self._edit_product,
            "review written": self._write_review,
            "cart filled": self._fill_cart,
            "customer edited": self._edit_customer,
            "customer added": self._add_customer,
        }

    def transactions(self) -> Iterator[str]:
        """Steps without end."""
        while True:
            yield self.step()

    def step(self) -> str:
        """Commit one change and say which of LABELS; IDLE where there is little left to change."""
        for _ in range(_ATTEMPTS):
            (label,) = self._random.choices(LABELS, tuple(_WEIGHTS.values()))
            if self.perform(label):
                return label
        return IDLE

    def perform(self, label: str) -> bool:
        """Commit a change of this kind; False where the chosen row was not fit for it or gone."""
        try:
            with self._connection.transaction():
                return self._changes[label]()
        except _CONFLICTS:
            return False

    # Orders

    def _place_order(self) -> bool:
        lines = self._choose_lines()
        total = sum((line.quantity * line.unit_price for line in lines), Decimal(0))
        order_id = self._insert_order(total) if lines else None
        if order_id is None:
            return False
        products = [line.product_id for line in lines]
        quantities = [line.quantity for line in lines]
        prices = [line.unit_price for line in lines]
        self._changed(statements.INSERT_ITEMS, (order_id, products, quantities, prices))
        self._move_stock(lines, on_hand=0, reserved=1)
        self._remember(self._open_orders, _OpenOrder(order_id, "DRAFT", lines))
        return True

    def _choose_lines(self) -> tuple[_Line, ...]:
        wanted = [self._some("inventory_items") for _ in range(self._random.randint(1, 5))]
        return tuple(
            _Line(stock, product, price, Decimal(self._random.randint(1, 12)))
            for stock, product, price in self._rows(statements.CHOOSE_LINES, (wanted,))
        )

    def _insert_order(self, total: Decimal) -> int | None:
        parameters = {
            "number": f"SO-{self._digits(9)}",
            "customer": self._some("customers"),
            "warehouse": self._one_of(self._warehouses),
            "days": self._random.randint(1, 7),
            "method": self._random.choice(_METHODS),
            "user": self._one_of(self._salespeople),
            "total": total,
        }
        return self._value(statements.INSERT_ORDER, parameters)

    def _move_stock(self, lines: Sequence[_Line], *, on_hand: int, reserved: int) -> None:
        ids = [line.inventory_id for line in lines]
        quantities = [line.quantity for line in lines]
        self._changed(statements.MOVE_STOCK, (on_hand, reserved, ids, quantities))

    def _advance_order(self) -> bool:
        order = self._take(self._open_orders)
        if order is None:
            return False
        status = _NEXT_STATUS[order.status]
        if not self._set_status(order, status):
            return False
        if status == "CONFIRMED":
            self._invoice(order.order_id)
        if status == "DELIVERED":
            self._move_stock(order.lines, on_hand=-1, reserved=-1)
        else:
            self._remember(self._open_orders, replace(order, status=status))
        return True

    def _cancel_order(self) -> bool:
        order = self._take(self._open_orders)
        if order is None or not self._set_status(order, "CANCELLED"):
            return False
        self._move_stock(order.lines, on_hand=0, reserved=-1)
        return True

    def _set_status(self, order: _OpenOrder, status: str) -> bool:
        return self._changed(statements.SET_STATUS, (status, status == "DELIVERED", order.order_id, order.status))

    # Money

    def _invoice(self, order_id: int) -> None:
        days = self._random.choice((0, 14, 30))
        invoice_id = self._value(statements.INSERT_INVOICE, (f"INV-{self._digits(9)}", days, order_id))
        if invoice_id is not None:
            self._remember(self._unpaid_invoices, invoice_id)

    def _receive_payment(self) -> bool:
        invoice_id = self._take(self._unpaid_invoices)
        for owed, order_id in self._rows(statements.READ_OWED, (invoice_id,)):
            if invoice_id is not None and owed > 0:
                share = Decimal(self._random.choice(("1", "1", "0.5", "0.25")))
                self._pay(invoice_id, order_id, max(round(owed * share, 2), Decimal("0.01")), owed)
                return True
        return False

    def _pay(self, invoice_id: int, order_id: int | None, amount: Decimal, owed: Decimal) -> None:
        self._changed(
            statements.INSERT_PAYMENT,
            (
                f"PAY-{self._digits(9)}",
                invoice_id,
                amount,
                self._random.choice(_METHODS),
                f"REF{self._digits(6)}",
                self._one_of(self._salespeople),
            ),
        )
        settled = amount >= owed
        invoice_status = "PAID" if settled else "PARTIALLY_PAID"
        self._changed(statements.PAY_INVOICE, (amount, invoice_status, invoice_id))
        self._changed(statements.PAY_ORDER, (amount, "PAID" if settled else "PARTIAL", order_id))
        if not settled:
            self._remember(self._unpaid_invoices, invoice_id)

    # Goods

    def _receive_stock(self) -> bool:
        received = self._random.randint(1, 120)
        return self._changed(statements.RECEIVE_STOCK, {"received": received, "id": self._some("inventory_items")})

    def _change_price(self) -> bool:
        factor = Decimal(self._random.randint(90, 110)) / 100
        if self._random.random() < 0.2:
            return self._changed(statements.CHANGE_UNIT_PRICE, (factor, self._some("products")))
        return self._changed(statements.CHANGE_LIST_PRICE, (factor, self._some("product_prices")))

    def _edit_product(self) -> bool:
        product_id = self._some("products")
        if self._random.random() < 0.5:
            return self._changed(statements.RENAME_PRODUCT, (product_id,))
        return self._changed(statements.DESCRIBE_PRODUCT, (self._random.choice(_DESCRIPTIONS), product_id))

    # People

    def _write_review(self) -> bool:
        return self._changed(
            statements.INSERT_REVIEW,
            (
                self._some("products"),
                self._random.choice((5, 5, 5, 4, 4, 3, 2, 1)),
                self._random.choice(_COMMENTS),
                self._random.choice(_COMMENTS),
                self._random.choice(("approved", "approved", "pending")),
                self._some("customers"),
            ),
        )

    def _fill_cart(self) -> bool:
        return self._changed(
            statements.FILL_CART,
            {
                "cart": self._some("carts"),
                "product": self._some("products"),
                "quantity": self._random.randint(1, 5),
            },
        )

    def _edit_customer(self) -> bool:
        return self._changed(
            self._random.choice(statements.EDIT_CUSTOMER),
            {
                "id": self._some("customers"),
                "money": self._random.randint(0, 40) * 250_000,
                "days": self._random.choice((0, 7, 14, 30, 60)),
                "phone": f"+964 770 {self._digits(7)}",
                "city": self._random.choice(_CITIES),
                "user": self._one_of(self._salespeople),
            },
        )

    def _add_customer(self) -> bool:
        customer_id = self._value(
            statements.INSERT_CUSTOMER,
            (
                f"C-{self._digits(8)}",
                self._random.choice(_PEOPLE),
                f"+964 780 {self._digits(7)}",
                self._random.choice(_CITIES),
                self._one_of(self._salespeople),
            ),
        )
        self._last_ids["customers"] = max(self._last_ids["customers"], customer_id or 0)
        return customer_id is not None

    # Choices

    def _some(self, table: str) -> int:
        """An id that the table has or had; low ones, the busiest, more often."""
        return 1 + int(self._last_ids[table] * self._random.random() ** 2)

    def _one_of(self, ids: Sequence[int]) -> int | None:
        return self._random.choice(ids) if ids else None

    def _digits(self, count: int) -> str:
        return f"{self._random.randrange(10**count):0{count}}"

    def _take(self, known: list[_Item]) -> _Item | None:
        if not known:
            return None
        position = self._random.randrange(len(known))
        known[position], known[-1] = known[-1], known[position]
        return known.pop()

    def _remember(self, known: list[_Item], item: _Item) -> None:
        if len(known) >= _REMEMBERED:
            self._take(known)
        known.append(item)

    # Statements

    def _rows(self, query: LiteralString, parameters: Any = ()) -> list[Any]:
        return self._cursor.execute(query, parameters).fetchall()

    def _ids(self, query: LiteralString, parameters: Any = ()) -> list[int]:
        return [row[0] for row in self._rows(query, parameters)]

    def _value(self, query: LiteralString, parameters: Any = ()) -> int | None:
        rows = self._rows(query, parameters)
        return rows[0][0] if rows else None

    def _changed(self, query: LiteralString, parameters: Any) -> bool:
        return self._cursor.execute(query, parameters).rowcount > 0
