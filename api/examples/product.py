"""A product."""

from typing import Final

from api.examples.envelope import answer

PRODUCT: Final = answer(
    {
        "product": {
            "id": 42,
            "name": "Arabic coffee, medium roast, 500 g",
            "name_ar": "قهوة عربية محمصة وسط ٥٠٠ غم",
            "sku": "COF-500-M",
            "barcode": "6281007031257",
            "description": "Ground with cardamom",
            "category": "Coffee",
            "category_id": 3,
            "brand": "Al Nakheel",
            "unit": "bag",
            "weight": 0.525,
            "dimensions": {"length": 18, "width": 9, "height": 6},
            "is_active": True,
            "created_at": "2024-02-11T08:15:00.000000Z",
        },
        "inventory": {
            "total_quantity": 182.5,
            "available_quantity": 170.5,
            "is_available": True,
            "by_branch": [
                {
                    "branch_id": 1,
                    "branch_name": "Karrada",
                    "warehouse_id": 4,
                    "warehouse_name": "Karrada main store",
                    "quantity": 182.5,
                    "reserved_quantity": 12,
                    "available_quantity": 170.5,
                    "last_updated": "2025-11-05T17:59:58.120334Z",
                }
            ],
        },
        "pricing": [
            {
                "pricelist_id": 1,
                "pricelist_name": "Retail",
                "currency": "IQD",
                "price": 8750.25,
                "discount_percentage": 2.5,
                "final_price": 8531.49,
                "minimum_quantity": 1,
                "is_default": True,
            }
        ],
        "images": [
            {
                "url": "https://cdn.example.com/p/42/front.jpg",
                "thumbnail": "https://cdn.example.com/p/42/front.jpg",
                "is_primary": True,
                "order": 0,
            }
        ],
        "reviews": {
            "items": [
                {
                    "id": 901,
                    "rating": 5,
                    "title": "ممتازة",
                    "comment": "طازجة ورائحتها رائعة",
                    "customer_name": "Anonymous",
                    "created_at": "2025-10-30T19:04:11.000000Z",
                }
            ],
            "count": 38,
            "average_rating": 4.6,
        },
        "similar_products": [
            {
                "id": 43,
                "name": "Arabic coffee, dark roast, 500 g",
                "sku": "COF-500-D",
                "image": None,
            }
        ],
    },
    sources=6,
)
