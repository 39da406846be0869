"""A shopper's checkout."""

from typing import Final

from api.examples.envelope import answer
from api.examples.home import PROMOTION

_TOTALS: Final = {
    "subtotal": 25594.47,
    "discount": 2559.45,
    "delivery_fee": 5000,
    "total": 28035.02,
    "currency": "IQD",
}
CHECKOUT: Final = answer(
    {
        "cart": {
            "items": [
                {
                    "id": 311,
                    "product_id": 42,
                    "product_name": "Arabic coffee, medium roast, 500 g",
                    "product_image": "https://cdn.example.com/p/42/front.jpg",
                    "quantity": 3,
                    "price": 8531.49,
                    "subtotal": 25594.47,
                    "in_stock": True,
                }
            ],
            **_TOTALS,
        },
        "addresses": [
            {
                "id": 12,
                "label": "Home",
                "full_name": "Layla Hassan",
                "phone": "+9647701234567",
                "address_line1": "62nd street",
                "address_line2": None,
                "city": "Baghdad",
                "country": "Iraq",
                "is_default": True,
            }
        ],
        "payment_methods": [{"id": "cash_on_delivery", "name": "Cash on delivery", "name_ar": "الدفع عند الاستلام"}],
        "delivery_options": [{"id": "delivery", "name": "Delivery", "name_ar": "توصيل", "fee": 5000}],
        "promotions": [PROMOTION],
        "credit": {"limit": 500000, "available": 250000.5},
        "summary": {
            "items_count": 1,
            **_TOTALS,
            "promotion": {"id": 3, "title": "عرض العيد", "promo_code": None},
            "all_in_stock": True,
        },
    },
    sources=4,
)
