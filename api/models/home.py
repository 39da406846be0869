"""The shopper's home page."""

from pydantic import Field

from api.models.envelope import Metadata, Success
from api.models.values import Count, Instant, Model, Number


class ShopProduct(Model):
    """A product that can be had in the shop."""

    id: int
    name: str | None
    name_ar: str | None
    price: Number | None = Field(description="What one costs today")
    image: str | None
    in_stock: bool
    discount: Number | None = Field(description="Percent off the unit price")


class Promotion(Model):
    """A promotion that has begun and not ended."""

    id: int
    title: str | None
    description: str | None
    banner_url: str | None
    discount_type: str | None = Field(description="percentage, fixed_amount, buy_x_get_y")
    discount_value: Number | None
    promo_code: str | None = Field(description="null: it needs none")
    start_date: Instant | None
    end_date: Instant | None = Field(description="The first moment without it")


class ShopCustomer(Model):
    """Whom the shop greets."""

    id: int
    name: str | None
    phone: str | None


class CartSummary(Model):
    """The customer's newest active cart."""

    items_count: Count
    total: Number
    currency: str | None


class Home(Model):
    """What the shopper's home page shows."""

    featured_products: list[ShopProduct] | None = Field(description="Up to 10, by id")
    best_sellers: list[ShopProduct] | None = Field(
        description="Up to 10, by the quantity sold in the last 30 days in all branches"
    )
    new_arrivals: list[ShopProduct] | None = Field(description="Up to 10, the newest first")
    promotions: list[Promotion] | None = Field(description="Up to 5, by priority")
    customer: ShopCustomer | None = Field(description="null where no customer is named")
    cart: CartSummary | None


class HomeMetadata(Metadata):
    """How fresh the lists are."""

    refresh_seconds: float = Field(description="The shop's lists are made anew at most once in so many seconds")


class HomeAnswer(Success[Home]):
    """The shopper's home page."""

    metadata: HomeMetadata
