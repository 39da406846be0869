"""How the addresses are described in OpenAPI: models, parameters, examples and errors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from api import endpoints, examples
from api.answers import error_content
from api.errors import (
    ApiError,
    Fault,
    InvalidInput,
    NotBuilt,
    NotFound,
    NotReady,
    NotReflected,
    Overloaded,
    TooManyRequests,
    TooManyStreams,
    Unavailable,
)
from api.links import links
from api.models.checkout import CheckoutAnswer
from api.models.customer import CustomerAnswer, CustomerFinancialAnswer, CustomerOrdersAnswer
from api.models.dashboard import DashboardAnswer
from api.models.envelope import Failure
from api.models.home import HomeAnswer
from api.models.order import OrderAnswer
from api.models.product import ProductAnswer
from api.models.product_detail import ProductDetailAnswer
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
        endpoints.PRODUCT_DETAIL,
        "product_detail",
        "shop",
        "A product as a shopper sees it; 404 where it is not active",
        ProductDetailAnswer,
        examples.PRODUCT_DETAIL,
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
    Page(
        endpoints.HOME,
        "home",
        "shop",
        "The shopper's home page, of one branch or of all, with the customer's cart",
        HomeAnswer,
        examples.HOME,
    ),
    Page(
        endpoints.CHECKOUT,
        "checkout",
        "shop",
        "A shopper's cart with its totals, and all that is needed to order",
        CheckoutAnswer,
        examples.CHECKOUT,
    ),
)


def parameters(declared: Iterable[Parameter]) -> dict[str, Any]:
    """The parameters of what answers without ETag, as OpenAPI lists them."""
    return {"parameters": [_parameter(parameter) for parameter in declared]}


def tagged_parameters(declared: Iterable[Parameter] = ()) -> dict[str, Any]:
    """The parameters of what answers with an ETag."""
    return {"parameters": [*(_parameter(parameter) for parameter in declared), _IF_NONE_MATCH]}


def document_responses(page: Page) -> Responses:
    """Everything that the address of a template can answer."""
    template = page.template
    return {
        **_tagged(links(page.operation_id)),
        **failed(f"The {template.noun.lower()} does not exist", NotFound(template.noun, 789)),
        **failed("An id or a parameter cannot be used", _invalid(template.parameters[0])),
        **_unavailable("Not built yet, or Redis is away", NotBuilt(template.document), Unavailable()),
        **_NOT_REFLECTED,
    }


def batch_responses() -> Responses:
    """Everything that a batch can be answered with."""
    fault = Fault("keys", "has a key that names no document", "product/1")
    return {
        **_tagged(),
        **failed("Too many keys, or one that cannot be used", InvalidInput([fault])),
        **_unavailable("None of the documents can be had", NotBuilt("product"), Unavailable()),
        **_NOT_REFLECTED,
    }


def events_parameters(declared: Iterable[Parameter]) -> dict[str, Any]:
    """The parameters of a stream of events."""
    return {"parameters": [*(_parameter(parameter) for parameter in declared), _LAST_EVENT_ID]}


def events_responses() -> Responses:
    """Everything that a request for a stream of events can be answered with."""
    fault = Fault("keys", "has a key that names no document", "product/1")
    stream = {"text/event-stream": {"schema": {"type": "string"}, "example": examples.EVENTS}}
    return {
        200: {"description": _EVENTS, "content": stream},
        **failed("Too many keys, or one that cannot be used", InvalidInput([fault])),
        **failed("The caller has too many streams open", TooManyStreams(20), headers=_RETRY),
        **_unavailable("One of the documents cannot be had, or too many streams", NotBuilt("order"), Unavailable()),
    }


def add_examples(document: dict[str, Any]) -> None:
    """Puts the examples of documents into OpenAPI as they are: FastAPI leaves their nulls out."""
    shown = {page.template.path: page.example for page in PAGES} | {f"{endpoints.MOBILE}/batch": examples.BATCH}
    for path, content in shown.items():
        success = document["paths"][path]["get"]["responses"]["200"]
        success["content"]["application/json"]["example"] = content


def refresh_responses(noun: str, operation_id: str) -> Responses:
    """Everything that a request for a rebuild can be answered with."""
    accepted = {"success": True, "message": f"{noun} 42 will be rebuilt"}
    return {
        202: {**example(202, accepted)[202], "links": links(operation_id)},
        **failed("The id cannot be used", _invalid(endpoints.PRODUCT_ID)),
        **failed("Too many rebuilds were asked for at once", TooManyRequests(1), headers=_RETRY),
        **_unavailable("Redis is away", Unavailable()),
    }


def health_responses(healthy: Mapping[str, Any]) -> Responses:
    """What /health answers."""
    tagged = _tagged()
    return {**tagged, 200: {**tagged[200], **example(200, healthy)[200]}, **_unavailable("Too many connections")}


def ready_responses(ready: Mapping[str, Any]) -> Responses:
    """What /ready answers."""
    tagged = _tagged()
    not_ready = NotReady(["built:product", "built:order"])
    return {
        **tagged,
        200: {**tagged[200], **example(200, ready)[200]},
        **_unavailable("Something is missing yet", not_ready),
    }


def example(status: int, content: Mapping[str, Any]) -> Responses:
    """A response with one example, in which nothing is null."""
    return {status: {"content": {"application/json": {"example": content}}}}


_ETAG = {"ETag": {"description": "Changes when the answer does", "required": True, "schema": {"type": "string"}}}
_RETRY = {
    "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
_EVENTS = """\
A stream that goes on until the client leaves, the token expires or the server stops.

