"""OpenAPI describes what is really answered: models, examples, errors, parameters."""

import json
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import BaseModel

from api.event_ids import read_id
from api.models.batch import BatchAnswer
from api.models.envelope import Accepted, Failure, Health, Readiness
from api.openapi import PAGES, Page
from tests.api.addresses import DOCUMENT_ADDRESSES, JOINED_ADDRESSES, JSON_ADDRESSES, write_all
from tests.api.listening import read_event
from tests.api.store import Store

MODELS: dict[str, type[BaseModel]] = {
    **{page.operation_id: page.model for page in PAGES},
    "batch": BatchAnswer,
    "health": Health,
    "ready": Readiness,
}


async def schema(client: AsyncClient) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def page_of(address: str) -> Page:
    path = address.split("?")[0].replace("/42/", "/{id}/").replace("/7/", "/{id}/")
    path = path.replace("/9/", "/{id}/").replace("/products/42", "/products/{id}")
    return next(page for page in PAGES if page.template.path == path)


@pytest.mark.anyio
@pytest.mark.parametrize("address", [*DOCUMENT_ADDRESSES, *JOINED_ADDRESSES])
async def test_models_fit_real_answers_exactly(address: str, store: Store, client: AsyncClient) -> None:
    """Every field is there, none besides, each of its type; sections left out too."""
    write_all(store)
    page = page_of(address)
    flags = [p.name for p in page.template.parameters if p.name.startswith("include_")]
    separator = "&" if "?" in address else "?"
    for query in ("", *(f"{separator}{flag}=false" for flag in flags)):
        body = (await client.get(address + query)).content
        answer = page.model.model_validate_json(body, strict=True)
        assert set(json.loads(body)) == answer.model_fields_set


@pytest.mark.anyio
@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_models_fit_degraded_answers(address: str, store: Store, client: AsyncClient) -> None:
    """Where nothing of a document could be built, every section is null."""
    template = page_of(address).template
    sections = [field.section for field in template.fields]
    store.write(DOCUMENT_ADDRESSES[address], {}, degraded=sections)
    body = (await client.get(address)).content
    page_of(address).model.model_validate_json(body, strict=True)
    assert json.loads(body)["metadata"]["degraded"]


@pytest.mark.anyio
async def test_models_fit_every_other_answer(store: Store, client: AsyncClient) -> None:
    health, ready = [await client.get(f"/api/mobile/{name}") for name in ("health", "ready")]
    Health.model_validate_json(health.content, strict=True)
    Readiness.model_validate_json(ready.content, strict=True)
    accepted = await client.post("/api/mobile/orders/9/invalidate-cache")
    Accepted.model_validate_json(accepted.content, strict=True)
    failures = [
        await client.get("/api/mobile/orders/9/quick"),
        await client.get("/api/mobile/orders/x/quick"),
        await client.get("/nothing"),
        await client.post("/api/mobile/health"),
    ]
    store.empty()
    failures += [await client.get(f"/api/mobile/{name}") for name in ("ready", "orders/9/quick")]
    codes = [Failure.model_validate_json(r.content, strict=True).details.code for r in failures]
    assert codes == [
        "not_found",
        "invalid_input",
        "no_such_path",
        "method_not_allowed",
        "not_ready",
        "not_built",
    ]


@pytest.mark.anyio
async def test_every_address_is_described_and_head_is_not(client: AsyncClient) -> None:
    listed = {(method, path) for path, method, _ in operations(await schema(client))}
    others = {f"/api/mobile/{name}" for name in ("batch", "events", "health", "ready")}
    gets = {page.template.path for page in PAGES} | others
    posts = {
        "/api/mobile/products/{id}/invalidate-cache",
        "/api/mobile/customers/{id}/invalidate-cache",
        "/api/mobile/orders/{id}/invalidate-cache",
        "/api/mobile/salesperson/{id}/dashboard/invalidate-cache",
    }
    assert listed == {("get", path) for path in gets} | {("post", path) for path in posts}


