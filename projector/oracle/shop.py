"""What shoppers see: a product's detail page, the home page."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .product import base_currency, product_document
from .rows import Rows
from .values import (
    Clock,
    Data,
    RawJson,
    Row,
    fields,
    less,
    newest,
    nulls_last,
    position,
    rounded,
    status,
    total,
)

SPECIFICATIONS = {name: name for name in ("brand", "model", "color", "size", "weight", "dimensions")}
SPECIFICATIONS |= {"unit": "unit_of_measure"}


def detail_document(rows: Rows, clock: Clock, product: Row) -> Data:
    """The answer itself, whose members stand beside each other."""
    complete = product_document(rows, clock, product)
    category = rows.get("categories", product["category_id"])
    return {
        **fields(product, "id", "name", "name_ar", "description"),
        **price_tag(complete, product),
        "images": [image["url"] for image in complete["images"]],
        "in_stock": complete["inventory"]["is_available"],
        "stock_quantity": complete["inventory"]["available_quantity"],
        "by_branch": _by_branch(rows, product),
        "rating": complete["reviews"]["average_rating"],
        "review_count": complete["reviews"]["count"],
        "specifications": {name: product[column] for name, column in SPECIFICATIONS.items() if _known(product[column])},
        "category": fields(category, "id", "name") if category else None,
    }


def price_tag(complete: Data, product: Row) -> Data:
    """What one of a product costs, given its complete document."""
    defaults = [entry["final_price"] for entry in complete["pricing"] if entry["is_default"]]
    unit = product["unit_price"]
    unit = unit if unit is not None and Decimal(unit).is_finite() else None
    price = defaults[0] if defaults else unit
    if unit is None or price is None or unit <= price:
        return {"price": price, "original_price": None, "discount": None}
    off = rounded(Fraction(less(unit, price)) * 100 / Fraction(unit), 2) if unit > 0 else None
    return {"price": price, "original_price": unit, "discount": off}


def _known(value: Any) -> bool:
    if isinstance(value, RawJson):
        return value.text.strip() != "null"
    return value is not None and (not isinstance(value, Decimal) or value.is_finite())


def _by_branch(rows: Rows, product: Row) -> list[Data]:
    available: dict[int | None, list[Decimal]] = defaultdict(list)
    for item in rows.where("inventory_items", "product_id", product["id"]):
        warehouse = rows.get("warehouses", item["warehouse_id"])
        branch = warehouse["branch_id"] if warehouse else None
        available[branch].append(less(item["quantity_on_hand"], item["quantity_reserved"]))
    names = {branch: rows.get("branches", branch) for branch in available}
    return [
        {"branch_id": branch, "branch_name": (names[branch] or {}).get("name"), "available": total(available[branch])}
        for branch in sorted(available, key=nulls_last)
    ]


def home_document(rows: Rows, clock: Clock, branch: int | None, customer: int | None) -> Data | None:
    """The home page; None where the branch or the customer does not exist."""
    shopper = rows.get("customers", customer)
    if (branch is not None and rows.get("branches", branch) is None) or (customer is not None and shopper is None):
        return None
    if ("lists", branch, clock) not in rows.known:
        rows.known["lists", branch, clock] = _lists(rows, clock, branch)
    lines = cart_lines(rows, shopper)
    lists: Data = rows.known["lists", branch, clock]
    return lists | {
        "customer": fields(shopper, "id", "name", "phone") if shopper else None,
        "cart": {
            "items_count": len(lines),
            "total": total(exact(line["subtotal"]) for line in lines),
            "currency": base_currency(rows),
        },
    }


def _lists(rows: Rows, clock: Clock, branch: int | None) -> Data:
    """What is the same for every customer."""
    offered = [it for it in rows.all("products") if it["is_active"] and available(rows, it["id"], branch) > 0]
    sold = _sold(rows, clock)
    sellers = sorted((it for it in offered if it["id"] in sold), key=lambda it: (-sold[it["id"]], it["id"]))
    return {
        "featured_products": _cards(rows, clock, [it for it in offered if it["is_featured"]]),
        "best_sellers": _cards(rows, clock, sellers),
        "new_arrivals": _cards(rows, clock, newest(offered, "created_at")),
        "promotions": promotions(rows, clock, branch, "applies_to_home")[:5],
    }


def available(rows: Rows, product: int | None, branch: int | None) -> Decimal:
    """What can be had of a product, in all warehouses or in those of one branch."""
    items = rows.where("inventory_items", "product_id", product)
    if branch is not None:
        houses = {row["id"] for row in rows.where("warehouses", "branch_id", branch)}
        items = [item for item in items if item["warehouse_id"] in houses]
    return total(less(item["quantity_on_hand"], item["quantity_reserved"]) for item in items)


def cart_lines(rows: Rows, customer: Row | None) -> list[Row]:
    """The lines of the customer's newest active cart, by id."""
    chosen = chosen_cart(rows, customer)
    return list(rows.where("cart_items", "cart_id", chosen["id"])) if chosen else []


def chosen_cart(rows: Rows, customer: Row | None) -> Row | None:
    carts = [
        cart
        for cart in rows.where("carts", "customer_id", customer and customer["id"])
        if cart["is_active"] and status(cart) in {None, "ACTIVE"}
    ]
    return next(iter(newest(carts, "created_at")), None)


def exact(number: float | None) -> Decimal | None:
    """A binary number with the digits that it is written with."""
    return None if number is None else Decimal(repr(number))


def promotions(rows: Rows, clock: Clock, branch: int | None, flag: str) -> list[Data]:
    """Those that have begun and not ended, for all branches and for this one, by priority."""
    found = [
        it
        for it in rows.all("promotions")
        if it["is_active"] and it[flag] and it["branch_id"] in {None, branch} and _goes_on(it, clock.now)
    ]
    found.sort(key=lambda it: (nulls_last(it["priority"]), it["id"]))
    return [
        fields(it, "id", "title", "description", "discount_type", "start_date", "end_date")
        | {"banner_url": it["banner_url"] or None, "promo_code": it["promo_code"] or None}
        | {"discount_value": exact(it["discount_value"])}
        for it in found
    ]


def _goes_on(promotion: Row, now: datetime) -> bool:
    start, end = promotion["start_date"], promotion["end_date"]
    begun = start is None or position(start) <= position(now)
    return begun and (end is None or position(end) > position(now))


def _sold(rows: Rows, clock: Clock) -> dict[int, Decimal]:
    """Product to the quantity sold in the last 30 days."""
    first = position(clock.midnight(clock.today - timedelta(days=29)))
    last = position(clock.midnight(clock.today + timedelta(days=1)))
    sold: dict[int, list[Decimal | None]] = defaultdict(list)
    for order in rows.all("sales_orders"):
        created = order["created_at"]
        if created is None or not first <= position(created) < last or status(order) == "CANCELLED":
            continue
        for item in rows.where("sales_items", "sales_order_id", order["id"]):
            if item["product_id"] is not None:
                sold[item["product_id"]].append(item["quantity"])
    return {product: total(quantities) for product, quantities in sold.items()}


def _cards(rows: Rows, clock: Clock, products: Sequence[Row]) -> list[Data]:
    return [_card(rows, clock, product) for product in products[:10]]


def _card(rows: Rows, clock: Clock, product: Row) -> Data:
    complete = product_document(rows, clock, product)
    tag = price_tag(complete, product)
    images = [image["url"] for image in complete["images"]]
    return fields(product, "id", "name", "name_ar") | {
        "price": tag["price"],
        "image": images[0] if images else None,
        "in_stock": True,
        "discount": tag["discount"],
    }
