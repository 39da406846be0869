"""Reading: sections of documents out of their views, and finding out which rows or sections are at fault where that
fails (D10)."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import AsyncCursor

from projector.database import AsyncDatabase, Savepoint, array_literal, is_fault_of_data, reason_of
from projector.names import document_keys, key_parts, variants_of
from projector.sections import Document, Section
from projector.tally import SectionTally
from projector.work import Built, Failure, Letters, Place, Wanted

MAX_TIMEOUTS = 5
"""So many rows of a section that take too long, and the rest of the batch is not tried: each costs its time-out."""
_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


@dataclass(frozen=True, slots=True)
class Read:
    """One section of some documents; as text the statement that reads it."""

    kind: Document
    section: Section
    ids: Sequence[int]
    timed: bool = False
    """Whether to ask the server's clock before and after."""

    def __str__(self) -> str:
        statement = f"EXECUTE {self.section.view} ('{array_literal(self.ids)}')"
        if self.section.reads_asked:
            statement = f"SET projector.asked = {len(self.ids)}; {statement}"
        return f"{_CLOCK}; {statement}; {_CLOCK}" if self.timed else statement

    @property
    def place(self) -> Place:
        return self.kind.name, self.section.name


@dataclass(frozen=True, slots=True)
class Presence:
    """Which of some documents exist; asked where sections of them are left out, whose rows would have said so."""

    kind: Document
    ids: Sequence[int]

    def __str__(self) -> str:
        return f"EXECUTE {_presence_name(self.kind)} ('{array_literal(self.ids)}')"


@dataclass(slots=True)
class Plan:
    """What to read of the wanted sections: those with nothing against them together, those with a dead letter apart,
    those that are broken as a whole not at all."""

    reads: list[Read] = field(default_factory=list)
    suspects: list[Read] = field(default_factory=list)
    left_out: dict[Place, list[int]] = field(default_factory=dict)


