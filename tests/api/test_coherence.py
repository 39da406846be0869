"""The near cache of a running application against a real Redis: never older than what its change messages say."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import SecretStr
from redis.asyncio import Redis

from api import subscription
from api.app import ReadApi, create_app
from api.near_cache import NearCache
from projector.names import CHANGES_CHANNEL, DOCUMENTS
from projector.settings import Settings
from tests.api.conftest import near_cache_on, started
from tests.api.fake_redis import Command, array, fake_redis
from tests.api.samples import CUSTOMER, PRODUCT
from tests.api.store import OwnStore, version
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

KEY = "bff:customer:7:complete"
ADDRESSES = [f"/api/mobile/customers/7/{name}" for name in ("complete", "quick", "financial")]
PRODUCT_ADDRESS = "/api/mobile/products/42/complete"


def warm_app(url: str, near_cache_mb: int = 8) -> ReadApi:
    settings = Settings(redis_url=SecretStr(url), api_redis_timeout_seconds=0.5, near_cache_mb=near_cache_mb)
    return create_app(settings)


@asynccontextmanager
async def warm(url: str) -> AsyncIterator[tuple[AsyncClient, NearCache]]:
    """A client of an application whose near cache is on."""
    app = warm_app(url)
    async with started(app) as client:
        yield client, await near_cache_on(app)


async def misses(store: OwnStore) -> int:
    """How often a document was asked for since the statistics were reset, not counting the state of Redis."""
    stats: Any = store.redis.info("commandstats")
    return int(stats.get("cmdstat_hmget", {"calls": 0})["calls"])


async def test_a_document_is_asked_for_once(own_store: OwnStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PING_SECONDS", 3600)
    own_store.write("bff:product:42:complete", PRODUCT)
    async with warm(own_store.url) as (client, _):
        first = await client.get(PRODUCT_ADDRESS)
        own_store.redis.config_resetstat()
        answers = [await client.get(PRODUCT_ADDRESS) for _ in range(10)]
        assert {answer.content for answer in answers} == {first.content}
        assert await misses(own_store) == 0


async def test_a_404_is_kept_until_the_document_is_there(own_store: OwnStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PING_SECONDS", 3600)
    async with warm(own_store.url) as (client, near_cache):
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 404
        own_store.redis.config_resetstat()
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 404
        assert await misses(own_store) == 0
        assert len(near_cache) == 1
        own_store.write("bff:product:42:complete", PRODUCT)

        async def is_there() -> bool:
            return (await client.get(PRODUCT_ADDRESS)).status_code == 200

        await until(is_there)


async def test_compressed_bodies_are_counted_as_they_are_made(own_store: OwnStore) -> None:
    own_store.write("bff:product:42:complete", PRODUCT)
    async with warm(own_store.url) as (client, near_cache):
        sizes = []
        for coding in ("identity", "gzip", "gzip", "zstd", "zstd"):
            await client.get(PRODUCT_ADDRESS, headers={"accept-encoding": coding})
            sizes.append(near_cache.size)
        assert sizes[0] < sizes[1] == sizes[2] < sizes[3] == sizes[4]


@pytest.mark.parametrize("seed", range(3))
async def test_no_answer_is_older_than_the_messages_that_had_arrived(own_store: OwnStore, seed: int) -> None:
    """At any address, among reads, publishes and cut connections of both kinds.

    A document that was published, and whose message had arrived or could not because the near cache knew that it was
    deaf, is what a request that begins then is answered with, or a newer one. And no reader ever sees it go back.
    """
    chance = random.Random(seed)
    published = arrived = 0
    writing = True
    answered: set[int] = set()

    def publish_fields(n: int) -> dict[Any, Any]:
        return {f"{section}@": version(100_000 + n, n) for section in CUSTOMER}

    own_store.write(KEY, CUSTOMER, built_us=0)
    async with warm(own_store.url) as (client, near_cache), Redis.from_url(own_store.url) as redis:
        change = near_cache.change

        def note_arrival(key: bytes) -> None:
            nonlocal arrived
            change(key)
            arrived = max(arrived, published)

        near_cache.change = note_arrival  # type: ignore[method-assign]

        async def write() -> None:
            nonlocal published, writing
            for n in range(1, 200):
                pipeline = redis.pipeline(transaction=True)
                pipeline.hset(KEY, mapping=publish_fields(n))
                pipeline.publish(CHANGES_CHANNEL, KEY)
                await pipeline.execute()
                published = n
                if chance.random() < 0.02:
                    await redis.client_kill_filter(_type=chance.choice(["pubsub", "normal"]), skipme=True)
                await asyncio.sleep(chance.choice([0, 0, 0.001, 0.004]))
            writing = False

        async def read(reader: random.Random) -> None:
            latest = 0
            while writing:
                least = arrived if near_cache.is_on else published
                response = await client.get(reader.choice(ADDRESSES))
                if response.status_code == 503:
                    continue
                metadata = response.json()["metadata"]
                found = int(metadata["generated_at"][-7:-1])
                assert found >= latest
                assert found >= least or metadata.get("stale")
                latest = found
                answered.add(found)
                await asyncio.sleep(0)

        await asyncio.gather(write(), *(read(random.Random(n)) for n in range(6)))
        assert len(answered) > 20


async def test_a_cut_subscription_comes_back_and_nothing_from_before_is_fresh(own_store: OwnStore) -> None:
    own_store.write("bff:product:42:complete", PRODUCT)
    async with warm(own_store.url) as (client, near_cache):
        await client.get(PRODUCT_ADDRESS)
        own_store.redis.client_kill_filter(_type="pubsub")
        lost: dict[Any, Any] = {"images": "[1]", "images@": version(100_000)}  # its message is
        own_store.redis.hset("bff:product:42:complete", mapping=lost)

        async def is_off() -> bool:
            return not near_cache.is_on

        async def is_on() -> bool:
            return near_cache.is_on

        await until(is_off)
        assert (await client.get(PRODUCT_ADDRESS)).json()["data"]["images"] == [1]
        await until(is_on)
        assert (await client.get(PRODUCT_ADDRESS)).json()["data"]["images"] == [1]


async def test_a_redis_that_hangs_turns_the_near_cache_off(
    own_store: OwnStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stay open: only the pings tell."""
    monkeypatch.setattr(subscription, "PING_SECONDS", 0.05)
    async with warm(own_store.url) as (_, near_cache):

        async def is_off() -> bool:
            return not near_cache.is_on

        async def is_on() -> bool:
            return near_cache.is_on

        own_store.freeze()
        await until(is_off)
        own_store.thaw()
        await until(is_on)


