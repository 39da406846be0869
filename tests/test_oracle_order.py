"""The contract's order document, rule by rule."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from projector.oracle import INFINITY, MINUS_INFINITY
from tests.oracle_cases import NOW, TODAY, YESTERDAY, ids, invoice, order


class TestOrder:
    @pytest.mark.parametrize(
        ("subtotal", "discount", "net"),
        [
            ("10", "2.50", "7.50"),
            ("10", None, "10"),
            (None, "2", None),
            ("NaN", "2", None),
            ("10", "NaN", "10"),
        ],
    )
    def test_net_amount_is_null_only_without_subtotal(
        self, subtotal: str | None, discount: str | None, net: str | None
    ) -> None:
        row = {"subtotal": subtotal and Decimal(subtotal), "discount_amount": discount and Decimal(discount)}
        assert order(row)["order"]["net_amount"] == (net and Decimal(net))

    def test_names_its_salesperson_and_customer(self) -> None:
        users = [{"id": 2, "name": "Ali", "phone": None}]
        customers = [{"id": 3, "name": "Zaid", "address": ""}]
        found = order({"created_by": 2, "customer_id": 3}, users=users, customers=customers)
        assert found["order"]["salesperson"] == {"id": 2, "name": "Ali", "phone": None}
        assert found["customer"]["name"] == "Zaid"
        assert set(found["customer"]) == {"id", "name", "name_ar", "phone", "email", "address"}
        assert order()["order"]["salesperson"] is None
        assert set(order()["customer"].values()) == {None}

    def test_items_are_listed_by_id(self) -> None:
        items = [
            {"id": 2, "sales_order_id": 1, "product_id": 5, "line_total": Decimal("1.10")},
            {"id": 1, "sales_order_id": 1, "product_id": None, "line_total": None},
            {"id": 3, "sales_order_id": 2, "line_total": Decimal(9)},
        ]
        found = order(sales_items=items, products=[{"id": 5, "name": "Tea", "sku": "T"}])["items"]
        assert ids(found["list"]) == [1, 2]
        assert (found["count"], found["total_value"]) == (2, Decimal("1.10"))
        assert (found["list"][1]["product_name"], found["list"][1]["product_sku"]) == ("Tea", "T")
        assert found["list"][0]["product_name"] is None

    def test_without_an_invoice_nothing_is_paid(self) -> None:
        invoices = [invoice(1, status="CANCELLED"), invoice(2, invoice_type="CREDIT_NOTE")]
        assert order(sales_invoices=invoices)["payment"] == {
            "has_invoice": False,
            "invoice_id": None,
            "invoice_number": None,
            "invoice_date": None,
            "due_date": None,
            "status": None,
            "total_amount": 0,
            "paid_amount": 0,
            "balance": 0,
            "is_fully_paid": False,
            "collection_rate": 0,
            "payments": [],
        }

    def test_payment_sums_all_invoices_and_shows_the_newest(self) -> None:
        invoices = [
            invoice(1, created_at=NOW, due_date=TODAY, paid_amount=Decimal(999)),
            invoice(2, created_at=None, invoice_type="DEBIT_NOTE", status="DRAFT"),
            invoice(3, created_at=NOW - timedelta(days=1), status=None, total_amount=None),
        ]
        payments = [
            {"id": 1, "sales_invoice_id": 2, "payment_date": YESTERDAY, "amount": Decimal("33.33")},
            {"id": 2, "sales_invoice_id": 1, "payment_date": None, "amount": Decimal("33.34")},
            {"id": 3, "sales_invoice_id": 3, "payment_date": TODAY, "amount": None},
        ]
        found = order(sales_invoices=invoices, invoice_payments=payments)["payment"]
        assert (found["invoice_id"], found["due_date"], found["status"]) == (1, TODAY, "PENDING")
        assert (found["total_amount"], found["paid_amount"]) == (200, Decimal("66.67"))
        assert found["balance"] == Decimal("133.33")
        assert found["collection_rate"] == Decimal("33.34")  # 33.335
        assert ids(found["payments"]) == [3, 1, 2]
        assert not found["is_fully_paid"]

    @pytest.mark.parametrize(
        ("total", "paid", "is_paid", "rate"),
        [
            ("10", "10", True, "100"),
            ("0", None, True, "0"),
            (None, "5", True, "0"),
            ("10", "9.99", False, "99.9"),
        ],
    )
    def test_is_fully_paid_where_nothing_is_left(
        self, total: str | None, paid: str | None, is_paid: bool, rate: str
    ) -> None:
        invoices = [invoice(1, total_amount=total and Decimal(total))]
        payments = [{"id": 1, "sales_invoice_id": 1, "amount": paid and Decimal(paid)}]
        found = order(sales_invoices=invoices, invoice_payments=payments)
        assert found["payment"]["is_fully_paid"] is is_paid
        assert found["summary"]["is_paid"] is is_paid
        assert found["payment"]["collection_rate"] == Decimal(rate)
        assert found["summary"]["collection_rate"] == Decimal(rate)

    @pytest.mark.parametrize(
        ("status", "has_delivery", "is_delivered", "is_late"),
        [
            ("SHIPPED", True, False, True),
            ("delivered", True, True, False),
            ("Completed", True, True, False),
            ("cancelled", False, False, False),
            ("DRAFT", False, False, True),
            (None, False, False, True),
        ],
    )
    def test_delivery(self, status: str | None, has_delivery: bool, is_delivered: bool, is_late: bool) -> None:
        found = order({"status": status, "expected_delivery_date": YESTERDAY})
        assert found["delivery"] == {
            "has_delivery": has_delivery,
            "is_delivered": is_delivered,
            "status": status,
            "expected_delivery_date": YESTERDAY,
            "actual_delivery_date": None,
            "is_late": is_late,
        }
        assert found["summary"]["is_delivered"] is is_delivered

    @pytest.mark.parametrize("expected", [TODAY, None, INFINITY])
    def test_is_not_late_before_the_day_after(self, expected: Any) -> None:
        assert order({"expected_delivery_date": expected})["delivery"]["is_late"] is False

    @pytest.mark.parametrize(
        ("status", "created_at", "days"),
        [
            ("draft", datetime(2025, 11, 4, 20, 59, tzinfo=UTC), 1),
            ("PENDING", datetime(2025, 11, 4, 21, 0, tzinfo=UTC), 0),
            ("Confirmed", datetime(2025, 11, 9, tzinfo=UTC), 0),
            ("CONFIRMED", datetime(2024, 11, 5, tzinfo=UTC), 365),
            ("SHIPPED", datetime(2024, 11, 5, tzinfo=UTC), 0),
            (None, datetime(2024, 11, 5, tzinfo=UTC), 0),
            ("DRAFT", None, 0),
            ("DRAFT", INFINITY, 0),
            ("DRAFT", MINUS_INFINITY, 0),
        ],
    )
    def test_days_pending_counts_local_days(self, status: str, created_at: Any, days: int) -> None:
        assert order({"status": status, "created_at": created_at})["summary"]["days_pending"] == days
