"""Impact: which documents a change of one row would rebuild, and about how long that takes; asked before anybody
changes it, in one transaction that only reads."""

import asyncio
import random
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg

from projector.catalog import quoted
from projector.database import AsyncDatabase, Savepoint, array_literal, connect, is_fault_of_data, reason_of
from projector.errors import BadInput, ProjectorError
from projector.installed import load_router
from projector.reading import Reader
from projector.resolve import BoundRoute, Router
from projector.sections import Document
from projector.settings import Settings
from projector.sql import read_query
from projector.work import Built, Event, Letters, SectionBits, Version, Wanted, nothing_wanted, want

SAMPLE = 100
"""Documents of a kind that are built to see how long that takes; all at once, as the worker does."""
LONG_SAMPLE = 10
"""The same of kinds that take long to build."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A kind of document: how many ids of it would be built anew, and how many of them in each section."""

    document: str
    documents: int
    sections: Mapping[str, int]
    sampled: int
    """So many of them, chosen at random, were built."""
    seconds: float
    """What building all of them takes, going by these; an estimate."""
    every: bool
    """Whether all there are count as touched, because a route cannot be followed."""


@dataclass(slots=True)
class Impact:
    """What a change of one row touches. Without `columns` any column may change."""

    table: str
    id: int
    columns: Sequence[str]
    wide_fanout: int
    touched: list[Touched] = field(default_factory=list)

    @property
    def documents(self) -> int:
        return sum(it.documents for it in self.touched)

    @property
    def seconds(self) -> float:
        return sum(it.seconds for it in self.touched)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"documents": self.documents, "seconds": round(self.seconds, 4)}


async def foresee(settings: Settings, table: str, row_id: int, columns: Sequence[str] = ()) -> Impact:
    """BadInput names what there is, where table, row or columns do not exist."""
    async with AsyncExitStack() as stack:
        router, installation = await asyncio.to_thread(load_router, settings)
        _require_table(router, table)
        connection = await stack.enter_async_context(await connect(settings, "impact", snapshots=True))
        await connection.execute("BEGIN")
        try:
            event = await _event(connection, installation.erp_schema, table, row_id, columns)
            foreseer = _Foreseer(connection, router, settings)
            impact = Impact(table, row_id, list(columns), settings.wide_fanout)
            impact.touched = await foreseer.touched(event)
        except psycopg.errors.QueryCanceled:
            raise ProjectorError(
                f"So much is touched that counting it takes longer than {settings.statement_timeout_seconds:g} s."
                " Set PROJECTOR_STATEMENT_TIMEOUT_SECONDS higher."
            ) from None
        finally:
            with suppress(psycopg.OperationalError):
                await connection.execute("ROLLBACK")
    return impact


def tables_of(router: Router) -> list[str]:
    """The tables that any section reads."""
    return sorted(router.sources)


def _require_table(router: Router, table: str) -> None:
    if table not in router.sources:
        raise BadInput(f"No section reads a table {table}. Tables that sections read: {', '.join(tables_of(router))}.")


async def _event(connection: AsyncDatabase, schema: str, table: str, row_id: int, columns: Sequence[str]) -> Event:
    """What the table's trigger would write of an update that changes these columns, or any."""
    relation = f"{quoted(schema)}.{quoted(table)}"
    cursor = await connection.execute(read_query("captured_places"), (table, relation))
    places = {name: (bit, slot) for name, bit, slot in await cursor.fetchall()}
    if unknown := sorted(set(columns) - places.keys()):
        raise BadInput(f"{table} has no column {', '.join(unknown)}. Its columns: {', '.join(sorted(places))}.")
    slots = {slot: name for name, (_, slot) in places.items() if slot is not None}
    names = [quoted(slots[slot]) if slot in slots else "NULL" for slot in range(1, 5)]
    keys = ", ".join(f"ARRAY[{name}::bigint]" for name in names)
    cursor = await connection.execute(f"SELECT {keys} FROM {relation} WHERE id = $1", (row_id,))
    row = await cursor.fetchone()
    if row is None:
        raise BadInput(f"{table} has no row with the id {row_id}. {await _ids(connection, relation)}")
    changed = None
    if columns and "id" not in columns:
        changed = sum(1 << bit for name in columns for bit, _ in [places[name]] if bit is not None)
    return Event(table, "U", changed, row)


