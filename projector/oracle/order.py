"""An order's document: what was ordered, by whom, and how far it has been paid and delivered."""

from decimal import Decimal

from .rows import Rows
from .values import (
    Clock,
    Data,
    Row,
    fields,
    is_before,
    less,
    newest,
    percentage,
    person,
    pick,
    status,
    total,
)

DELIVERED = {"DELIVERED", "COMPLETED"}


def order_document(rows: Rows, clock: Clock, order: Row) -> Data:
    payment = _payment(rows, order)
    delivery = _delivery(clock, order)
    return {
        "order": _order(rows, order),
        "customer": _customer(rows, order),
        "items": _items(rows, order),
        "payment": payment,
        "delivery": delivery,
        "summary": fields(order, "status", "created_at", "total_amount")
        | {"is_paid": payment["is_fully_paid"], "is_delivered": delivery["is_delivered"]}
        | {
            "collection_rate": payment["collection_rate"],
            "days_pending": days_pending(clock, order),
        },
    }


def days_pending(clock: Clock, order: Row) -> int:
    waiting = status(order) in {"DRAFT", "PENDING", "CONFIRMED"}
    return clock.days_since(order["created_at"]) if waiting else 0


def counts(invoice: Row) -> bool:
    """Whether an invoice is one that an order's payment is judged by."""
    return invoice["invoice_type"] in {"SALES", "DEBIT_NOTE"} and status(invoice) != "CANCELLED"


def _order(rows: Rows, order: Row) -> Data:
    own = fields(order, "id", "order_number", "order_date", "status", "payment_status", "subtotal")
    own |= fields(order, "payment_method", "discount_amount", "tax_amount", "total_amount", "notes")
    own |= fields(order, "created_at", "updated_at")
    return own | {
        "net_amount": _net_amount(order),
        "salesperson": person(rows.get("users", order["created_by"])),
    }


def _net_amount(order: Row) -> Decimal | None:
    subtotal: Decimal | None = order["subtotal"]
    known = subtotal is not None and Decimal(subtotal).is_finite()
    return less(subtotal, order["discount_amount"]) if known else None


def _customer(rows: Rows, order: Row) -> Data:
    customer = rows.get("customers", order["customer_id"])
    return fields(customer, "id", "name", "name_ar", "phone", "email", "address")


def _items(rows: Rows, order: Row) -> Data:
    items = rows.where("sales_items", "sales_order_id", order["id"])
    return {
        "list": [_item(rows, item) for item in items],
        "count": len(items),
        "total_value": total(item["line_total"] for item in items),
    }


def _item(rows: Rows, item: Row) -> Data:
    product = rows.get("products", item["product_id"])
    own = fields(item, "id", "product_id", "quantity", "unit_price", "discount_percentage", "notes")
    own |= fields(item, "discount_amount", "line_total", "delivered_quantity")
    return own | pick(product, product_name="name", product_name_ar="name_ar", product_sku="sku")


def _payment(rows: Rows, order: Row) -> Data:
    invoices = newest(filter(counts, _invoices(rows, order)), "created_at")
    payments = [
        payment for invoice in invoices for payment in rows.where("invoice_payments", "sales_invoice_id", invoice["id"])
    ]
    invoiced = total(invoice["total_amount"] for invoice in invoices)
    paid = total(payment["amount"] for payment in payments)
    return _newest_invoice(invoices) | {
        "total_amount": invoiced,
        "paid_amount": paid,
        "balance": less(invoiced, paid),
        "is_fully_paid": bool(invoices) and paid >= invoiced,
        "collection_rate": percentage(paid, invoiced),
        "payments": [
            fields(payment, "id", "amount", "payment_date", "payment_method")
            | pick(payment, reference="reference_number")
            for payment in newest(payments, "payment_date")
        ],
    }


def _invoices(rows: Rows, order: Row) -> list[Row]:
    return list(rows.where("sales_invoices", "sales_order_id", order["id"]))


def _newest_invoice(invoices: list[Row]) -> Data:
    newest_one = invoices[0] if invoices else None
    own = fields(newest_one, "invoice_number", "invoice_date", "due_date", "status")
    return own | pick(newest_one, invoice_id="id") | {"has_invoice": bool(invoices)}


def _delivery(clock: Clock, order: Row) -> Data:
    delivered = status(order) in DELIVERED
    pending = not delivered and status(order) != "CANCELLED"
    return fields(order, "status", "expected_delivery_date", "actual_delivery_date") | {
        "has_delivery": delivered or status(order) == "SHIPPED",
        "is_delivered": delivered,
        "is_late": pending and is_before(order["expected_delivery_date"], clock.today),
    }
