"""A shopper's checkout."""

from pydantic import Field

from api.models.envelope import Success
from api.models.home import Promotion
from api.models.values import Count, Model, Number


class CartItem(Model):
    """One line of the cart."""

    id: int
    product_id: int | None
    product_name: str | None
    product_image: str | None
    quantity: int | None
    price: Number | None
    subtotal: Number | None
    in_stock: bool = Field(description="Whether any can be had, in the branch where one is named")


class Totals(Model):
    """What the cart comes to."""

    subtotal: Number
    discount: Number = Field(description="Of the one promotion that gives most")
    delivery_fee: Number = Field(description="Of the first delivery option; 0 for an empty cart")
    total: Number
    currency: str | None


class Cart(Totals):
    """The customer's newest active cart; empty where there is none."""

    items: list[CartItem] = Field(description="By id")


class Address(Model):
    """Where to deliver."""

    id: int
    label: str | None
    full_name: str | None
    phone: str | None
    address_line1: str | None
    address_line2: str | None
    city: str | None
    country: str | None
    is_default: bool | None


class PaymentMethod(Model):
    """A way to pay."""

    id: str
    name: str
    name_ar: str | None


class DeliveryOption(Model):
    """A way to get the goods."""

    id: str
    name: str
    name_ar: str | None
    fee: Number


class CheckoutCredit(Model):
    """What the customer may still owe."""

    limit: Number
    available: Number


class AppliedPromotion(Model):
    """The promotion that gives the discount."""

    id: int
    title: str | None
    promo_code: str | None


class CheckoutSummary(Totals):
    """The order at a glance."""

    items_count: Count
    promotion: AppliedPromotion | None
    all_in_stock: bool


class Checkout(Model):
    """What the checkout shows."""

    cart: Cart | None
    addresses: list[Address] | None = Field(description="The default one first")
    payment_methods: list[PaymentMethod]
    delivery_options: list[DeliveryOption]
    promotions: list[Promotion] | None = Field(description="By priority")
    credit: CheckoutCredit | None
    summary: CheckoutSummary | None


class CheckoutAnswer(Success[Checkout]):
    """A shopper's checkout."""
