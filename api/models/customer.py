"""A customer with balance, credit, recent orders and payments; and the customer's orders list."""

from typing import Literal

from pydantic import Field

from api.models.envelope import Metadata, Success
from api.models.values import Count, Day, Instant, Model, Number, Person


class Customer(Model):
    """The customer's own record."""

    id: int
    customer_code: str | None
    name: str | None
    name_ar: str | None
    company_name: str | None
    email: str | None
    phone: str | None
    address: str | None
    city: str | None
    country: str | None
    tax_number: str | None
    currency: str | None
    salesperson: Person | None
    payment_terms: str = Field(description='"Net 30", or "Immediate"')
    is_active: bool | None
    created_at: Instant | None


class Balance(Model):
    """What the customer still owes."""

    total: Number
    overdue: Number
    current: Number
    currency: str | None


class Credit(Model):
    """How much of the credit limit is used."""

    limit: Number
    used: Number
    available: Number
    percentage_used: Number


class Financial(Model):
    """The customer's balance and credit."""

    balance: Balance
    credit: Credit
    payment_terms: str
    risk_level: Literal["minimal", "low", "medium", "high"]


class RecentOrder(Model):
    """An order of the customer."""

    id: int
    order_number: str | None
    date: Instant | None = Field(description="When it was created")
    total: Number | None
    status: str | None
    items_count: Count


class RecentOrders(Model):
    """The newest 10 orders, cancelled ones included."""

    items: list[RecentOrder]
    count: Count
    total_value: Number


class Payment(Model):
    """A payment on one of the customer's invoices."""

    id: int
    invoice_id: int
    invoice_number: str | None
    amount: Number | None
    payment_date: Day | None
    payment_method: str | None
    reference: str | None


class PaymentHistory(Model):
    """The newest 10 payments."""

    items: list[Payment]
    count: Count
    total_paid: Number


class CustomerDocument(Model):
    """What the customer page shows."""

    customer: Customer | None
    financial: Financial | None
    recent_orders: RecentOrders | None
    payment_history: PaymentHistory | None


class CustomerAnswer(Success[CustomerDocument]):
    """A customer."""


class CustomerFinancial(Model):
    """A customer's balance and credit alone."""

    customer_id: int
    customer_name: str | None
    financial: Financial | None


class CustomerFinancialAnswer(Success[CustomerFinancial]):
    """A customer's balance and credit."""


class CustomerOrder(Model):
    """An order in the customer's list."""

    id: int
    order_number: str | None
    order_date: Instant | None = Field(description="When it was created")
    status: str | None
    total_amount: Number | None
    items_count: Count


class CustomerOrders(Model):
    """The customer's newest orders. All three are null only where the list could not be built."""

    orders: list[CustomerOrder] | None
    count: Count | None = Field(description="Of the orders shown")
    total_value: Number | None = Field(description="Of the orders shown")


class CustomerOrdersMetadata(Metadata):
    """The question repeated."""

    customer_id: int
    filter_status: str | None = Field(description="The status asked for; null means all")


class CustomerOrdersAnswer(Success[CustomerOrders]):
    """A customer's orders."""

    metadata: CustomerOrdersMetadata