async def _ids(connection: AsyncDatabase, relation: str) -> str:
    cursor = await connection.execute(f"SELECT min(id), max(id) FROM {relation}")
    least, greatest = await cursor.fetchone() or (None, None)
    return "It is empty." if least is None else f"Its ids lie between {least} and {greatest}."


class _Foreseer:
    """Asks the routes that the worker would ask, and builds samples, in an open transaction."""

    def __init__(self, connection: AsyncDatabase, router: Router, settings: Settings) -> None:
        self._connection = connection
        self._router = router
        self._reader = Reader(connection, router.documents.values(), Letters(), settings.row_timeout_seconds)

    async def touched(self, event: Event) -> list[Touched]:
        """By kind of document, those with the most first."""
        routes: dict[str, list[BoundRoute]] = {}
        for route in self._router.routes_of(event.source):
            if route.sections(event):
                routes.setdefault(route.document, []).append(route)
        found = [await self._count(self._router.documents[name], taken, event) for name, taken in routes.items()]
        return sorted((it for it in found if it.documents), key=lambda it: (-it.documents, it.document))

    async def _count(self, kind: Document, routes: Sequence[BoundRoute], event: Event) -> Touched:
        limit = LONG_SAMPLE if kind.takes_long or kind.is_paced else SAMPLE
        every = any(route.slots is None for route in routes)
        rows = None if every else await self._ask(routes, event, limit)
        if rows is None:
            every, rows = True, await self._ask_all(kind, routes, event, limit)
        sections = {
            section.name: number
            for place, section in enumerate(kind.sections)
            if (number := sum(count for bits, count, _ in rows if bits >> place & 1))
        }
        total = sum(count for _, count, _ in rows)
        wanted = nothing_wanted()
        for bits, count, ids in rows:
            share = max(1, round(limit * count / total))
            want(wanted, kind.name, ids[:share], bits)
        sampled = len(wanted[kind.name])
        seconds = await self._time(wanted) / sampled * total if sampled else 0.0
        return Touched(kind.name, total, sections, sampled, round(seconds, 4), every)

    async def _ask(
        self, routes: Sequence[BoundRoute], event: Event, limit: int
    ) -> list[tuple[SectionBits, int, list[int]]] | None:
        """Sections as bits, the number of documents, and some of their ids at random. None where a route cannot be
        asked."""
        parts = [f"SELECT id, {route.sections(event)}::bigint FROM ({_question(route, event)}) AS q (id)"
                 for route in routes]  # fmt: skip
        async with Savepoint(self._connection) as savepoint:
            return await self._fetch(" UNION ALL ".join(parts), limit)
        if isinstance(savepoint.error, psycopg.errors.QueryCanceled):
            raise savepoint.error
        return None

    async def _ask_all(
        self, kind: Document, routes: Sequence[BoundRoute], event: Event, limit: int
    ) -> list[tuple[SectionBits, int, list[int]]]:
        bits = 0
        for route in routes:
            bits |= route.sections(event)
        return await self._fetch(f'SELECT id, {bits}::bigint FROM projector."{kind.name}"', limit)

    async def _fetch(self, touched: str, limit: int) -> list[tuple[SectionBits, int, list[int]]]:
        cursor = await self._connection.execute(read_query("impact").format(touched=touched, limit=limit))
        return await cursor.fetchall()

    async def _time(self, wanted: Wanted) -> float:
        """How long these take when their statements have been planned."""
        first = nothing_wanted()
        for document, ids in wanted.items():
            want(first, document, [random.choice(list(ids))], self._router.all_sections(document))  # noqa: S311
        await self._build(first)
        began = time.perf_counter()
        await self._build(wanted)
        return time.perf_counter() - began

    async def _build(self, wanted: Wanted) -> None:
        plan = self._reader.plan(wanted)
        await self._reader.prepare_missing(plan.reads)
        built = Built(Version(0, 0, 0))
        try:
            await self._reader.read_together(plan.reads, built)
        except psycopg.Error as error:
            if not is_fault_of_data(error) or isinstance(error, psycopg.errors.QueryCanceled):
                raise
            raise ProjectorError(
                f"A sample of the documents cannot be built ({reason_of(error)}). Run: projector check"
            ) from error


def _question(route: BoundRoute, event: Event) -> str:
    """The route's query with the row's own values, which are all numbers."""
    keys = [array_literal(key for key in event.keys[slot - 1] or () if key is not None) for slot in route.slots or ()]

    def value(match: re.Match[str]) -> str:
        return f"'{keys[int(match[1]) - 1]}'"

    return re.sub(r"\$([1-9])", value, route.route.question)
