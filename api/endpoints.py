"""The addresses of the documents, each a template over the sections of one document."""

from typing import Final

from api import checkout, home
from api.customer_orders import compose_orders
from api.parameters import Choice, Filter, Flag, Id, Limit
from api.templates import Field, Template
from projector.names import RANGES

MOBILE: Final = "/api/mobile"

PRODUCT_ID = Id("id", "The product's id")
CUSTOMER_ID = Id("id", "The customer's id")
ORDER_ID = Id("id", "The order's id", example=5120)

PRODUCT_COMPLETE = Template(
    path=f"{MOBILE}/products/{{id}}/complete",
    document="product",
    noun="Product",
    parameters=(
        PRODUCT_ID,
        Flag("include_similar", "false: similar_products is null"),
        Flag("include_reviews", "false: reviews is null"),
    ),
    fields=(
        Field("product", "product"),
        Field("inventory", "inventory"),
        Field("pricing", "pricing"),
        Field("images", "images"),
        Field("reviews", "reviews", flag="include_reviews"),
        Field("similar_products", "similar_products", flag="include_similar"),
    ),
)

PRODUCT_DETAIL = Template(
    path=f"{MOBILE}/products/{{id}}",
    document="product_detail",
    noun="Product",
    parameters=(PRODUCT_ID,),
    fields=(
        Field("product", "product", members=("id", "name", "name_ar", "description", "specifications", "category")),
        Field("price", "price", members=("price", "original_price", "discount")),
        Field("images", "images"),
        Field("stock", "stock", members=("in_stock", "stock_quantity", "by_branch")),
        Field("reviews", "reviews", members=("rating", "review_count")),
    ),
)

CUSTOMER_COMPLETE = Template(
    path=f"{MOBILE}/customers/{{id}}/complete",
    document="customer",
    noun="Customer",
    parameters=(
        CUSTOMER_ID,
        Flag("include_orders", "false: recent_orders is null"),
        Flag("include_payments", "false: payment_history is null"),
    ),
    fields=(
        Field("customer", "customer"),
        Field("financial", "financial"),
        Field("recent_orders", "recent_orders", flag="include_orders"),
        Field("payment_history", "payment_history", flag="include_payments"),
    ),
)

CUSTOMER_QUICK = Template(
    path=f"{MOBILE}/customers/{{id}}/quick",
    document="customer",
    noun="Customer",
    parameters=(CUSTOMER_ID,),
    fields=(
        Field("customer", "customer"),
        Field("financial", "financial"),
        Field("recent_orders", "recent_orders", hidden=True),
        Field("payment_history", "payment_history", hidden=True),
    ),
)

CUSTOMER_FINANCIAL = Template(
    path=f"{MOBILE}/customers/{{id}}/financial",
    document="customer",
    noun="Customer",
    parameters=(CUSTOMER_ID,),
    echo=(("customer_id", "id"),),
    fields=(
        Field("customer_name", "name", counted=False),
        Field("financial", "financial"),
    ),
)

CUSTOMER_ORDERS = Template(
    path=f"{MOBILE}/customers/{{id}}/orders",
    document="customer_orders",
    noun="Customer",
    parameters=(
        CUSTOMER_ID,
        Limit("limit", "At most so many orders, the newest ones", default=20, maximum=100),
        Filter("status", "Only orders with this status, in any case; empty means all"),
    ),
    fields=(Field("orders", "orders"),),
    compose=compose_orders,
    metadata=(("customer_id", "id"), ("filter_status", "status")),
)

ORDER_COMPLETE = Template(
    path=f"{MOBILE}/orders/{{id}}/complete",
    document="order",
    noun="Order",
    parameters=(
        ORDER_ID,
        Flag("include_items", "false: items is null"),
        Flag("include_payment", "false: payment is null"),
        Flag("include_delivery", "false: delivery is null"),
    ),
    fields=(
        Field("order", "order"),
        Field("customer", "customer"),
        Field("items", "items", flag="include_items"),
        Field("payment", "payment", flag="include_payment"),
        Field("delivery", "delivery", flag="include_delivery"),
        Field("summary", "summary"),
    ),
)

ORDER_QUICK = Template(
    path=f"{MOBILE}/orders/{{id}}/quick",
    document="order",
    noun="Order",
    parameters=(ORDER_ID,),
    fields=(
        Field("order", "order"),
        Field("customer", "customer"),
        Field("items", "items", hidden=True),
        Field("payment", "payment", hidden=True),
        Field("delivery", "delivery", hidden=True),
        Field("summary", "summary"),
    ),
)

DASHBOARD = Template(
    path=f"{MOBILE}/salesperson/dashboard",
    document="dashboard",
    noun="Salesperson",
    parameters=(
        Id("salesperson_id", "The salesperson's user id", example=7, location="query"),
        Choice("date_range", "The last day, 7 days or 30 days, today included", RANGES),
    ),
    fields=(
        Field("salesperson", "salesperson"),
        Field("period", "period"),
        Field("sales_overview", "sales_overview"),
        Field("recent_orders", "recent_orders"),
        Field("pending_orders", "pending_orders"),
        Field("top_customers", "top_customers"),
        Field("top_products", "top_products"),
        Field("payment_collection", "payment_collection"),
        Field("customer_stats", "customer_stats"),
    ),
)

HOME = Template(
    path=f"{MOBILE}/home",
    document="shop",
    noun="Branch or customer",
    parameters=(home.BRANCH, home.CUSTOMER),
    fields=tuple(Field(name, name) for name in (*home.LISTS, "customer", "cart")),
    join=home.answer_home,
)

CHECKOUT = Template(
    path=f"{MOBILE}/checkout",
    document="shopper",
    noun="Customer or branch",
    parameters=(checkout.CUSTOMER, home.BRANCH),
    fields=tuple(
        Field(name, name)
        for name in (
            "cart",
            "addresses",
            "payment_methods",
            "delivery_options",
            "promotions",
            "credit",
            "summary",
        )
    ),
    join=checkout.answer_checkout,
)
