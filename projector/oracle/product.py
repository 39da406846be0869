"""A product's document: what it is, where it lies, what it costs, what people think of it."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .rows import Rows
from .values import (
    INFINITY,
    MINUS_INFINITY,
    Clock,
    Data,
    RawJson,
    Row,
    amount,
    fields,
    less,
    newest,
    nulls_last,
    pick,
    position,
    rounded,
    status,
    total,
)


def product_document(rows: Rows, clock: Clock, product: Row) -> Data:
    return {
        "product": _product(rows, product),
        "inventory": _inventory(rows, product),
        "pricing": _pricing(rows, clock, product),
        "images": _images(product),
        "reviews": _reviews(rows, product),
        "similar_products": _similar(rows, product),
    }


def base_currency(rows: Rows) -> str | None:
    """The code of the base currency, that of the lowest id if several are."""
    codes = (row["code"] for row in rows.all("currencies") if row["is_base_currency"])
    return next(codes, None)


def _product(rows: Rows, product: Row) -> Data:
    own = fields(product, "id", "name", "name_ar", "sku", "barcode", "description", "category_id")
    own |= fields(product, "brand", "weight", "dimensions", "is_active", "created_at")
    category = rows.get("categories", product["category_id"])
    return own | {"unit": product["unit_of_measure"], "category": category and category["name"]}


def _inventory(rows: Rows, product: Row) -> Data:
    items = rows.where("inventory_items", "product_id", product["id"])
    on_hand = total(item["quantity_on_hand"] for item in items)
    available = less(on_hand, total(item["quantity_reserved"] for item in items))
    return {
        "total_quantity": on_hand,
        "available_quantity": available,
        "is_available": available > 0,
        "by_branch": [_by_branch(rows, item) for item in sorted(items, key=_place(rows))],
    }


def _place(rows: Rows) -> Callable[[Row], tuple[object, ...]]:
    """By branch, then warehouse, then id, unknown ones last."""

    def key(item: Row) -> tuple[object, ...]:
        warehouse = rows.get("warehouses", item["warehouse_id"])
        branch_id = warehouse["branch_id"] if warehouse else None
        return nulls_last(branch_id), nulls_last(item["warehouse_id"]), item["id"]

    return key


def _by_branch(rows: Rows, item: Row) -> Data:
    warehouse = rows.get("warehouses", item["warehouse_id"])
    branch = rows.get("branches", warehouse["branch_id"]) if warehouse else None
    own = pick(item, quantity="quantity_on_hand", reserved_quantity="quantity_reserved")
    own |= pick(branch, branch_id="id", branch_name="name")
    own |= pick(warehouse, warehouse_id="id", warehouse_name="name")
    return own | {
        "available_quantity": less(item["quantity_on_hand"], item["quantity_reserved"]),
        "last_updated": _first_moment(item["updated_at"], item["created_at"]),
    }


def _first_moment(*moments: Any) -> Any:
    """The first that is known; an infinite one is not."""
    return next((moment for moment in moments if moment not in (None, INFINITY, MINUS_INFINITY)), None)


def _pricing(rows: Rows, clock: Clock, product: Row) -> list[Data]:
    priced = []
    for price in rows.where("product_prices", "product_id", product["id"]):
        pricing_list = rows.get("pricing_lists", price["pricing_list_id"])
        if pricing_list and _is_valid(pricing_list, clock):
            priced.append((pricing_list, price))
    priced.sort(key=lambda it: (it[0]["id"], nulls_last(it[1]["minimum_quantity"]), it[1]["id"]))
    lists = [pricing_list for pricing_list, _ in priced]
    default = min(lists, key=lambda it: (it["price_list_type"] != "retail", it["id"]), default=None)
    currency = base_currency(rows)
    return [
        pick(pricing_list, pricelist_id="id", pricelist_name="name")
        | fields(price, "price", "discount_percentage", "minimum_quantity")
        | {"currency": currency, "final_price": _final_price(price)}
        | {"is_default": pricing_list is default}
        for pricing_list, price in priced
    ]


def _is_valid(pricing_list: Row, clock: Clock) -> bool:
    today, first, last = clock.today, pricing_list["valid_from"], pricing_list["valid_to"]
    started = first is None or position(first) <= position(today)
    ended = last is not None and position(last) < position(today)
    return bool(pricing_list["is_active"]) and started and not ended


def _final_price(price: Row) -> Decimal:
    kept = less(Decimal(100), price["discount_percentage"])
    return rounded(Fraction(amount(price["price"])) * Fraction(kept) / 100, 2)


def _images(product: Row) -> list[Data]:
    return [
        {"url": url, "thumbnail": url, "is_primary": order == 0, "order": order}
        for order, url in enumerate(_urls(product))
    ]


def _urls(product: Row) -> list[str]:
    first = product["cdn_image_url"] or product["image_url"]
    return list(dict.fromkeys(url for url in (first, *_listed(product["images"])) if url))


def _no_url(_number: str) -> None:
    """A number of JSON, of whatever size."""


def _listed(images: RawJson | None) -> list[str]:
    """The strings of a JSON array; a string that holds a NUL is a string too."""
    if images is None:
        return []
    value = json.loads(images.text, parse_int=_no_url, parse_float=_no_url)
    return [url for url in value if isinstance(url, str)] if isinstance(value, list) else []


def _reviews(rows: Rows, product: Row) -> Data:
    shown = [
        review
        for review in rows.where("reviews", "product_id", product["id"])
        if status(review) == "APPROVED" and review["is_visible"] and not review["is_deleted"]
    ]
    ratings = [review["rating"] for review in shown if review["rating"] is not None]
    return {
        "items": [_review(review) for review in newest(shown, "created_at")[:5]],
        "count": len(shown),
        "average_rating": rounded(Fraction(sum(ratings), len(ratings)), 1) if ratings else None,
    }


def _review(review: Row) -> Data:
    own = fields(review, "id", "rating", "title", "comment", "created_at")
    return own | {"customer_name": review["customer_name"] or "Anonymous"}


def _similar(rows: Rows, product: Row) -> list[Data]:
    others = [
        other
        for other in rows.where("products", "category_id", product["category_id"])
        if other["is_active"] and other["id"] != product["id"]
    ]
    return [fields(other, "id", "name", "sku") | {"image": next(iter(_urls(other)), None)} for other in others[:6]]
