"""A salesperson's dashboard: orders, customers, products, payments of a day, a week or a month."""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from .order import counts, days_pending
from .rows import Rows
from .values import (
    ZERO,
    Clock,
    Data,
    Row,
    fields,
    less,
    newest,
    percentage,
    position,
    rounded,
    status,
    total,
)

DAYS_BEFORE = {"today": 0, "week": 6, "month": 29}


def is_salesperson(rows: Rows, user: Row) -> bool:
    """Whether the user is a salesperson or has created an order."""
    return bool(user["is_salesperson"] or rows.where("sales_orders", "created_by", user["id"]))


def dashboard_document(rows: Rows, clock: Clock, user: Row, date_range: str) -> Data:
    period = _period(clock, date_range)
    orders = list(rows.where("sales_orders", "created_by", user["id"]))
    shown = [order for order in orders if _is_in(period, order)]
    sold = [order for order in shown if status(order) != "CANCELLED"]
    return {
        "salesperson": _salesperson(rows, user),
        "period": period,
        "sales_overview": _sales_overview(shown, sold),
        "recent_orders": _recent_orders(rows, orders),
        "pending_orders": _pending_orders(rows, clock, orders),
        "top_customers": _top_customers(rows, sold),
        "top_products": _top_products(rows, sold),
        "payment_collection": _payment_collection(rows, period, orders),
        "customer_stats": _customer_stats(rows, user, sold),
    }


def _period(clock: Clock, date_range: str) -> Data:
    today = clock.today
    start = clock.midnight(today - timedelta(days=DAYS_BEFORE[date_range]))
    end = clock.midnight(today + timedelta(days=1))
    return {"range": date_range, "start_date": start, "end_date": end}


def _is_in(period: Data, row: Row) -> bool:
    instant, start, end = row["created_at"], period["start_date"], period["end_date"]
    return instant is not None and position(start) <= position(instant) < position(end)


def _salesperson(rows: Rows, user: Row) -> Data:
    role = rows.get("roles", user["role_id"])
    name = role["name"] if role else None
    own = fields(user, "id", "name", "email", "phone")
    return own | {"role": "Salesperson" if name is None else name}


def _sales_overview(shown: list[Row], sold: list[Row]) -> Data:
    value = total(order["total_amount"] for order in sold)
    statuses = Counter(map(status, shown))
    return {
        "total_orders": len(sold),
        "total_value": value,
        "average_order_value": rounded(Fraction(value) / len(sold), 2) if sold else ZERO,
        "status_breakdown": dict(Counter(order["status"] for order in shown if order["status"] is not None)),
        "confirmed_orders": statuses["CONFIRMED"],
        "pending_orders": statuses["DRAFT"] + statuses["PENDING"],
        "completed_orders": statuses["DELIVERED"] + statuses["COMPLETED"],
    }


def _listed(rows: Rows, order: Row) -> Data:
    customer = rows.get("customers", order["customer_id"])
    own = fields(order, "id", "order_number", "customer_id", "total_amount", "status", "created_at")
    return own | {"customer_name": customer["name"] if customer else None}


def _recent_orders(rows: Rows, orders: list[Row]) -> Data:
    items = [_listed(rows, order) for order in newest(orders, "created_at")[:10]]
    return {"items": items, "count": len(items)}


def _pending_orders(rows: Rows, clock: Clock, orders: list[Row]) -> Data:
    pending = newest((it for it in orders if status(it) in {"DRAFT", "PENDING"}), "created_at")
    return {
        "items": [_listed(rows, order) | {"days_pending": days_pending(clock, order)} for order in pending[:50]],
        "count": len(pending),
        "total_value": total(order["total_amount"] for order in pending),
    }


def _top(values: dict[int, Decimal]) -> list[int]:
    """The ids of the five highest values."""
    return sorted(values, key=lambda key: (-values[key], key))[:5]


def _top_customers(rows: Rows, sold: list[Row]) -> Data:
    orders: dict[int, list[Row]] = defaultdict(list)
    for order in sold:
        if order["customer_id"] is not None:
            orders[order["customer_id"]].append(order)
    values = {key: total(it["total_amount"] for it in group) for key, group in orders.items()}
    items = [
        fields(rows.get("customers", key), "id", "name") | {"order_count": len(orders[key]), "total_value": values[key]}
        for key in _top(values)
    ]
    return {"items": items, "count": len(items)}


def _top_products(rows: Rows, sold: list[Row]) -> Data:
    lines: dict[int, list[Row]] = defaultdict(list)
    for order in sold:
        for item in rows.where("sales_items", "sales_order_id", order["id"]):
            if item["product_id"] is not None:
                lines[item["product_id"]].append(item)
    values = {key: total(it["line_total"] for it in group) for key, group in lines.items()}
    items = [
        fields(rows.get("products", key), "id", "name", "sku")
        | {"quantity_sold": total(it["quantity"] for it in lines[key]), "total_value": values[key]}
        for key in _top(values)
    ]
    return {"items": items, "count": len(items)}


def _payment_collection(rows: Rows, period: Data, orders: list[Row]) -> Data:
    invoices = [
        invoice
        for order in orders
        for invoice in rows.where("sales_invoices", "sales_order_id", order["id"])
        if counts(invoice) and status(invoice) != "DRAFT" and _is_in(period, invoice)
    ]
    invoiced = total(invoice["total_amount"] for invoice in invoices)
    collected = total(invoice["paid_amount"] for invoice in invoices)
    return {
        "invoice_count": len(invoices),
        "total_invoiced": invoiced,
        "total_collected": collected,
        "outstanding": less(invoiced, collected),
        "collection_rate": percentage(collected, invoiced),
    }


def _customer_stats(rows: Rows, user: Row, sold: list[Row]) -> Data:
    active = {order["customer_id"] for order in sold} - {None}
    assigned = rows.where("customers", "salesperson_id", user["id"])
    return {"total_customers": len(assigned), "active_customers": len(active)}
