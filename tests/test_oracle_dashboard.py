"""The contract's dashboards, rule by rule."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from projector.oracle import INFINITY, MINUS_INFINITY, Rows, documents
from tests.oracle_cases import NOW, ZONE, dashboard, ids, invoice, sale

MIDNIGHT = datetime(2025, 11, 4, 21, tzinfo=UTC)  # at which the fifth begins in Baghdad
INSTANT = timedelta(microseconds=1)


class TestDashboard:
    def test_exists_for_salespeople_and_for_users_who_created_an_order(self) -> None:
        users = [{"id": 1, "is_salesperson": True}, {"id": 2}, {"id": 3, "is_salesperson": False}]
        rows = Rows({"users": users, "sales_orders": [sale(1, created_by=3)]})
        found = [key for key in documents(rows, now=NOW, timezone=ZONE) if "dashboard" in key]
        expected = [f"bff:dashboard:salesperson:{n}:{it}" for n in (1, 3) for it in ("today", "week", "month")]
        assert found == expected

    def test_role_is_the_roles_name_else_salesperson(self) -> None:
        roles = [{"id": 1, "name": "Agent"}, {"id": 2, "name": None}]
        found = [dashboard(user={"role_id": n}, roles=roles)["salesperson"]["role"] for n in (1, 2, None)]
        assert found == ["Agent", "Salesperson", "Salesperson"]

    @pytest.mark.parametrize(("date_range", "days"), [("today", 0), ("week", 6), ("month", 29)])
    def test_period_runs_from_local_midnight_to_local_midnight(self, date_range: str, days: int) -> None:
        start, end = MIDNIGHT - timedelta(days=days), MIDNIGHT + timedelta(days=1)
        moments = [start - INSTANT, start, end - INSTANT, end, None, INFINITY, MINUS_INFINITY]
        orders = [sale(n, created_at=it) for n, it in enumerate(moments, 1)]
        found = dashboard(date_range, sales_orders=orders)
        assert found["period"] == {"range": date_range, "start_date": start, "end_date": end}
        assert found["sales_overview"]["total_orders"] == 2

    def test_overview_leaves_cancelled_orders_out_of_the_revenue(self) -> None:
        statuses = ["cancelled", "CANCELLED", "DRAFT", "pending", "Delivered", "COMPLETED", None, "confirmed"]
        orders = [sale(n, status=it, total_amount=Decimal("1.01")) for n, it in enumerate(statuses, 1)]
        orders[2] |= {"total_amount": None}
        assert dashboard(sales_orders=orders)["sales_overview"] == {
            "total_orders": 6,
            "total_value": Decimal("5.05"),
            "average_order_value": Decimal("0.84"),
            "status_breakdown": {it: 1 for it in statuses if it is not None},
            "confirmed_orders": 1,
            "pending_orders": 2,
            "completed_orders": 2,
        }

    def test_average_over_nothing_is_zero(self) -> None:
        overview = dashboard(sales_orders=[sale(1, status="CANCELLED")])["sales_overview"]
        assert (overview["average_order_value"], overview["total_value"]) == (0, 0)

    def test_recent_and_pending_orders_are_of_any_period(self) -> None:
        old = NOW - timedelta(days=400)
        orders = [sale(n, created_at=old, status="draft") for n in range(1, 61)]
        orders.append(sale(99, created_at=None, status="CANCELLED", customer_id=None))
        found = dashboard(sales_orders=orders, customers=[{"id": 1, "name": "Zaid"}])
        assert ids(found["recent_orders"]["items"]) == list(range(60, 50, -1))
        assert found["recent_orders"]["count"] == 10
        assert ids(found["pending_orders"]["items"]) == list(range(60, 10, -1))
        assert (found["pending_orders"]["count"], found["pending_orders"]["total_value"]) == (60, 600)
        assert found["pending_orders"]["items"][0] == {
            "id": 60,
            "order_number": None,
            "customer_id": 1,
            "customer_name": "Zaid",
            "total_amount": 10,
            "status": "draft",
            "created_at": old,
            "days_pending": 400,
        }

    def test_top_customers_are_five_by_value_then_id(self) -> None:
        orders = [sale(n, customer_id=n) for n in range(1, 8)]
        orders += [sale(8, customer_id=7, total_amount=None), sale(9, customer_id=6, total_amount=Decimal(1))]
        orders += [sale(10, customer_id=5, status="Cancelled"), sale(11, customer_id=None)]
        customers = [{"id": n, "name": str(n)} for n in range(1, 8)]
        found = dashboard(sales_orders=orders, customers=customers)["top_customers"]
        assert ids(found["items"]) == [6, 1, 2, 3, 4]
        assert found["items"][0] == {"id": 6, "name": "6", "order_count": 2, "total_value": 11}
        assert found["count"] == 5

    def test_top_products_are_five_by_value_then_id(self) -> None:
        lines = [
            {"id": n, "sales_order_id": 1, "product_id": n, "line_total": Decimal(5), "quantity": Decimal(2)}
            for n in range(1, 8)
        ]
        lines.append({"id": 8, "sales_order_id": 1, "product_id": 7, "line_total": Decimal("0.01")})
        lines.append({"id": 9, "sales_order_id": 2, "product_id": 4, "line_total": Decimal(100)})
        lines.append({"id": 10, "sales_order_id": 1, "product_id": None, "line_total": Decimal(100)})
        orders = [sale(1), sale(2, status="cancelled")]
        products = [{"id": n, "sku": f"S{n}"} for n in range(1, 8)]
        found = dashboard(sales_orders=orders, sales_items=lines, products=products)["top_products"]
        assert ids(found["items"]) == [7, 1, 2, 3, 4]
        assert found["items"][0] == {
            "id": 7,
            "name": None,
            "sku": "S7",
            "quantity_sold": 2,
            "total_value": Decimal("5.01"),
        }

    def test_payment_collection_counts_invoices_of_the_period_on_any_order(self) -> None:
        orders = [sale(1, status="CANCELLED", created_at=None), sale(2, created_by=2)]
        invoices = [
            invoice(1, created_at=NOW, paid_amount=Decimal("33.335")),
            invoice(2, created_at=NOW, invoice_type="DEBIT_NOTE", status=None, total_amount=None),
            invoice(3, created_at=NOW, invoice_type="CREDIT_NOTE"),
            invoice(4, created_at=NOW, status="DRAFT"),
            invoice(5, created_at=NOW, status="CANCELLED"),
            invoice(6, created_at=MIDNIGHT - INSTANT),
            invoice(7, created_at=None),
            invoice(8, created_at=NOW, sales_order_id=2),
        ]
        assert dashboard(sales_orders=orders, sales_invoices=invoices)["payment_collection"] == {
            "invoice_count": 2,
            "total_invoiced": 100,
            "total_collected": Decimal("33.335"),
            "outstanding": Decimal("66.665"),
            "collection_rate": Decimal("33.34"),
        }

    def test_customer_stats_count_the_assigned_and_the_active(self) -> None:
        customers = [{"id": 1, "salesperson_id": 1, "is_active": False}, {"id": 2, "salesperson_id": 2}]
        orders = [sale(1, customer_id=2), sale(2, customer_id=2), sale(3, status="Cancelled")]
        found = dashboard(sales_orders=[*orders, sale(4, customer_id=None)], customers=customers)
        assert found["customer_stats"] == {"total_customers": 1, "active_customers": 1}
