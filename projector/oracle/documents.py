"""Every document of the contract by its Redis key."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from .customer import customer_document, customer_orders_document
from .dashboard import DAYS_BEFORE, dashboard_document, is_salesperson
from .order import order_document
from .product import product_document
from .rows import Rows
from .shop import detail_document, home_document
from .values import Clock, Data, presentable


def keys(rows: Rows) -> Iterator[str]:
    """The keys of all documents that exist."""
    for row in rows.all("products"):
        yield f"bff:product:{row['id']}:complete"
        if row["is_active"]:
            yield f"bff:product:{row['id']}:detail"
    for row in rows.all("customers"):
        yield f"bff:customer:{row['id']}:complete"
        yield f"bff:customer:{row['id']}:orders"
        yield f"bff:customer:{row['id']}:shopper"
    yield from (f"bff:order:{row['id']}:complete" for row in rows.all("sales_orders"))
    for row in filter(partial(is_salesperson, rows), rows.all("users")):
        yield from (f"bff:dashboard:salesperson:{row['id']}:{it}" for it in DAYS_BEFORE)
    yield "bff:shop:0:complete"
    yield from (f"bff:shop:{row['id']}:complete" for row in rows.all("branches") if row["id"] != 0)


def documents(rows: Rows, *, now: datetime, timezone: str) -> dict[str, Data]:
    """Every document's data by Redis key; that of customers' orders holds all of them."""
    clock = Clock(now, ZoneInfo(timezone))
    found = ((key, _document(rows, clock, key)) for key in keys(rows))
    return {key: data for key, data in found if data is not None}


def document(rows: Rows, key: str, *, now: datetime, timezone: str) -> Data | None:
    """The data of one document, None where its entity does not exist."""
    return _document(rows, Clock(now, ZoneInfo(timezone)), key)


def _document(rows: Rows, clock: Clock, key: str) -> Data | None:
    _, kind, *_, entity, variant = key.split(":")
    data = BUILDERS[kind](rows, clock, int(entity), variant)
    return None if data is None else {name: presentable(value) for name, value in data.items()}


def _product(rows: Rows, clock: Clock, entity: int, variant: str) -> Data | None:
    row = rows.get("products", entity)
    if variant == "detail":
        return detail_document(rows, clock, row) if row and row["is_active"] else None
    return product_document(rows, clock, row) if row else None


def _customer(rows: Rows, clock: Clock, entity: int, variant: str) -> Data | None:
    row = rows.get("customers", entity)
    if row is None:
        return None
    if variant == "shopper":
        return home_document(rows, clock, None, entity)
    orders = variant == "orders"
    return customer_orders_document(rows, row) if orders else customer_document(rows, clock, row)


def _order(rows: Rows, clock: Clock, entity: int, _variant: str) -> Data | None:
    row = rows.get("sales_orders", entity)
    return order_document(rows, clock, row) if row else None


def _dashboard(rows: Rows, clock: Clock, entity: int, variant: str) -> Data | None:
    user = rows.get("users", entity)
    if user is None or not is_salesperson(rows, user):
        return None
    return dashboard_document(rows, clock, user, variant)


def _shop(rows: Rows, clock: Clock, entity: int, _variant: str) -> Data | None:
    return home_document(rows, clock, entity or None, None)


BUILDERS = {"product": _product, "customer": _customer, "order": _order, "dashboard": _dashboard, "shop": _shop}