- `state`: the answer at a key's address as the stream begins. `change`: that answer has changed. The data of both is
  JSON: `key`; `status`, 200, or 404 while there is no such document; `version`, text that grows with the document, null
  with 404; `etag`, the ETag of a GET of that address, null with 404; with `full=true` also `answer`, the whole answer.
- `reload`: what the client has is not known. A `state` of each key follows.
- `stale`: for the moment it is not known whether `keys` change. `fresh`: it is known again, and what changed meanwhile
  was sent before.
- `bye`: the stream ends, because of `reason`: `token_expired`, `forbidden` or `stopping`.
- A comment is a heartbeat.

A client that comes back with the last id in `Last-Event-ID` is sent what has changed since, at any process."""
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event of the same keys: only what has changed since is sent",
    "schema": {"type": "string"},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags of answers that the client holds: 304 if one of them is still right",
    "schema": {"type": "string"},
}


def _tagged(linked: Mapping[str, Any] | None = None) -> Responses:
    """An answer with an ETag, and the 304 for who has it already."""
    success: dict[str, Any] = {"headers": _ETAG}
    return {
        200: success | ({"links": linked} if linked else {}),
        304: {"description": "Not changed since the ETag in If-None-Match", "headers": _ETAG},
    }


def _unavailable(description: str, *errors: ApiError) -> Responses:
    """Every address refuses when there are too many connections."""
    return failed(description, *errors, Overloaded(), headers=_RETRY)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.schema()
    return {
        "name": parameter.name,
        "in": parameter.location,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
        **({"style": "form", "explode": False} if schema["type"] == "array" else {}),
    }


def failed(description: str, *errors: ApiError, headers: Mapping[str, Any] | None = None) -> Responses:
    """A response in the error envelope, with an example of each error; all have the status of the first."""
    named = {str(error.code): {"value": error_content(error)} for error in errors}
    response: dict[str, Any] = {
        "model": Failure,
        "description": description,
        "content": {"application/json": {"examples": named}},
    }
    return {errors[0].status: response | ({"headers": headers} if headers else {})}


_NOT_REFLECTED: Final = failed(
    "The transaction in `after` goes on, or has not arrived in time", NotReflected(2), headers=_RETRY
)


def _invalid(parameter: Parameter) -> InvalidInput:
    return InvalidInput([Fault(parameter.name, "must be a whole number of at most 19 digits", "abc")])
