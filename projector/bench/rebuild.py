"""How fast one builder rebuilds: against psycopg alone, which reads the same views in batches of the same size and
throws the rows away."""

import time
from dataclasses import dataclass

import redis

from projector.bench.helper import helping
from projector.bench.options import Options
from projector.bench.report import Measurement, Report, Row, figure_at_most, ratio_at_least
from projector.bench.stage import Site, Stage
from projector.names import DOCUMENTS

DEFAULTS = Options(rounds=3, seconds=0, scales=(10,))
_BUDGET = ratio_at_least(0.8)


@dataclass(frozen=True, slots=True)
class Run:
    """One kind of document, built or read once."""

    documents: int
    seconds: float
    grown_mb: float


Runs = dict[tuple[str, str], list[Run]]
"""By side and kind of document, a run for each round."""


def measure(stage: Stage, options: Options) -> Report:
    """Rounds in which both sides take each kind of document in turn, each time in a new process."""
    began = time.monotonic()
    site = stage.site(options.scales[0])
    runs: Runs = {(side, kind): [] for kind in DOCUMENTS for side in ("projector", "psycopg")}
    for number in range(options.rounds):
        stage.tell(f"rebuild: round {number + 1} of {options.rounds}")
        _empty(site)
        for (side, kind), found in runs.items():
            found.append(_run(site, side, kind))
    note = "Documents of one builder between the first claim and all of them live, in an empty Redis; one process each."
    return Report("rebuild", _rows(runs), options.rounds, time.monotonic() - began, [note])


def _empty(site: Site) -> None:
    with redis.Redis.from_url(site.redis_url) as client:
        # Not in the background, where it would slow the first kind of document down.
        client.execute_command("FLUSHDB", "SYNC")


def _run(site: Site, side: str, kind: str) -> Run:
    with helping("rebuild_sides", side, kind, environment=site.environment) as helper:
        return Run(**helper.read())


def _rows(runs: Runs) -> list[Row]:
    rows = [_row("all documents", [_add_up(runs, "projector"), _add_up(runs, "psycopg")])]
    for kind in DOCUMENTS:
        documents = runs["projector", kind][0].documents
        rows.append(_row(f"{kind} ({documents:,})", [runs["projector", kind], runs["psycopg", kind]]))
    grown = max(run.grown_mb for (side, _), found in runs.items() if side == "projector" for run in found)
    return [
        *rows,
        Row("memory that the rebuilding process grew by, at most", "MB", (grown,), None, figure_at_most(200)),
    ]


def _row(what: str, sides: list[list[Run]]) -> Row:
    ours, baseline = (tuple(run.documents / run.seconds for run in found) for found in sides)
    return Row(what, "documents/s", ours, Measurement("psycopg alone", baseline), _BUDGET)


def _add_up(runs: Runs, side: str) -> list[Run]:
    """All kinds of documents of each round."""
    rounds = zip(*(found for (whose, _), found in runs.items() if whose == side), strict=True)
    return [Run(sum(r.documents for r in one), sum(r.seconds for r in one), 0) for one in rounds]
