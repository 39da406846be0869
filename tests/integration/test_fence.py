"""The fence: however builders interleave, a document never goes back to an older state."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import psycopg
import pytest
import redis.asyncio

from projector.build import Builder, Request
from projector.database import connect
from projector.installed import load_router
from projector.publish import Publisher
from projector.redis_server import open_redis
from projector.settings import Settings
from projector.work import Built, want

KEY = "bff:product:1:complete"


@dataclass
class Bench:
    """Some builders and one publisher on the test's servers."""

    builders: list[Builder]
    publisher: Publisher
    client: redis.asyncio.Redis

    async def build(self, number: int, id_: int = 1) -> Built:
        builder = self.builders[number]
        request = Request("0")
        want(request.wanted, "product", [id_], 0b111111)
        return (await builder.build(request)).built

    async def served(self) -> dict[bytes, bytes]:
        return await self.client.hgetall(KEY)


@asynccontextmanager
async def bench(settings: Settings, builders: int = 2) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings))
        router, _ = load_router(settings)
        connections = [
            await stack.enter_async_context(await connect(settings, "test", snapshots=True)) for _ in range(builders)
        ]
        made = [Builder(connection, router, epoch=1, wide_fanout=100) for connection in connections]
        for builder in made:
            await builder.prepare()
        yield Bench(made, Publisher(client, 3600), client)


def rename(erp: psycopg.Connection, name: str) -> None:
    erp.execute("UPDATE products SET name = %s WHERE id = 1", (name,))


def test_an_older_build_is_fenced_off(installed: Settings, erp: psycopg.Connection) -> None:
    """A build that began before a change and is published after the change's own build writes nothing."""

    async def scenario() -> None:
        async with bench(installed) as it:
            rename(erp, "older")
            slow = await it.build(0)
            rename(erp, "newer")
            await it.publisher.publish(await it.build(1))
            assert (await it.publisher.publish(slow)).fenced == 1
            assert b'"newer"' in (await it.served())[b"product"]

    asyncio.run(scenario())


def test_a_deleted_document_is_not_revived_by_an_older_build(installed: Settings, erp: psycopg.Connection) -> None:
    """The tombstone keeps the fence where the document was."""

    async def scenario() -> None:
        async with bench(installed) as it:
            erp.execute("INSERT INTO products (id, name) VALUES (1000, 'short-lived')")
            slow = await it.build(0, 1000)
            erp.execute("DELETE FROM products WHERE id = 1000")
            await it.publisher.publish(await it.build(1, 1000))
            assert (await it.publisher.publish(slow)).fenced == 1
            fields = await it.client.hgetall("bff:product:1000:complete")
            assert set(fields) == {b"deleted@"}
            assert 0 < await it.client.ttl("bff:product:1000:complete") <= 3600

    asyncio.run(scenario())


def test_a_reborn_document_replaces_its_tombstone(installed: Settings, erp: psycopg.Connection) -> None:
    """An id that exists again is served again, and no longer expires."""

    async def scenario() -> None:
        async with bench(installed) as it:
            await it.publisher.publish(await it.build(0, 1000))
            erp.execute("INSERT INTO products (id, name) VALUES (1000, 'late')")
            assert (await it.publisher.publish(await it.build(0, 1000))).changed == 1
            assert await it.client.ttl("bff:product:1000:complete") == -1
            assert b"deleted@" not in await it.client.hgetall("bff:product:1000:complete")

    asyncio.run(scenario())


def test_a_later_epoch_wins_over_a_higher_order(installed: Settings) -> None:
    """A source that restarted its counting is not refused."""

    async def scenario() -> None:
        async with bench(installed) as it:
            built = await it.build(0)
            built.version = type(built.version)(1, built.version.order + 10**9, built.version.clock)
            await it.publisher.publish(built)
            fresh = await it.build(0)
            assert (await it.publisher.publish(fresh)).fenced == 1
            fresh.version = type(fresh.version)(2, fresh.version.order, fresh.version.clock)
            assert (await it.publisher.publish(fresh)).fenced == 0

    asyncio.run(scenario())


def test_the_same_bytes_change_neither_generated_at_nor_wake_readers(installed: Settings) -> None:
    """A rebuild that yields the same bytes only moves the fence."""

    async def scenario() -> None:
        async with bench(installed) as it:
            await it.publisher.publish(await it.build(0))
            before = (await it.served())[b"product@"].split()
            assert (await it.publisher.publish(await it.build(0))).unchanged == 1
            after = (await it.served())[b"product@"].split()
            assert after[3] == before[3]
            assert after[2] > before[2]

    asyncio.run(scenario())


@pytest.mark.parametrize("damage", ["wrong type", "no version", "not a document"])
def test_a_document_damaged_by_hand_is_overwritten(installed: Settings, damage: str) -> None:
    """Whatever somebody did to a key in Redis, the next build replaces it without an error."""

    async def scenario() -> None:
        async with bench(installed) as it:
            await it.publisher.publish(await it.build(0))
            whole = await it.served()
            if damage == "wrong type":
                await it.client.delete(KEY)
                await it.client.set(KEY, "x")
            elif damage == "no version":
                await it.client.hset(KEY, mapping={"product": "{}", "product@": "0"})
            else:
                await it.client.delete(KEY)
                await it.client.hset(KEY, "something", "else")
            assert (await it.publisher.publish(await it.build(0))).changed == 1
            assert (await it.served())[b"product"] == whole[b"product"]

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(4))
def test_interleaved_builders_never_publish_an_older_state(
    installed: Settings, erp: psycopg.Connection, seed: int
) -> None:
    """Four builders hold builds of random age; after every publish the document is at least as new as before, and
    in the end it is the newest."""
    chance = random.Random(seed)

    async def scenario() -> None:
        async with bench(installed, builders=4) as it:
            held: list[Built] = []
            state, shown = 0, 0
            for _ in range(150):
                step = chance.choice(["change", "build", "build", "publish", "publish"])
                if step == "change":
                    state += 1
                    rename(erp, f"state {state:06}")
                elif step == "build":
                    held.append(await it.build(chance.randrange(4)))
                elif held:
                    await it.publisher.publish(held.pop(chance.randrange(len(held))))
                    now = _shown(await it.served())
                    assert now >= shown
                    shown = now
            await it.publisher.publish(await it.build(0))
            assert _shown(await it.served()) == state

    asyncio.run(scenario())


def _shown(fields: dict[bytes, bytes]) -> int:
    name = fields[b"product"].decode().split('"name" : "', 1)[1].split('"', 1)[0]
    return int(name.removeprefix("state ")) if name.startswith("state ") else 0
