"""A product as a shopper sees it."""

from typing import Any

from pydantic import Field

from api.models.envelope import Success
from api.models.values import Count, Model, Number


class BranchAvailability(Model):
    """What can be had in one branch."""

    branch_id: int | None = Field(description="null for stock of no branch")
    branch_name: str | None
    available: Number = Field(description="On hand less reserved; may be negative")


class DetailCategory(Model):
    """The product's category."""

    id: int
    name: str | None


class ProductDetail(Model):
    """What the shopper's product page shows. Fields that could not be built are null."""

    id: int | None
    name: str | None
    name_ar: str | None
    description: str | None
    price: Number | None = Field(description="Of the default price list valid today, else the unit price")
    original_price: Number | None = Field(description="The unit price where it is higher")
    discount: Number | None = Field(description="Percent off the original price")
    images: list[str] | None = Field(description="URLs, the primary one first")
    in_stock: bool | None
    stock_quantity: Number | None = Field(description="Available in all warehouses; may be negative")
    by_branch: list[BranchAvailability] | None = Field(description="By branch_id")
    rating: Number | None = Field(description="The average of all reviews; null without any")
    review_count: Count | None
    specifications: dict[str, Any] | None = Field(
        description="Those known of brand, model, color, size, weight, dimensions (any JSON, as stored) and unit"
    )
    category: DetailCategory | None


class ProductDetailAnswer(Success[ProductDetail]):
    """A product as a shopper sees it."""
