"""A product, and an order that does not exist, in one answer."""

from typing import Final

from api.examples.envelope import answer
from api.examples.product import PRODUCT

_MISSING: Final = {
    "key": "orders/789",
    "status": 404,
    "success": False,
    "error": "Order 789 not found",
    "details": {"code": "not_found", "id": 789},
}

BATCH: Final = answer(
    {"items": [{"key": "products/42", "status": 200, **PRODUCT}, _MISSING], "count": 2},
    sources=6,
)
