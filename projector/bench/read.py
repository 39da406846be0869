"""What a GET costs: the read API against a bare ASGI app with the same bytes, and against cache-aside."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from projector.bench.apps import ASIDE_KEY
from projector.bench.helper import helping, memory_mb
from projector.bench.keep_alive import KeepAlive
from projector.bench.load import Load, client_name, put_load, write_targets
from projector.bench.options import Options
from projector.bench.probe import api_path
from projector.bench.report import Measurement, Report, Row, figure_at_most, ratio_at_least, ratio_at_most
from projector.bench.stage import Served, Site, Stage
from projector.errors import ProjectorError

DEFAULTS = Options(rounds=5, seconds=2, scales=(1,))

CHANGES_PER_SECOND = 500
_DOCUMENTS = 1_000
_MOST_FILLS, _FILL_SECONDS = 4, 4.0
_FULL = 1.01
"""The near cache is full when more answers let the process grow by less than this."""
_ALL_PATHS = {
    "product": ("products/{id}/complete", "products/{id}/complete?include_reviews=false"),
    "customer": ("customers/{id}/complete", "customers/{id}/quick", "customers/{id}/orders"),
    "order": ("orders/{id}/complete", "orders/{id}/quick"),
}


@dataclass(frozen=True, slots=True)
class Targets:
    """Files of requests for the same products: plain, with the ETag known, and accepting gzip."""

    ids: Path
    plain: Path
    known: Path
    gzip: Path


@dataclass(frozen=True, slots=True)
class Servers:
    """What is measured, and the two that it is measured against."""

    warm: Served
    cold: Served
    bare: Served
    aside: Served


Loads = dict[str, list[Load]]


def measure(stage: Stage, options: Options) -> Report:
    """Rounds of all variants one after the other, then the memory of an API process whose near cache is full."""
    began = time.monotonic()
    site = stage.built(options.scales[0])
    with _serving(stage, site) as (servers, targets):
        loads = _measure_rounds(stage, site, servers, targets, options)
        memory = _fill(stage, site, servers.warm, options)
    rows = [*_rows(loads), Row("memory, near cache full", "MB", (memory,), None, figure_at_most(200))]
    notes = [f"One uvicorn process each, 32 connections, {client_name(options.seconds)}; products of 1,000 at most."]
    return Report("read", rows, options.rounds, time.monotonic() - began, notes)


@contextmanager
def _serving(stage: Stage, site: Site) -> Iterator[tuple[Servers, Targets]]:
    with ExitStack() as stack:
        warm = stack.enter_context(stage.api(site))
        cold = stack.enter_context(stage.api(site, PROJECTOR_NEAR_CACHE_MB="0"))
        targets = _prepare(stage, site, warm)
        bare = stack.enter_context(_app("answers", stage.folder / "answers.json"))
        aside = stack.enter_context(_app("cache-aside", site.redis_url))
        yield Servers(warm, cold, bare, aside), targets


@contextmanager
def _app(*arguments: object) -> Iterator[Served]:
    with helping("apps", *arguments) as helper:
        yield Served(helper.read()["port"], helper.process.pid)


def _prepare(stage: Stage, site: Site, api: Served) -> Targets:
    """Reads what the API answers, for the others to answer the same."""
    with psycopg.connect(site.database_url) as connection:
        query = "SELECT id FROM projector.product ORDER BY md5(id::text) LIMIT %s"
        ids = [id_ for (id_,) in connection.execute(query, (_DOCUMENTS,))]
    with KeepAlive(api.port) as client:
        replies = [client.get(api_path(id_)) for id_ in ids]
    if any(reply.status != 200 for reply in replies):
        raise ProjectorError("The API does not answer 200 for every product.")
    paths, bodies = list(map(api_path, ids)), [reply.body.decode() for reply in replies]
    with redis.Redis.from_url(site.redis_url) as store:
        store.mset({ASIDE_KEY.format(id=id_): body for id_, body in zip(ids, bodies, strict=True)})
    folder = stage.folder
    (folder / "answers.json").write_text(json.dumps(dict(zip(paths, bodies, strict=True))), encoding="utf-8")
    (folder / "ids.json").write_text(json.dumps(ids))
    return Targets(
        folder / "ids.json",
        write_targets(folder / "plain", paths),
        write_targets(folder / "known", paths, [reply.header("etag") for reply in replies]),
        write_targets(folder / "gzip", paths, coding="gzip"),
    )


def _measure_rounds(stage: Stage, site: Site, servers: Servers, targets: Targets, options: Options) -> Loads:
    def under_changes() -> Load:
        with helping("changes", "documents", site.redis_url, CHANGES_PER_SECOND, targets.ids) as helper:
            helper.read()
            found = put_load(servers.warm, targets.plain, options.seconds)
            _require_rate(helper.finish())
            return found

    variants: dict[str, Callable[[], Load]] = {
        "bare": lambda: put_load(servers.bare, targets.plain, options.seconds),
        "warm": lambda: put_load(servers.warm, targets.plain, options.seconds),
        "aside": lambda: put_load(servers.aside, targets.plain, options.seconds),
        "cold": lambda: put_load(servers.cold, targets.plain, options.seconds),
        "known": lambda: put_load(servers.warm, targets.known, options.seconds),
        "gzip": lambda: put_load(servers.warm, targets.gzip, options.seconds),
        "changing": under_changes,
    }
    loads: Loads = {name: [] for name in variants}
    for server in (servers.bare, servers.warm, servers.aside, servers.cold):
        put_load(server, targets.plain, min(1, options.seconds))
    for number in range(options.rounds):
        stage.tell(f"read: round {number + 1} of {options.rounds}")
        _warm_up(servers.warm, targets)
        for name, load in variants.items():
            loads[name].append(load())
    return loads


def _warm_up(api: Served, targets: Targets) -> None:
    """Every product once, plain and compressed: the last round's changes left the near cache with gaps, and the
    client's ETags out of date."""
    paths = [line.split("\t")[0] for line in targets.plain.read_text().splitlines()]
    with KeepAlive(api.port) as client:
        write_targets(targets.known, paths, [client.get(path).header("etag") for path in paths])
        compressed = [client.get(path, "Accept-Encoding: gzip\r\n") for path in paths]
        known = f"If-None-Match: {compressed[0].header('etag')}\r\n"
        if client.get(paths[0], known).status != 304:
            raise ProjectorError("The API does not answer 304 to an ETag that it just gave.")


