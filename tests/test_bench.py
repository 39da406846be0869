"""The benches run, and say what they found. How fast anything is is not judged here."""

import io
import json
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.bench import app
from projector.bench.options import percentile
from projector.bench.report import (
    Measurement,
    Report,
    Row,
    figure_at_most,
    ratio_at_least,
    ratio_at_most,
    render,
)
from projector.errors import BadInput


def test_each_bench_reports_figures_beside_baselines_and_budgets() -> None:
    """All of them, as small and as short as they get; in one test, so that they run once."""
    done = CliRunner().invoke(app, ["all", "--scale", "0.02", "--rounds", "1", "--seconds", "0.2", "--json"])
    assert done.exit_code == 0, done.output
    reports = json.loads(done.stdout)
    assert [report["bench"] for report in reports] == ["read", "fresh", "write", "drain", "rebuild", "growth"]
    for report in reports:
        _judge(report)


def _judge(report: dict[str, Any]) -> None:
    assert report["rows"]
    assert report["notes"]
    assert all(row["what"] and row["unit"] and row["figure"] >= 0 for row in report["rows"])
    assert any(row["baseline_name"] and row["ratio"] > 0 for row in report["rows"])
    budgeted = [row for row in report["rows"] if row["budget"]]
    assert budgeted
    assert report["passed"] == all(row["passed"] for row in budgeted)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    """The second round was slow for both sides."""
    row = Row("GET", "requests/s", (80, 8, 90), Measurement("bare", (100, 10, 100)))
    assert row.ratio == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("budget", "passed"),
    [
        (ratio_at_least(0.8), True),
        (ratio_at_least(0.81), False),
        (ratio_at_most(0.8), True),
        (ratio_at_most(0.79), False),
        (figure_at_most(80), True),
        (figure_at_most(79), False),
        (None, None),
    ],
)
def test_a_budget_bounds_the_ratio_or_the_figure(budget: Any, passed: bool | None) -> None:
    assert Row("GET", "requests/s", (80,), Measurement("bare", (100,)), budget).passed is passed


def test_the_table_shows_what_was_missed_and_how_noisy_the_machine_was() -> None:
    rows = [Row("GET", "requests/s", (40, 50, 60), Measurement("bare", (100, 100, 150)), ratio_at_least(0.6))]
    page = io.StringIO()
    console = Console(width=120, file=page)
    render(Report("read", rows, rounds=3, seconds=1, notes=["One process."]), console)
    shown = page.getvalue()
    for text in ("GET", "50.0 requests/s", "100 bare", "≥ 0.6 ×", "FAIL", "One process.", "bare 50% (very noisy"):
        assert text in shown, shown


def test_percentiles_are_samples() -> None:
    assert [percentile([3, 1, 2, 4], percent) for percent in (0, 50, 99)] == [1, 3, 4]


@pytest.mark.parametrize("scales", ["1", "1,x", "0,1", ""])
def test_growth_needs_two_scales(scales: str) -> None:
    done = CliRunner().invoke(app, ["growth", "--scales", scales])
    assert isinstance(done.exception, BadInput)
