"""Build: the wanted sections of documents, in SQL, all in one snapshot whose place in the source's order is their
version (D5, D6)."""

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import AsyncCursor

from projector import look
from projector.database import AsyncDatabase, array_literal, is_transient
from projector.horizon import Horizon
from projector.look import Look
from projector.names import RANGES, document_key, key_parts
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


UNCLAIMED = "0"
"""Stands for the claim where there is none; a look from there sees only events that somebody holds."""


@dataclass(slots=True)
class Request:
    """What a claim asks for. `claim_xid` tells its own events from those that wait or are in other hands; `rows` is how
    many of a queue's rows it stands for."""

    claim_xid: str
    events: Sequence[Event] = ()
    wanted: Wanted = field(default_factory=nothing_wanted)
    rows: int = 0
    xids: Collection[int] = ()
    """The transactions that the events are of."""


@dataclass(slots=True)
class Outcome:
    """What was built, and what goes to the backlog instead: documents that take long (urgent) or are many, and
    changes that touch too many to resolve now."""

    built: Built
    fanouts: list[Fanout] = field(default_factory=list)
    postponed: Wanted = field(default_factory=nothing_wanted)
    urgent: Wanted = field(default_factory=nothing_wanted)


class Builder:
    """Builds on one connection, one request at a time. The connection reads only and so never has an xid, on which
    the meaning of a version rests; its transactions are REPEATABLE READ.

    Statements are prepared once and sent as text, several in one message, which is then one transaction: a third
    of the time of a pipeline of parameterised queries for a single document.
    """

    def __init__(
        self,
        connection: AsyncDatabase,
        router: Router,
        *,
        epoch: int,
        wide_fanout: int,
        horizon: Horizon | None = None,
    ) -> None:
        self._connection = connection
        self._router = router
        self._horizon = horizon or Horizon()
        self._epoch = epoch
        self._wide_fanout = wide_fanout

    async def build(self, request: Request) -> Outcome:
        """Resolves and builds a request in one snapshot. Where a section fails, the culprits are found by halving
        in another snapshot, and everything else is built."""
        try:
            return await self._build_at_once(request) or await self._build_in_steps(request, isolated=False)
        except psycopg.Error as error:
            if is_transient(error):
                raise
            log.warning("a batch failed, looking for the rows at fault: %s", " ".join(str(error).split()))
            return await self._build_in_steps(request, isolated=True)

    async def prepare(self) -> None:
        """Once for the connection, before the first build."""
        await self._connection.execute(f"PREPARE look AS {read_query('look')}")
        for kind in self._router.documents.values():
            for section in kind.sections:
                await self._connection.execute(_preparation(kind, section))

    async def find_under_way(self, document: str, ids: Sequence[int]) -> dict[int, SectionBits]:
        """The sections of these documents that changed and that nobody has published yet, in one snapshot."""
        wanted = nothing_wanted()
        want(wanted, document, ids, 0)
        await self._connection.execute("BEGIN")
        try:
            cursor = await self._execute(look.statement(look.NOBODY, wanted, Horizon()))
            await self._widen(wanted, look.read(await cursor.fetchone() or (), self._epoch), ())
        finally:
            with suppress(psycopg.OperationalError):
                await self._connection.execute("ROLLBACK")
        return wanted[document]

    async def _build_at_once(self, request: Request) -> Outcome | None:
        """Looks and reads in one round trip, and so one snapshot. None where what to read depends on the look:
        there are questions to ask, or the look tells of more to build."""
        outcome = Outcome(Built(Version(self._epoch, 0, 0)))
        resolution = self._router.resolve(request.events)
        if resolution.questions:
            return None
        wanted = self._begin(request, resolution, outcome)
        reads = self._reads(wanted)
        cursor = await self._execute(look.statement(request.claim_xid, wanted, self._horizon), *reads)
        seen = self._read_look(request, await cursor.fetchone())
        if not self._covers(wanted, seen, outcome.fanouts):
            return None
        outcome.built.version = seen.version
        cursor.nextset()
        await _collect_all(reads, cursor, outcome.built)
        outcome.built.documents = sum(map(len, wanted.values()))
        return outcome

    async def _build_in_steps(self, request: Request, *, isolated: bool) -> Outcome:
        await self._connection.execute("BEGIN")
        try:
            outcome = Outcome(Built(Version(self._epoch, 0, 0)))
            resolution = self._router.resolve(request.events)
            wanted = self._begin(request, resolution, outcome)
            for question in resolution.questions:
                await self._ask(question, wanted, outcome)
            if request.events:
                self._postpone(wanted, outcome)
            cursor = await self._execute(look.statement(request.claim_xid, wanted, self._horizon))
            seen = self._read_look(request, await cursor.fetchone())
            outcome.built.version = seen.version
            await self._widen(wanted, seen, outcome.fanouts)
            if isolated:
                for read in self._reads(wanted):
                    await self._read_halving(read, outcome.built)
            elif reads := self._reads(wanted):
                await _collect_all(reads, await self._execute(*reads), outcome.built)
            outcome.built.documents = sum(map(len, wanted.values()))
        finally:
            with suppress(psycopg.OperationalError):  # a lost connection ends its transaction itself
                await self._connection.execute("ROLLBACK")
        return outcome

    def _read_look(self, request: Request, row: tuple[Any, ...] | None) -> Look:
        seen = look.read(row or (), self._epoch)
        if request.claim_xid != UNCLAIMED:
            seen.advance(self._horizon, request.xids)
        return seen

    def _begin(self, request: Request, resolution: Resolution, outcome: Outcome) -> Wanted:
        """What is known without asking: documents that the request or its events name."""
        wanted = nothing_wanted()
        for source in (request.wanted, resolution.wanted):
            for document, ids in source.items():
                for id_, bits in ids.items():
                    want(wanted, document, (id_,), bits)
        for document, bits in resolution.everything.items():
            names = self._router.section_names(document, bits)
            outcome.fanouts += [Fanout(document, name) for name in names]
        if request.events:
            self._postpone(wanted, outcome)
        return wanted

    def _postpone(self, wanted: Wanted, outcome: Outcome) -> None:
        """Fresh changes wait neither for documents that take long to build nor for very many of them."""
        for document, ids in wanted.items():
            many = len(ids) > self._wide_fanout
            if many or self._router.documents[document].takes_long:
                target = outcome.postponed if many else outcome.urgent
                for id_, bits in ids.items():
                    want(target, document, (id_,), bits)
                ids.clear()

    async def _ask(self, question: Question, wanted: Wanted, outcome: Outcome) -> None:
        """Asks a route query; too many answers become a fan-out in the backlog."""
        limit = self._wide_fanout + 1
        ids = await self._ids(question.route, question.keys, f"LIMIT {limit}")
        if len(ids) < limit:
            want(wanted, question.route.document, ids, question.sections)
            return
        keys = tuple(tuple(sorted(values)) for values in question.keys)
        route = question.route.route
        for name in self._router.section_names(question.route.document, question.sections):
            outcome.fanouts.append(Fanout(question.route.document, name, route.table, route.columns, keys))

    async def _ids(self, bound: BoundRoute, keys: Sequence[Any], condition: str, *more: str) -> list[int]:
        query = f"SELECT DISTINCT q.id FROM ({bound.route.query}) AS q (id) WHERE q.id IS NOT NULL {condition}"
        values = [array_literal(values) for values in keys]
        cursor = await self._connection.execute(query, [*values, *more], binary=True)
        return [id_ for (id_,) in await cursor.fetchall()]

    def _covers(self, wanted: Wanted, seen: Look, fanouts: Sequence[Fanout]) -> bool:
        """Whether the look tells of nothing that `_widen` would add."""
        if seen.too_many or any(wanted.get(fanout.document) for fanout in (*seen.fanouts, *fanouts)):
            return False
        resolution = self._router.resolve(seen.events)
        if any(wanted.get(question.route.document) for question in resolution.questions):
            return False
        if any(wanted.get(document) for document in resolution.everything):
            return False
        if any(
            others.get(id_, bits) | bits != bits
            for document, others in resolution.wanted.items()
            for id_, bits in wanted.get(document, {}).items()
        ):
            return False
        return all(
            wanted[document][id_] | self._router.section_bits(document, section) == wanted[document][id_]
            for document, id_, section in seen.queued
        )

    async def _widen(self, wanted: Wanted, seen: Look, own_fanouts: Sequence[Fanout]) -> None:
        """Adds to the wanted documents what else this snapshot has changed in them and nobody has published.

        Without it a reader could see one section of a change without the other: the snapshot sees both, but only
        one was asked for here.
        """
        for document, id_, section in seen.queued:
            wanted[document][id_] |= self._router.section_bits(document, section)
        for fanout in (*seen.fanouts, *own_fanouts):
            await self._widen_by_fanout(fanout, wanted)
        if seen.too_many:
            for document, ids in wanted.items():
                wanted[document] = dict.fromkeys(ids, self._router.all_sections(document))
        else:
            await self._widen_by_events(seen.events, wanted)

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

    async def _widen_by_events(self, events: Sequence[Event], wanted: Wanted) -> None:
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

    def _reads(self, wanted: Wanted) -> list["Read"]:
        """The sections to read, each with the documents that want it."""
        reads = []
        for document, ids in wanted.items():
            kind = self._router.documents[document]
            for place, section in enumerate(kind.sections):
                if some := [id_ for id_, bits in ids.items() if bits >> place & 1]:
                    reads.append(Read(kind, section, some))
        return reads

    async def _execute(self, *statements: object) -> AsyncCursor[Any]:
        return await self._connection.execute("; ".join(map(str, statements)))

    async def _read_halving(self, read: "Read", built: Built) -> None:
        """Reads one section, halving until the rows that fail stand alone (D10)."""
        await self._execute("SAVEPOINT section")
        try:
            await _collect_all([read], await self._execute(read), built)
        except psycopg.Error as error:
            if is_transient(error):
                raise
            await self._execute("ROLLBACK TO SAVEPOINT section")
            if len(read.ids) == 1 or isinstance(error, psycopg.ProgrammingError):
                _fail(read, str(error), built)
                return
            half = len(read.ids) // 2
            await self._read_halving(replace(read, ids=read.ids[:half]), built)
            await self._read_halving(replace(read, ids=read.ids[half:]), built)


