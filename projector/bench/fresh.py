"""How long from commit to visible: in the read API, and in the barest thing that could do the same."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from projector.bench.bare import KEY, PREPARE_ERP
from projector.bench.helper import helping
from projector.bench.options import Options, percentile
from projector.bench.probe import Delays, Probe, api_path
from projector.bench.report import Measurement, Report, Row, figure_at_most, ratio_at_most
from projector.bench.stage import Site, Stage

DEFAULTS = Options(rounds=5, seconds=3, scales=(1,))

CHANGES_PER_SECOND = 500
_WARM_UP_SECONDS = 0.5


@dataclass(slots=True)
class Samples:
    """Delays of each round."""

    ours: list[Delays] = field(default_factory=list)
    bare: list[Delays] = field(default_factory=list)
    loaded: list[Delays] = field(default_factory=list)
    achieved: list[float] = field(default_factory=list)
    """Changes a second that the load really made."""


def measure(stage: Stage, options: Options) -> Report:
    """Rounds of both sides while nothing else happens, each followed by ours under load."""
    began = time.monotonic()
    site = stage.built(options.scales[0])
    samples = Samples()
    with _bare_side(stage, site) as bare, _our_side(stage, site) as ours:
        for probe in (bare, ours):
            probe.measure(min(_WARM_UP_SECONDS, options.seconds))
        for number in range(options.rounds):
            stage.tell(f"fresh: round {number + 1} of {options.rounds}")
            samples.bare.append(bare.measure(options.seconds))
            samples.ours.append(ours.measure(options.seconds))
            _measure_loaded(site, ours, samples, options)
    return Report("fresh", _rows(samples), options.rounds, time.monotonic() - began, _notes(samples))


@contextmanager
def _our_side(stage: Stage, site: Site) -> Iterator[Probe]:
    with stage.worker(site), stage.api(site) as api, Probe(site.database_url, api.port, api_path) as probe:
        yield probe


@contextmanager
def _bare_side(stage: Stage, site: Site) -> Iterator[Probe]:
    """On a copy of the ERP with a trigger of its own instead of ours."""
    database_url, redis_url = stage.copy(site.database_url), stage.redis()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(PREPARE_ERP)
    with ExitStack() as stack:
        stack.enter_context(helping("bare", database_url, redis_url)).read()
        port = stack.enter_context(helping("apps", "value", redis_url)).read()["port"]
        yield stack.enter_context(Probe(database_url, port, lambda product: f"/{KEY.format(id=product)}"))


def _measure_loaded(site: Site, ours: Probe, samples: Samples, options: Options) -> None:
    with helping("changes", "erp", site.database_url, CHANGES_PER_SECOND) as helper:
        helper.read()
        ours.measure(min(_WARM_UP_SECONDS, options.seconds))
        samples.loaded.append(ours.measure(options.seconds))
        done = helper.finish()
    samples.achieved.append(done["changes"] / done["seconds"])
    # Let the worker catch up, and fall asleep.
    time.sleep(min(_WARM_UP_SECONDS, options.seconds))


def _rows(samples: Samples) -> list[Row]:
    name = "LISTEN, SELECT, SET"
    ours, bare, loaded = (_pool(each) for each in (samples.ours, samples.bare, samples.loaded))

    def idle(what: str, percent: float, part: str) -> Row:
        figure, baseline = (_each(each, percent, part) for each in (samples.ours, samples.bare))
        budget = ratio_at_most(2) if (percent, part) == (50, "total") else None
        return Row(what, "ms", figure, Measurement(name, baseline), budget)

    return [
        idle("idle, commit to visible, p50", 50, "total"),
        Row("idle, commit to visible, p99", "ms", (percentile(ours.total, 99),),
            Measurement(name, (percentile(bare.total, 99),))),
        idle("idle, after COMMIT returned, p50", 50, "after"),
        Row("idle, after COMMIT returned, p99", "ms", (percentile(ours.after, 99),),
            Measurement(name, (percentile(bare.after, 99),))),
        Row(f"at {CHANGES_PER_SECOND} changes/s, p50", "ms", _each(samples.loaded, 50, "total"),
            Measurement("idle", _each(samples.ours, 50, "total"))),
        Row(f"at {CHANGES_PER_SECOND} changes/s, p99", "ms", (percentile(loaded.total, 99),),
            Measurement("idle", (percentile(ours.total, 99),)), figure_at_most(50)),
    ]  # fmt: skip


def _each(rounds: list[Delays], percent: float, part: str) -> tuple[float, ...]:
    return tuple(percentile(getattr(delays, part), percent) for delays in rounds)


def _pool(rounds: list[Delays]) -> Delays:
    pooled = Delays()
    for delays in rounds:
        pooled.add(delays)
    return pooled


def _notes(samples: Samples) -> list[str]:
    counts = ", ".join(str(len(_pool(each).total)) for each in (samples.ours, samples.bare, samples.loaded))
    return [
        f"Samples: {counts} (ours idle, bare idle, ours under load); p99 over all rounds together.",
        f"The load made {min(samples.achieved):.0f} to {max(samples.achieved):.0f} changes/s.",
    ]
