"""How the addresses are described in OpenAPI: models, parameters, examples and errors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from api import endpoints, examples
from api.answers import error_content
from api.errors import ApiError, Fault, InvalidInput, NotBuilt, NotFound, NotReady, Unavailable
from api.models.customer import CustomerAnswer, CustomerFinancialAnswer, CustomerOrdersAnswer
from api.models.dashboard import DashboardAnswer
from api.models.envelope import Failure
from api.models.order import OrderAnswer
from api.models.product import ProductAnswer
from api.parameters import Parameter
from api.templates import Template

Responses = dict[int | str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """What OpenAPI says about a template."""

    template: Template
    operation_id: str
    tag: str
    summary: str
    model: type[BaseModel]
    example: Mapping[str, Any]


PAGES: Final = (
    Page(
        endpoints.PRODUCT_COMPLETE,
        "product_complete",
        "products",
        "A product with stock, prices, images, reviews and similar products",
        ProductAnswer,
        examples.PRODUCT,
    ),
    Page(
        endpoints.CUSTOMER_COMPLETE,
        "customer_complete",
        "customers",
        "A customer with balance, credit, recent orders and payments",
        CustomerAnswer,
        examples.CUSTOMER,
    ),
    Page(
        endpoints.CUSTOMER_QUICK,
        "customer_quick",
        "customers",
        "A customer with balance and credit; recent_orders and payment_history are null",
        CustomerAnswer,
        examples.CUSTOMER_QUICK,
    ),
    Page(
        endpoints.CUSTOMER_FINANCIAL,
        "customer_financial",
        "customers",
        "A customer's balance and credit alone",
        CustomerFinancialAnswer,
        examples.CUSTOMER_FINANCIAL,
    ),
    Page(
        endpoints.CUSTOMER_ORDERS,
        "customer_orders",
        "customers",
        "A customer's newest orders, of one status if asked for",
        CustomerOrdersAnswer,
        examples.CUSTOMER_ORDERS,
    ),
    Page(
        endpoints.ORDER_COMPLETE,
        "order_complete",
        "orders",
        "An order with its customer, items, payment and delivery",
        OrderAnswer,
        examples.ORDER,
    ),
    Page(
        endpoints.ORDER_QUICK,
        "order_quick",
        "orders",
        "An order with its customer; items, payment and delivery are null",
        OrderAnswer,
        examples.ORDER_QUICK,
    ),
    Page(
        endpoints.DASHBOARD,
        "dashboard",
        "salespersons",
        "A salesperson's orders, customers, products and collected payments",
        DashboardAnswer,
        examples.DASHBOARD,
    ),
)


def parameters(declared: Iterable[Parameter]) -> dict[str, Any]:
    """The parameters as OpenAPI lists them."""
    return {"parameters": [_parameter(parameter) for parameter in declared]}


def document_responses(page: Page) -> Responses:
    """Everything that the address of a template can answer."""
    template = page.template
    return {
        200: {"headers": _ETAG},
        304: {"description": "Not changed since the ETag in If-None-Match", "headers": _ETAG},
        **_failure(NotFound(template.noun, 789), f"The {template.noun.lower()} does not exist"),
        **_failure(_invalid(template.parameters[0]), "An id or a parameter cannot be used"),
        **_failure(
            NotBuilt(template.document),
            "Not built yet, or Redis is away",
            headers=_RETRY,
            other=Unavailable(),
        ),
    }


def batch_responses() -> Responses:
    """Everything that a batch can be answered with."""
    fault = Fault("keys", "has a key that names no document", "product/1")
    return {
        200: {"headers": _ETAG},
        304: {"description": "Not changed since the ETag in If-None-Match", "headers": _ETAG},
        **_failure(InvalidInput([fault]), "Too many keys, or one that cannot be used"),
        **_failure(Unavailable(), "None of the documents can be had", headers=_RETRY),
    }


def add_examples(document: dict[str, Any]) -> None:
    """Puts the examples of documents into OpenAPI as they are: FastAPI leaves their nulls out."""
    shown = {page.template.path: page.example for page in PAGES} | {f"{endpoints.MOBILE}/batch": examples.BATCH}
    for path, content in shown.items():
        success = document["paths"][path]["get"]["responses"]["200"]
        success["content"]["application/json"]["example"] = content


def refresh_responses(noun: str) -> Responses:
    """Everything that a request for a rebuild can be answered with."""
    accepted = {"success": True, "message": f"{noun} 42 will be rebuilt"}
    return {
        **example(202, accepted),
        **_failure(_invalid(endpoints.PRODUCT_ID), "The id cannot be used"),
        **_failure(Unavailable(), "Redis is away", headers=_RETRY),
    }


def ready_responses(ready: Mapping[str, Any]) -> Responses:
    """What /ready answers."""
    not_ready = NotReady(["built:product", "built:order"])
    return {
        **example(200, ready),
        **_failure(not_ready, "Something is missing yet", headers=_RETRY),
    }


def example(status: int, content: Mapping[str, Any]) -> Responses:
    """A response with one example, in which nothing is null."""
    return {status: {"content": {"application/json": {"example": content}}}}


_ETAG = {"ETag": {"description": "Changes when the answer does", "schema": {"type": "string"}}}
_RETRY = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.location,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema(),
    }


def _failure(
    error: ApiError,
    description: str,
    headers: Mapping[str, Any] | None = None,
    other: ApiError | None = None,
) -> Responses:
    shown = [error] if other is None else [error, other]
    named = {str(item.code): {"value": error_content(item)} for item in shown}
    response: dict[str, Any] = {
        "model": Failure,
        "description": description,
        "content": {"application/json": {"examples": named}},
    }
    return {error.status: response | ({"headers": headers} if headers else {})}


def _invalid(parameter: Parameter) -> InvalidInput:
    return InvalidInput([Fault(parameter.name, "must be a whole number of at most 19 digits", "abc")])
