"""What real processes say: lines, requests and transactions that can be found again, spans, and no secret."""

import json
import re
from typing import Any

import httpx
import psycopg
import pytest

from projector.demo.processes import Command
from projector.settings import Settings
from tests.acceptance.collector import Collector, Span, collecting
from tests.acceptance.commands import Projector
from tests.acceptance.servers import closed_port, own_redis
from tests.conftest import Start
from tests.waiting import wait_until

PASSWORD = "hunter2-Ärger"  # noqa: S105
CODED = "hunter2-%C3%84rger"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PRODUCT = "bff:product:4:complete"


@pytest.fixture(autouse=True)
def as_operators_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output that is no terminal."""
    monkeypatch.setenv("PROJECTOR_LOG_FORMAT", "auto")


def _lines(command: Command) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command.output().splitlines() if line.startswith("{")]


def _change(url: str) -> int:
    """Changes product 4, and returns the transaction."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE products SET description = 'seen' WHERE id = 4")
        row = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    assert row is not None
    return int(row[0])


def test_a_transaction_is_found_in_the_line_of_its_batch(start: Start, built: Settings, erp_url: str) -> None:
    worker = start("run", PROJECTOR_LOG_LEVEL="debug")
    worker.wait_for(r"\bready\b")
    xid = _change(erp_url)

    def batch() -> dict[str, Any] | None:
        published = [line for line in _lines(worker) if line["event"] == "published"]
        return next((line for line in published if xid in line["xids"]), None)

    line = wait_until(batch)
    assert line is not None
    assert (line["lane"], line["tables"], line["transactions"], line["events"]) == ("live", ["products"], 1, 1)
    assert PRODUCT in line["keys"]
    assert line["documents"] >= 1
    assert line["ms"] > 0


def test_at_the_usual_level_changes_have_no_line(start: Start, built: Settings, erp_url: str, cache: Any) -> None:
    worker = start("run")
    worker.wait_for(r"\bready\b")
    before = len(worker.output())
    for _ in range(3):
        _change(erp_url)
    wait_until(lambda: b"seen" in (cache.hget(PRODUCT, "product") or b""))
    assert worker.output()[before:] == ""


def test_text_is_what_a_terminal_gets_or_who_asks_for_it(start: Start, installed: Settings) -> None:
    worker = start("run", PROJECTOR_LOG_FORMAT="text")
    worker.wait_for(r"(?m)^\S+Z \[info\] ready .*\[projector\.session\]")
    assert _lines(worker) == []


def test_a_slow_and_a_failed_request_are_logged_with_their_ids(start: Start) -> None:
    """Of many that fail alike one, with their number."""
    with closed_port() as port:
        api = start(
            "serve", "--port", "0", PROJECTOR_REDIS_URL=f"redis://127.0.0.1:{port}/0",
            PROJECTOR_API_SLOW_SECONDS="0.000001",
        )  # fmt: skip
        address = api.wait_for(r"Listening on (http://\S+)")[1]
        for _ in range(5):
            answer = httpx.get(f"{address}/api/mobile/products/1/complete", headers={"X-Request-ID": "phone-7"})
            assert answer.status_code == 503
        slow = httpx.get(f"{address}/api/mobile/health")
        wait_until(lambda: [line for line in _lines(api) if line["event"] == "a request took long"])
    (failed,) = [line for line in _lines(api) if line["event"] == "answered with 503"]
    assert (failed["request_id"], failed["status"], failed["count"]) == ("phone-7", 503, 1)
    assert failed["path"] == "/api/mobile/products/1/complete"
    (line,) = [line for line in _lines(api) if line["event"] == "a request took long"]
    assert line["request_id"] == slow.headers["x-request-id"]


def test_no_output_of_any_process_has_a_password(start: Start, projector: Projector, erp_url: str) -> None:
    """Neither of a server that is away nor of one that refuses it, with and without --debug."""
    with closed_port() as port, own_redis(requirepass="another") as url:
        place = url.removeprefix("redis://")
        away = {"PROJECTOR_DATABASE_URL": f"postgresql://erp:{CODED}@127.0.0.1:{port}/erp?sslpassword={CODED}"}
        refused = {"PROJECTOR_REDIS_URL": f"redis://:{CODED}@{place}"}
        secret = {"PROJECTOR_API_JWT_SECRET": f"{CODED}-{'k' * 32}"}
        two = ("--debug", "serve", "--port", "0", "--workers", "2")
        commands = (("run",), ("run", "--debug"), ("serve", "--port", "0"), two)
        running = [start(*command, **away, **refused, **secret) for command in commands]
        given = projector.given(**away, **secret), projector.given(**refused, **secret)
        finished = [answer for one in given for answer in one.each([("check",), ("status", "--debug"), ("rebuild",)])]
        for command in running:
            command.wait_for(r"trying again|refuses|is away")
        for command in running[2:]:
            address = command.wait_for(r"Listening on (http://[\d.:]+)")[1]
            token = {"Authorization": f"Bearer {CODED}"}
            query = f"/api/mobile/products/1/complete?token={CODED}"
            assert httpx.get(f"{address}{query}", headers=token).status_code == 401
        said = [command.output() for command in running] + [answer.out + answer.err for answer in finished]
    assert all(said)
    assert any("Traceback" in text for text in said)
    assert not [text for text in said if re.search(r"hunter2|k{32}", text)]


def test_a_change_is_a_trace_and_a_request_goes_on_with_its_callers(
    start: Start, built: Settings, erp_url: str
) -> None:
    with collecting() as collector:
        asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        worker = start("run", **asked)
        api = start("serve", "--port", "0", OTEL_SERVICE_NAME="bff", **asked)
        worker.wait_for(r"\bready\b")
        xid = _change(erp_url)
        address = api.wait_for(r"Listening on (http://\S+)")[1]
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "phone-8"}
        httpx.get(f"{address}/api/mobile/products/4/complete", headers=headers)
        wait_until(lambda: _batch(collector, xid), what="the batch's span")
        assert (worker.stop(), api.stop()) == (0, 0)
    batch = _batch(collector, xid)
    assert batch is not None
    assert (batch.service, batch.attributes["projector.lane"]) == ("projector-worker", "live")
    assert batch.attributes["projector.tables"] == ["products"]
    assert PRODUCT in batch.attributes["projector.keys"]
    steps = sorted((span for span in collector.spans if span.parent == batch.id), key=lambda span: span.began)
    assert [span.name for span in steps] == ["wait", "claim", "resolve", "build", "publish", "acknowledge"]
    assert all(batch.began <= span.began <= span.ended <= batch.ended for span in steps)
    (request,) = [span for span in collector.spans if span.service == "bff"]
    assert (request.trace, request.parent) == (TRACE, PARENT)
    assert request.name == "GET /api/mobile/products/{id}/complete"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["projector.request_id"] == "phone-8"


def test_a_collector_that_is_away_disturbs_nobody(start: Start, built: Settings, erp_url: str, cache: Any) -> None:
    with closed_port() as port:
        worker = start("run", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_BSP_SCHEDULE_DELAY="50")
        worker.wait_for(r"\bready\b")
        _change(erp_url)
        wait_until(lambda: b"seen" in (cache.hget(PRODUCT, "product") or b""))
        assert worker.stop() == 0
    assert "Traceback" not in worker.output()
    assert len(worker.output().splitlines()) < 10


def _batch(collector: Collector, xid: int) -> Span | None:
    found = (span for span in collector.spans if span.name == "batch" and xid in span.attributes["projector.xids"])
    return next(found, None)