async def test_a_redis_that_was_emptied_is_noticed(own_store: OwnStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was deleted while it was empty is not announced; the mark of the filling says so."""
    monkeypatch.setattr(subscription, "PING_SECONDS", 0.05)
    own_store.redis.hset("projector:state", "instance", "one")
    own_store.write("bff:product:42:complete", PRODUCT)
    async with warm(own_store.url) as (client, _):
        assert (await client.get(PRODUCT_ADDRESS)).status_code == 200
        own_store.redis.flushall()
        own_store.build()
        own_store.redis.hset("projector:state", "instance", "two")

        async def is_gone() -> bool:
            return (await client.get(PRODUCT_ADDRESS)).status_code == 404

        await until(is_gone)


@pytest.mark.parametrize("refusal", [b"-NOPERM no channel for you\r\n", b"+OK\r\n", b""])
async def test_without_a_subscription_nothing_is_kept(refusal: bytes, tmp_path: Any) -> None:
    async def answer(command: Command) -> bytes:
        if command[0] == b"SUBSCRIBE":
            return refusal
        if command[0] == b"PING":
            return b"+PONG\r\n"
        if command[1] == b"projector:state":
            return array(*[b"1"] * len(DOCUMENTS), None)
        asked.append(command)
        return array(*[None] * (len(command) - 2))

    asked: list[Command] = []
    async with fake_redis(tmp_path, answer) as url, started(warm_app(url)) as client:
        for _ in range(5):
            assert (await client.get(PRODUCT_ADDRESS)).status_code == 404
    assert len(asked) == 5


async def test_a_refused_subscription_is_said_once(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def answer(command: Command) -> bytes:
        nonlocal tries
        if command[0] != b"SUBSCRIBE":
            return array(*[b"1"] * len(DOCUMENTS), None)
        tries += 1
        return b"-NOPERM no channel for you\r\n"

    async def tried_often() -> bool:
        return tries > 3

    async with fake_redis(tmp_path, answer) as url, started(warm_app(url)):
        await until(tried_often)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        "Redis refuses the subscription, the near cache stays off until it grants it: no channel for you"
    ]
