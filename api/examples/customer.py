"""A customer, whole and in parts."""

from typing import Final

from api.examples.envelope import SALESPERSON, answer

_CUSTOMER = {
    "id": 42,
    "customer_code": "C-00042",
    "name": "Rafidain Markets",
    "name_ar": "أسواق الرافدين",
    "company_name": "Rafidain Trading LLC",
    "email": "orders@rafidain.example",
    "phone": "+9647809876543",
    "address": "شارع ٦٢، الكرادة",
    "city": "Baghdad",
    "country": "Iraq",
    "tax_number": "IQ-552871",
    "currency": "IQD",
    "salesperson": SALESPERSON,
    "payment_terms": "Net 30",
    "is_active": True,
    "created_at": "2023-05-02T06:30:00.000000Z",
}

_FINANCIAL = {
    "balance": {"total": 18250.25, "overdue": 0, "current": 18250.25, "currency": "IQD"},
    "credit": {"limit": 50000, "used": 18250.25, "available": 31749.75, "percentage_used": 36.5},
    "payment_terms": "Net 30",
    "risk_level": "minimal",
}

CUSTOMER: Final = answer(
    {
        "customer": _CUSTOMER,
        "financial": _FINANCIAL,
        "recent_orders": {
            "items": [
                {
                    "id": 5120,
                    "order_number": "SO-2025-05120",
                    "date": "2025-11-04T09:12:45.331872Z",
                    "total": 4375.75,
                    "status": "CONFIRMED",
                    "items_count": 3,
                }
            ],
            "count": 1,
            "total_value": 4375.75,
        },
        "payment_history": {
            "items": [
                {
                    "id": 2210,
                    "invoice_id": 1834,
                    "invoice_number": "INV-2025-01834",
                    "amount": 2500.5,
                    "payment_date": "2025-10-28",
                    "payment_method": "CASH",
                    "reference": None,
                }
            ],
            "count": 1,
            "total_paid": 2500.5,
        },
    },
    sources=4,
)

CUSTOMER_QUICK: Final = answer(
    {
        "customer": _CUSTOMER,
        "financial": _FINANCIAL,
        "recent_orders": None,
        "payment_history": None,
    },
    sources=2,
)

CUSTOMER_FINANCIAL: Final = answer(
    {"customer_id": 42, "customer_name": "Rafidain Markets", "financial": _FINANCIAL}, sources=1
)

CUSTOMER_ORDERS: Final = answer(
    {
        "orders": [
            {
                "id": 5120,
                "order_number": "SO-2025-05120",
                "order_date": "2025-11-04T09:12:45.331872Z",
                "status": "CONFIRMED",
                "total_amount": 4375.75,
                "items_count": 3,
            }
        ],
        "count": 1,
        "total_value": 4375.75,
    },
    sources=1,
    customer_id=42,
    filter_status="CONFIRMED",
)
