"""Without Redis every document is a 503 with Retry-After, at once or soon, and all heals by itself."""

import asyncio
import logging
import time
from pathlib import Path

import pytest
from httpx import AsyncClient, Response

from api.redis_line import RedisLine
from projector.errors import SettingsError
from projector.names import DOCUMENTS
from tests.api.conftest import api_client
from tests.api.fake_redis import Command, array, fake_redis
from tests.api.samples import PRODUCT
from tests.api.store import OwnStore, Store
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

PRODUCT_ADDRESS = "/api/mobile/products/42/complete"
ADDRESSES = (
    PRODUCT_ADDRESS,
    "/api/mobile/customers/7/complete",
    "/api/mobile/customers/7/quick",
    "/api/mobile/customers/7/financial",
    "/api/mobile/customers/7/orders",
    "/api/mobile/orders/9/complete",
    "/api/mobile/orders/9/quick",
    "/api/mobile/salesperson/dashboard?salesperson_id=3",
)


def assert_unavailable(response: Response) -> None:
    assert response.status_code == 503
    assert response.json() == {
        "success": False,
        "error": "The read model cannot be reached at the moment",
        "details": {"code": "unavailable"},
    }
    assert int(response.headers["retry-after"]) >= 1
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def assert_heals(client: AsyncClient) -> None:
    async def answers() -> bool:
        return (await client.get(PRODUCT_ADDRESS)).status_code == 200

    await until(answers)


@pytest.mark.parametrize("address", ADDRESSES)
async def test_nobody_listening_is_503(address: str, tmp_path: Path) -> None:
    async with api_client(f"unix://{tmp_path}/nobody.sock") as client:
        assert_unavailable(await client.get(address))
        assert (await client.get("/api/mobile/health")).status_code == 200


async def test_a_request_for_a_rebuild_is_503_too(tmp_path: Path) -> None:
    async with api_client(f"unix://{tmp_path}/nobody.sock") as client:
        assert_unavailable(await client.post("/api/mobile/products/42/invalidate-cache"))


async def test_a_killed_redis_is_503_until_it_is_back(own_store: OwnStore, caplog: pytest.LogCaptureFixture) -> None:
    """Both turns are logged once each, however many requests there are."""
    caplog.set_level(logging.WARNING, "api")
    own_store.write("bff:product:42:complete", PRODUCT)
    async with api_client(own_store.url) as client:
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 200
        own_store.stop()
        for _ in range(5):
            assert_unavailable(await client.get(PRODUCT_ADDRESS))
        own_store.start()
        own_store.build()
        own_store.write("bff:product:42:complete", PRODUCT)
        await assert_heals(client)
    told = [record for record in caplog.records if record.name != "api.notices"]
    messages = [record.getMessage().split(":")[0] for record in told]
    assert messages == [
        "Redis is away, answers are stale or 503 until it is back",
        "Redis is back",
    ]


async def test_a_connection_that_was_cut_while_idle_is_not_noticed(own_store: OwnStore) -> None:
    own_store.write("bff:product:42:complete", PRODUCT)
    async with api_client(own_store.url) as client:
        for _ in range(3):
            assert (await client.get(PRODUCT_ADDRESS)).status_code == 200
            own_store.redis.client_kill_filter(_type="normal", skipme=True)


async def test_a_redis_that_hangs_is_503_within_two_timeouts(own_store: OwnStore) -> None:
    """Requests that came meanwhile end with it, later ones fail at once."""
    own_store.write("bff:product:42:complete", PRODUCT)
    async with api_client(own_store.url, redis_timeout_seconds=0.3) as client:
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 200
        own_store.freeze()
        began = time.monotonic()
        for response in await asyncio.gather(*(client.get(address) for address in ADDRESSES)):
            assert_unavailable(response)
        assert time.monotonic() - began < 2 * 0.3 + 1
        began = time.monotonic()
        assert_unavailable(await client.get(PRODUCT_ADDRESS))
        assert time.monotonic() - began < 0.25
        own_store.thaw()
        await assert_heals(client)


