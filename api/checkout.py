"""The shopper's checkout: the cart with its totals, and all that is needed to order.

The cart's lines, the addresses and the credit are the customer's own document, the promotions those of the shop, and
what is said of a line's product comes from the product's document. Amounts are exact decimals.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from api.answers import Answer, Part
from api.home import shop_id
from api.joined import Missing, Source, ask_parts, count_sources, joined_answer, members, part
from api.parameters import Id
from api.templates import Field, Question
from projector.checkout import Checkout

CUSTOMER: Final = Id("customer_id", "Whose cart to pay for", example=7, location="query")
SHOPPER: Final = part(
    "shopper", "Customer", Field("cart", "cart"), Field("addresses", "addresses"), Field("credit", "credit")
)
SHOP: Final = part(
    "shop", "Branch", Field("promotions", "checkout_promotions"), Field("cart", "currency", counted=False)
)
PRODUCT: Final = part(
    "product", "Product", *(Field("cart", section, counted=False) for section in ("product", "images", "inventory"))
)
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_HALF_UP)
_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the cart comes to."""

    subtotal: Decimal
    discount: Decimal
    delivery_fee: Decimal
    promotion: Mapping[str, Any] | None
    """The one that gives the discount."""

    @property
    def shown(self) -> dict[str, bytes | None]:
        total = _EXACT.add(_EXACT.subtract(self.subtotal, self.discount), self.delivery_fee)
        amounts = (self.subtotal, self.discount, self.delivery_fee, total)
        return dict(zip(("subtotal", "discount", "delivery_fee", "total"), map(_json, amounts), strict=True))


async def answer_checkout(question: Question, source: Source) -> Answer:
    customer, settings = int(question["customer_id"] or 0), source.checkout
    shopper, shop = await ask_parts(source, [Question(SHOPPER, (customer,)), Question(SHOP, (shop_id(question),))])
    cart, answers = _read(shopper.sections["cart"]), dict[int, Answer]()
    if cart is not None:
        answers = await _ask_products(source, {line["product_id"] for line in cart["items"]})
    products = {id_: answer for id_, answer in answers.items() if isinstance(answer, Part)}
    promotions = shop.sections["checkout_promotions"]
    shown: _Cart | None = None
    if cart is not None:
        totals = total_of(cart, _read(promotions) or [], settings)
        shown = _Cart(cart, products, question["branch_id"], totals, shop.sections["currency"])
    data = {
        "cart": None if shown is None else shown.json(),
        "addresses": shopper.sections["addresses"],
        "payment_methods": _json([method.model_dump() for method in settings.payment_methods]),
        "delivery_options": _json([option.model_dump() for option in settings.delivery_options]),
        "promotions": promotions,
        "credit": shopper.sections["credit"],
        "summary": None if shown is None else shown.summary(),
    }
    sources = count_sources(*(data[name] for name in ("cart", "addresses", "promotions", "credit")))
    return joined_answer(data, [shopper, shop], sources, also=[*answers.values()])


def total_of(cart: Mapping[str, Any], promotions: Sequence[Mapping[str, Any]], settings: Checkout) -> Totals:
    """The cart's totals with the promotion that gives most, the first of several that give the same."""
    subtotal = Decimal(cart["subtotal"])
    discount, chosen = _ZERO, None
    for promotion in promotions:
        if _applies(promotion, cart, settings) and (off := _discount(promotion, subtotal)) > discount:
            discount, chosen = off, promotion
    fee = settings.delivery_fee if cart["items"] else _ZERO
    return Totals(subtotal, discount, fee, chosen)


def _applies(promotion: Mapping[str, Any], cart: Mapping[str, Any], settings: Checkout) -> bool:
    code, given = promotion["promo_code"], cart["promo_code"]
    if code is not None and (given is None or code.upper() != given.upper()):
        return False
    return bool(cart["subtotal"] >= settings.minimum_purchases.get(promotion["id"], _ZERO))


def _discount(promotion: Mapping[str, Any], subtotal: Decimal) -> Decimal:
    """What it takes off, never more than there is; 0 of kinds that take off no amount."""
    kind, value = (promotion["discount_type"] or "").upper(), Decimal(promotion["discount_value"] or 0)
    if kind == "PERCENTAGE":
        value = _EXACT.multiply(_EXACT.multiply(subtotal, value), _CENT)
    elif kind != "FIXED_AMOUNT":
        return _ZERO
    return min(_EXACT.quantize(value, _CENT), subtotal)


class _Cart:
    """The lines of a cart with what is known of their products."""

    def __init__(
        self,
        cart: Mapping[str, Any],
        products: Mapping[int, Part],
        branch: object,
        totals: Totals,
        currency: bytes | None,
    ) -> None:
        self._totals = totals
        self._lines = [_line(line, products.get(line["product_id"]), branch) for line in cart["items"]]
        self._currency = currency

    def json(self) -> bytes:
        items = b"[%b]" % b",".join(_json(line) for line in self._lines)
        return members({"items": items, **self._totals.shown, "currency": self._currency})

    def summary(self) -> bytes:
        """The totals once more, with what explains them."""
        chosen = self._totals.promotion
        promotion = None if chosen is None else {name: chosen[name] for name in ("id", "title", "promo_code")}
        return members(
            {
                "items_count": _json(len(self._lines)),
                **self._totals.shown,
                "currency": self._currency,
                "promotion": _json(promotion),
                "all_in_stock": _json(all(line["in_stock"] for line in self._lines)),
            }
        )


def _line(line: Mapping[str, Any], product: Part | None, branch: object) -> dict[str, Any]:
    sections = {} if product is None else {name: _read(body) for name, body in product.sections.items()}
    images, inventory = sections.get("images") or [], sections.get("inventory") or {"by_branch": []}
    available = sum(
        (Decimal(item["available_quantity"]) for item in inventory["by_branch"] if branch in (None, item["branch_id"])),
        _ZERO,
    )
    return {
        "id": line["id"],
        "product_id": line["product_id"],
        "product_name": (sections.get("product") or {}).get("name"),
        "product_image": images[0]["url"] if images else None,
        "quantity": line["quantity"],
        "price": line["price"],
        "subtotal": line["subtotal"],
        "in_stock": available > 0,
    }


async def _ask_products(source: Source, ids: set[int | None]) -> dict[int, Answer]:
    """The parts of these products' documents; of one that is not there the 404."""
    wanted = sorted(id_ for id_ in ids if id_ is not None)
    answers = await asyncio.gather(*(source.answer(Question(PRODUCT, (id_,))) for id_ in wanted))
    for answer in answers:
        if not isinstance(answer, Part) and answer.status != 404:
            raise Missing(answer)
    return dict(zip(wanted, answers, strict=True))


def _read(section: bytes | None) -> Any:
    return None if section is None else json.loads(section, parse_float=Decimal)


def _json(value: Any) -> bytes:
    """As JSON, with all digits of decimals; in ASCII, which can hold any string that a document does."""
    if isinstance(value, Decimal):
        return f"{value:f}".encode()
    if isinstance(value, dict):
        return members({name: _json(item) for name, item in value.items()})
    if isinstance(value, list):
        return b"[%b]" % b",".join(map(_json, value))
    return json.dumps(value).encode()
