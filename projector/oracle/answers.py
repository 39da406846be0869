"""What the read API answers to GET, by path."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import product as combinations
from urllib.parse import quote
from zoneinfo import ZoneInfo

from .checkout import checkout_document
from .customer import orders_answer
from .documents import document
from .rows import Rows
from .shop import home_document
from .values import Clock, Data, presentable

PREFIX = "/api/mobile"
FLAGS = {
    "product": {"include_similar": "similar_products", "include_reviews": "reviews"},
    "customer": {"include_orders": "recent_orders", "include_payments": "payment_history"},
    "order": {
        "include_items": "items",
        "include_payment": "payment",
        "include_delivery": "delivery",
    },
}
LIMITS = (1, 3, 100)
DEFAULT_LIMIT = 20

Answers = Iterator[tuple[str, Data | None]]


def answers(rows: Rows, sample: Iterable[str], *, now: datetime, timezone: str) -> Answers:
    """The paths at which the documents with these keys are read, and the data expected there.

    The data is None where the answer is 404.
    """
    clock = Clock(now, ZoneInfo(timezone))
    for key in sample:
        _, kind, *_, entity, variant = key.split(":")
        data = document(rows, key, now=now, timezone=timezone)
        if kind == "dashboard":
            yield from _dashboard(entity, variant, data)
        elif variant == "orders":
            yield from _customer_orders(entity, data)
        elif kind == "shop":
            yield f"{PREFIX}/home" + (f"?branch_id={entity}" if entity != "0" else ""), data
        elif variant == "shopper":
            yield from _shopper(rows, clock, int(entity), data)
        elif variant == "detail":
            yield f"{PREFIX}/products/{entity}", data
        else:
            yield from _flagged(f"{PREFIX}/{kind}s/{entity}", FLAGS[kind], data)
            if kind == "customer":
                yield _customer_financial(entity, data)


def _flagged(path: str, flags: dict[str, str], data: Data | None) -> Answers:
    for choice in combinations((None, "true", "false"), repeat=len(flags)):
        chosen = {flag: value for flag, value in zip(flags, choice, strict=True) if value}
        query = "&".join(f"{flag}={value}" for flag, value in chosen.items())
        hidden = {flags[flag] for flag, value in chosen.items() if value == "false"}
        yield f"{path}/complete" + (f"?{query}" if query else ""), _without(data, hidden)
    if "products" not in path:
        yield f"{path}/quick", _without(data, set(flags.values()))


def _without(data: Data | None, hidden: set[str]) -> Data | None:
    return data and {name: None if name in hidden else value for name, value in data.items()}


def _customer_financial(entity: str, data: Data | None) -> tuple[str, Data | None]:
    path = f"{PREFIX}/customers/{entity}/financial"
    if data is None:
        return path, None
    customer = data["customer"]
    return path, {
        "customer_id": customer["id"],
        "customer_name": customer["name"],
        "financial": data["financial"],
    }


def _customer_orders(entity: str, data: Data | None) -> Answers:
    path = f"{PREFIX}/customers/{entity}/orders"
    yield path, data and orders_answer(data, DEFAULT_LIMIT, None)
    for limit in LIMITS:
        yield f"{path}?limit={limit}", data and orders_answer(data, limit, None)
    stored = {order["status"] for order in data["orders"]} if data else set()
    statuses = {status for status in stored if status} | {"no such status"}
    for status in sorted(statuses | {status.swapcase() for status in statuses}):
        query = f"status={quote(status, safe='')}"
        yield f"{path}?{query}", data and orders_answer(data, DEFAULT_LIMIT, status)
        yield f"{path}?{query}&limit=2", data and orders_answer(data, 2, status)


def _shopper(rows: Rows, clock: Clock, customer: int, data: Data | None) -> Answers:
    """At all branches together, and at one."""
    yield f"{PREFIX}/home?customer_id={customer}", data
    for branch in _some_branch(rows, customer):
        both = data and presentable(home_document(rows, clock, branch, customer))
        yield f"{PREFIX}/home?customer_id={customer}&branch_id={branch}", both
        paid = data and presentable(checkout_document(rows, clock, branch, customer))
        yield f"{PREFIX}/checkout?customer_id={customer}&branch_id={branch}", paid
    yield (
        f"{PREFIX}/checkout?customer_id={customer}",
        data and presentable(checkout_document(rows, clock, None, customer)),
    )


def _some_branch(rows: Rows, number: int) -> list[int]:
    branches = [row["id"] for row in rows.all("branches") if row["id"] != 0]
    return [branches[number % len(branches)]] if branches else []


def _dashboard(entity: str, variant: str, data: Data | None) -> Answers:
    path = f"{PREFIX}/salesperson/dashboard?salesperson_id={entity}"
    if variant == "today":
        yield path, data
    yield f"{path}&date_range={variant}", data
