"""A salesperson's dashboard of one day, 7 days or 30 days."""

from typing import Literal

from pydantic import Field

from api.models.envelope import Success
from api.models.values import Count, Instant, Model, Number


class Salesperson(Model):
    """Whose dashboard it is."""

    id: int
    name: str | None
    email: str | None
    phone: str | None
    role: str


class Period(Model):
    """The time that the figures are of: from local midnight to local midnight."""

    range: Literal["today", "week", "month"]
    start_date: Instant
    end_date: Instant = Field(description="The end of today, exclusive")


class SalesOverview(Model):
    """The orders of the period; totals leave cancelled ones out."""

    total_orders: Count
    total_value: Number
    average_order_value: Number
    status_breakdown: dict[str, int] = Field(description="How many orders have each status")
    confirmed_orders: Count
    pending_orders: Count = Field(description="DRAFT or PENDING")
    completed_orders: Count = Field(description="DELIVERED or COMPLETED")


class DashboardOrder(Model):
    """An order of the salesperson."""

    id: int
    order_number: str | None
    customer_id: int | None
    customer_name: str | None
    total_amount: Number | None
    status: str | None
    created_at: Instant | None


class DashboardRecentOrders(Model):
    """The newest 10 orders, whatever the period."""

    items: list[DashboardOrder]
    count: Count


class PendingOrder(DashboardOrder):
    """An order that waits for confirmation."""

    days_pending: Count


class PendingOrders(Model):
    """The newest 50 orders in DRAFT or PENDING, whatever the period."""

    items: list[PendingOrder]
    count: Count = Field(description="Of all of them, not only those shown")
    total_value: Number = Field(description="Of all of them, not only those shown")


class TopCustomer(Model):
    """A customer by what was ordered in the period."""

    id: int
    name: str | None
    order_count: Count
    total_value: Number


class TopCustomers(Model):
    """The 5 customers with the highest value in the period."""

    items: list[TopCustomer]
    count: Count


class TopProduct(Model):
    """A product by what was ordered in the period."""

    id: int
    name: str | None
    sku: str | None
    quantity_sold: Number
    total_value: Number


class TopProducts(Model):
    """The 5 products with the highest value in the period."""

    items: list[TopProduct]
    count: Count


class PaymentCollection(Model):
    """What was invoiced in the period, and how much of it was paid."""

    invoice_count: Count
    total_invoiced: Number
    total_collected: Number
    outstanding: Number
    collection_rate: Number = Field(description="Collected of the invoiced, in %")


class CustomerStats(Model):
    """How many customers the salesperson has."""

    total_customers: Count = Field(description="Assigned to the salesperson")
    active_customers: Count = Field(description="With an order of the salesperson's in the period")


class DashboardDocument(Model):
    """What the dashboard shows."""

    salesperson: Salesperson | None
    period: Period | None
    sales_overview: SalesOverview | None
    recent_orders: DashboardRecentOrders | None
    pending_orders: PendingOrders | None
    top_customers: TopCustomers | None
    top_products: TopProducts | None
    payment_collection: PaymentCollection | None
    customer_stats: CustomerStats | None


class DashboardAnswer(Success[DashboardDocument]):
    """A salesperson's dashboard."""
