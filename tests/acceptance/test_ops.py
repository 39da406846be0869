"""The status page GET /ops: what its addresses answer, and what a browser shows of it."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest
import redis

from projector.definitions import section_fingerprint
from projector.demo.processes import Command, running
from projector.install import install
from projector.names import DOCUMENTS, SECTIONS
from projector.sections import load_documents
from projector.settings import Settings
from tests.acceptance.scrapes import ask, free_port, probe
from tests.browser import CHROMIUM, DRIVER, Browser, open_browser
from tests.waiting import wait_until

OWN = {"projector-ops": "page"}
ARABIC = "خطأ: القسمة على صفر"
LETTER = """
    INSERT INTO projector.dead_letter (document, id, section, error, attempts, retry_at)
    VALUES ('order', 1, 'items', %s, 3, now() + interval '1 hour')
"""

needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed (Debian: chromium chromium-driver)"
)


@dataclass(frozen=True)
class World:
    """A worker that has built everything, and its servers."""

    database_url: str
    redis_url: str
    port: int
    worker: Command

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status, and JSON or text."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(
                Request(f"http://127.0.0.1:{self.port}{path}", data, {**OWN, **headers}), timeout=60
            ) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, error.read().decode()

    @contextmanager
    def erp(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield connection

    @contextmanager
    def tampered(self) -> Iterator[None]:
        """Somebody wrote another Arabic name into a document in Redis."""
        with redis.Redis.from_url(self.redis_url) as cache:
            good = cache.hget("bff:product:1:complete", "product")
            assert isinstance(good, bytes)
            wrong = json.loads(good) | {"name_ar": "اسم قديم"}
            cache.hset("bff:product:1:complete", "product", json.dumps(wrong, ensure_ascii=False))
            try:
                yield
            finally:
                cache.hset("bff:product:1:complete", "product", good)


@pytest.fixture(scope="module")
def world(shared_erp_url: str, shared_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    install(Settings(database_url=shared_erp_url, redis_url=shared_redis_url))
    port = free_port()
    environment = {
        "PROJECTOR_DATABASE_URL": shared_erp_url,
        "PROJECTOR_REDIS_URL": shared_redis_url,
        "PROJECTOR_ADMIN_PORT": str(port),
        "PROJECTOR_HEARTBEAT_SECONDS": "1",
        "PROJECTOR_AUDIT_SHARE": "0",
    }
    with running(("run",), environment, tmp_path_factory.mktemp("ops") / "worker.log") as worker:
        wait_until(lambda: probe(port, "/ready")[0] == 200, 60, "the worker is ready")
        yield World(shared_erp_url, shared_redis_url, port, worker)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def events(port: int) -> Iterator[tuple[str, Any]]:
    """What the stream tells, event by event, until it ends."""
    with urlopen(f"http://127.0.0.1:{port}/ops/events", timeout=30) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        name = ""
        for line in answer:
            field, _, value = line.decode().strip().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def test_the_stream_tells_what_was_then_what_is(world: World) -> None:
    told: dict[str, Any] = {}
    stream = events(world.port)
    first = next(stream)
    while {"point", "seen"} - told.keys():
        told.update([next(stream)])
    stream.close()
    assert first[0] == "history"
    assert first[1]["worker"]["pid"] == world.worker.process.pid
    assert told["point"]["worker"]["connected"] is True
    assert told["seen"]["status"]["built"] == dict.fromkeys(DOCUMENTS, True)
    assert len(told["seen"]["workers"]) == told["seen"]["status"]["workers"] == 1


def test_sections_are_told_with_what_they_read_and_where_their_routes_start(world: World) -> None:
    status, told = world.ask("/ops/sections")
    assert status == 200
    assert [kind["document"] for kind in told] == [kind.name for kind in load_documents()]
    for kind, said in zip(load_documents(), told, strict=True):
        for section, shown in zip(kind.sections, said["sections"], strict=True):
            assert shown["routes"] == [{"from": str(it), "query": it.query} for it in section.routes]
            assert shown["sources"].keys() == {route.table for route in section.routes}
            assert shown["installed"] == shown["fingerprint"] == section_fingerprint(section, "Asia/Baghdad")
            assert (shown["fault"], shown["built"] > 0) == (None, True)


def test_a_document_is_looked_up_beside_a_fresh_build(world: World) -> None:
    status, told = world.ask("/ops/document?document=dashboard&id=1")
    assert status == 200
    assert [it["key"] for it in told["documents"]] == [
        f"bff:dashboard:salesperson:1:{date_range}" for date_range in ("today", "week", "month")
    ]
    (told,) = world.ask("/ops/document?document=product&id=1")[1]["documents"]
    assert [it["name"] for it in told["sections"]] == list(SECTIONS["product"])
    assert all(it["difference"] is None and it["rows"] for it in told["sections"])
    with world.tampered():
        (told,) = world.ask("/ops/document?document=product&id=1")[1]["documents"]
    differing = [it for it in told["sections"] if it["difference"]]
    assert [it["name"] for it in differing] == ["product"]
    rows = [(served, fresh) for served, fresh in differing[0]["rows"] if served != fresh]
    assert rows[0][0] == '  "name_ar": "اسم قديم",'
    assert rows[0][1].startswith('  "name_ar": "')
    (told,) = world.ask("/ops/document?document=product&id=999999")[1]["documents"]
    assert (told["served"], told["deleted"], told["differences"]) == (False, True, [])


@pytest.mark.parametrize(
    "query", ["", "?document=nothing&id=1", "?document=order&id=1%20OR%201", "?document=order&id="]
)
def test_a_look_up_that_makes_no_sense_is_refused_in_a_line(world: World, query: str) -> None:
    status, answer = world.ask(f"/ops/document{query}")
    assert (status, list(json.loads(answer))) == (400, ["error"])


def test_retry_makes_letters_due_and_wants_to_be_asked_by_the_page_itself(world: World) -> None:
    count = "SELECT count(*) FROM projector.dead_letter"
    with world.erp() as erp:
        erp.execute(LETTER, (ARABIC,))
        wanted = {"document": "order", "section": "items", "id": 1}
        refused = [
            world.ask("/ops/retry", wanted, Origin="https://evil.example")[0],
            world.ask("/ops/retry", wanted, Host="evil.example")[0],
            world.ask("/ops/retry")[0],
            world.ask("/ops/retry", {"document": "order", "section": "nothing"})[0],
            world.ask("/ops/retry", {"table": "orders"})[0],
            world.ask("/ops/retry", wanted, **{"projector-ops": "", "Sec-Fetch-Site": "cross-site"})[0],
        ]
        assert refused == [403, 403, 405, 400, 400, 403]
        assert erp.execute(count).fetchone() == (1,)
        assert world.ask("/ops/retry", wanted) == (200, {"letters": 1, "workers": 1, "left_out": []})
        wait_until(lambda: erp.execute(count).fetchone() == (0,), what="the worker built it")


def test_head_of_the_stream_ends_at_once(world: World) -> None:
    request = Request(f"http://127.0.0.1:{world.port}/ops/events", method="HEAD")
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        assert (answer.status, answer.read()) == (200, b"")


def test_the_page_is_one_answer_that_allows_nothing_else(world: World) -> None:
    with urlopen(f"http://127.0.0.1:{world.port}/ops") as answer:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert b"<title>projector</title>" in answer.read()
    for path in ("/ops", "/ops/events"):
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(f"http://127.0.0.1:{world.port}{path}", headers={"Host": "evil.example"}))


def test_a_worker_without_servers_says_so_and_ends_its_streams_when_it_stops(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PROJECTOR_DATABASE_URL": f"postgresql://nobody:secret@127.0.0.1:{free_port()}/erp",
        "PROJECTOR_REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        "PROJECTOR_ADMIN_PORT": str(port),
    }
    with running(("run",), environment, tmp_path / "worker.log") as worker:
        wait_until(lambda: ask(port, "/live")[0] == 200, what="alive")
        stream = events(port)
        seen = next(data for name, data in stream if name == "seen")
        assert seen["error"].startswith("PostgreSQL cannot be used")
        assert "secret" not in seen["error"]
        worker.process.send_signal(signal.SIGTERM)
        assert {name for name, _ in stream} <= {"point", "seen"}, "it ends in order"
        assert worker.process.wait(20) == 0
        assert "Traceback" not in worker.output()


@needs_chromium
def test_a_browser_shows_what_flows_in_light_and_dark_and_on_a_phone(world: World, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{world.port}/ops")
    browser.wait_for("#verdict", "all is well")
    assert str(world.worker.process.pid) in browser.text("#who")
    with world.erp() as erp:
        erp.execute("UPDATE products SET name = name || ' again' WHERE id <= 20")
    wait_until(lambda: browser.run("return document.querySelectorAll('.chart path[d*=L]').length") >= 5, what="lines")
    assert "Workers\n1\nconnected" in browser.text("#figures")
    assert "dashboard" in browser.text("#sections")
    grounds = set()
    for scheme in ("light", "dark"):
        for width in (1280, 360):
            browser.look_like(scheme=scheme, width=width)
            assert browser.run("return document.documentElement.scrollWidth - innerWidth") <= 0, (scheme, width)
        grounds.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    browser.look_like()
    assert browser.complaints == []


@needs_chromium
def test_a_browser_shows_letters_as_text_from_right_to_left_and_retries_them(world: World, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{world.port}/ops")
    error = f"{ARABIC} <img src=x onerror=document.title='caught'>"
    with world.erp() as erp:
        erp.execute(LETTER, (error,))
        browser.wait_for("#letters .error", error)
        style = "return getComputedStyle(document.querySelector('#letters .error')).direction"
        assert browser.run(style) == "rtl"
        browser.wait_for("#verdict", "1 problem")
        browser.click("#letters .letter button")
        browser.wait_for("#retried", "1 letter due now")
        browser.wait_for("#letters .body", "None")
    browser.wait_for("#verdict", "all is well")
    assert browser.complaints == []


@needs_chromium
def test_a_browser_marks_where_a_document_differs(world: World, browser: Browser) -> None:
    browser.open(f"http://127.0.0.1:{world.port}/ops")
    browser.wait_for("#sections", "shopper")
    with world.tampered():
        fields = "const fields = document.querySelector('#lookup form').elements;"
        browser.run(f"{fields} fields.document.value = 'product'; fields.id.value = '1'")
        browser.click("#lookup button")
        browser.wait_for("#lookup .body", "1 section of 6 differ")
    assert '"name_ar": "اسم قديم"' in browser.text("#lookup .was")
    assert browser.run("return document.querySelectorAll('#lookup .was').length") == 1
    assert browser.run("return getComputedStyle(document.querySelector('#lookup .was')).direction") == "ltr"
    assert browser.complaints == []


@needs_chromium
def test_a_browser_says_that_the_stream_is_lost_and_finds_it_again(world: World, browser: Browser) -> None:
    """The worker stands still, so that not even its socket tells."""
    browser.open(f"http://127.0.0.1:{world.port}/ops")
    browser.wait_for("#verdict", "all is well")
    with ExitStack() as stack:
        world.worker.process.send_signal(signal.SIGSTOP)
        stack.callback(world.worker.process.send_signal, signal.SIGCONT)
        browser.wait_for("#lost", "Nothing is heard")
        assert browser.text("#verdict") == "no connection"
    browser.wait_for("#verdict", "all is well")
    assert browser.text("#lost") == ""
