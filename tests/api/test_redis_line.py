"""Concurrent questions travel together, one batch at a time, and no answer goes back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import AskError, RedisError, ResponseError

from api.errands import Errand
from api.redis_line import RedisLine
from projector.names import DOCUMENTS, STATE_KEY
from tests.api.conftest import api_client
from tests.api.fake_redis import Command, array, fake_redis
from tests.api.samples import CUSTOMER
from tests.api.store import OwnStore, Store, version

pytestmark = pytest.mark.anyio

STATE = [b"HMGET", STATE_KEY.encode()]
NOTHING_BUILT = array(*[None] * (len(DOCUMENTS) + 1))


@pytest.fixture
async def line(store: Store) -> AsyncIterator[RedisLine]:
    line = RedisLine(store.url, timeout_seconds=5)
    async with line.opened():
        yield line


def test_a_connection_that_broke_while_it_was_idle_is_replaced(store: Store) -> None:
    """On the event loop that serves, which has an error of its own for it."""

    async def ask_twice() -> Any:
        line = RedisLine(store.url, timeout_seconds=5)
        async with line.opened():
            await line.ask("PING")
            writer = line._connection._writer
            assert writer is not None
            writer.transport.abort()
            await asyncio.sleep(0.01)
            return (await line.ask("ECHO", "still here")).value

    assert uvloop.run(ask_twice()) == b"still here"


async def test_the_same_question_asked_at_once_is_sent_once(store: Store, line: RedisLine) -> None:
    store.write("bff:product:42:complete", {"product": "{}"})
    await line.ask("PING")
    store.redis.config_resetstat()
    asked = [line.ask("HMGET", "bff:product:42:complete", "product") for _ in range(50)]
    replies = await asyncio.gather(*asked)
    assert [reply.value for reply in replies] == [[b"{}"]] * 50
    calls = store.redis.info("commandstats")["cmdstat_hmget"]["calls"]
    assert calls == 3  # the state, the document, the state


async def test_different_questions_asked_at_once_share_a_batch(store: Store, line: RedisLine) -> None:
    await line.ask("PING")
    store.redis.config_resetstat()
    replies = await asyncio.gather(*(line.ask("ECHO", str(n)) for n in range(30)))
    assert [reply.value for reply in replies] == [str(n).encode() for n in range(30)]
    assert store.redis.info("commandstats")["cmdstat_hmget"]["calls"] == 2


async def test_nothing_is_sent_while_a_batch_is_under_way(tmp_path: Path) -> None:
    """What is asked meanwhile goes together in the next batch, after the last reply."""
    received: list[Command] = []
    asked, released = asyncio.Event(), asyncio.Event()

    async def answer(command: Command) -> bytes:
        received.append(command)
        if command == [b"GET", b"1"]:
            asked.set()
            await released.wait()
        return NOTHING_BUILT if command[:2] == STATE else b"+done\r\n"

    async with fake_redis(tmp_path, answer) as url:
        line = RedisLine(url, timeout_seconds=5)
        async with line.opened():
            first = asyncio.create_task(line.ask("GET", "1"))
            await asked.wait()
            others = [asyncio.create_task(line.ask("GET", n)) for n in "23"]
            await asyncio.wait(others, timeout=0.05)
            assert received[-1] == [b"GET", b"1"]
            released.set()
            await asyncio.gather(first, *others)
    sent = [command[1] if command[:2] != STATE else b"state" for command in received]
    assert sent[sent.index(b"1") - 1 :] == [b"state", b"1", b"state", b"state", b"2", b"3", b"state"]


async def test_an_error_reply_is_the_error_of_its_own_question(store: Store, line: RedisLine) -> None:
    store.redis.set("text", "x")
    asked = [line.ask("HMGET", "text", "a"), line.ask("GET", "text"), line.ask("NONSENSE")]
    wrong, right, unknown = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(wrong, ResponseError)
    assert isinstance(unknown, ResponseError)
    assert not isinstance(right, BaseException)
    assert right.value == b"x"


async def test_a_question_that_is_given_up_does_not_disturb_others(line: RedisLine) -> None:
    given_up = asyncio.create_task(line.ask("ECHO", "same"))
    kept = asyncio.create_task(line.ask("ECHO", "same"))
    await asyncio.wait([given_up, kept], timeout=0)
    given_up.cancel()
    assert (await kept).value == b"same"
    assert (await line.ask("ECHO", "later")).value == b"later"


async def test_a_question_that_is_sent_elsewhere_is_answered_there(tmp_path: Path) -> None:
    """In the middle of a move: the line that it came by has nothing more to say of it, the other asks."""
    received: list[Command] = []

    async def redirect(command: Command) -> bytes:
        return NOTHING_BUILT if command[:2] == STATE else b"-ASK 1 there:6379\r\n"

    async def answer(command: Command) -> bytes:
        received.append(command)
        return NOTHING_BUILT if command[:2] == STATE else b"+done\r\n"

    class ToTheOther:
        """A cluster of two shards, one slot of which is moving to the second."""

        def redirect(self, errand: Errand[Any], error: AskError) -> bool:
            there.adopt(errand, asking=True)
            return True

        def look_again(self) -> None:
            raise AssertionError("nothing has moved for good")

    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    async with fake_redis(folders[0], redirect) as first, fake_redis(folders[1], answer) as second:
        there = RedisLine(second, timeout_seconds=5)
        here = RedisLine(first, timeout_seconds=5, switchboard=ToTheOther())
        async with there.opened(), here.opened():
            assert (await here.ask("GET", "1")).value == b"done"
    sent = [command[0] if command[:2] != STATE else b"state" for command in received]
    assert sent[-4:] == [b"state", b"ASKING", b"GET", b"state"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kind_is_built_only_if_it_was_before_and_after(when: str, tmp_path: Path) -> None:
    """So a document that is not there in between is known not to exist, not merely not built yet."""
    states: list[bytes] = []

    async def answer(command: Command) -> bytes:
        if command[:2] != STATE:
            return array(None)
        states.append(b"1")
        built = (len(states) % 2 == 1) == (when == "before")
        return array(b"1", *[b"1" if built else None] * (len(DOCUMENTS) - 1), None)

    async with fake_redis(tmp_path, answer) as url:
        line = RedisLine(url, timeout_seconds=5)
        assert (await line.ask("HMGET", "key", "field")).state.built == {DOCUMENTS[0]}
        async with line.opened():
            pass  # closes it


async def test_whoever_waits_when_the_line_closes_is_told(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def answer(command: Command) -> bytes:
        if command[0] == b"GET":
            asked.set()
            await asyncio.Event().wait()
        return NOTHING_BUILT

    async with fake_redis(tmp_path, answer) as url:
        line = RedisLine(url, timeout_seconds=60)
        async with line.opened():
            under_way = asyncio.create_task(line.ask("GET", "1"))
            await asked.wait()
            queued = asyncio.create_task(line.ask("GET", "2"))
            await asyncio.wait([queued], timeout=0)
        for waiting in (under_way, queued):
            with pytest.raises(RedisError):
                await waiting


async def test_no_reader_sees_a_document_go_back(own_store: OwnStore) -> None:
    """At none of its addresses, whatever happens to connections meanwhile."""
    key, writes, readers = "bff:customer:7:complete", 300, 8
    addresses = [f"/api/mobile/customers/7/{name}" for name in ("complete", "quick", "financial")]
    own_store.write(key, CUSTOMER, built_us=0)
    seen: list[str] = []
    writing = True

    async def write() -> None:
        nonlocal writing
        async with Redis.from_url(own_store.url) as redis:
            for n in range(1, writes):
                versions: dict[Any, Any] = {f"{section}@": version(100_000 + n, n) for section in CUSTOMER}
                await redis.hset(key, mapping=versions)
                if n % 50 == 0:
                    await redis.client_kill_filter(_type="normal", skipme=True)
        writing = False

    async with api_client(own_store.url) as client:

        async def read(address: str) -> None:
            while writing:
                answer = (await client.get(address)).json()
                if answer["success"]:
                    seen.append(answer["metadata"]["generated_at"])

        await asyncio.gather(write(), *(read(addresses[n % 3]) for n in range(readers)))
    assert len(set(seen)) > 10
    assert seen == sorted(seen)
