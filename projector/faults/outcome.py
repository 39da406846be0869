"""What a run of injuries came to: figures, what was wrong, and both as a table."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

_LINE_WIDTH = 120
_SHOWN = 10


@dataclass(slots=True)
class Outcome:
    """Everything is right where `differences`, `went_back`, `apart` and `failures` are empty."""

    seed: int = 1
    workers: int = 2
    minutes: float = 0.0
    injuries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds of recovery by kind of injury."""
    committed: int = 0
    rebuilds: int = 0
    documents: int = 0
    reads: int = 0
    differences: list[str] = field(default_factory=list)
    went_back: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Processes that ended by themselves, and what was stuck."""
    logs: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not (self.differences or self.went_back or self.apart or self.failures)

    @property
    def slowest(self) -> tuple[str, float]:
        """The kind of injury that took longest to recover from, and how long."""
        worst = {name: max(seconds) for name, seconds in self.injuries.items()} or {"none": 0.0}
        name = max(worst, key=worst.__getitem__)
        return name, worst[name]

    def count(self, name: str, seconds: float) -> None:
        self.injuries[name].append(seconds)

    def as_json(self) -> dict[str, Any]:
        name, seconds = self.slowest
        return {
            "bench": "faults",
            "passed": self.passed,
            "seed": self.seed,
            "workers": self.workers,
            "minutes": round(self.minutes, 2),
            "faults": {name: len(seconds) for name, seconds in sorted(self.injuries.items())},
            "transactions": self.committed,
            "rebuilds": self.rebuilds,
            "documents": self.documents,
            "reads": self.reads,
            "differences": len(self.differences),
            "went_back": len(self.went_back),
            "apart": len(self.apart),
            "failures": len(self.failures),
            "slowest_recovery_seconds": round(seconds, 2),
            "slowest_recovery_of": name,
            "wrong": list(self._wrong()),
        }

    def _wrong(self) -> Iterator[str]:
        yield from self.differences[:_SHOWN]
        yield from (f"went back: {text}" for text in self.went_back[:_SHOWN])
        yield from (f"apart: {text}" for text in self.apart[:_SHOWN])
        yield from self.failures[:_SHOWN]

    def render(self, console: Console | None = None) -> None:
        """Prints the tables, and what is wrong, on stdout."""
        console = console or Console(width=_LINE_WIDTH)
        console.print(self._recoveries())
        console.print(self._figures())
        for text in self._wrong():
            console.print(f"  {text[:1_000]}", highlight=False, markup=False)

    def _recoveries(self) -> Table:
        table = Table(title="injuries, and seconds until everything was right again", title_justify="left")
        for name in ("injury", "times", "median", "slowest"):
            table.add_column(name, justify="left" if name == "injury" else "right")
        for name, seconds in sorted(self.injuries.items()):
            table.add_row(name, str(len(seconds)), f"{median(seconds):.2f}", f"{max(seconds):.2f}")
        return table

    def _figures(self) -> Table:
        name, seconds = self.slowest
        rows = {
            "minutes": f"{self.minutes:.1f}",
            "faults injected": f"{sum(map(len, self.injuries.values())):,} of {len(self.injuries)} kinds",
            "transactions committed": f"{self.committed:,}",
            "rebuilds beside": f"{self.rebuilds:,}",
            "documents compared": f"{self.documents:,}",
            "reads watched": f"{self.reads:,}",
            "differences": f"{len(self.differences):,}",
            "monotonicity violations": f"{len(self.went_back):,}",
            "atomicity violations": f"{len(self.apart):,}",
            "stuck, or died by itself": f"{len(self.failures):,}",
            "slowest recovery": f"{seconds:.1f} s ({name})",
        }
        title = f"faults: {'pass' if self.passed else 'FAIL'}, seed {self.seed}, {self.workers} workers"
        table = Table(title=title, title_justify="left", show_header=False)
        for what, figure in rows.items():
            table.add_row(what, figure)
        return table
