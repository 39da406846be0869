"""What a bench found: figures beside their baselines, budgets, and how far the machine can be trusted."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

_QUIET, _NOISY = 0.1, 0.3
_LINE_WIDTH = 140
"""Characters of a line that goes into a pipe."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on the ratio to the baseline, or on the figure itself."""

    bound: float
    is_most: bool
    of_ratio: bool = True

    def holds(self, value: float) -> bool:
        return value <= self.bound if self.is_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.bound:g}{' ×' if self.of_ratio else ''}"


def ratio_at_least(bound: float) -> Budget:
    """The figure is at least so many times the baseline."""
    return Budget(bound, is_most=False)


def ratio_at_most(bound: float) -> Budget:
    """The figure is at most so many times the baseline."""
    return Budget(bound, is_most=True)


def figure_at_most(bound: float) -> Budget:
    """The figure is at most this, in its own unit."""
    return Budget(bound, is_most=True, of_ratio=False)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing measured, once a round, in the row's unit."""

    name: str
    figures: tuple[float, ...]

    @property
    def middle(self) -> float:
        return median(self.figures)

    @property
    def spread(self) -> float:
        """From the lowest to the highest round, as a part of the middle one."""
        return (max(self.figures) - min(self.figures)) / self.middle if self.middle else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, what it is compared with, and what was promised."""

    what: str
    unit: str
    figures: tuple[float, ...]
    baseline: Measurement | None = None
    budget: Budget | None = None

    @property
    def figure(self) -> float:
        return median(self.figures)

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' own ratios, so that a slow minute slows both sides; None without a baseline."""
        if self.baseline is None or not all(self.baseline.figures):
            return None
        if len(self.figures) != len(self.baseline.figures):
            return self.figure / self.baseline.middle
        return median(a / b for a, b in zip(self.figures, self.baseline.figures, strict=True))

    @property
    def passed(self) -> bool | None:
        """None where nothing was promised."""
        if self.budget is None:
            return None
        value = self.ratio if self.budget.of_ratio else self.figure
        return value is not None and self.budget.holds(value)

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "unit": self.unit,
            "figure": self.figure,
            "figures": self.figures,
            "baseline": self.baseline and self.baseline.middle,
            "baseline_name": self.baseline and self.baseline.name,
            "baselines": self.baseline and self.baseline.figures,
            "ratio": self.ratio,
            "budget": self.budget and str(self.budget),
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """One bench: its rows, and what one has to know to read them."""

    bench: str
    rows: Sequence[Row]
    rounds: int
    seconds: float
    notes: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        return all(row.passed is not False for row in self.rows)

    @property
    def noise(self) -> dict[str, float]:
        """The spread of each baseline over the rounds, of the first figure that it stands beside."""
        found: dict[str, float] = {}
        for row in self.rows:
            if row.baseline is not None and len(row.baseline.figures) > 1:
                found.setdefault(row.baseline.name, row.baseline.spread)
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "bench": self.bench,
            "passed": self.passed,
            "rounds": self.rounds,
            "seconds": round(self.seconds, 1),
            "rows": [row.as_json() for row in self.rows],
            "noise": self.noise,
            "notes": list(self.notes),
            "machine": {"processors": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()},
        }


def render(report: Report, console: Console | None = None) -> None:
    """Prints the table and the notes on stdout."""
    console = console or _console()
    console.print(_table(report))
    for note in (*report.notes, *_remarks(report)):
        console.print(f"  {note}", highlight=False, markup=False)
    console.print()


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_LINE_WIDTH)


def _table(report: Report) -> Table:
    title = f"{report.bench}: medians of {report.rounds} rounds, {report.seconds:.0f} s in all"
    table = Table(title=title, title_justify="left")
    for name in ("what", "figure", "baseline", "ratio", "budget", ""):
        table.add_column(name, justify="right" if name in ("figure", "ratio", "budget") else "left")
    for row in report.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> Iterator[str]:
    yield row.what
    yield f"{_number(row.figure)} {row.unit}"
    yield f"{_number(row.baseline.middle)} {row.baseline.name}" if row.baseline else ""
    yield "" if row.ratio is None else f"{row.ratio:.3g}"
    yield f"{row.budget}{'' if row.budget.of_ratio else f' {row.unit}'}" if row.budget else ""
    yield {True: "pass", False: "FAIL", None: ""}[row.passed]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _remarks(report: Report) -> Iterator[str]:
    if noise := report.noise:
        worst = max(noise.values())
        judgement = "quiet" if worst < _QUIET else "noisy" if worst < _NOISY else "very noisy: measure again"
        spreads = ", ".join(f"{name} {spread:.0%}" for name, spread in noise.items())
        yield f"Spread of the baselines over the rounds: {spreads} ({judgement})."
    yield f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the end."
