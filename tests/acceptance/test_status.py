"""projector status: what flows, what waits, and what is wrong."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import psycopg
import pytest

from projector.names import DOCUMENTS
from projector.settings import Settings
from projector.status import Draining, Status
from tests.acceptance.commands import Projector
from tests.conftest import Start

KEYS = {
    "version", "timezone", "workers", "events_waiting", "oldest_event_seconds", "backlog", "fanouts_waiting",
    "draining", "rebuilding", "dead_letters", "broken", "audited_at", "drift_last_day", "drift", "trigger_faults",
    "capture_faults", "paused_at",
    "redis_reachable", "built", "timers", "timers_due", "problems",
}  # fmt: skip

DRIFT = ("document", "id", "section", "detail", "repaired", "found_at")
"""The columns of a row that the audit wrote."""


def test_a_new_installation_is_told_to_build(projector: Projector, installed: Settings) -> None:
    answer = projector("status")
    assert (answer.code, answer.err) == (1, "")
    assert "Never built completely: product, product_detail, customer" in answer.out
    assert "projector rebuild" in answer.out


def test_all_is_well_after_a_rebuild(projector: Projector, built: Settings) -> None:
    text, machine = projector.each([("status",), ("status", "--json")])
    assert (text.code, machine.code) == (0, 0)
    assert "problem" not in text.out
    report = json.loads(machine.out)
    assert report.keys() == KEYS
    assert report["built"] == dict.fromkeys(DOCUMENTS, True)
    assert (report["workers"], report["events_waiting"], report["problems"]) == (0, 0, [])
    assert report["timezone"] == "Asia/Baghdad"


def test_events_that_nobody_works_on_are_counted_and_after_a_while_a_problem(
    projector: Projector, built: Settings, erp_url: str
) -> None:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("UPDATE products SET name = 'one' WHERE id = 1")
        connection.execute("UPDATE products SET name = 'two' WHERE id = 1")
        fresh = projector("status")
        assert fresh.code == 0, fresh
        assert "outbox        2 events" in fresh.out
        connection.execute("UPDATE projector.outbox SET at = at - interval '31 seconds'")
    text, machine = projector.each([("status",), ("status", "--json")])
    assert (text.code, machine.code) == (1, 1)
    assert "Start one: projector run" in text.out
    report = json.loads(machine.out)
    assert report["events_waiting"] == 2
    assert report["oldest_event_seconds"] > 30
    assert len(report["problems"]) == 1


def test_workers_and_what_waits_for_them_are_counted(
    projector: Projector, built: Settings, start: Start, erp_url: str
) -> None:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute("INSERT INTO projector.backlog (document, ids) VALUES ('order', '{1,2}')")
    assert json.loads(projector("status", "--json").out)["backlog"] == {"order": 2}
    for _ in range(2):
        start("run").wait_for(r"\bready\b")
    assert json.loads(projector("status", "--json").out)["workers"] == 2


def test_a_dead_letter_is_a_problem(projector: Projector, built: Settings, erp_url: str) -> None:
    with psycopg.connect(erp_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO projector.dead_letter (document, id, section, error, retry_at)"
            " VALUES ('order', 1, 'items', 'division by zero', now() + interval '1 hour')"
        )
    answer = projector("status")
    assert answer.code == 1
    assert "dead letters  1" in answer.out
    assert "projector dead-letters list" in answer.out


@pytest.mark.parametrize(("keys", "columns"), [("q", 80), ("\x03", 36)])
def test_watching_ends_by_a_key_or_by_ctrl_c_and_leaves_the_terminal_as_it_was(
    projector: Projector, installed: Settings, keys: str, columns: int
) -> None:
    """On a narrow terminal as well; what is wrong stands first."""
    command = ("status", "--watch", "--interval", "0.2")
    code, shown = projector.on_terminal(*command, typed_later=("workers", keys), columns=columns)
    assert code == 0, shown
    assert "Traceback" not in shown
    assert shown.count("\x1b[?1049h") == shown.count("\x1b[?1049l") == 1  # the other screen, and back
    assert shown.index("problem") < shown.index("workers")


def test_watching_needs_a_terminal_and_is_not_for_programs(projector: Projector, installed: Settings) -> None:
    blind, both = projector.each([("status", "--watch"), ("status", "--watch", "--json")])
    assert "--watch needs a terminal" in blind.refusal()
    assert "Take one of them" in both.refusal()


def test_every_field_of_the_report_is_documented_and_no_other() -> None:
    documented = dict(re.findall(r"^\| `([\w.\[\]]+)` \| ([\w, ]+) \|", _section("## `status --json`"), re.MULTILINE))
    assert sorted(documented) == sorted(_fields(Status, ""))


def _section(heading: str) -> str:
    text = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text(encoding="utf-8")
    return text.partition(f"\n{heading}\n")[2].partition("\n#")[0]


def _fields(kind: Any, prefix: str) -> Iterator[str]:
    for it in fields(kind):
        yield f"{prefix}{it.name}"
        if it.name == "draining":
            yield from _fields(Draining, "draining.")
        elif it.name == "drift":
            yield from (f"drift[].{name}" for name in DRIFT)
