"""A customer's documents: who it is, what it owes, what it ordered and what it paid."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from .product import base_currency
from .rows import Rows
from .values import (
    ZERO,
    Clock,
    Data,
    Row,
    amount,
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

SIGNS = {"SALES": 1, "DEBIT_NOTE": 1, "CREDIT_NOTE": -1}


def customer_document(rows: Rows, clock: Clock, customer: Row) -> Data:
    return {
        "customer": _customer(rows, customer),
        "financial": _financial(rows, clock, customer),
        "recent_orders": _recent_orders(rows, customer),
        "payment_history": _payment_history(rows, customer),
    }


def customer_orders_document(rows: Rows, customer: Row) -> Data:
    """All orders of a customer, of which an answer shows the first few."""
    orders = [_order(rows, order, "order_date", "total_amount") for order in _orders(rows, customer)]
    return orders_answer({"orders": orders}, len(orders), None)


def orders_answer(document: Data, limit: int, wanted: str | None) -> Data:
    """The API's data for the newest `limit` orders, of one status where it is given."""
    orders = [
        order
        for order in document["orders"]
        if wanted is None or (order["status"] is not None and status(order) == wanted.upper())
    ][:limit]
    value = total(order["total_amount"] for order in orders)
    return {"orders": orders, "count": len(orders), "total_value": value}


def _customer(rows: Rows, customer: Row) -> Data:
    own = fields(customer, "id", "customer_code", "name", "name_ar", "company_name", "email", "phone")
    own |= fields(customer, "address", "city", "country", "tax_number", "currency", "is_active")
    own |= fields(customer, "created_at")
    salesperson = rows.get("users", customer["salesperson_id"])
    return own | {"salesperson": person(salesperson), "payment_terms": _terms(customer)}


def _terms(customer: Row) -> str:
    return f"Net {customer['payment_terms']}" if customer["payment_terms"] else "Immediate"


def _financial(rows: Rows, clock: Clock, customer: Row) -> Data:
    invoices = [
        invoice
        for invoice in rows.where("sales_invoices", "customer_id", customer["id"])
        if status(invoice) in {"PENDING", "PARTIALLY_PAID", "OVERDUE"} and invoice["invoice_type"] in SIGNS
    ]
    owed = total(map(_owed, invoices))
    overdue = total(map(_owed, filter(lambda it: _is_overdue(it, clock), invoices)))
    limit = amount(customer["credit_limit"])
    currency = base_currency(rows) if customer["currency"] is None else customer["currency"]
    return {
        "balance": {
            "total": owed,
            "overdue": overdue,
            "current": less(owed, overdue),
            "currency": currency,
        },
        "credit": {
            "limit": limit,
            "used": owed,
            "available": max(ZERO, less(limit, owed)),
            "percentage_used": percentage(owed, limit),
        },
        "payment_terms": _terms(customer),
        "risk_level": _risk_level(overdue, owed, limit),
    }


def _owed(invoice: Row) -> Decimal:
    return SIGNS[invoice["invoice_type"]] * less(invoice["total_amount"], invoice["paid_amount"])


def _is_overdue(invoice: Row, clock: Clock) -> bool:
    return invoice["invoice_type"] != "CREDIT_NOTE" and is_before(invoice["due_date"], clock.today)


def _risk_level(overdue: Decimal, used: Decimal, limit: Decimal) -> str:
    if overdue > 0:
        return "high"
    if Fraction(used) * 100 > Fraction(limit) * 80:
        return "medium"
    return "low" if Fraction(used) * 100 > Fraction(limit) * 50 else "minimal"


def _orders(rows: Rows, customer: Row) -> list[Row]:
    return newest(rows.where("sales_orders", "customer_id", customer["id"]), "created_at")


def _order(rows: Rows, order: Row, instant: str, value: str) -> Data:
    own = fields(order, "id", "order_number", "status")
    own |= {instant: order["created_at"], value: order["total_amount"]}
    return own | {"items_count": len(rows.where("sales_items", "sales_order_id", order["id"]))}


def _recent_orders(rows: Rows, customer: Row) -> Data:
    items = [_order(rows, order, "date", "total") for order in _orders(rows, customer)[:10]]
    value = total(item["total"] for item in items)
    return {"items": items, "count": len(items), "total_value": value}


def _payment_history(rows: Rows, customer: Row) -> Data:
    items = [_payment(rows, payment) for payment in newest(_payments(rows, customer), "payment_date")]
    shown = items[:10]
    paid = total(item["amount"] for item in shown)
    return {"items": shown, "count": len(shown), "total_paid": paid}


def _payments(rows: Rows, customer: Row) -> Iterable[Row]:
    for invoice in rows.where("sales_invoices", "customer_id", customer["id"]):
        yield from rows.where("invoice_payments", "sales_invoice_id", invoice["id"])


def _payment(rows: Rows, payment: Row) -> Data:
    invoice = rows.get("sales_invoices", payment["sales_invoice_id"])
    own = fields(payment, "id", "amount", "payment_date", "payment_method")
    own |= pick(payment, reference="reference_number")
    return own | pick(invoice, invoice_id="id", invoice_number="invoice_number")
