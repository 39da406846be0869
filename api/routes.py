"""The addresses of the API, tied to what answers them.

Requests are read by our own parameters and answers are ready bytes; FastAPI routes the request and
describes it all in OpenAPI.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api import openapi
from api.after import AFTER, Reflecting, Waiting, read_after, unless_gone
from api.answers import Answer, failure, read_wanted, response, tagged, untagged
from api.batch import KEYS, batch_answer, read_keys
from api.endpoints import CUSTOMER_ID, MOBILE, ORDER_ID, PRODUCT_ID
from api.errors import BadRequest, NotReady
from api.event_keys import FULL
from api.event_keys import KEYS as EVENT_KEYS
from api.events import Events, EventStream
from api.gate import Gate
from api.models import envelope
from api.models.batch import BatchAnswer
from api.parameters import Id, read_values
from api.read_model import ReadModel
from api.templates import Question, Template, encode
from projector import __version__

Endpoint = Callable[[Request], Awaitable[Response]]

SERVICE = "mobile-bff"

SALESPERSON_ID = Id("id", "The salesperson's user id", example=7)
REFRESHES = (
    ("product", "Product", PRODUCT_ID, f"{MOBILE}/products/{{id}}/invalidate-cache"),
    ("customer", "Customer", CUSTOMER_ID, f"{MOBILE}/customers/{{id}}/invalidate-cache"),
    ("order", "Order", ORDER_ID, f"{MOBILE}/orders/{{id}}/invalidate-cache"),
    (
        "dashboard",
        "Dashboard",
        SALESPERSON_ID,
        f"{MOBILE}/salesperson/{{id}}/dashboard/invalidate-cache",
    ),
)
"""What a rebuild can be asked for: entity, noun, parameter, path."""
PATHS = (
    *(page.template.path for page in openapi.PAGES),
    f"{MOBILE}/batch",
    f"{MOBILE}/events",
    *(path for *_, path in REFRESHES),
    f"{MOBILE}/health",
    f"{MOBILE}/ready",
    "/openapi.json",
    "/docs",
    "/redoc",
)
"""Every address."""


def add_document_routes(app: FastAPI, read_model: ReadModel, gate: Gate, waiting: Waiting) -> None:
    """GET of every template."""
    for page in openapi.PAGES:
        app.add_api_route(
            page.template.path,
            _document_endpoint(page.template, read_model, gate, waiting),
            methods=["GET"],
            response_model=page.model,
            summary=page.summary,
            tags=[page.tag],
            operation_id=page.operation_id,
            responses=openapi.document_responses(page),
            openapi_extra=openapi.tagged_parameters((*page.template.parameters, AFTER)),
        )


def add_batch_route(app: FastAPI, read_model: ReadModel, gate: Gate, waiting: Waiting) -> None:
    """GET of several documents at once."""

    async def endpoint(request: Request) -> Response:
        scope = request.scope
        query, accepted = scope["query_string"], read_wanted(scope["headers"]).accepted
        after = read_after(query)
        read = await gate.reader(scope, Reflecting(read_model, waiting, after) if after else None)
        read_values((AFTER,), {}, query)
        answering = batch_answer(read_keys(query), read, accepted)
        answer = await _awaited(request, answering) if after else await answering
        return response(answer, scope["headers"])

    app.add_api_route(
        f"{MOBILE}/batch",
        endpoint,
        methods=["GET"],
        response_model=BatchAnswer,
        summary="Several documents in one answer",
        tags=["batch"],
        operation_id="batch",
        responses=openapi.batch_responses(),
        openapi_extra=openapi.tagged_parameters((KEYS, AFTER)),
    )


def add_events_route(app: FastAPI, events: Events) -> None:
    """GET of changes as they happen."""

    async def endpoint(_: Request) -> Response:
        return EventStream(events)

    app.add_api_route(
        f"{MOBILE}/events",
        endpoint,
        methods=["GET"],
        status_code=200,
        response_class=Response,
        summary="Changes of documents as they happen: server-sent events",
        tags=["events"],
        operation_id="events",
        responses=openapi.events_responses(),
        openapi_extra=openapi.events_parameters((EVENT_KEYS, FULL)),
    )


def add_refresh_routes(app: FastAPI, read_model: ReadModel, gate: Gate) -> None:
    """POST of every request for a rebuild."""
    for entity, noun, parameter, path in REFRESHES:
        app.add_api_route(
            path,
            _refresh_endpoint(entity, noun, parameter, read_model, gate),
            methods=["POST"],
            status_code=202,
            response_model=envelope.Accepted,
            summary=f"Ask for a rebuild of a {noun.lower()}",
            tags=["rebuild"],
            operation_id=f"refresh_{entity}",
            responses=openapi.refresh_responses(noun, f"refresh_{entity}"),
            openapi_extra=openapi.parameters((parameter,)),
        )


def add_probe_routes(app: FastAPI, read_model: ReadModel) -> None:
    """Whether the process answers, and whether it can answer everything."""
    app.add_api_route(
        f"{MOBILE}/health",
        _health_endpoint(),
        response_model=envelope.Health,
        summary="Whether the process answers",
        tags=["probes"],
        operation_id="health",
        responses=openapi.health_responses({**_identity("healthy"), "version": __version__}),
        openapi_extra=openapi.tagged_parameters(),
    )
    app.add_api_route(
        f"{MOBILE}/ready",
        _ready_endpoint(read_model),
        response_model=envelope.Readiness,
        summary="Whether everything can be answered, and what is missing",
        tags=["probes"],
        operation_id="ready",
        responses=openapi.ready_responses(_readiness()),
        openapi_extra=openapi.tagged_parameters(),
    )


def add_documentation_routes(app: FastAPI) -> None:
    """The OpenAPI document and its two readers."""

    @functools.cache
    def answer() -> Answer:
        return tagged(encode(app.openapi()))

    async def schema(request: Request) -> Response:
        return response(answer(), request.scope["headers"])

    async def swagger(_: Request) -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="openapi.json", title=app.title)

    async def redoc(_: Request) -> HTMLResponse:
        return get_redoc_html(openapi_url="openapi.json", title=app.title)

    app.add_route("/openapi.json", schema, include_in_schema=False)
    app.add_route("/docs", swagger, include_in_schema=False)
    app.add_route("/redoc", redoc, include_in_schema=False)


def _document_endpoint(template: Template, read_model: ReadModel, gate: Gate, waiting: Waiting) -> Endpoint:
    parameters = (*template.parameters, AFTER)

    async def endpoint(request: Request) -> Response:
        scope = request.scope
        after = read_after(scope["query_string"])
        read = await gate.reader(scope, Reflecting(read_model, waiting, after) if after else None)
        *values, _ = read_values(parameters, scope["path_params"], scope["query_string"])
        question = Question(template, tuple(values))
        answer = await _awaited(request, read(question)) if after else await read(question)
        sent = response(answer, scope["headers"])
        read_model.count(question, answer)
        return sent

    return endpoint


async def _awaited(request: Request, answering: Awaitable[Answer]) -> Answer:
    """The answer of a request that may wait for long; whatever, once its client has gone."""
    answer = await unless_gone(request.receive, answering)
    return failure(BadRequest("The client has gone")) if answer is None else answer


def _refresh_endpoint(entity: str, noun: str, parameter: Id, read_model: ReadModel, gate: Gate) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        admit = await gate.refresher(request.scope)
        (entity_id,) = read_values((parameter,), request.scope["path_params"], b"")
        await admit(entity, int(entity_id or 0))
        await read_model.request_rebuild(entity, int(entity_id or 0))
        accepted = {"success": True, "message": f"{noun} {entity_id} will be rebuilt"}
        return response(untagged(202, accepted))

    return endpoint


def _health_endpoint() -> Endpoint:
    answer = tagged(encode({**_identity("healthy"), "version": __version__}))

    async def endpoint(request: Request) -> Response:
        return response(answer, request.scope["headers"])

    return endpoint


def _ready_endpoint(read_model: ReadModel) -> Endpoint:
    ready = tagged(encode(_readiness()))

    async def endpoint(request: Request) -> Response:
        missing = await read_model.missing_parts()
        answer = failure(NotReady(missing)) if missing else ready
        return response(answer, request.scope["headers"])

    return endpoint


def _identity(status: str) -> dict[str, Any]:
    return {"status": status, "service": SERVICE}


def _readiness() -> dict[str, Any]:
    return {**_identity("ready"), "waiting_for": []}
