"""An order, whole and without its items, payment and delivery."""

from typing import Final

from api.examples.envelope import SALESPERSON, answer

_ORDER = {
    "order": {
        "id": 5120,
        "order_number": "SO-2025-05120",
        "order_date": "2025-11-04",
        "status": "CONFIRMED",
        "payment_status": "PARTIAL",
        "payment_method": "CREDIT",
        "subtotal": 4500.75,
        "discount_amount": 125,
        "tax_amount": 0,
        "total_amount": 4375.75,
        "net_amount": 4375.75,
        "notes": None,
        "salesperson": SALESPERSON,
        "created_at": "2025-11-04T09:12:45.331872Z",
        "updated_at": "2025-11-05T07:41:02.004511Z",
    },
    "customer": {
        "id": 42,
        "name": "Rafidain Markets",
        "name_ar": "أسواق الرافدين",
        "phone": "+9647809876543",
        "email": "orders@rafidain.example",
        "address": "شارع ٦٢، الكرادة",
    },
}

_SUMMARY = {
    "status": "CONFIRMED",
    "created_at": "2025-11-04T09:12:45.331872Z",
    "total_amount": 4375.75,
    "is_paid": False,
    "is_delivered": False,
    "collection_rate": 45.71,
    "days_pending": 1,
}

ORDER: Final = answer(
    {
        **_ORDER,
        "items": {
            "list": [
                {
                    "id": 15310,
                    "product_id": 42,
                    "product_name": "Arabic coffee, medium roast, 500 g",
                    "product_name_ar": "قهوة عربية محمصة وسط ٥٠٠ غم",
                    "product_sku": "COF-500-M",
                    "quantity": 0.5,
                    "unit_price": 8751.5,
                    "discount_percentage": None,
                    "discount_amount": None,
                    "line_total": 4375.75,
                    "delivered_quantity": 0,
                    "notes": None,
                }
            ],
            "count": 1,
            "total_value": 4375.75,
        },
        "payment": {
            "has_invoice": True,
            "invoice_id": 1901,
            "invoice_number": "INV-2025-01901",
            "invoice_date": "2025-11-04",
            "due_date": "2025-12-04",
            "status": "PARTIALLY_PAID",
            "total_amount": 4375.75,
            "paid_amount": 2000.25,
            "balance": 2375.5,
            "is_fully_paid": False,
            "collection_rate": 45.71,
            "payments": [
                {
                    "id": 2288,
                    "amount": 2000.25,
                    "payment_date": "2025-11-05",
                    "payment_method": "TRANSFER",
                    "reference": "TRX-88121",
                }
            ],
        },
        "delivery": {
            "has_delivery": False,
            "is_delivered": False,
            "status": "CONFIRMED",
            "expected_delivery_date": "2025-11-08",
            "actual_delivery_date": None,
            "is_late": False,
        },
        "summary": _SUMMARY,
    },
    sources=6,
)

ORDER_QUICK: Final = answer(
    {**_ORDER, "items": None, "payment": None, "delivery": None, "summary": _SUMMARY}, sources=3
)
