"""The feed of the status page: what it costs while nobody watches, and how it treats who reads too slowly."""

import asyncio
import json
from typing import Any

import pytest

from projector.ops import feed as feed_module
from projector.ops.feed import MOST_WAITING, Feed, Page
from projector.ops.history import POINTS, History, quantile
from projector.ops.stream import Stream
from projector.settings import Settings
from projector.tally import Buckets, Tally
from projector.worker import Worker

PATIENCE_SECONDS = 10.0


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A look at the servers takes no time; when each was taken."""
    taken: list[float] = []

    async def see(_: Settings) -> dict[str, Any]:
        taken.append(asyncio.get_running_loop().time())
        return {"status": None}

    monkeypatch.setattr(feed_module, "see", see)
    monkeypatch.setattr(feed_module, "PERIOD_SECONDS", 0.01)
    monkeypatch.setattr(feed_module, "LOOK_SECONDS", 0.01)
    return taken


def make_feed() -> Feed:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/erp", redis_url="redis://127.0.0.1:1/0")
    return Feed(settings, Worker(settings))


async def read(page: Page, count: int) -> list[tuple[str, Any]]:
    """So many events: name and data."""
    found = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found) < count and (event := await page.next()) is not None:
            name, data = event.decode().strip().split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_servers_are_looked_at_only_while_a_page_is_open_and_once_for_all_pages(looks: list[float]) -> None:
    async def watch() -> None:
        feed = make_feed()
        running = asyncio.create_task(feed.run())
        one, other = Page(lambda: None), Page(lambda: None)
        await asyncio.sleep(0.1)
        assert looks == []
        feed.join(one)
        feed.join(other)
        before = len(looks)
        told, told_other = await read(one, 4), await read(other, 4)
        assert told[0][0] == told_other[0][0] == "history"
        assert len(told[0][1]["points"]) > 0, "what happened before anybody watched is known"
        assert {name for name, _ in told[1:]} == {"point", "seen"}
        seen = [data for name, data in told[1:] if name == "seen"]
        assert len(looks) - before <= len(seen) + 8, "two pages are no more looks than one"
        feed.leave(one)
        feed.leave(other)
        stopped = len(looks)
        await asyncio.sleep(0.1)
        assert len(looks) == stopped
        running.cancel()

    asyncio.run(watch())


def test_a_page_that_takes_nothing_is_hung_up_on_and_others_go_on(looks: list[float]) -> None:
    """The stream to it is stuck in a write, which only the end of its connection ends."""

    async def watch() -> None:
        feed = make_feed()
        running = asyncio.create_task(feed.run())
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await gone.wait()

        scope = {
            "type": "http", "method": "GET", "path": "/ops/events", "query_string": b"", "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"127.0.0.1:1")], "hang_up": gone.set,
        }  # fmt: skip
        reader = Page(lambda: pytest.fail("it reads"))
        feed.join(reader)
        stuck = asyncio.create_task(Stream(feed._settings, feed)(scope, receive, send))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not gone.is_set():
                assert len(await read(reader, 1)) == 1
            await stuck
        assert len(feed._pages) == 1
        running.cancel()
        feed.leave(reader)

    asyncio.run(watch())


def test_a_feed_that_ends_lets_its_pages_go_and_takes_no_more() -> None:
    async def watch() -> None:
        feed = make_feed()
        page = Page(lambda: None)
        feed.join(page)
        ending = asyncio.create_task(feed.end())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await page.next() is not None:
                pass
        feed.leave(page)
        await ending
        assert feed.is_full

    asyncio.run(watch())


def test_a_page_keeps_no_more_than_it_may() -> None:
    hung_up: list[bool] = []
    page = Page(lambda: hung_up.append(True))
    for _ in range(MOST_WAITING):
        page.tell(b"")
    assert not hung_up
    page.tell(b"")
    assert hung_up


def test_points_tell_rates_and_lag_of_their_own_time_only() -> None:
    tally = Tally()
    history = History(tally)
    tally.live.events, tally.live.changed, tally.backlog.unchanged = 10, 20, 5
    tally.live.lag.observe([0.004] * 99 + [0.4])
    first = history.take()
    second = history.take()
    assert first.events > 0
    assert round(first.documents / first.events) == 2
    assert first.drained > 0
    assert first.lag_50 is not None
    assert first.lag_99 is not None
    assert 0.0025 < first.lag_50 < 0.005 <= first.lag_99 < 0.0051
    assert (second.events, second.documents, second.lag_50) == (0, 0, None)
    for _ in range(POINTS):
        history.take()
    assert len(history.points) == POINTS


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([0.5], 0.5, 0.5), ([0.5, 1.5, 1.6, 1.7], 0.5, 1 + 1 / 3), ([99.0], 0.99, 2.0)],
)
def test_a_quantile_lies_within_its_bucket(values: list[float], share: float, expected: float | None) -> None:
    buckets = Buckets((1.0, 2.0))
    buckets.observe(values)
    found = quantile(buckets.bounds, buckets.counts, share)
    assert found == (expected if expected is None else pytest.approx(expected, abs=1e-5))
