"""Redis away, or gone back in time: what was kept is served, marked as stale; the rest is 503; all heals by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx import AsyncClient, Response
from pydantic import SecretStr

from api.app import create_app
from api.models.envelope import Failure
from api.models.product import ProductAnswer
from projector.names import REFRESH_STREAM
from projector.settings import Settings
from tests.api.conftest import api_client, near_cache_on, started
from tests.api.samples import CUSTOMER, PRODUCT
from tests.api.store import BUILT_US, OwnStore, Store, orders, version
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

KEY = "bff:product:42:complete"
ADDRESS = "/api/mobile/products/42/complete"
WARNING = '110 - "Response is Stale"'


@asynccontextmanager
async def warm(url: str) -> AsyncIterator[AsyncClient]:
    app = create_app(Settings(redis_url=SecretStr(url), api_redis_timeout_seconds=0.5, near_cache_mb=8))
    async with started(app) as client:
        await near_cache_on(app)
        yield client


async def get(client: AsyncClient, **headers: str) -> Response:
    return await client.get(ADDRESS, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def until_stale(client: AsyncClient) -> None:
    async def is_stale() -> bool:
        return "warning" in (await get(client)).headers

    await until(is_stale)


async def until_fresh(client: AsyncClient) -> None:
    async def is_fresh() -> bool:
        response = await get(client)
        return response.status_code == 200 and "warning" not in response.headers

    await until(is_fresh)


async def test_what_was_kept_is_served_and_marked(own_store: OwnStore) -> None:
    own_store.write(KEY, PRODUCT)
    async with warm(own_store.url) as client:
        fresh = await get(client)
        assert "stale" not in fresh.json()["metadata"]
        own_store.stop()
        await until_stale(client)
        stale = await get(client)
        own_store.start()
    answer = stale.json()
    assert (stale.status_code, stale.headers["warning"]) == (200, WARNING)
    assert answer["metadata"]["stale"] is True
    assert answer["metadata"]["age_seconds"] == int(stale.headers["age"]) >= 0
    assert answer["data"] == fresh.json()["data"]
    ProductAnswer.model_validate_json(stale.content, strict=True)


async def test_what_was_not_kept_is_503(own_store: OwnStore) -> None:
    own_store.write(KEY, PRODUCT)
    async with warm(own_store.url) as client:
        await get(client)
        own_store.stop()
        await until_stale(client)
        for address in (f"{ADDRESS}?include_reviews=false", "/api/mobile/products/43/complete"):
            response = await client.get(address)
            assert (response.status_code, response.json()["details"]["code"]) == (503, "unavailable")
            assert int(response.headers["retry-after"]) >= 1
        together = await client.get("/api/mobile/batch?keys=products/42,products/43")
        own_store.start()
    assert (together.status_code, together.headers["warning"]) == (200, WARNING)
    answer = together.json()
    assert [item["status"] for item in answer["data"]["items"]] == [200, 503]
    assert answer["metadata"]["stale"] is answer["data"]["items"][0]["metadata"]["stale"] is True


async def test_a_404_that_was_kept_is_stale_too(own_store: OwnStore) -> None:
    own_store.write(KEY, PRODUCT)
    async with warm(own_store.url) as client:
        await get(client)
        await client.get("/api/mobile/products/43/complete")
        own_store.stop()
        await until_stale(client)
        response = await client.get("/api/mobile/products/43/complete")
        own_store.start()
    assert (response.status_code, response.headers["warning"]) == (404, WARNING)
    details = response.json()["details"]
    assert (details["code"], details["stale"], details["age_seconds"]) == (
        "not_found",
        True,
        int(response.headers["age"]),
    )
    Failure.model_validate_json(response.content, strict=True)


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
async def test_etags_stay_right(coding: str, own_store: OwnStore) -> None:
    """A client with the fresh answer need not fetch it again; one with the stale mark fetches it when all is well."""
    own_store.write(KEY, PRODUCT)
    async with warm(own_store.url) as client:
        fresh = await get(client, accept_encoding=coding)
        own_store.stop()
        await until_stale(client)
        stale = await get(client, accept_encoding=coding)
        assert stale.headers["etag"] != fresh.headers["etag"]
        assert stale.headers.get("content-encoding", "identity") == coding
        known = await get(client, accept_encoding=coding, if_none_match=fresh.headers["etag"])
        assert (known.status_code, known.content) == (304, b"")
        assert (known.headers["etag"], known.headers["warning"]) == (fresh.headers["etag"], WARNING)
        assert int(known.headers["age"]) >= 0
        own_store.start()
        own_store.build()
        own_store.write(KEY, PRODUCT)
        await until_fresh(client)
        healed = await get(client, accept_encoding=coding, if_none_match=stale.headers["etag"])
        assert (healed.status_code, healed.headers["etag"]) == (200, fresh.headers["etag"])


async def test_a_redis_that_hangs_is_away(own_store: OwnStore) -> None:
    own_store.write(KEY, PRODUCT)
    async with warm(own_store.url) as client:
        await get(client)
        own_store.freeze()
        await until_stale(client)
        own_store.thaw()
        await until_fresh(client)


async def test_a_redis_that_is_being_filled_does_not_hide_what_was_kept(own_store: OwnStore) -> None:
    """503 `not_built` only for what is not here any more."""
    own_store.write(KEY, PRODUCT)
    async with warm(own_store.url) as client:
        await get(client)
        own_store.stop()
        own_store.start()

        async def is_filling() -> bool:
            response = await client.get("/api/mobile/products/43/complete")
            return bool(response.json()["details"]["code"] == "not_built")

        await until(is_filling)
        assert (await get(client)).headers["warning"] == WARNING


def go_back(store: Store, key: str, sections: dict[str, str], built_us: int) -> None:
    """The state of before everything else, as a replica that lagged would have it; nobody is told."""
    fields: dict[Any, Any] = {f"{section}@": version(1, built_us) for section in sections}
    store.redis.delete(key)
    store.redis.hset(key, mapping=fields | sections)


@pytest.mark.parametrize("near_cache_mb", [0, 8])
async def test_an_older_document_is_not_served(near_cache_mb: int, store: Store) -> None:
    """At no address; the projector is asked once to build it anew, and then all is well."""
    addresses = [f"/api/mobile/customers/7/{name}" for name in ("complete", "quick", "financial")]
    key = "bff:customer:7:complete"
    store.write(key, CUSTOMER)
    async with api_client(store.url, near_cache_mb=near_cache_mb) as client:
        assert (await client.get(addresses[0])).status_code == 200
        go_back(store, key, CUSTOMER, BUILT_US - 1)
        for address in addresses[1:]:
            response = await client.get(address)
            assert (response.status_code, response.json()["details"]["code"]) == (503, "unavailable")
            assert int(response.headers["retry-after"]) >= 1
        asked: Any = store.redis.xrange(REFRESH_STREAM)
        assert [fields for _, fields in asked] == [{b"document": b"customer", b"id": b"7"}]
        store.write(key, CUSTOMER)
        assert [(await client.get(address)).status_code for address in addresses] == [200] * 3


async def test_the_newer_document_that_is_still_here_is_served_marked(own_store: OwnStore) -> None:
    own_store.write(KEY, PRODUCT)
    app = create_app(Settings(redis_url=SecretStr(own_store.url), near_cache_mb=8))
    async with started(app) as client:
        near_cache = await near_cache_on(app)
        fresh = await get(client)
        near_cache.closed()  # a failover ends the subscription
        go_back(own_store, KEY, {**PRODUCT, "images": "[1]"}, BUILT_US - 1)
        response = await get(client)
        assert response.json()["data"] == fresh.json()["data"]
        assert response.headers["warning"] == WARNING


@pytest.mark.parametrize("near_cache_mb", [0, 8])
async def test_a_document_that_vanished_is_no_404(near_cache_mb: int, store: Store) -> None:
    """Deleted, it would have left a tombstone. A replica that lagged may not have it yet."""
    store.write(KEY, PRODUCT)
    async with api_client(store.url, near_cache_mb=near_cache_mb) as client:
        await get(client)
        store.replace(KEY, {})

        async def is_503() -> bool:
            return (await get(client)).status_code == 503

        await until(is_503)
        store.bury(KEY)
        assert (await get(client)).status_code == 404


async def test_a_deleted_document_does_not_come_back_as_it_was(store: Store) -> None:
    deleted = next(orders)
    async with api_client(store.url) as client:
        store.replace(KEY, {"deleted@": version(deleted)})
        assert (await get(client)).status_code == 404
        go_back(store, KEY, PRODUCT, BUILT_US - 1)
        assert (await get(client)).status_code == 503
        store.write(KEY, PRODUCT)
        assert (await get(client)).status_code == 200