class Reader:
    """Reads on a builder's connection. Each view is prepared there once, when it is first read if not before."""

    def __init__(
        self,
        connection: AsyncDatabase,
        kinds: Iterable[Document],
        letters: Letters,
        limit: float,
        sections: SectionTally | None = None,
    ) -> None:
        self._connection = connection
        self._kinds = {kind.name: kind for kind in kinds}
        self._letters = letters
        self._limit = f"{limit * 1000:.0f}"
        self._prepared: set[str] = set()
        self._sections = SectionTally() if sections is None else sections

    async def prepare(self) -> None:
        """Once for the connection, before the first read."""
        for kind in self._kinds.values():
            await self._prepare_presence(kind)

    async def prepare_sections(self) -> dict[Place, str]:
        """Prepares all of them at once, which takes 20 ms and 6 MB of the backend; returns those that cannot be read at
        all. Of the readers that share letters one will do."""
        broken: dict[Place, str] = {}
        for kind in self._kinds.values():
            for section in kind.sections:
                try:
                    await self._prepare(kind, section)
                except psycopg.Error as error:
                    if not is_fault_of_data(error):
                        raise
                    broken[kind.name, section.name] = reason_of(error)
        self._letters.sections.update(broken)
        return broken

    def plan(self, wanted: Wanted) -> Plan:
        """Sorts the wanted sections by what is known of them."""
        plan = Plan()
        now = time.monotonic()
        for document, ids in wanted.items():
            kind = self._kinds[document]
            for place, section in enumerate(kind.sections):
                if some := [id_ for id_, bits in ids.items() if bits >> place & 1]:
                    timed = self._sections[document, section.name].is_to_be_timed(now)
                    self._sort(Read(kind, section, some, timed), plan)
        return plan

    def _sort(self, read: Read, plan: Plan) -> None:
        if read.place in self._letters.sections:
            plan.left_out[read.place] = list(read.ids)
        elif bad := self._letters.documents.get(read.place, set()).intersection(read.ids):
            plan.suspects.append(replace(read, ids=sorted(bad)))
            if sound := [id_ for id_ in read.ids if id_ not in bad]:
                plan.reads.append(replace(read, ids=sound))
        else:
            plan.reads.append(read)

    async def prepare_missing(self, reads: Iterable[Read]) -> None:
        """The views that are not yet prepared."""
        for read in reads:
            if read.section.view not in self._prepared:
                await self._prepare(read.kind, read.section)

    def presences(self, left_out: dict[Place, list[int]]) -> list[Presence]:
        """Where the ids' own view is gone nobody can say, and no document is taken away."""
        wanted: dict[str, set[int]] = {}
        for (document, _), ids in left_out.items():
            wanted.setdefault(document, set()).update(ids)
        kinds = [(self._kinds[document], ids) for document, ids in wanted.items()]
        return [Presence(kind, sorted(ids)) for kind, ids in kinds if _presence_name(kind) in self._prepared]

    async def touches(self, suspects: Iterable[Read]) -> dict[Place, dict[int, int]]:
        """How often the letters of these have been touched, as this snapshot sees it; -1 where it sees none."""
        seen: dict[Place, dict[int, int]] = {}
        for read in suspects:
            cursor = await self._connection.execute(
                "SELECT id, touches FROM projector.dead_letter"
                " WHERE document = $1 AND section = $2 AND id = ANY ($3::bigint[])",
                (*read.place, array_literal(read.ids)),
            )
            seen[read.place] = dict.fromkeys(read.ids, -1) | dict(await cursor.fetchall())
        return seen

    async def read_together(self, reads: Sequence[Read], built: Built) -> None:
        """All in one round trip; one failure is all reads' failure."""
        if reads:
            cursor = await self._execute(*reads)
            await self.collect_all(reads, cursor, built)

    async def collect_all(self, reads: Sequence[Read], cursor: AsyncCursor[Any], built: Built) -> None:
        """Takes the results of several reads, the cursor being at the first; leaves it behind the last."""
        for read in reads:
            began = await _read_clock(cursor) if read.timed else 0
            if read.section.reads_asked:
                cursor.nextset()
            _collect(read, await cursor.fetchall(), built)
            cursor.nextset()
            totals = self._sections[read.place]
            totals.built += len(read.ids)
            if read.timed:
                totals.timed += len(read.ids)
                totals.seconds += (await _read_clock(cursor) - began) / 1e6

    async def read_apart(self, read: Read, built: Built) -> None:
        """Reads one section, halving until the rows that fail stand alone. A section that fails even for no document
        at all is broken as a whole."""
        if (error := await self._try(read, built)) is None:
            return
        if (reason := await self._reason_broken(read)) is not None:
            self._letters.sections[read.place] = built.broken[read.place] = reason
            built.left_out.setdefault(read.place, []).extend(read.ids)
        else:
            await self._halve(read, error, built, timeouts=[0])

    async def degrade_left_out(self, built: Built) -> None:
        """Marks the documents of which a section was left out, in a transaction of several steps."""
        for presence in self.presences(built.left_out):
            async with Savepoint(self._connection) as savepoint:
                cursor = await self._execute(presence)
                collect_presence(presence, await cursor.fetchall(), built)
            if savepoint.error is not None:
                self._prepared.discard(_presence_name(presence.kind))
        degrade(built)

    async def _halve(self, read: Read, error: psycopg.Error, built: Built, timeouts: list[int]) -> None:
        if len(read.ids) == 1:
            timeouts[0] += isinstance(error, psycopg.errors.QueryCanceled)
            _fail(read, reason_of(error), built)
            return
        half = len(read.ids) // 2
        for part in (replace(read, ids=read.ids[:half]), replace(read, ids=read.ids[half:])):
            if timeouts[0] >= MAX_TIMEOUTS:
                _fail(part, f"not tried, because {MAX_TIMEOUTS} others of its batch took too long", built)
            elif (failed := await self._try(part, built)) is not None:
                await self._halve(part, failed, built, timeouts)

    async def _try(self, read: Read, built: Built) -> psycopg.Error | None:
        """Reads within a shorter limit; returns what the data is to blame for."""
        async with Savepoint(self._connection) as savepoint:
            await self._execute(f"SET LOCAL statement_timeout = {self._limit}")
            await self.prepare_missing([read])
            await self.collect_all([read], await self._execute(read), built)
        return savepoint.error

    async def _reason_broken(self, read: Read) -> str | None:
        """Why this section cannot be read at all; None where it can. Its statement is prepared anew: a view that was
        replaced may have columns of other types."""
        async with Savepoint(self._connection) as savepoint:
            if read.section.view in self._prepared:
                await self._execute(f"DEALLOCATE {read.section.view}")
                self._prepared.discard(read.section.view)
            await self._prepare(read.kind, read.section)
            await self._execute(replace(read, ids=()))
        return savepoint.reason

    async def _prepare(self, kind: Document, section: Section) -> None:
        query = section_query(kind, section)
        await self._connection.execute(f"PREPARE {section.view} (bigint[]) AS {query} WHERE id = ANY ($1)")
        self._prepared.add(section.view)

    async def _prepare_presence(self, kind: Document) -> None:
        name = _presence_name(kind)
        query = f'SELECT id FROM projector."{kind.name}" WHERE id = ANY ($1)'
        try:
            await self._connection.execute(f"PREPARE {name} (bigint[]) AS {query}")
            self._prepared.add(name)
        except psycopg.Error as error:
            if not is_fault_of_data(error):
                raise

    async def _execute(self, *statements: object) -> AsyncCursor[Any]:
        return await self._connection.execute("; ".join(map(str, statements)))


