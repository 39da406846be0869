"""Every address that GET answers, and the documents that answer it."""

from tests.api.samples import (
    CUSTOMER,
    CUSTOMER_ORDERS,
    DASHBOARD,
    ORDER,
    PRODUCT,
    PRODUCT_DETAIL,
    SHOP,
    SHOPPER,
)
from tests.api.store import Store

DOCUMENTS = {
    "bff:product:42:complete": PRODUCT,
    "bff:product:42:detail": PRODUCT_DETAIL,
    "bff:customer:7:complete": CUSTOMER,
    "bff:customer:7:orders": CUSTOMER_ORDERS,
    "bff:customer:7:shopper": SHOPPER,
    "bff:order:9:complete": ORDER,
    "bff:dashboard:salesperson:3:today": DASHBOARD,
    "bff:shop:2:complete": SHOP,
}
DOCUMENT_ADDRESSES = {
    "/api/mobile/products/42/complete": "bff:product:42:complete",
    "/api/mobile/products/42": "bff:product:42:detail",
    "/api/mobile/customers/7/complete": "bff:customer:7:complete",
    "/api/mobile/customers/7/quick": "bff:customer:7:complete",
    "/api/mobile/customers/7/financial": "bff:customer:7:complete",
    "/api/mobile/customers/7/orders": "bff:customer:7:orders",
    "/api/mobile/orders/9/complete": "bff:order:9:complete",
    "/api/mobile/orders/9/quick": "bff:order:9:complete",
    "/api/mobile/salesperson/dashboard?salesperson_id=3": "bff:dashboard:salesperson:3:today",
}
"""Each with the key of its document."""
JOINED_ADDRESSES = {
    "/api/mobile/home?branch_id=2&customer_id=7": ("bff:shop:2:complete", "bff:customer:7:shopper"),
    "/api/mobile/home?branch_id=2": ("bff:shop:2:complete",),
    "/api/mobile/checkout?customer_id=7&branch_id=2": (
        "bff:customer:7:shopper",
        "bff:shop:2:complete",
        "bff:product:42:complete",
    ),
}
"""Each with the keys of the documents that it joins."""
JSON_ADDRESSES = (
    *DOCUMENT_ADDRESSES,
    *JOINED_ADDRESSES,
    "/api/mobile/health",
    "/api/mobile/ready",
    "/openapi.json",
)
PAGES = ("/docs", "/redoc")


def write_all(store: Store) -> None:
    """Everything that the addresses ask for."""
    for key, sections in DOCUMENTS.items():
        store.write(key, sections)
