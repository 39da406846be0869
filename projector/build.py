"""Build: the wanted sections of documents, in SQL, all in one snapshot whose place in the source's order is their
version (D5, D6)."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncRawCursor

from projector.database import AsyncDatabase, array_literal, is_transient
from projector.names import RANGES, document_key
from projector.resolve import BoundRoute, Question, Resolution, Router
from projector.sections import Document, Section
from projector.sql import read_query
from projector.work import (
    Built,
    Event,
    Failure,
    Fanout,
    SectionBits,
    Version,
    Wanted,
    nothing_wanted,
    want,
)

log = logging.getLogger(__name__)

PENDING_LIMIT = 2_000
"""More events waiting than this, and a batch builds whole documents instead of looking at each of them."""


@dataclass(slots=True)
class Request:
    """What a claim asks for. `claim_xid` tells its own events from those that wait or are in other hands."""

    claim_xid: str
    events: Sequence[Event] = ()
    wanted: Wanted = field(default_factory=nothing_wanted)


@dataclass(slots=True)
class Outcome:
    """What was built, and what is too much for now and goes to the backlog instead."""

    built: Built
    fanouts: list[Fanout] = field(default_factory=list)
    postponed: Wanted = field(default_factory=nothing_wanted)


class Builder:
    """Builds on one connection, one request at a time. The connection never writes and so never has an xid, on
    which the meaning of a version rests."""

    def __init__(self, connection: AsyncDatabase, router: Router, *, epoch: int, wide_fanout: int) -> None:
        self._connection = connection
        self._router = router
        self._epoch = epoch
        self._wide_fanout = wide_fanout

    async def build(self, request: Request) -> Outcome:
        """Resolves and builds a request in one snapshot. Where a section fails, the culprits are found by halving
        in a second snapshot, and everything else is built."""
        try:
            async with self._snapshot() as version:
                outcome, wanted = await self._resolve(request, version)
                await self._read(wanted, outcome.built)
        except psycopg.Error as error:
            if is_transient(error):
                raise
            log.warning("a batch failed, looking for the rows at fault", extra={"error": str(error)})
            return await self._build_isolated(request)
        return outcome

    async def _build_isolated(self, request: Request) -> Outcome:
        async with self._snapshot() as version:
            outcome, wanted = await self._resolve(request, version)
            for document, ids in wanted.items():
                kind = self._router.documents[document]
                for place, section in enumerate(kind.sections):
                    chosen = [id_ for id_, bits in ids.items() if bits >> place & 1]
                    await self._read_isolated(kind, section, chosen, outcome.built)
        return outcome

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Version]:
        """A read-only transaction on one snapshot, and that snapshot's version."""
        run = self._connection.execute
        async with self._connection.pipeline():
            await run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor = await run(read_query("fence"), binary=True)
            row = await cursor.fetchone()
        if row is None:
            raise psycopg.OperationalError("no snapshot")
        try:
            yield Version(self._epoch, row[0], row[1])
        finally:
            if not self._connection.closed:
                await self._connection.execute("ROLLBACK")

    async def _resolve(self, request: Request, version: Version) -> tuple[Outcome, Wanted]:
        outcome = Outcome(Built(version))
        resolution = self._router.resolve(request.events)
        wanted = request.wanted
        for document, ids in resolution.wanted.items():
            for id_, bits in ids.items():
                want(wanted, document, (id_,), bits)
        self._postpone_everything(resolution, outcome)
        for question in resolution.questions:
            await self._ask(question, wanted, outcome)
        if request.events:
            self._postpone_wide(wanted, outcome)
        await self._widen(request, wanted, outcome)
        return outcome, wanted

    def _postpone_everything(self, resolution: Resolution, outcome: Outcome) -> None:
        for document, bits in resolution.everything.items():
            names = self._router.section_names(document, bits)
            outcome.fanouts += [Fanout(document, name) for name in names]

    def _postpone_wide(self, wanted: Wanted, outcome: Outcome) -> None:
        """One statement may name more documents than fresh changes should wait for."""
        for document, ids in wanted.items():
            if len(ids) > self._wide_fanout:
                outcome.postponed[document] = dict(ids)
                ids.clear()

    async def _ask(self, question: Question, wanted: Wanted, outcome: Outcome) -> None:
        """Asks a route query; too many answers become a fan-out in the backlog."""
        limit = self._wide_fanout + 1
        ids = await self._ids(question.route, question.keys, f"LIMIT {limit}")
        if len(ids) < limit:
            want(wanted, question.route.document, ids, question.sections)
            return
        keys = tuple(tuple(sorted(values)) for values in question.keys)
        document = question.route.document
        for name in self._router.section_names(document, question.sections):
            route = question.route.route
            outcome.fanouts.append(Fanout(document, name, route.table, route.columns, keys))

    async def _ids(self, bound: BoundRoute, keys: Sequence[Any], condition: str, *more: str) -> list[int]:
        query = f"SELECT DISTINCT q.id FROM ({bound.route.query}) AS q (id) WHERE q.id IS NOT NULL {condition}"
        values = [array_literal(values) for values in keys]
        cursor = await self._connection.execute(query, [*values, *more], binary=True)
        return [id_ for (id_,) in await cursor.fetchall()]

    async def _widen(self, request: Request, wanted: Wanted, outcome: Outcome) -> None:
        """Adds to the wanted documents what else this snapshot has changed in them and nobody has published:
        events that wait or are in another worker's hands, and the backlog.

        Without it a reader could see one section of a change without the other: the snapshot sees both, but only
        one was asked for here.
        """
        if not any(wanted.values()):
            return
        pending, fanouts = await self._unpublished(request)
        for fanout in [*fanouts, *outcome.fanouts]:
            await self._widen_by_fanout(fanout, wanted)
        if len(pending) > PENDING_LIMIT:
            for document, ids in wanted.items():
                wanted[document] = dict.fromkeys(ids, self._router.all_sections(document))
        elif pending:
            await self._widen_by_events(pending, wanted)
        await self._widen_by_backlog(wanted)

    async def _unpublished(self, request: Request) -> tuple[list[Event], list[Fanout]]:
        run = self._connection.execute
        async with self._connection.pipeline():
            events = await run(
                read_query("pending_events"),
                (request.claim_xid, PENDING_LIMIT + 1),
                binary=True,
            )
            fanouts = await run("SELECT document, section, fanout FROM projector.backlog WHERE id IS NULL")
        return (
            [Event(row[0], row[1], row[2], row[3:]) async for row in events],
            [read_fanout(*row) async for row in fanouts],
        )

    async def _widen_by_fanout(self, fanout: Fanout, wanted: Wanted) -> None:
        ids = wanted.get(fanout.document)
        if not ids:
            return
        bits = self._router.section_bits(fanout.document, fanout.section)
        bound = self._router.find_route(fanout) if fanout.table else None
        touched = list(ids) if bound is None else await self._among(bound, fanout.keys, ids)
        want(wanted, fanout.document, touched, bits)

    async def _among(self, bound: BoundRoute, keys: Sequence[Any], ids: dict[int, SectionBits]) -> list[int]:
        """Which of these documents a route leads to."""
        place = len(keys) + 1
        return await self._ids(bound, keys, f"AND q.id = ANY (${place}::bigint[])", array_literal(ids))

    async def _widen_by_events(self, events: list[Event], wanted: Wanted) -> None:
        resolution = self._router.resolve(events)
        for document, bits in resolution.everything.items():
            want(wanted, document, list(wanted.get(document, ())), bits)
        for document, ids in wanted.items():
            others = resolution.wanted.get(document, {})
            for id_ in ids.keys() & others.keys():
                ids[id_] |= others[id_]
        for question in resolution.questions:
            document = question.route.document
            if touched := wanted.get(document):
                found = await self._among(question.route, question.keys, touched)
                want(wanted, document, found, question.sections)

    async def _widen_by_backlog(self, wanted: Wanted) -> None:
        query = read_query("backlog_of")
        for document, ids in wanted.items():
            everything = self._router.all_sections(document)
            partial = [id_ for id_, bits in ids.items() if bits != everything]
            if partial:
                rows = await self._connection.execute(query, (document, array_literal(partial)))
                async for id_, section in rows:
                    ids[id_] |= self._router.section_bits(document, section)

    async def _read(self, wanted: Wanted, built: Built) -> None:
        """All sections in one round trip; results are taken in the order of the queries."""
        async with self._connection.pipeline():
            reads = []
            for document, ids in wanted.items():
                kind = self._router.documents[document]
                for section, chosen in self._chosen(kind, ids):
                    reads.append((kind, section, chosen, await self._select(kind, section, chosen)))
            for kind, section, chosen, cursor in reads:
                _collect(kind, section, chosen, await cursor.fetchall(), built)
        built.documents = sum(map(len, wanted.values()))

    def _chosen(self, kind: Document, ids: dict[int, SectionBits]) -> list[tuple[Section, list[int]]]:
        chosen = []
        for place, section in enumerate(kind.sections):
            if wanted := [id_ for id_, bits in ids.items() if bits >> place & 1]:
                chosen.append((section, wanted))
        return chosen

    async def _select(self, kind: Document, section: Section, ids: Sequence[int]) -> AsyncRawCursor[tuple[Any, ...]]:
        columns = "id, range, value" if kind.by_range else "id, NULL::text, value"
        due = "(extract(epoch FROM valid_until) * 1000000)::bigint" if section.reads_clock else "NULL::bigint"
        query = f'SELECT {columns}, {due} FROM projector."{section.view}" WHERE id = ANY ($1::bigint[])'
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(query, (array_literal(ids),), prepare=True)
        return cursor  # type: ignore[return-value]

    async def _read_isolated(self, kind: Document, section: Section, ids: list[int], built: Built) -> None:
        """Reads one section, halving until the rows that fail stand alone (D10)."""
        if not ids:
            return
        await self._connection.execute("SAVEPOINT section")
        try:
            cursor = await self._select(kind, section, ids)
            rows = await cursor.fetchall()
        except psycopg.Error as error:
            if is_transient(error):
                raise
            await self._connection.execute("ROLLBACK TO SAVEPOINT section")
            if len(ids) == 1 or isinstance(error, psycopg.ProgrammingError):
                _fail(kind, section, ids, str(error), built)
                return
            half = len(ids) // 2
            await self._read_isolated(kind, section, ids[:half], built)
            await self._read_isolated(kind, section, ids[half:], built)
        else:
            _collect(kind, section, ids, rows, built)
            built.documents += len(ids)


