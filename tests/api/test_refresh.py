"""POST …/invalidate-cache asks the projector for a rebuild, through the refresh stream."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from projector.names import REFRESH_STREAM
from tests.api.samples import PRODUCT
from tests.api.store import Store

pytestmark = pytest.mark.anyio

ADDRESSES = {
    "/api/mobile/products/{}/invalidate-cache": ("product", "Product"),
    "/api/mobile/customers/{}/invalidate-cache": ("customer", "Customer"),
    "/api/mobile/orders/{}/invalidate-cache": ("order", "Order"),
    "/api/mobile/salesperson/{}/dashboard/invalidate-cache": ("dashboard", "Dashboard"),
}


def requests(store: Store) -> list[dict[bytes, bytes]]:
    entries: Any = store.redis.xrange(REFRESH_STREAM)
    return [fields for _, fields in entries]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("entity_id", ["42", "-1", "007", "9223372036854775807"])
async def test_a_rebuild_is_asked_for_whether_or_not_the_id_is_known(
    address: str, entity_id: str, store: Store, client: AsyncClient
) -> None:
    entity, noun = ADDRESSES[address]
    response = await client.post(address.format(entity_id))
    assert response.status_code == 202
    assert response.json() == {
        "success": True,
        "message": f"{noun} {int(entity_id)} will be rebuilt",
    }
    expected = {b"document": entity.encode(), b"id": str(int(entity_id)).encode()}
    assert requests(store) == [expected]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_faulty_id_is_422_and_asks_for_nothing(address: str, store: Store, client: AsyncClient) -> None:
    response = await client.post(address.format("abc"))
    assert response.status_code == 422
    assert response.json()["details"]["errors"][0]["field"] == "id"
    assert requests(store) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", None),
        (b"{", "application/json"),
        (b"\xff" * 1000, "application/json"),
        (b"x" * 2_000_000, "application/octet-stream"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"a=%ZZ", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_is_ignored(body: bytes, content_type: str | None, store: Store, client: AsyncClient) -> None:
    headers = {"content-type": content_type} if content_type else {}
    address = "/api/mobile/products/42/invalidate-cache"
    response = await client.post(address, content=body, headers=headers)
    assert response.status_code == 202
    assert len(requests(store)) == 1


async def test_the_old_document_is_served_until_the_new_one_replaces_it(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT)
    await client.post("/api/mobile/products/42/invalidate-cache")
    assert (await client.get("/api/mobile/products/42/complete")).status_code == 200


async def test_a_rebuild_can_be_asked_for_before_anything_is_built(store: Store, client: AsyncClient) -> None:
    store.empty()
    response = await client.post("/api/mobile/orders/9/invalidate-cache")
    assert (response.status_code, len(requests(store))) == (202, 1)


async def test_many_requests_at_once_all_arrive(store: Store, client: AsyncClient) -> None:
    asked = [client.post(f"/api/mobile/orders/{n}/invalidate-cache") for n in range(100)]
    assert {response.status_code for response in await asyncio.gather(*asked)} == {202}
    assert {int(fields[b"id"]) for fields in requests(store)} == set(range(100))


async def test_the_stream_stays_bounded(store: Store, client: AsyncClient) -> None:
    pipeline = store.redis.pipeline(transaction=False)
    for _ in range(101_000):
        pipeline.xadd(REFRESH_STREAM, {"document": "order", "id": "1"})
    pipeline.execute()
    response = await client.post("/api/mobile/orders/9/invalidate-cache")
    assert response.status_code == 202
    assert store.redis.xlen(REFRESH_STREAM) < 101_000