@dataclass(frozen=True, slots=True)
class Read:
    """One section of some documents; as text the statement that reads it."""

    kind: Document
    section: Section
    ids: Sequence[int]

    def __str__(self) -> str:
        return f"EXECUTE {self.section.view} ('{array_literal(self.ids)}')"


def _preparation(kind: Document, section: Section) -> str:
    columns = "id, range, value" if kind.by_range else "id, NULL::text, value"
    due = "(extract(epoch FROM valid_until) * 1000000)::bigint" if section.reads_clock else "NULL::bigint"
    return (
        f"PREPARE {section.view} (bigint[]) AS"
        f' SELECT {columns}, {due} FROM projector."{section.view}" WHERE id = ANY ($1)'
    )


async def _collect_all(reads: Sequence[Read], cursor: AsyncCursor[Any], built: Built) -> None:
    """Takes the results of several reads, the cursor being at the first."""
    for read in reads:
        _collect(read, await cursor.fetchall(), built)
        cursor.nextset()


def _collect(read: Read, rows: Sequence[tuple[Any, ...]], built: Built) -> None:
    """Sorts rows into documents; an id without a row has no entity."""
    name, section, document = read.section.name.encode(), read.section.name, read.kind.name
    parts = {variant: key_parts(document, variant) for variant in _variants(read.kind)}
    sections = built.sections
    for id_, variant, value, due in rows:
        before, after = parts[variant]
        sections.setdefault(f"{before}{id_}{after}", []).extend((name, value))
        if due is not None:
            timer = f"{document}:{id_}:{section}"
            built.timers[timer] = min(due, built.timers.get(timer, due))
    if len(rows) < len(read.ids) * (len(RANGES) if read.kind.by_range else 1):
        present = {row[0] for row in rows}
        gone = [id_ for id_ in read.ids if id_ not in present]
        built.deleted.update(document_key(document, id_, variant) for id_ in gone for variant in _variants(read.kind))


def _variants(kind: Document) -> Sequence[str | None]:
    return RANGES if kind.by_range else (None,)


def _fail(read: Read, error: str, built: Built) -> None:
    for id_ in read.ids:
        built.failures.append(Failure(read.kind.name, id_, read.section.name, " ".join(error.split())))
        for variant in _variants(read.kind):
            built.degraded.setdefault(document_key(read.kind.name, id_, variant), []).append(read.section.name)
