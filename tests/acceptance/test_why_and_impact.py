"""projector why and projector impact: what made a document what it is, and what a change would make anew.

The commands run within the test's own process: none of them depends on being one.
"""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cli.choices import DateRange, DocumentKind
from cli.main import app, main
from projector.impact import foresee
from projector.install import install
from projector.names import DOCUMENTS, RANGES, SECTIONS
from projector.rebuild import rebuild
from projector.settings import Settings

Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def built(shared_erp_url: str, shared_redis_url: str) -> Settings:
    """Everything is built, and nobody writes."""
    settings = Settings(database_url=shared_erp_url, redis_url=shared_redis_url)
    install(settings)
    asyncio.run(rebuild(settings, DOCUMENTS))
    return settings


@pytest.fixture
def tell(built: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tell:
    """The exit code of a command, and what it said."""
    monkeypatch.setenv("PROJECTOR_DATABASE_URL", built.database())
    monkeypatch.setenv("PROJECTOR_REDIS_URL", built.redis())

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["projector", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_the_kinds_and_ranges_that_why_takes_are_all_there_are() -> None:
    assert (sorted(DocumentKind), tuple(DateRange)) == (sorted(DOCUMENTS), RANGES)


def test_why_tells_of_each_section(tell: Tell) -> None:
    code, out, err = tell("why", "product", "1")
    assert (code, err) == (0, "")
    for name in SECTIONS["product"]:
        line = rf"^{name} +2\d+-\d\d-\d\dT\S+Z +\d+ .*the first build of all documents of its kind"
        assert re.search(line, out, re.MULTILINE), out
    report = json.loads(tell("why", "product", "1", "--json")[1])
    assert (report["key"], report["missing"]) == ("bff:product:1:complete", [])
    section = report["sections"][0]
    assert section.keys() == {
        "section", "built_at", "cause", "version", "confirmed_at", "valid_until", "bytes", "degraded",
    }  # fmt: skip
    assert section["cause"].keys() == {"word", "operation", "table", "transaction", "others", "together", "text"}
    assert section["version"].keys() == {"epoch", "order", "clock"}
    board = json.loads(tell("why", "dashboard", "2", "--range", "week", "--json")[1])
    sections = {it["section"]: it for it in board["sections"]}
    assert sections["period"]["valid_until"] > sections["period"]["built_at"]
    assert sections["salesperson"]["valid_until"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("why order 4000", r"There is no order 4000 \(bff:order:4000:complete\)"),
        ("why order 1 --range week", "--range is for dashboards"),
        ("why order one", "Correct ID"),
        ("impact branch 3", "No section reads a table branch. Tables that sections read: branches, "),
        ("impact branches 4000", r"branches has no row with the id 4000. Its ids lie between 1 and \d+\."),
        (
            "impact branches 3 --columns name,title",
            "branches has no column title. Its columns: address, code, created_at",
        ),
        ("impact branches 3 --columns ,", "--columns names no column"),
    ],
)
def test_what_does_not_exist_is_one_line_that_says_what_does(tell: Tell, arguments: str, said: str) -> None:
    code, out, err = tell(*arguments.split())
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert re.match(f"error: .*{said}", err)


def test_impact_counts_what_a_change_would_rebuild(built: Settings) -> None:
    assert built.database_url is not None
    with psycopg.connect(built.database()) as erp:
        (products,) = erp.execute(
            "SELECT count(DISTINCT product_id) FROM inventory_items i JOIN warehouses w ON w.id = i.warehouse_id"
            " WHERE w.branch_id = 3"
        ).fetchone()
        (orders,) = erp.execute(
            "SELECT count(DISTINCT sales_order_id) FROM sales_items WHERE product_id = 1"
        ).fetchone()
    renamed = touched(built, "branches", 3, ["name"])
    assert renamed["product"] == (products, {"inventory": products})
    assert touched(built, "branches", 3)["product"] == renamed["product"]
    assert touched(built, "branches", 3, ["created_at"]) == {}
    product = touched(built, "products", 1, ["name_ar"])
    assert product["order"] == (orders, {"items": orders})
    assert product["product"] == (1, {"product": 1})


def touched(settings: Settings, table: str, row: int, columns: Sequence[str] = ()) -> dict[str, Any]:
    found = asyncio.run(foresee(settings, table, row, columns))
    assert all(0 < it.sampled <= it.documents and it.seconds > 0 for it in found.touched)
    return {it.document: (it.documents, it.sections) for it in found.touched}


def test_impact_says_in_words_what_it_counted(tell: Tell) -> None:
    code, out, err = tell("impact", "branches", "3")
    assert (code, err) == (0, "")
    assert re.match(r"a change of branches 3 rebuilds \d+ documents", out)
    assert re.search(r"about [\d.]+ (ms|s) of building, an estimate from a random sample \(.*\d+ of \d+ product", out)
    report = json.loads(tell("impact", "branches", "3", "--columns", "name", "--json")[1])
    assert report.keys() == {"table", "id", "columns", "wide_fanout", "touched", "documents", "seconds"}
    assert report["touched"][0].keys() == {"document", "documents", "sections", "sampled", "seconds", "every"}
    assert report["documents"] == sum(it["documents"] for it in report["touched"])


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("", {"why", "impact", "install", "dead-letters"}),
        ("why pro", {"product", "product_detail"}),
        ("why dashboard 1 --range ", {"today", "week", "month"}),
        ("impact sales_", {"sales_orders", "sales_items", "sales_invoices"}),
        ("rebuild --entity ", {"product", "customer", "order", "dashboard", "shop"}),
        ("dead-letters ", {"list", "retry", "discard"}),
    ],
)
def test_a_shell_completes_commands_kinds_and_tables(words: str, offered: set[str]) -> None:
    typed = f"projector {words}"
    environment = {
        "_PROJECTOR_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    answer = CliRunner().invoke(app, prog_name="projector", env=environment)
    found = set(answer.output.split())
    assert offered <= found
    assert not words or found == offered
    script = CliRunner().invoke(app, ["--show-completion", "bash"], prog_name="projector")
    assert "_PROJECTOR_COMPLETE=complete_bash" in script.output