async def test_a_redis_that_wants_a_password_is_503_until_it_does_not(own_store: OwnStore) -> None:
    own_store.write("bff:product:42:complete", PRODUCT)
    async with api_client(own_store.url) as client:
        own_store.redis.config_set("requirepass", "secret")
        own_store.redis.client_kill_filter(_type="normal", skipme=True)
        assert_unavailable(await client.get(PRODUCT_ADDRESS))
        own_store.redis.config_set("requirepass", "")
        await assert_heals(client)


async def test_a_password_in_the_url_is_used_and_a_wrong_one_is_503(own_store: OwnStore) -> None:
    own_store.write("bff:product:42:complete", PRODUCT)
    own_store.redis.config_set("requirepass", "secret")
    async with api_client(f"{own_store.url}?password=secret") as client:
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 200
    async with api_client(f"{own_store.url}?password=wrong") as client:
        assert_unavailable(await client.get(PRODUCT_ADDRESS))


@pytest.mark.parametrize(
    "error",
    [
        "-LOADING Redis is loading the dataset in memory",
        "-NOAUTH Authentication required.",
        "-NOPERM this user has no permissions",
        "-MASTERDOWN Link with MASTER is down",
        "-CLUSTERDOWN The cluster is down",
        "-MOVED 1 10.0.0.1:6379",
        "-BUSY Redis is busy running a script",
        "-NOSCRIPT No matching script",
        "-ERR max number of clients reached",
        "-SOMETHING nobody ever heard of",
        "not even the protocol",
        "+OK",
        ":1",
        "$-1",
    ],
)
async def test_whatever_else_redis_says_is_503(error: str, tmp_path: Path) -> None:
    async def answer(_: Command) -> bytes:
        return f"{error}\r\n".encode()

    async with fake_redis(tmp_path, answer) as url, api_client(url) as client:
        assert_unavailable(await client.get(PRODUCT_ADDRESS))
        assert_unavailable(await client.post("/api/mobile/products/42/invalidate-cache"))
        assert (await client.get("/api/mobile/ready")).status_code == 503


async def test_a_connection_cut_in_the_middle_of_a_reply_is_503(tmp_path: Path) -> None:
    """The rest of the reply never reaches the next question."""
    cut = False

    async def answer(command: Command) -> bytes:
        nonlocal cut
        if command[1].startswith(b"projector:"):
            return array(*[b"1"] * len(DOCUMENTS), None)
        cut = not cut
        return b"" if cut else array(*[None] * (len(command) - 2))

    async with fake_redis(tmp_path, answer) as url, api_client(url) as client:
        await client.get("/api/mobile/ready")
        statuses = [(await client.get(PRODUCT_ADDRESS)).status_code for _ in range(4)]
    assert set(statuses) <= {404, 503}


async def test_one_spoilt_key_spoils_one_answer(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT)
    store.redis.set("bff:product:43:complete", "not a hash")
    asked = [client.get(f"/api/mobile/products/{n}/complete") for n in (42, 43, 42)]
    first, spoilt, last = await asyncio.gather(*asked)
    assert (first.status_code, last.status_code) == (200, 200)
    assert_unavailable(spoilt)


async def test_a_redis_that_refuses_writes_still_serves_documents(own_store: OwnStore) -> None:
    """A replica, or one whose memory is full: a rebuild cannot be asked for, all else goes on."""
    own_store.write("bff:product:42:complete", PRODUCT)
    async with api_client(own_store.url) as client:
        own_store.redis.replicaof("127.0.0.1", "1")
        assert_unavailable(await client.post("/api/mobile/products/42/invalidate-cache"))
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 200
        own_store.redis.replicaof("NO", "ONE")
        own_store.redis.config_set("maxmemory", "1")
        assert_unavailable(await client.post("/api/mobile/products/42/invalidate-cache"))
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 200


@pytest.mark.parametrize("url", ["redis://:pa/ss@host:1/0", "redis://host:port", "redis://h?x=y"])
def test_a_url_that_is_none_is_an_error_without_its_secrets(url: str) -> None:
    with pytest.raises(SettingsError, match="PROJECTOR_REDIS_URL") as caught:
        RedisLine(url, timeout_seconds=1)
    assert "pa" not in str(caught.value).replace("password", "")
