"""projector dead-letters: what failed, tried again on demand, or dropped on purpose."""

import json

import psycopg
import pytest

from projector.settings import Settings
from tests.acceptance.commands import Projector
from tests.conftest import Start
from tests.waiting import wait_until

LETTERS = """
    INSERT INTO projector.dead_letter (document, id, section, error, attempts, retry_at) VALUES
    ('order', 1, 'items', 'division by zero', 3, now() + interval '1 hour'),
    ('order', 2, 'payment', 'out of range', 1, now() + interval '1 hour'),
    ('customer_orders', 5, 'orders', 'عطل', 1, now() + interval '1 hour'),
    ('product', NULL, 'reviews', 'no such view', 1, now() + interval '1 hour')
"""

FIRST_VERSION = """
    CREATE TABLE projector.dead_letter (
        document text NOT NULL, id bigint NOT NULL, section text NOT NULL, error text NOT NULL,
        attempts integer NOT NULL DEFAULT 1, failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        retry_at timestamptz NOT NULL, PRIMARY KEY (document, id, section))
"""


@pytest.fixture
def letters(installed: Settings, erp: psycopg.Connection) -> psycopg.Connection:
    """A session on an installation with four letters, one of them for a whole section."""
    erp.execute(LETTERS)
    return erp


def test_list_shows_each_letter_in_a_line_or_as_json(projector: Projector, letters: psycopg.Connection) -> None:
    text, machine, order, orders = projector.each(
        [
            ("dead-letters", "list"),
            ("dead-letters", "list", "--json"),
            ("dead-letters", "list", "--entity", "order", "--id", "1"),
            ("dead-letters", "list", "-e", "customer", "--section", "orders"),
        ]
    )
    assert {answer.code for answer in (text, machine, order, orders)} == {0}
    heading, *lines = text.out.splitlines()
    assert heading.split() == ["document", "id", "section", "attempts", "failed", "at", "next", "try", "error"]
    assert len({line.index("20") for line in lines}) == 1, "columns are aligned"
    assert [line.split()[:4] for line in lines] == [
        ["customer_orders", "5", "orders", "1"],
        ["order", "1", "items", "3"],
        ["order", "2", "payment", "1"],
        ["product", "all", "reviews", "1"],
    ]
    found = json.loads(machine.out)
    assert [letter["id"] for letter in found] == [5, 1, 2, None]
    assert found[0]["error"] == "عطل"
    assert found[0].keys() == {"document", "id", "section", "error", "attempts", "failed_at", "retry_at"}
    assert len(order.out.splitlines()) == len(orders.out.splitlines()) == 2


def test_list_of_nothing_is_empty(projector: Projector, installed: Settings) -> None:
    text, machine = projector.each([("dead-letters", "list"), ("dead-letters", "list", "--json")])
    assert (text.code, text.out, text.err) == (0, "", "no dead letters\n")
    assert json.loads(machine.out) == []


def test_retry_makes_the_chosen_letters_due_and_says_so_where_no_worker_runs(
    projector: Projector, letters: psycopg.Connection
) -> None:
    answer = projector("dead-letters", "retry", "--entity", "order", "--section", "items")
    assert (answer.code, answer.out) == (0, "1 dead letters are due now\n")
    assert "No worker runs" in answer.err
    due = letters.execute("SELECT document, id FROM projector.dead_letter WHERE retry_at <= now()").fetchall()
    assert due == [("order", 1)]


def test_a_worker_takes_up_what_retry_made_due(
    projector: Projector, built: Settings, letters: psycopg.Connection, start: Start
) -> None:
    """All four can be built, so that their letters go."""
    start("run").wait_for(r"\bready\b")
    answer = projector("dead-letters", "retry")
    assert (answer.code, answer.out, answer.err) == (0, "4 dead letters are due now\n", "")
    count = "SELECT count(*) FROM projector.dead_letter"
    wait_until(lambda: letters.execute(count).fetchone() == (0,), what="no dead letters")


def test_discard_asks_on_a_terminal_and_wants_yes_elsewhere(projector: Projector, letters: psycopg.Connection) -> None:
    count = "SELECT count(*) FROM projector.dead_letter"
    assert "--yes" in projector("dead-letters", "discard").refusal()
    code, screen = projector.on_terminal("dead-letters", "discard", typed="n\n")
    assert (code, "Discard 4 dead letters?" in screen) == (1, True)
    assert letters.execute(count).fetchone() == (4,)
    answer = projector("dead-letters", "discard", "--entity", "order", "--id", "2", "--yes")
    assert (answer.code, answer.out) == (0, "discarded 1 dead letters\n")
    assert projector.on_terminal("dead-letters", "discard", typed="y\n")[0] == 0
    assert letters.execute(count).fetchone() == (0,)


def test_letters_of_the_first_version_survive_an_upgrade(
    projector: Projector, installed: Settings, erp: psycopg.Connection
) -> None:
    """Its table had a primary key, and so no letter for a whole section."""
    erp.execute("DROP TABLE projector.dead_letter")
    erp.execute(FIRST_VERSION)
    erp.execute("INSERT INTO projector.dead_letter VALUES ('order', 1, 'items', 'division by zero', 3, now(), now())")
    assert projector("install").code == 0
    erp.execute(
        "INSERT INTO projector.dead_letter (document, section, error, retry_at) VALUES ('order', 'items', '', now())"
    )
    assert [line.split()[:4] for line in projector("dead-letters", "list").out.splitlines()[1:]] == [
        ["order", "all", "items", "1"],
        ["order", "1", "items", "3"],
    ]


def test_wrong_usage_is_told_in_a_line(projector: Projector, settings: Settings) -> None:
    """An id belongs to one entity; without an installation there is nothing to list."""
    unclear, text, absent = projector.each(
        [
            ("dead-letters", "list", "--id", "1"),
            ("dead-letters", "retry", "-e", "order", "--id", "one"),
            ("dead-letters", "list"),
        ]
    )
    assert "--entity" in unclear.refusal()
    assert "'one'" in text.refusal()
    assert "projector install" in absent.refusal()
