"""One answer of each address, for the app's developer to read; tests hold them to the models."""

from api.examples.batch import BATCH
from api.examples.checkout import CHECKOUT
from api.examples.customer import (
    CUSTOMER,
    CUSTOMER_FINANCIAL,
    CUSTOMER_ORDERS,
    CUSTOMER_QUICK,
)
from api.examples.dashboard import DASHBOARD
from api.examples.events import EVENTS
from api.examples.home import HOME
from api.examples.order import ORDER, ORDER_QUICK
from api.examples.product import PRODUCT
from api.examples.product_detail import PRODUCT_DETAIL

__all__ = [
    "BATCH",
    "CHECKOUT",
    "CUSTOMER",
    "CUSTOMER_FINANCIAL",
    "CUSTOMER_ORDERS",
    "CUSTOMER_QUICK",
    "DASHBOARD",
    "EVENTS",
    "HOME",
    "ORDER",
    "ORDER_QUICK",
    "PRODUCT",
    "PRODUCT_DETAIL",
]
