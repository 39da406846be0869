"""What shoppers see: a product's detail page."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .product import product_document
from .rows import Rows
from .values import Clock, Data, RawJson, Row, fields, less, nulls_last, rounded, total

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