def _require_rate(done: dict[str, float]) -> None:
    if done["changes"] / done["seconds"] < CHANGES_PER_SECOND / 2:
        raise ProjectorError(f"Only {done['changes']} documents changed in {done['seconds']:.1f} s.")


def _rows(loads: Loads) -> Iterator[Row]:
    def rate(name: str) -> tuple[float, ...]:
        return tuple(load.per_second for load in loads[name])

    def p50(name: str) -> tuple[float, ...]:
        return tuple(load.p50_ms for load in loads[name])

    def p99(name: str) -> tuple[float, ...]:
        return tuple(load.p99_ms for load in loads[name])

    def cpu(name: str) -> tuple[float, ...]:
        return tuple(load.cpu_us for load in loads[name])

    bare, warm, aside = (Measurement(name, rate(key)) for name, key in _BASELINES.items())
    yield Row("warm GET", "requests/s", warm.figures, bare, ratio_at_least(0.6))
    yield Row("warm GET", "requests/s", warm.figures, aside, ratio_at_least(12))
    yield Row("warm GET, p50", "ms", p50("warm"), Measurement(bare.name, p50("bare")))
    yield Row("warm GET, p99", "ms", p99("warm"), Measurement(bare.name, p99("bare")), ratio_at_most(2))
    yield Row("warm GET, processor time of the server", "µs", cpu("warm"), Measurement(bare.name, cpu("bare")))
    yield Row("near cache off", "requests/s", rate("cold"), bare, ratio_at_least(0.2))
    yield Row("near cache off, p99", "ms", p99("cold"), Measurement(bare.name, p99("bare")))
    yield Row("304, not modified", "requests/s", rate("known"), warm, ratio_at_least(1))
    yield Row("gzip", "requests/s", rate("gzip"), warm)
    changing = f"warm, {CHANGES_PER_SECOND} documents/s change"
    yield Row(changing, "requests/s", rate("changing"), warm, ratio_at_least(0.8))
    yield Row(f"{changing}, p99", "ms", p99("changing"), Measurement(warm.name, p99("warm")))
    yield Row("cache-aside, p99", "ms", p99("aside"), Measurement(bare.name, p99("bare")))


_BASELINES = {"bare ASGI": "bare", "warm GET": "warm", "cache-aside": "aside"}


def _fill(stage: Stage, site: Site, api: Served, options: Options) -> float:
    """Asks for documents of all kinds until the process no longer grows; returns its resident memory in MB."""
    stage.tell("read: filling the near cache")
    paths = [f"/api/mobile/{path.format(id=id_)}" for path, id_ in _everything(site)]
    targets = write_targets(stage.folder / "fill", paths)
    memory = 0.0
    for _ in range(_MOST_FILLS):
        put_load(api, targets, max(options.seconds, _FILL_SECONDS) if options.seconds >= 1 else options.seconds)
        before, memory = memory, memory_mb(api.pid)
        if memory < before * _FULL:
            break
    return memory


def _everything(site: Site) -> Iterator[tuple[str, int]]:
    with psycopg.connect(site.database_url) as connection:
        for kind, paths in _ALL_PATHS.items():
            for (id_,) in connection.execute(f"SELECT id FROM projector.{kind}".encode()):
                yield from ((path, id_) for path in paths)
