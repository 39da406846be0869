"""The contract's documents of a customer, rule by rule."""

from decimal import Decimal

import pytest

from projector.oracle import INFINITY, MINUS_INFINITY, orders_answer
from tests.oracle_cases import NOW, TODAY, YESTERDAY, customer, ids, invoice, read


class TestCustomer:
    @pytest.mark.parametrize(("days", "text"), [(30, "Net 30"), (0, "Immediate"), (None, "Immediate"), (-5, "Net -5")])
    def test_payment_terms(self, days: int | None, text: str) -> None:
        found = customer({"payment_terms": days})
        assert (found["customer"]["payment_terms"], found["financial"]["payment_terms"]) == (text, text)

    def test_salesperson_is_an_object_or_null(self) -> None:
        users = [{"id": 4, "name": "Ali", "phone": "1"}]
        found = customer({"salesperson_id": 4}, users=users)["customer"]["salesperson"]
        assert found == {"id": 4, "name": "Ali", "phone": "1"}
        assert customer(users=users)["customer"]["salesperson"] is None

    def test_balance_adds_invoices_and_debit_notes_and_subtracts_credit_notes(self) -> None:
        invoices = [
            invoice(1, paid_amount=Decimal("30.50"), due_date=TODAY),
            invoice(2, invoice_type="DEBIT_NOTE", due_date=YESTERDAY, status="PARTIALLY_PAID"),
            invoice(3, invoice_type="CREDIT_NOTE", due_date=YESTERDAY, total_amount=Decimal(20)),
            invoice(4, invoice_type="PURCHASE"),
            invoice(5, invoice_type=None),
            invoice(6, total_amount=None, paid_amount=Decimal(7), status="OVERDUE", due_date=None),
            *(invoice(7 + n, status=it) for n, it in enumerate(["DRAFT", "PAID", "CANCELLED", None])),
            invoice(20, customer_id=2),
        ]
        found = customer({"currency": "USD"}, sales_invoices=invoices)["financial"]["balance"]
        assert found == {
            "total": Decimal("142.50"),  # 69.50 + 100 - 20 - 7
            "overdue": Decimal(100),
            "current": Decimal("42.50"),
            "currency": "USD",
        }

    def test_infinitely_late_is_overdue_and_never_due_is_not(self) -> None:
        late, never = invoice(1, due_date=MINUS_INFINITY), invoice(2, due_date=INFINITY)
        assert customer(sales_invoices=[late])["financial"]["balance"]["overdue"] == 100
        assert customer(sales_invoices=[never])["financial"]["balance"]["overdue"] == 0

    def test_currency_is_the_customers_else_the_base_currency(self) -> None:
        base = [{"id": 1, "code": "IQD", "is_base_currency": True}]
        assert customer(currencies=base)["financial"]["balance"]["currency"] == "IQD"
        assert customer()["financial"]["balance"]["currency"] is None

    @pytest.mark.parametrize(
        ("limit", "owed", "available", "used_percentage", "risk"),
        [
            ("100", "80.00", "20", "80", "low"),
            ("100", "80.01", "19.99", "80.01", "medium"),
            ("100000", "80000.01", "19999.99", "80", "medium"),
            ("100", "50", "50", "50", "minimal"),
            ("100", "50.01", "49.99", "50.01", "low"),
            ("3", "2", "1", "66.67", "low"),
            ("100", "130", "0", "130", "medium"),
            ("100", "-20", "120", "-20", "minimal"),
            (None, "0", "0", "0", "minimal"),
            (None, "0.01", "0", "0", "medium"),
            ("NaN", "5", "0", "0", "medium"),
        ],
    )
    def test_credit_and_risk(
        self, limit: str | None, owed: str, available: str, used_percentage: str, risk: str
    ) -> None:
        row = {"credit_limit": limit and Decimal(limit)}
        found = customer(row, sales_invoices=[invoice(1, total_amount=Decimal(owed))])["financial"]
        assert found["credit"] == {
            "limit": 0 if limit in {None, "NaN"} else Decimal(str(limit)),
            "used": Decimal(owed),
            "available": Decimal(available),
            "percentage_used": Decimal(used_percentage),
        }
        assert found["risk_level"] == risk

    def test_anything_overdue_is_a_high_risk(self) -> None:
        invoices = [invoice(1, due_date=YESTERDAY, total_amount=Decimal("0.01"))]
        found = customer({"credit_limit": Decimal(1000)}, sales_invoices=invoices)
        assert found["financial"]["risk_level"] == "high"

    def test_recent_orders_are_the_newest_ten_and_count_cancelled_ones(self) -> None:
        orders = [
            {"id": n, "customer_id": 1, "created_at": NOW, "total_amount": Decimal(n), "status": "CANCELLED"}
            for n in range(1, 13)
        ]
        orders[11] |= {"created_at": None}
        orders[10] |= {"total_amount": None}
        items = [{"id": 1, "sales_order_id": 11}, {"id": 2, "sales_order_id": 11}]
        found = customer(sales_orders=orders, sales_items=items)["recent_orders"]
        assert ids(found["items"]) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
        assert (found["count"], found["total_value"]) == (10, 54)
        assert found["items"][0] == {
            "id": 11,
            "order_number": None,
            "date": NOW,
            "total": None,
            "status": "CANCELLED",
            "items_count": 2,
        }

    def test_payment_history_holds_payments_on_invoices_of_any_kind(self) -> None:
        invoices = [invoice(1, invoice_type="PURCHASE", status="CANCELLED", invoice_number="A")]
        invoices.append(invoice(2, customer_id=2))
        payments = [
            {"id": n, "sales_invoice_id": 1, "payment_date": TODAY, "amount": Decimal("1.50")} for n in range(1, 12)
        ]
        payments[0] |= {"payment_date": None}
        payments[1] |= {"payment_date": YESTERDAY, "reference_number": "R", "amount": None}
        payments.append({"id": 20, "sales_invoice_id": 2, "amount": Decimal(100)})
        found = customer(sales_invoices=invoices, invoice_payments=payments)["payment_history"]
        assert ids(found["items"]) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
        assert (found["count"], found["total_paid"]) == (10, Decimal("13.50"))
        assert found["items"][-1] == {
            "id": 2,
            "invoice_id": 1,
            "invoice_number": "A",
            "amount": None,
            "payment_date": YESTERDAY,
            "payment_method": None,
            "reference": "R",
        }

    def test_orders_answer_any_limit_and_status(self) -> None:
        statuses = ["DRAFT", "draft", None, "SHIPPED", "Draft"]
        orders = [
            {"id": n, "customer_id": 1, "created_at": NOW, "status": it, "total_amount": Decimal(n)}
            for n, it in enumerate(statuses, 1)
        ]
        found = read("bff:customer:1:orders", customers=[{"id": 1}], sales_orders=orders)
        assert ids(found["orders"]) == [5, 4, 3, 2, 1]
        assert (found["count"], found["total_value"]) == (5, 15)
        assert set(found["orders"][0]) == {
            "id", "order_number", "order_date", "status", "total_amount", "items_count",
        }  # fmt: skip
        drafts = orders_answer(found, 2, "dRaFt")
        assert (ids(drafts["orders"]), drafts["count"], drafts["total_value"]) == ([5, 2], 2, 7)
        assert orders_answer(found, 100, "none") == {"orders": [], "count": 0, "total_value": 0}
