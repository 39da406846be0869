"""What shoppers pay: the checkout, with the settings that come with the package."""

import tomllib
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from projector.checkout import DEFAULT_FILE

from .customer import customer_document
from .product import base_currency, product_document
from .rows import Rows
from .shop import available, cart_lines, chosen_cart, exact, promotions
from .values import EXACT, ZERO, Clock, Data, Row, amount, fields, less, rounded, total


@cache
def settings() -> Data:
    return tomllib.loads(DEFAULT_FILE.read_text(encoding="utf-8"), parse_float=Decimal)


def checkout_document(
    rows: Rows, clock: Clock, branch: int | None, customer: int, offered: Data | None = None
) -> Data | None:
    """The checkout; None where the branch or the customer does not exist. `offered` replaces the settings."""
    shopper = rows.get("customers", customer)
    if shopper is None or (branch is not None and rows.get("branches", branch) is None):
        return None
    offered = offered or settings()
    items = [_item(rows, clock, line, branch) for line in cart_lines(rows, shopper)]
    active = promotions(rows, clock, branch, "applies_to_checkout")
    totals, applied = _totals(rows, shopper, items, active, offered)
    credit = customer_document(rows, clock, shopper)["financial"]["credit"]
    return {
        "cart": {"items": items, **totals},
        "addresses": _addresses(rows, customer),
        "payment_methods": [{"name_ar": None, **method} for method in offered["payment_methods"]],
        "delivery_options": [{"name_ar": None, **option} for option in offered["delivery_options"]],
        "promotions": active,
        "credit": {"limit": credit["limit"], "available": credit["available"]},
        "summary": totals
        | {
            "items_count": len(items),
            "promotion": fields(applied, "id", "title", "promo_code") if applied else None,
            "all_in_stock": all(item["in_stock"] for item in items),
        },
    }


def _item(rows: Rows, clock: Clock, line: Row, branch: int | None) -> Data:
    product = rows.get("products", line["product_id"])
    images = product_document(rows, clock, product)["images"] if product else []
    return fields(line, "id", "product_id", "quantity") | {
        "product_name": product["name"] if product else None,
        "product_image": images[0]["url"] if images else None,
        "price": exact(line["unit_price"]),
        "subtotal": exact(line["subtotal"]),
        "in_stock": product is not None and available(rows, product["id"], branch) > 0,
    }


def _addresses(rows: Rows, customer: int) -> list[Data]:
    active = [
        it
        for it in rows.where("customer_addresses", "customer_id", customer)
        if it["is_active"] and not it["is_deleted"]
    ]
    active.sort(key=lambda it: (not it["is_default_shipping"], it["id"]))
    shown = ("id", "label", "full_name", "phone", "address_line1", "address_line2", "city", "country")
    return [fields(it, *shown) | {"is_default": it["is_default_shipping"]} for it in active]


def _totals(rows: Rows, shopper: Row, items: list[Data], active: list[Data], offered: Data) -> tuple[Data, Data | None]:
    subtotal = total(item["subtotal"] for item in items)
    cart = chosen_cart(rows, shopper)
    fits = [it for it in active if _fits(it, cart["promo_code"] if cart else None, subtotal, offered)]
    best = max(fits, key=lambda it: _off(it, subtotal), default=None)  # the first of several
    discount = _off(best, subtotal) if best else ZERO
    best = best if discount > 0 else None
    discount = max(discount, ZERO)
    fee = Decimal(offered["delivery_options"][0]["fee"]) if items and offered["delivery_options"] else ZERO
    return {
        "subtotal": subtotal,
        "discount": discount,
        "delivery_fee": fee,
        "total": EXACT.add(less(subtotal, discount), fee),
        "currency": base_currency(rows),
    }, best


def _fits(promotion: Data, code: str | None, subtotal: Decimal, offered: Data) -> bool:
    wanted = promotion["promo_code"]
    least: Any = offered.get("minimum_purchases", {}).get(str(promotion["id"]), 0)
    return subtotal >= least and (wanted is None or (code is not None and code.upper() == wanted.upper()))


def _off(promotion: Data, subtotal: Decimal) -> Decimal:
    kind, value = (promotion["discount_type"] or "").upper(), amount(promotion["discount_value"])
    if kind == "PERCENTAGE":
        return min(subtotal, rounded(Fraction(subtotal) * Fraction(value) / 100, 2))
    return min(subtotal, rounded(Fraction(value), 2)) if kind == "FIXED_AMOUNT" else ZERO
