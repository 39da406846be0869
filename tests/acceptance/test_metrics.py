"""What worker and API expose is what the alerts, the dashboard and the documentation speak of."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import promql_parser
import psycopg
import pytest
import yaml

from projector.demo.processes import running
from projector.install import install
from projector.names import DOCUMENTS
from projector.settings import Settings
from projector.surroundings import CONNECTIONS_OF_A_WORKER
from tests.acceptance.commands import Projector
from tests.acceptance.scrapes import Scrape, ask, free_port, probe, scrape
from tests.deployment import compose, of_kind, probes
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/projector.rules.yaml"
DASHBOARD = ROOT / "deploy/grafana/projector.json"
METRICS = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
ALERTS = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
GIVEN_BY_PROMETHEUS = {"instance", "job"}
LATE_SECONDS = "3"


@dataclass(frozen=True)
class World:
    """A worker, an API of two processes, and their servers; all heartbeats on."""

    database_url: str
    redis_url: str
    worker: int
    api: int
    api_metrics: int

    def scrape(self) -> Scrape:
        return scrape(self.worker, self.api_metrics)


@pytest.fixture(scope="module")
def world(shared_erp_url: str, shared_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("metrics")
    install(Settings(database_url=shared_erp_url, redis_url=shared_redis_url))
    made = World(shared_erp_url, shared_redis_url, free_port(), free_port(), free_port())
    environment = {
        "PROJECTOR_DATABASE_URL": shared_erp_url,
        "PROJECTOR_REDIS_URL": shared_redis_url,
        "PROJECTOR_ADMIN_PORT": str(made.worker),
        "PROJECTOR_API_ADMIN_PORT": str(made.api_metrics),
        "PROJECTOR_HEARTBEAT_SECONDS": "0.3",
        "PROJECTOR_HEARTBEAT_LATE_SECONDS": LATE_SECONDS,
        "PROJECTOR_API_HEARTBEAT_LATE_SECONDS": LATE_SECONDS,
    }
    with (
        running(("run",), environment, folder / "worker.log"),
        running(("serve", "--port", str(made.api), "--workers", "2"), environment, folder / "api.log"),
    ):
        wait_until(lambda: probe(made.worker, "/ready")[0] == 200, 60, "the worker is ready")
        wait_until(lambda: probe(made.api, "/api/mobile/ready")[0] == 200, 60, "the API is ready")
        with psycopg.connect(shared_erp_url, autocommit=True) as erp:
            erp.execute("UPDATE products SET name = 'measured' WHERE id = 1")
            erp.execute("UPDATE users SET name = 'measured' WHERE is_salesperson")
        wait_until(lambda: "measured" in ask(made.api, "/api/mobile/products/1/complete")[1], what="the change")
        wait_until(lambda: _heartbeats(made) > 0, what="heartbeats in the API")
        yield made


def _heartbeats(world: World) -> float:
    return scrape(world.api_metrics).value("projector_api_heartbeat_seconds_count")


def test_the_worker_counts_what_it_does(world: World) -> None:
    wait_until(lambda: world.scrape().value("projector_events_total") >= 2, what="both events")
    seen = world.scrape()
    assert seen.value("projector_connected") == seen.value("projector_workers") == 1
    assert seen.value("projector_lag_seconds_count", lane="live") == seen.value("projector_events_total")
    assert 0 < seen.value("projector_lag_seconds_sum", lane="live") < 60
    assert seen.value("projector_documents_published_total", lane="live", result="changed") >= 1
    products = {"document": "product", "section": "product"}
    assert seen.value("projector_sections_built_total", **products) >= seen.value("projector_built", document="product")
    assert seen.value("projector_section_build_seconds_sum", **products) > 0
    assert seen.value("projector_built") == len(seen.values("projector_built", "document")) == len(DOCUMENTS)
    assert (seen.value("projector_database_up"), seen.value("projector_redis_up")) == (1, 1)
    assert seen.value("projector_timers") > 0


def test_a_worker_holds_as_many_connections_as_check_asks_room_for(world: World) -> None:
    with psycopg.connect(world.database_url, autocommit=True) as erp:
        held = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'projector %'"
        wait_until(lambda: erp.execute(held).fetchone() == (CONNECTIONS_OF_A_WORKER,))


def test_heartbeats_are_no_events(world: World) -> None:
    before = _heartbeats(world)
    events = world.scrape().value("projector_events_total")
    wait_until(lambda: _heartbeats(world) >= before + 4, what="more heartbeats")
    assert world.scrape().value("projector_events_total") == events
    assert world.scrape().value("projector_heartbeat_age_seconds") < 5


def test_a_worker_sleeps_between_heartbeats(world: World) -> None:
    """They wake it by notifying, so writers notify all the time; a busy worker is not notified."""
    with psycopg.connect(world.database_url, autocommit=True) as erp:
        before = world.scrape().value("projector_wakeups_total", cause="notified")
        wait_until(lambda: world.scrape().value("projector_wakeups_total", cause="notified") > before + 2)
        assert erp.execute("SELECT pg_sequence_last_value('projector.asleep')").fetchone() == (2,)


def test_the_api_counts_what_it_answers(world: World) -> None:
    path = "/api/mobile/customers/{id}/quick"
    before = world.scrape()
    requests = [
        "/api/mobile/customers/1/quick", "/api/mobile/customers/1/quick?x=1", "/api/mobile/customers/999999/quick",
        "/api/mobile/batch?keys=products/1", "/nobody/knows/1", "/nobody/knows/2",
    ]  # fmt: skip
    for target in requests:
        ask(world.api, target)
    etag = urlopen(f"http://127.0.0.1:{world.api}/api/mobile/customers/1/quick").headers["etag"]
    for _ in range(8):  # whichever process answers
        with pytest.raises(HTTPError, match="304"):
            urlopen(Request(f"http://127.0.0.1:{world.api}{requests[0]}", headers={"If-None-Match": etag}))
    seen = world.scrape()
    counted = {
        status: seen.value("projector_api_requests_total", route=path, status=status)
        for status in ("200", "304", "404")
    }
    assert counted == {"200": 3, "304": 8, "404": 1}
    assert seen.value("projector_api_request_duration_seconds_count", route=path) == 12
    assert seen.value("projector_api_requests_total", route="other", status="404") == 2
    assert seen.value("projector_api_requests_total", route="/api/mobile/batch", status="200") == 1
    assert seen.value("projector_api_near_cache_hits_total") >= before.value("projector_api_near_cache_hits_total") + 6
    wait_until(lambda: world.scrape().value("projector_api_near_cache_bytes") > 0)
    assert seen.value("projector_api_processes") == seen.value("projector_api_near_cache_processes") == 2


def test_a_process_that_is_killed_leaves_its_counts(world: World) -> None:
    for _ in range(8):
        ask(world.api, "/api/mobile/health")
    pids = subprocess.run(
        ["pgrep", "-f", "multiprocessing.spawn"], capture_output=True, text=True, check=False
    ).stdout.split()
    ours = [int(pid) for pid in pids if f"PROJECTOR_API_ADMIN_PORT={world.api_metrics}\0" in _environment(pid)]
    assert len(ours) == 2
    os.kill(ours[0], signal.SIGKILL)
    wait_until(lambda: ask(world.api, "/api/mobile/health")[0] == 200)
    assert world.scrape().value("projector_api_requests_total", route="/api/mobile/health", status="200") >= 9
    wait_until(lambda: world.scrape().value("projector_api_processes") == 2, what="another process")


def _environment(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def test_neither_is_ready_while_heartbeats_are_late(world: World) -> None:
    """Somebody locks the table, as a hanging disk or a lost trigger would keep them away."""
    with psycopg.connect(world.database_url) as erp:
        erp.execute("LOCK TABLE projector.heartbeat IN EXCLUSIVE MODE")
        wait_until(lambda: probe(world.worker, "/ready") == (503, ["heartbeat"]), what="the worker misses it")
        wait_until(lambda: probe(world.api, "/api/mobile/ready") == (503, ["heartbeat"]), what="the API misses it")
        assert ask(world.worker, "/live")[0] == 200
        assert ask(world.api, "/api/mobile/products/1/complete")[0] == 200
        assert world.scrape().value("projector_heartbeat_age_seconds") > float(LATE_SECONDS)
        erp.rollback()
    wait_until(lambda: probe(world.worker, "/ready") == (200, []), what="the worker is ready again")
    # Of two processes one may have been asked last, and each has to see it for itself.
    wait_until(lambda: all(probe(world.api, "/api/mobile/ready") == (200, []) for _ in range(6)))


def test_every_metric_is_documented_and_every_documented_metric_is_exposed(world: World) -> None:
    rows = re.findall(r"^\| `(projector_\w+)(?:\{([\w, ]*)\})?` \|", METRICS, re.MULTILINE)
    told = {name: set(labels.split(", ")) if labels else set() for name, labels in rows}
    seen = world.scrape()
    exposed = {_family(name): seen.labels(name) - {"le"} for name in seen.names if name.startswith("projector_")}
    assert len(rows) == len(told)
    assert told == exposed


def _family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_alerts_speak_of_metrics_that_exist(world: World) -> None:
    seen = world.scrape()
    for rule in _alerts():
        assert _faults(rule["expr"], seen) == [], rule["alert"]


def test_each_panel_shows_metrics_that_exist_and_all_are_shown(world: World) -> None:
    seen = world.scrape()
    shown = set()
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", ()):
            assert _faults(target["expr"], seen) == [], panel["title"]
            shown |= {_family(name) for name in _metrics(target["expr"])}
    own = {_family(name) for name in seen.names if name.startswith("projector_")}
    not_flowing = {"projector_info", "projector_api_info", "projector_workers", "projector_api_near_cache_documents"}
    assert own - shown - not_flowing - {"projector_api_near_cache_processes"} == set()


def test_the_scaler_of_workers_asks_for_what_exists(world: World) -> None:
    (trigger,) = of_kind("ScaledObject")["projector-worker"]["spec"]["triggers"]
    assert _faults(trigger["metadata"]["query"], world.scrape()) == []
    assert float(trigger["metadata"]["threshold"]) > 0


def test_what_kubernetes_and_compose_ask_of_a_healthy_process_is_answered(world: World) -> None:
    """The probes' paths, and the commands of the health checks as processes; which fail where nobody listens."""
    for name, port in (("projector-worker", world.worker), ("projector-api", world.api)):
        assert {path: ask(port, path)[0] for _, path in probes(name)} == {path: 200 for _, path in probes(name)}
    for name, told, port in (("worker", ":9100/", world.worker), ("api", ":8000/", world.api)):
        program, *arguments = compose()[name]["healthcheck"]["test"][1:]
        assert (program, arguments[0]) == ("python", "-c")
        for given, code in ((port, 0), (free_port(), 1)):
            text = arguments[1].replace(told, f":{given}/")
            assert text != arguments[1]
            assert subprocess.run([sys.executable, "-c", text], stderr=subprocess.DEVNULL).returncode == code