@pytest.mark.anyio
async def test_examples_fit_the_models(client: AsyncClient) -> None:
    """Of every address and every status that has a body."""
    for path, _, operation in operations(await schema(client)):
        for status, response in operation["responses"].items():
            if status == "304":
                assert "content" not in response
                continue
            if "text/event-stream" in response["content"]:
                assert_is_stream(response["content"]["text/event-stream"]["example"])
                continue
            content = response["content"]["application/json"]
            shown = content.get("examples", {"only": {"value": content.get("example")}})
            success = MODELS.get(operation["operationId"], Accepted)
            model = success if status.startswith("2") else Failure
            for example in shown.values():
                model.model_validate_json(json.dumps(example["value"]), strict=True)
            assert content["schema"] == {"$ref": f"#/components/schemas/{model.__name__}"}, path


def assert_is_stream(example: str) -> None:
    """Each piece is one that a stream could have."""
    pieces = [read_event(block) for block in example.split("\n\n")[:-1]]
    told = [event for event in pieces if event is not None and event.kind is not None]
    assert [event.kind for event in told] == ["state", "change"]
    assert all(read_id([event.data["key"]], (event.id or "").encode()) for event in told)


@pytest.mark.anyio
async def test_documents_describe_their_errors(client: AsyncClient) -> None:
    document = await schema(client)
    for page in PAGES:
        responses = document["paths"][page.template.path]["get"]["responses"]
        assert list(responses) == ["200", "304", "404", "422", "503", "504"]
        assert all("Retry-After" in responses[status]["headers"] for status in ("503", "504"))
        unavailable = responses["503"]["content"]["application/json"]["examples"]
        assert list(unavailable) == ["not_built", "unavailable", "overloaded"]


@pytest.mark.anyio
async def test_parameters_are_described(client: AsyncClient) -> None:
    paths = (await schema(client))["paths"]
    described = paths["/api/mobile/customers/{id}/orders"]["get"]["parameters"]
    assert [(p["name"], p["in"], p["required"]) for p in described] == [
        ("id", "path", True),
        ("limit", "query", False),
        ("status", "query", False),
        ("after", "query", False),
        ("If-None-Match", "header", False),
    ]
    assert described[1]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 20,
    }
    dashboard = paths["/api/mobile/salesperson/dashboard"]["get"]["parameters"]
    assert [(p["name"], p["in"], p["required"]) for p in dashboard] == [
        ("salesperson_id", "query", True),
        ("date_range", "query", False),
        ("after", "query", False),
        ("If-None-Match", "header", False),
    ]
    assert dashboard[1]["schema"]["enum"] == ["today", "week", "month"]


@pytest.mark.anyio
async def test_money_is_a_number_and_nulls_are_marked(client: AsyncClient) -> None:
    schemas = (await schema(client))["components"]["schemas"]
    price = schemas["Price"]["properties"]
    assert price["final_price"]["type"] == "number"
    assert price["price"]["anyOf"] == [{"type": "number"}, {"type": "null"}]
    assert set(schemas["Price"]["required"]) == set(price)


@pytest.mark.anyio
async def test_every_model_and_field_section_is_explained(client: AsyncClient) -> None:
    schemas = (await schema(client))["components"]["schemas"]
    assert [name for name, model in schemas.items() if not model.get("description")] == []


@pytest.mark.anyio
@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_readers_find_the_document(page: str, client: AsyncClient) -> None:
    response = await client.get(page)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "openapi.json" in response.text


def test_every_document_address_is_tested() -> None:
    addresses = [*DOCUMENT_ADDRESSES, *JOINED_ADDRESSES]
    assert {page_of(address).template.path for address in addresses} == {page.template.path for page in PAGES}
    assert len(JSON_ADDRESSES) == len(addresses) + 3
