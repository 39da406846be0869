"""The shopper's home page."""

from typing import Final

from api.examples.envelope import answer

_COFFEE: Final = {
    "id": 42,
    "name": "Arabic coffee, medium roast, 500 g",
    "name_ar": "قهوة عربية محمصة وسط ٥٠٠ غم",
    "price": 8531.49,
    "image": "https://cdn.example.com/p/42/front.jpg",
    "in_stock": True,
    "discount": 2.5,
}
PROMOTION: Final = {
    "id": 3,
    "title": "عرض العيد",
    "description": None,
    "banner_url": "https://cdn.example.com/banners/3.jpg",
    "discount_type": "percentage",
    "discount_value": 10,
    "promo_code": None,
    "start_date": "2025-11-01T21:00:00.000000Z",
    "end_date": None,
}
HOME: Final = answer(
    {
        "featured_products": [_COFFEE],
        "best_sellers": [_COFFEE],
        "new_arrivals": [],
        "promotions": [PROMOTION],
        "customer": {"id": 7, "name": "Layla", "phone": None},
        "cart": {"items_count": 2, "total": 25594.47, "currency": "IQD"},
    },
    sources=6,
    refresh_seconds=1.0,
)
