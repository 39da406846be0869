"""Small sets of rows for the oracle, and the documents they make."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from projector.oracle import Rows, document

ZONE = "Asia/Baghdad"
NOW = datetime(2025, 11, 5, 18, tzinfo=UTC)  # 21:00 on the fifth in Baghdad, three hours east
TODAY = date(2025, 11, 5)
YESTERDAY = date(2025, 11, 4)


def read(key: str, *, now: datetime = NOW, **tables: Any) -> Any:
    return document(Rows(tables), key, now=now, timezone=ZONE)


def product(row: dict[str, Any] | None = None, **tables: Any) -> Any:
    others = tables.pop("products", [])
    own = {"id": 1} | (row or {})
    return read("bff:product:1:complete", products=[own, *others], **tables)


def customer(row: dict[str, Any] | None = None, **tables: Any) -> Any:
    return read("bff:customer:1:complete", customers=[{"id": 1} | (row or {})], **tables)


def order(row: dict[str, Any] | None = None, **tables: Any) -> Any:
    return read("bff:order:1:complete", sales_orders=[{"id": 1} | (row or {})], **tables)


def dashboard(date_range: str = "today", user: dict[str, Any] | None = None, **tables: Any) -> Any:
    users = [{"id": 1, "is_salesperson": True} | (user or {})]
    return read(f"bff:dashboard:salesperson:1:{date_range}", users=users, **tables)


def invoice(row_id: int, **columns: Any) -> dict[str, Any]:
    row = {"id": row_id, "customer_id": 1, "sales_order_id": 1, "invoice_type": "SALES"}
    return row | {"status": "PENDING", "total_amount": Decimal(100)} | columns


def sale(row_id: int, **columns: Any) -> dict[str, Any]:
    row = {"id": row_id, "created_by": 1, "customer_id": 1, "created_at": NOW, "status": "CONFIRMED"}
    return row | {"total_amount": Decimal(10)} | columns


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]
