"""What watches and what breaks can be relied on: readers, the judgement, the report, named points, proxies."""

import gc
import io
import json
import socket
import subprocess
import sys
import warnings
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.bench import app
from projector.faults import trial
from projector.faults.injuries import INJURIES
from projector.faults.judgement import compare
from projector.faults.outcome import Outcome
from projector.faults.proxy import Proxy
from projector.faults.readers import Sightings
from projector.faults.recovery import recover
from projector.faults.world import World
from projector.names import CHANGES_CHANNEL


def test_a_reader_counts_a_smaller_number_a_vanished_document_and_sections_apart() -> None:
    sightings = Sightings()
    for numbers in ((1, 1, 1), (2, 2, 2), (1, 1, 1), None, (3, 3, 3), (3, 4, 4), (4, 4, 4)):
        sightings.see(numbers)
    assert sightings.went_back == ["from 2 to (1, 1, 1)", "vanished after 1"]
    assert sightings.apart == ["(3, 4, 4) after 3"]


def test_a_forgiving_reader_counts_only_sections_apart() -> None:
    sightings = Sightings(forgiving=True)
    for numbers in ((2, 2, 2), None, (2, 2, 2), (1, 1, 1), (1, 1, 2)):
        sightings.see(numbers)
    assert sightings.went_back == []
    assert len(sightings.apart) == 1


@pytest.mark.timeout(120)
def test_the_judgement_sees_a_document_that_is_not_what_the_rows_say(world: World) -> None:
    """A section that somebody wrote into Redis by hand, in due form."""
    with world.store.client as client, world.connect() as connection:
        key = next(client.scan_iter("bff:customer:*:complete"))
        version, _, built = client.hget(key, "customer@").rpartition(b" ")
        client.hset(key, mapping={"customer": '{"id": 0}', "customer@": version + b" %017d" % (int(built) + 1)})
        client.publish(CHANGES_CHANNEL, key)
        verdict = compare(connection, world.crew.address, brief=True)
        assert any("customer.id: expected" in text for text in verdict.differences), verdict
        connection.execute("UPDATE customers SET city = 'mended' WHERE id = %s", (int(key.split(b":")[2]),))
    assert recover(world).faults == []


def test_a_run_has_passed_only_where_nothing_was_wrong() -> None:
    outcome = Outcome(minutes=1.0)
    outcome.count("flush Redis", 1.5)
    outcome.count("flush Redis", 2.5)
    assert outcome.passed
    assert outcome.as_json()["slowest_recovery_of"] == "flush Redis"
    for wrong in (outcome.differences, outcome.went_back, outcome.apart, outcome.failures):
        wrong.append("a fault")
        assert not outcome.passed
        page = io.StringIO()
        outcome.render(Console(width=120, file=page))
        assert "FAIL" in page.getvalue()
        assert "a fault" in page.getvalue()
        wrong.clear()


@pytest.mark.timeout(120)
def test_the_long_form_reports_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round of one injury is enough for every figure."""
    monkeypatch.setattr(trial, "INJURIES", [injury for injury in INJURIES if injury.name == "clear wake-up flag"])
    done = CliRunner().invoke(app, ["faults", "--minutes", "0.05", "--workers", "1", "--json"])
    report = json.loads(done.stdout)
    assert (done.exit_code, report["passed"]) == (0, True), report
    assert set(report["faults"]) == {"clear wake-up flag"}
    for figure in ("transactions", "documents", "reads", "minutes"):
        assert report[figure] > 0, report
    assert (report["differences"], report["went_back"], report["apart"], report["failures"]) == (0, 0, 0, 0)


def test_a_name_that_is_no_point_is_refused_in_one_line() -> None:
    done = _run("import projector.points", PROJECTOR_STOP_AT="nowhere:1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: PROJECTOR_STOP_AT (nowhere:1) is no point.")
    assert len(done.stderr.splitlines()) == 1


def test_a_process_stops_the_nth_time_that_it_comes_by() -> None:
    program = "from projector.points import reach\nfor n in range(3): print(n, flush=True); reach('built')\n"
    with subprocess.Popen(
        [sys.executable, "-c", program], env=_environment(PROJECTOR_STOP_AT="built:2"), stdout=-1, stderr=-1, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "stopped at built\n"
        process.kill()
        assert process.communicate()[0] == "0\n1\n"


def _run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=_environment(**environment), capture_output=True, text=True, timeout=30)


def _environment(**environment: str) -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[2]), **environment}


def test_a_proxy_that_swallows_neither_answers_nor_closes() -> None:
    """Not even where the other side has closed; a new connection after it healed is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Proxy(lambda: listener.getsockname()[1]) as proxy:
        with _dial(proxy) as client:
            server, _ = listener.accept()
            client.sendall(b"before")
            assert server.recv(100) == b"before"
            proxy.swallow()
            client.sendall(b"swallowed")
            server.close()
            with pytest.raises(TimeoutError):
                client.recv(1)
            with _dial(proxy) as another, pytest.raises(TimeoutError):
                another.recv(1)
            proxy.heal()
            assert client.recv(1) == b""
        with _dial(proxy) as client:
            server, _ = listener.accept()
            client.sendall(b"after")
            assert server.recv(100) == b"after"
            proxy.cut()
            assert client.recv(1) == b""
            server.close()


def test_a_proxy_that_is_closed_leaves_no_connection_behind_whose_peer_takes_nothing() -> None:
    with ExitStack() as stack, warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        with Proxy(lambda: listener.getsockname()[1]) as proxy:
            stack.enter_context(_dial(proxy))
            server, _ = listener.accept()
            server.settimeout(1)
            with server, pytest.raises(TimeoutError):
                server.sendall(bytes(50_000_000))
        del proxy
        gc.collect()
    assert [str(warning.message) for warning in left] == []


def _dial(proxy: Proxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    client.settimeout(1)
    return client
