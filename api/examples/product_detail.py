"""A product as a shopper sees it."""

from typing import Final

from api.examples.envelope import answer

PRODUCT_DETAIL: Final = answer(
    {
        "id": 42,
        "name": "Arabic coffee, medium roast, 500 g",
        "name_ar": "قهوة عربية محمصة وسط ٥٠٠ غم",
        "description": "Ground with cardamom",
        "specifications": {"brand": "Al Nakheel", "weight": 0.525, "unit": "bag"},
        "category": {"id": 3, "name": "Coffee"},
        "price": 8531.49,
        "original_price": 8750.25,
        "discount": 2.5,
        "images": ["https://cdn.example.com/p/42/front.jpg"],
        "in_stock": True,
        "stock_quantity": 170.5,
        "by_branch": [{"branch_id": 1, "branch_name": "Karrada", "available": 170.5}],
        "rating": 4.6,
        "review_count": 38,
    },
    sources=5,
)
