"""projector bench: what projector costs, in ratios to baselines of the same run.

The benches are imported when they run: they bring FastAPI and the embedded servers, and with them half a second to the
start of every other command.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer

from cli.manual import epilog
from projector.bench.options import Options
from projector.errors import BadInput

app = typer.Typer(
    name="bench",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    epilog=epilog("bench"),
    help="Measure what projector costs, each figure against a baseline in the same run. Uses embedded servers of its"
    " own. A missed budget is printed; only --strict makes it a failure.",
)

_ROUNDS_OF_ALL = 3
_ALL = ("read", "fresh", "write", "drain", "rebuild", "growth")

Rounds = Annotated[int | None, typer.Option(min=1, max=1_000, help="Rounds; figures are their medians.")]
Seconds = Annotated[float | None, typer.Option(min=0.05, max=600, help="Seconds for each thing in each round.")]
Scale = Annotated[float | None, typer.Option(min=0.01, max=1_000, help="The ERP: 1 is 10,000 orders.")]
Factor = Annotated[float, typer.Option("--scale", min=0.01, max=100, help="Multiplies the scales of all ERPs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 1 where a budget is missed.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of how much is measured; the rest is the bench's own."""

    rounds: int | None = None
    seconds: float | None = None
    scales: tuple[float, ...] | None = None
    factor: float = 1.0

    def options(self, defaults: Options) -> Options:
        scales = self.scales or tuple(scale * self.factor for scale in defaults.scales)
        return Options(self.rounds or defaults.rounds, self.seconds or defaults.seconds, scales)


@app.command("read", epilog=epilog("bench read"))
def bench_read(
    rounds: Rounds = None, seconds: Seconds = None, scale: Scale = None, as_json: AsJson = False, strict: Strict = False
) -> None:
    """Measure what a GET costs.

    Against a bare ASGI app with the same bytes and against cache-aside; with the near cache warm,
    off, full, and while documents change; with 304 and gzip. Uses wrk where it is installed.
    Default: 5 rounds of 2 seconds, scale 1.
    """
    _run(["read"], Asked(rounds, seconds, _only(scale)), as_json, strict)


@app.command("rebuild", epilog=epilog("bench rebuild"))
def bench_rebuild(rounds: Rounds = None, scale: Scale = None, as_json: AsJson = False, strict: Strict = False) -> None:
    """Measure how fast one builder rebuilds.

    Against psycopg alone, which reads the same views and throws the rows away. Default: 3 rounds, scale 10.
    """
    _run(["rebuild"], Asked(rounds, None, _only(scale)), as_json, strict)


@app.command("fresh", epilog=epilog("bench fresh"))
def bench_fresh(
    rounds: Rounds = None, seconds: Seconds = None, scale: Scale = None, as_json: AsJson = False, strict: Strict = False
) -> None:
    """Measure the time from commit to visible.

    Idle and at 500 changes/s, in the API, against a bare LISTEN, SELECT, SET. Default: 5 rounds of 3 seconds, scale 1.
    """
    _run(["fresh"], Asked(rounds, seconds, _only(scale)), as_json, strict)


@app.command("write", epilog=epilog("bench write"))
def bench_write(
    rounds: Rounds = None, seconds: Seconds = None, scale: Scale = None, as_json: AsJson = False, strict: Strict = False
) -> None:
    """Measure what capture costs the ERP.

    The same transactions with our triggers and without: single-row updates, orders and a bulk update while no worker
    runs, and how long each takes at 1,000/s while one does. Default: 5 rounds of 3 seconds, scale 1.
    """
    _run(["write"], Asked(rounds, seconds, _only(scale)), as_json, strict)


@app.command("drain", epilog=epilog("bench drain"))
def bench_drain(rounds: Rounds = None, scale: Scale = None, as_json: AsJson = False, strict: Strict = False) -> None:
    """Measure how fast a queue of events drains.

    100,000 single-row events, against the build alone of the documents that they touch. Default: 3 rounds, scale 10.
    """
    _run(["drain"], Asked(rounds, None, _only(scale)), as_json, strict)


@app.command("growth", epilog=epilog("bench growth"))
def bench_growth(
    rounds: Rounds = None,
    seconds: Seconds = None,
    scales: Annotated[str, typer.Option(help="Scales of the ERPs; the first is the baseline.")] = "1,10",
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Measure whether a large ERP costs more.

    The same change, and the build of one document, in a small ERP and in a large one. Default: 5 rounds of 2 seconds.
    """
    _run(["growth"], Asked(rounds, seconds, _parse_scales(scales)), as_json, strict)


@app.command("all", epilog=epilog("bench all"))
def bench_all(
    rounds: Rounds = None, seconds: Seconds = None, scale: Factor = 1.0, as_json: AsJson = False, strict: Strict = False
) -> None:
    """Run all of them, three rounds each; some eight minutes."""
    _run(_ALL, Asked(rounds or _ROUNDS_OF_ALL, seconds, factor=scale), as_json, strict)


@app.command("faults", epilog=epilog("bench faults"))
def bench_faults(
    minutes: Annotated[float, typer.Option(min=0.05, max=10_000, help="How long injuries go on.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, max=2_000, help="Decides data, writers and injuries.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Workers that share the work.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Break things on purpose, and judge what is left.

    One injury after the other to processes, servers and connections, under load; after each, every document
    is compared with an independent computation. Exit code 1 where anything is wrong.
    """
    from projector.demo.servers import make_folder
    from projector.faults import trial

    folder = make_folder()
    try:
        outcome = trial.run_trial(folder, trial.Options(minutes, seed, workers), _tell)
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        raise
    if as_json:
        typer.echo(json.dumps(outcome.as_json()))
    else:
        outcome.render()
    if outcome.passed:
        shutil.rmtree(folder)
        return
    (folder / "failure.txt").write_text("\n\n".join(outcome.logs))
    _tell(f"Repeat it with --seed {seed}. The logs and what they said at each failure are in {folder}.")
    raise typer.Exit(1)


def _only(scale: float | None) -> tuple[float, ...] | None:
    return None if scale is None else (scale,)


def _parse_scales(text: str) -> tuple[float, ...]:
    try:
        scales = tuple(map(float, text.split(",")))
    except ValueError:
        scales = ()
    if len(scales) < 2 or not all(0 < scale <= 1_000 for scale in scales):
        raise BadInput(f"--scales takes two or more numbers from 0.01 to 1000, and {text!r} is none. Try 1,10.")
    return scales


def _run(benches: Sequence[str], asked: Asked, as_json: bool, strict: bool) -> None:
    from projector.bench.report import render
    from projector.bench.stage import Stage

    reports = []
    with Stage(_tell) as stage:
        for name in benches:
            bench = import_module(f"projector.bench.{name}")
            reports.append(bench.measure(stage, asked.options(bench.DEFAULTS)))
            if not as_json:
                render(reports[-1])
    if as_json:
        found = [report.as_json() for report in reports]
        typer.echo(json.dumps(found[0] if len(found) == 1 else found))
    if strict and not all(report.passed for report in reports):
        raise typer.Exit(1)


def _tell(line: str) -> None:
    typer.echo(line, err=True)
