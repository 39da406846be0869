"""A product with stock, prices, images, reviews and similar products."""

from typing import Any

from pydantic import Field

from api.models.envelope import Success
from api.models.values import Count, Instant, Model, Number


class Product(Model):
    """The product's own record."""

    id: int
    name: str | None
    name_ar: str | None
    sku: str | None
    barcode: str | None
    description: str | None
    category: str | None = Field(description="The category's name")
    category_id: int | None
    brand: str | None
    unit: str | None
    weight: Number | None
    dimensions: Any = Field(description="Any JSON, as it is stored")
    is_active: bool | None
    created_at: Instant | None


class BranchStock(Model):
    """The stock of one warehouse."""

    branch_id: int | None
    branch_name: str | None
    warehouse_id: int | None
    warehouse_name: str | None
    quantity: Number | None = Field(description="On hand")
    reserved_quantity: Number | None
    available_quantity: Number = Field(description="On hand less reserved; may be negative")
    last_updated: Instant | None


class Inventory(Model):
    """The stock of all warehouses together, and of each."""

    total_quantity: Number
    available_quantity: Number
    is_available: bool
    by_branch: list[BranchStock] = Field(description="By branch_id, warehouse_id")


class Price(Model):
    """The price of one active list that is valid today."""

    pricelist_id: int
    pricelist_name: str | None
    currency: str | None
    price: Number | None
    discount_percentage: Number | None
    final_price: Number = Field(description="Price less discount, rounded to 2 decimals")
    minimum_quantity: int | None
    is_default: bool


class Image(Model):
    """One image; the first is the primary one."""

    url: str
    thumbnail: str
    is_primary: bool
    order: Count


class Review(Model):
    """One approved review."""

    id: int
    rating: int | None
    title: str | None
    comment: str | None
    customer_name: str = Field(description="Anonymous where it is not known")
    created_at: Instant | None


class Reviews(Model):
    """The newest 5 reviews, and what all of them say together."""

    items: list[Review]
    count: Count = Field(description="Of all reviews, not only those shown")
    average_rating: Number | None


class SimilarProduct(Model):
    """Another active product of the same category."""

    id: int
    name: str | None
    sku: str | None
    image: str | None


class ProductDocument(Model):
    """What the product page shows."""

    product: Product | None
    inventory: Inventory | None
    pricing: list[Price] | None = Field(description="By pricelist_id, minimum_quantity")
    images: list[Image] | None
    reviews: Reviews | None
    similar_products: list[SimilarProduct] | None = Field(description="Up to 6, by id")


class ProductAnswer(Success[ProductDocument]):
    """A product."""