def section_query(kind: Document, section: Section) -> str:
    """Reads a section of all documents, in the columns that `Reader.collect_all` takes."""
    columns = "id, range, value" if kind.by_range else "id, NULL::text, value"
    due = "(extract(epoch FROM valid_until) * 1000000)::bigint" if section.reads_clock else "NULL::bigint"
    return f'SELECT {columns}, {due} FROM projector."{section.view}"'


async def _read_clock(cursor: AsyncCursor[Any]) -> int:
    ((moment,),) = await cursor.fetchall()
    cursor.nextset()
    return int(moment)


def collect_presence(presence: Presence, rows: Sequence[tuple[Any, ...]], built: Built) -> None:
    """An id without a row has no entity."""
    _bury(presence.kind, set(presence.ids).difference(id_ for (id_,) in rows), built)


def degrade(built: Built) -> None:
    """Names the sections that were left out in their documents."""
    for (document, section), ids in built.left_out.items():
        for id_ in ids:
            for key in document_keys(document, id_):
                if key not in built.deleted:
                    built.degraded.setdefault(key, []).append(section)


def _collect(read: Read, rows: Sequence[tuple[Any, ...]], built: Built) -> None:
    """Sorts rows into documents; an id without a row has no entity."""
    name, section, document = read.section.name.encode(), read.section.name, read.kind.name
    parts = {variant: key_parts(document, variant) for variant in variants_of(document)}
    sections = built.sections
    for id_, variant, value, due in rows:
        before, after = parts[variant]
        sections.setdefault(f"{before}{id_}{after}", []).extend((name, value))
        if due is not None:
            timer = f"{document}:{id_}:{section}"
            built.timers[timer] = min(due, built.timers.get(timer, due))
    if len(rows) < len(read.ids) * len(parts):
        _bury(read.kind, set(read.ids).difference(row[0] for row in rows), built)


def _bury(kind: Document, ids: Iterable[int], built: Built) -> None:
    built.deleted.update(key for id_ in ids for key in document_keys(kind.name, id_))


def _presence_name(kind: Document) -> str:
    return f"{kind.name}__present"


def _fail(read: Read, error: str, built: Built) -> None:
    for id_ in read.ids:
        built.failures.append(Failure(read.kind.name, id_, read.section.name, error))
        for key in document_keys(read.kind.name, id_):
            built.degraded.setdefault(key, []).append(read.section.name)
