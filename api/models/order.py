"""An order with its customer, items, payment and delivery."""

from pydantic import Field

from api.models.envelope import Success
from api.models.values import Count, Day, Instant, Model, Number, Person


class Order(Model):
    """The order's own record."""

    id: int
    order_number: str | None
    order_date: Day | None
    status: str | None
    payment_status: str | None
    payment_method: str | None
    subtotal: Number | None
    discount_amount: Number | None
    tax_amount: Number | None
    total_amount: Number | None
    net_amount: Number | None = Field(description="Subtotal less discount")
    notes: str | None
    salesperson: Person | None
    created_at: Instant | None
    updated_at: Instant | None


class OrderCustomer(Model):
    """Who ordered; all null where the order names nobody."""

    id: int | None
    name: str | None
    name_ar: str | None
    phone: str | None
    email: str | None
    address: str | None


class OrderItem(Model):
    """One line of the order."""

    id: int
    product_id: int | None
    product_name: str | None
    product_name_ar: str | None
    product_sku: str | None
    quantity: Number | None
    unit_price: Number | None
    discount_percentage: Number | None
    discount_amount: Number | None
    line_total: Number | None
    delivered_quantity: Number | None
    notes: str | None


class OrderItems(Model):
    """The lines of the order, by id."""

    list: list[OrderItem]
    count: Count
    total_value: Number = Field(description="The sum of line_total")


class OrderPaymentEntry(Model):
    """One payment on the order's invoices."""

    id: int
    amount: Number | None
    payment_date: Day | None
    payment_method: str | None
    reference: str | None


class OrderPayment(Model):
    """The newest invoice of the order, and what all its invoices say together."""

    has_invoice: bool
    invoice_id: int | None
    invoice_number: str | None
    invoice_date: Day | None
    due_date: Day | None
    status: str | None
    total_amount: Number
    paid_amount: Number
    balance: Number
    is_fully_paid: bool
    collection_rate: Number = Field(description="Paid of the total, in %")
    payments: list[OrderPaymentEntry] = Field(description="Newest first")


class Delivery(Model):
    """How far the delivery is."""

    has_delivery: bool
    is_delivered: bool
    status: str | None
    expected_delivery_date: Day | None
    actual_delivery_date: Day | None
    is_late: bool


class OrderSummary(Model):
    """The order at a glance."""

    status: str | None
    created_at: Instant | None
    total_amount: Number | None
    is_paid: bool
    is_delivered: bool
    collection_rate: Number
    days_pending: Count


class OrderDocument(Model):
    """What the order page shows."""

    order: Order | None
    customer: OrderCustomer | None
    items: OrderItems | None
    payment: OrderPayment | None
    delivery: Delivery | None
    summary: OrderSummary | None


class OrderAnswer(Success[OrderDocument]):
    """An order."""
