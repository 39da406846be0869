"""Which addresses lead on from an answer, as OpenAPI's links: the id that the one shows is what the other asks for."""

from typing import Any, Final

_ID: Final = "$request.path.id"
_CUSTOMER: Final = "$response.body#/data/customer/id"
_SALESPERSON: Final = "$response.body#/data/customer/salesperson/id"

_LINKS: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "product_complete": (("product_complete", "id", "$response.body#/data/similar_products/0/id"),),
    "product_detail": (("product_complete", "id", _ID),),
    "customer_complete": (
        ("customer_quick", "id", _ID),
        ("customer_financial", "id", _ID),
        ("customer_orders", "id", _ID),
        ("dashboard", "salesperson_id", _SALESPERSON),
    ),
    "customer_quick": (("customer_complete", "id", _ID), ("dashboard", "salesperson_id", _SALESPERSON)),
    "customer_financial": (("customer_complete", "id", _ID),),
    "customer_orders": (("order_complete", "id", "$response.body#/data/orders/0/id"),),
    "order_complete": (
        ("order_quick", "id", _ID),
        ("customer_complete", "id", _CUSTOMER),
        ("product_complete", "id", "$response.body#/data/items/list/0/product_id"),
    ),
    "order_quick": (("order_complete", "id", _ID), ("customer_complete", "id", _CUSTOMER)),
    "dashboard": (
        ("customer_complete", "id", "$response.body#/data/recent_orders/items/0/customer_id"),
        ("order_complete", "id", "$response.body#/data/recent_orders/items/0/id"),
    ),
    "home": (("product_detail", "id", "$response.body#/data/featured_products/0/id"),),
    "checkout": (("product_detail", "id", "$response.body#/data/cart/items/0/product_id"),),
    "refresh_product": (("product_complete", "id", _ID),),
    "refresh_customer": (("customer_complete", "id", _ID),),
    "refresh_order": (("order_complete", "id", _ID),),
    "refresh_dashboard": (("dashboard", "salesperson_id", _ID),),
}
"""Operation -> (the operation that it leads to, that one's parameter, where its value stands)."""


def links(operation_id: str) -> dict[str, Any]:
    """The links of an operation's successful answer, by the operation that each leads to."""
    return {
        target: {"operationId": target, "parameters": {parameter: value}}
        for target, parameter, value in _LINKS[operation_id]
    }