def test_an_expression_with_an_unknown_name_is_found(world: World) -> None:
    seen = world.scrape()
    assert _faults("sum(projector_nothing)", seen) == ["projector_nothing is not exposed"]
    assert _faults('projector_batches_total{lane="fast"}', seen) == ['projector_batches_total has no lane="fast"']
    assert _faults('projector_events_total{lane="live"}', seen) == ["projector_events_total has no label lane"]
    assert _faults("sum by (colour) (projector_events_total)", seen) == ["nothing has a label colour"]
    with pytest.raises(ValueError, match="unclosed"):
        _faults("sum(rate(projector_events_total[5m])", seen)


def test_a_page_says_what_to_do_about_each_alert_and_the_alert_leads_there() -> None:
    """Under a heading of its name, with the severity that it has."""
    told = dict(re.findall(r"^### (Projector\w+)\n\n\*(Critical|Warning)\.\* \S", ALERTS, re.MULTILINE))
    assert told == {rule["alert"]: rule["labels"]["severity"].capitalize() for rule in _alerts()}
    assert len(re.findall("^### ", ALERTS, re.MULTILINE)) == len(_alerts())
    for rule in _alerts():
        assert rule["annotations"]["runbook_url"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong() -> None:
    checked = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def _alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _metrics(expression: str) -> list[str]:
    return re.findall(r"\b(?:projector|process)_\w+", re.sub(r'"[^"]*"', '""', expression))


def _faults(expression: str, seen: Scrape) -> list[str]:
    """What of an expression no process exposes: names, labels, and values of labels. ValueError if it is none."""
    promql_parser.parse(expression.replace("$__rate_interval", "1m"))
    metrics = _metrics(expression)
    assert metrics, expression
    faults = [f"{name} is not exposed" for name in metrics if name not in seen.names]
    for name, matchers in re.findall(r"\b(projector_\w+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers):
            if label not in seen.labels(name):
                faults.append(f"{name} has no label {label}")
            elif operator in ("=", "!=") and value not in seen.values(name, label):
                faults.append(f'{name} has no {label}="{value}"')
    known = GIVEN_BY_PROMETHEUS.union(*(seen.labels(name) for name in metrics))
    for labels in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", expression):
        faults += [f"nothing has a label {label}" for label in re.split(r",\s*", labels) if label not in known]
    return faults


def test_a_worker_without_servers_tells_so(tmp_path: Path) -> None:
    """Alive, not ready, and its metrics say which server does not answer."""
    port = free_port()
    environment = {
        "PROJECTOR_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/erp",
        "PROJECTOR_REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        "PROJECTOR_ADMIN_PORT": str(port),
    }
    with running(("run",), environment, tmp_path / "worker.log"):
        wait_until(lambda: ask(port, "/live")[0] == 200, what="alive")
        assert probe(port, "/ready") == (503, ["connection"])
        seen = scrape(port)
        assert (seen.value("projector_connected"), seen.value("projector_database_up")) == (0, 0)
        assert "projector_outbox_events" not in seen.names


@pytest.mark.parametrize(("command", "setting"), [("run", "ADMIN_PORT"), ("serve", "API_ADMIN_PORT")])
def test_an_admin_port_that_is_taken_is_one_clear_line(command: str, setting: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = {
            "PROJECTOR_DATABASE_URL": "postgresql://nobody@127.0.0.1/erp",
            "PROJECTOR_REDIS_URL": "redis://127.0.0.1:1/0",
            f"PROJECTOR_{setting}": str(port),
        }
        arguments = ("serve", "--port", "0") if command == "serve" else ("run",)
        refusal = Projector(tmp_path, environment)(*arguments).refusal()
    assert f"Cannot listen on 127.0.0.1:{port} (Address already in use)" in refusal
    assert f"PROJECTOR_{setting}" in refusal
