"""A salesperson's week."""

from typing import Final

from api.examples.envelope import SALESPERSON, answer

_DASHBOARD_ORDER = {
    "id": 5120,
    "order_number": "SO-2025-05120",
    "customer_id": 42,
    "customer_name": "Rafidain Markets",
    "total_amount": 4375.75,
    "status": "CONFIRMED",
    "created_at": "2025-11-04T09:12:45.331872Z",
}

DASHBOARD: Final = answer(
    {
        "salesperson": {
            **SALESPERSON,
            "email": "zainab@erp.example",
            "role": "Senior salesperson",
        },
        "period": {
            "range": "week",
            "start_date": "2025-10-29T21:00:00.000000Z",
            "end_date": "2025-11-05T21:00:00.000000Z",
        },
        "sales_overview": {
            "total_orders": 2,
            "total_value": 5000.25,
            "average_order_value": 2500.13,
            "status_breakdown": {"CANCELLED": 1, "CONFIRMED": 1, "DRAFT": 1},
            "confirmed_orders": 1,
            "pending_orders": 1,
            "completed_orders": 0,
        },
        "recent_orders": {"items": [_DASHBOARD_ORDER], "count": 1},
        "pending_orders": {
            "items": [
                {
                    **_DASHBOARD_ORDER,
                    "id": 5131,
                    "order_number": "SO-2025-05131",
                    "total_amount": 624.5,
                    "status": "DRAFT",
                    "days_pending": 0,
                }
            ],
            "count": 1,
            "total_value": 624.5,
        },
        "top_customers": {
            "items": [
                {
                    "id": 42,
                    "name": "Rafidain Markets",
                    "order_count": 2,
                    "total_value": 5000.25,
                }
            ],
            "count": 1,
        },
        "top_products": {
            "items": [
                {
                    "id": 42,
                    "name": "Arabic coffee, medium roast, 500 g",
                    "sku": "COF-500-M",
                    "quantity_sold": 0.5,
                    "total_value": 4375.75,
                }
            ],
            "count": 1,
        },
        "payment_collection": {
            "invoice_count": 1,
            "total_invoiced": 4375.75,
            "total_collected": 2000.25,
            "outstanding": 2375.5,
            "collection_rate": 45.71,
        },
        "customer_stats": {"total_customers": 61, "active_customers": 1},
    },
    sources=9,
)