def read_fanout(document: str, section: str, fanout: dict[str, Any]) -> Fanout:
    """A fan-out as the backlog keeps it."""
    keys = tuple(tuple(values) for values in fanout.get("keys", ()))
    return Fanout(document, section, fanout.get("table"), tuple(fanout.get("columns", ())), keys)


def timer_name(document: str, id_: int, section: str) -> str:
    return f"{document}:{id_}:{section}"


def _collect(
    kind: Document, section: Section, ids: Sequence[int], rows: Sequence[tuple[Any, ...]], built: Built
) -> None:
    """Sorts rows into documents; an id without a row has no entity."""
    name = section.name.encode()
    sections, document = built.sections, kind.name
    for id_, variant, value, due in rows:
        sections.setdefault(document_key(document, id_, variant), []).extend((name, value))
        if due is not None:
            timer = timer_name(document, id_, section.name)
            built.timers[timer] = min(due, built.timers.get(timer, due))
    if len(rows) < len(ids) * (len(RANGES) if kind.by_range else 1):
        present = {row[0] for row in rows}
        gone = [id_ for id_ in ids if id_ not in present]
        variants = RANGES if kind.by_range else (None,)
        built.deleted.update(document_key(document, id_, variant) for id_ in gone for variant in variants)


def _fail(kind: Document, section: Section, ids: Sequence[int], error: str, built: Built) -> None:
    for id_ in ids:
        built.failures.append(Failure(kind.name, id_, section.name, " ".join(error.split())))
        for variant in RANGES if kind.by_range else (None,):
            built.degraded.setdefault(document_key(kind.name, id_, variant), []).append(section.name)
