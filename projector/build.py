"""Build: the wanted sections of documents, in SQL, all in one snapshot whose place in the source's order is their
version (D5, D6)."""

import logging
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncCursor

from projector import look
from projector.asking import Asker, BrokenRoute
from projector.database import AsyncDatabase, is_fault_of_data, reason_of
from projector.horizon import Horizon
from projector.look import Look
from projector.pace import Pace
from projector.reading import Plan, Reader, collect_presence, degrade
from projector.resolve import Question, Resolution, Router
from projector.sql import read_query
from projector.tally import SectionTally
from projector.widen import Widening
from projector.work import (
    Built,
    Event,
    Fanout,
    Letters,
    Place,
    SectionBits,
    Version,
    Wanted,
    nothing_wanted,
    want,
    want_each,
)  # fmt: skip

log = logging.getLogger(__name__)


UNCLAIMED = "0"
"""Stands for the claim where there is none; a look from there sees only events that somebody holds."""


class DefinitionsChanged(Exception):
    """Somebody ran `install` while the session worked."""


@dataclass(slots=True)
class Request:
    """What a claim asks for. `claim_xid` tells its own events from those that wait or are in other hands; `rows` is how
    much of a queue it stands for. Only who has time (`retries`) tries again what failed before."""

    claim_xid: str
    events: Sequence[Event] = ()
    wanted: Wanted = field(default_factory=nothing_wanted)
    rows: int = 0
    xids: Collection[int] = ()
    """The transactions that the events are of."""
    retries: bool = False
    ages: Sequence[float] = ()
    """For how many seconds each row had waited when it was claimed, by the server's clock."""
    heartbeat: int | None = None
    """The newest heartbeat among the rows, in unix microseconds."""
    collects: bool = False
    """There are so many events that what they touch is left to others."""
    pace: Pace | None = None
    """Is told how long it took to build."""
    cause: str = ""
    """What it is built for, where that is not its events."""
    causes: dict[tuple[str, int], str] = field(default_factory=dict)
    """The same of the documents for which it is something else."""

    @property
    def is_heartbeat(self) -> bool:
        """Whether it asks for nothing else."""
        return self.heartbeat is not None and not self.events


@dataclass(slots=True)
class Outcome:
    """What was built, and what is left to others: documents that take long (`beside`, for the lane that works beside
    the fresh one), and documents and changes that go to the backlog."""

    built: Built
    fanouts: list[Fanout] = field(default_factory=list)
    beside: Wanted = field(default_factory=nothing_wanted)
    postponed: Wanted = field(default_factory=nothing_wanted)
    touched: dict[Place, Sequence[int]] = field(default_factory=dict)
    """Sections with a dead letter that were not tried, because fresh changes do not wait for them."""
    behind: bool = False
    """Everything was left to others, because a long queue waits."""
    paced: list[Fanout] = field(default_factory=list)
    """Changes that touch documents which are not built at every change."""
    answers: list[tuple[Question, list[int]]] = field(default_factory=list)
    """Which documents the questions that were asked led to."""
    seen: Sequence[Event] = ()
    """Others' events for which documents were built in the same breath."""
    resolved_at: float = 0.0
    """When it was known what is wanted, by the monotonic clock."""


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
        row_timeout_seconds: float = 12.0,
        letters: Letters | None = None,
        mark: str | None = None,
        horizon: Horizon | None = None,
        sections: SectionTally | None = None,
    ) -> None:
        self._connection = connection
        self._router = router
        self._horizon = horizon or Horizon()
        self._mark = mark
        self._epoch = epoch
        self._wide_fanout = wide_fanout
        self.letters = Letters() if letters is None else letters
        kinds = router.documents.values()
        self._reader = Reader(connection, kinds, self.letters, row_timeout_seconds, sections)
        self._asker = Asker(connection, self.letters.routes)
        self._widening = Widening(router, self._asker)

    async def build(self, request: Request) -> Outcome:
        """Resolves and builds a request in one snapshot. Where a section fails, the culprits are found by halving
        in another snapshot, and everything else is built."""
        try:
            return await self._build_at_once(request) or await self._build_in_steps(request, isolated=False)
        except psycopg.Error as error:
            if not is_fault_of_data(error):
                raise
            log.warning("a batch failed, looking for the rows at fault: %s", reason_of(error))
            return await self._build_in_steps(request, isolated=True)

    async def prepare(self) -> None:
        """Once for the connection, before the first build."""
        await self._connection.execute(f"PREPARE look AS {read_query('look')}")
        await self._reader.prepare()

    async def prepare_sections(self) -> dict[Place, str]:
        """All of them at once; returns those that cannot be built at all, which one of the builders that share letters
        has to find out."""
        return await self._reader.prepare_sections()

    async def find_under_way(self, document: str, ids: Sequence[int]) -> dict[int, SectionBits]:
        """The sections of these documents that changed and that nobody has published yet, in one snapshot."""
        wanted = nothing_wanted()
        want(wanted, document, ids, 0)
        await self._connection.execute("BEGIN")
        try:
            cursor = await self._execute(self._look(look.NOBODY, wanted))
            seen = self._read_look(Request(UNCLAIMED), await cursor.fetchone())
            await self._widening.widen(wanted, seen, (), isolated=True)
        finally:
            with suppress(psycopg.OperationalError):
                await self._connection.execute("ROLLBACK")
        return wanted[document]

    async def _build_at_once(self, request: Request) -> Outcome | None:
        """Looks and reads in one round trip, and so one snapshot. None where what to read depends on the look:
        there are questions to ask, the look tells of more to build, or there are suspects to be read apart."""
        outcome = Outcome(Built(Version(self._epoch, 0, 0)))
        resolution = self._router.resolve(request.events)
        if resolution.questions or request.collects:
            return None
        wanted = self._begin(request, resolution, outcome)
        outcome.resolved_at = time.monotonic()
        plan = self._reader.plan(wanted)
        if plan.suspects:
            return None
        await self._reader.prepare_missing(plan.reads)
        presences = self._reader.presences(plan.left_out)
        cursor = await self._execute(self._look(request.claim_xid, wanted), *plan.reads, *presences)
        seen = self._read_look(request, await cursor.fetchone())
        if not self._widening.is_needless(wanted, seen, outcome.fanouts):
            return None
        outcome.built.version, outcome.built.left_out = seen.version, plan.left_out
        cursor.nextset()
        await self._reader.collect_all(plan.reads, cursor, outcome.built)
        for presence in presences:
            collect_presence(presence, await cursor.fetchall(), outcome.built)
            cursor.nextset()
        degrade(outcome.built)
        outcome.built.documents = sum(map(len, wanted.values()))
        return outcome

    async def _build_in_steps(self, request: Request, *, isolated: bool) -> Outcome:
        await self._connection.execute("BEGIN")
        try:
            outcome = Outcome(Built(Version(self._epoch, 0, 0)))
            resolution = self._router.resolve(request.events)
            wanted = self._begin(request, resolution, outcome)
            for question in resolution.questions:
                await self._ask(question, wanted, outcome, isolated=isolated)
            if request.events:
                self._leave(wanted, outcome)
            outcome.resolved_at = time.monotonic()
            cursor = await self._execute(self._look(request.claim_xid, wanted))
            seen = self._read_look(request, await cursor.fetchone())
            outcome.built.version = seen.version
            if request.collects or (seen.too_many and request.events):
                outcome.behind = True
                self._leave(wanted, outcome, everything=True)
            else:
                await self._widening.widen(wanted, seen, outcome.fanouts, isolated=isolated)
                outcome.seen = seen.events
            plan = self._reader.plan(wanted)
            if not request.retries:
                outcome.touched = {read.place: read.ids for read in plan.suspects}
                plan.suspects.clear()
            await self._read(plan, outcome.built, isolated=isolated)
            outcome.built.documents = sum(map(len, wanted.values()))
        finally:
            with suppress(psycopg.OperationalError):  # a lost connection ends its transaction itself
                await self._connection.execute("ROLLBACK")
        return outcome

    def _look(self, claim_xid: str, wanted: Wanted) -> str:
        """Documents that are wanted whole cannot be wanted more: whether they are queued need not be looked up."""
        parts: Wanted = nothing_wanted()
        for document, ids in wanted.items():
            whole = self._router.all_sections(document)
            parts[document] = {id_: bits for id_, bits in ids.items() if bits != whole}
        return look.statement(claim_xid, parts, self._horizon)

    def _read_look(self, request: Request, row: tuple[Any, ...] | None) -> Look:
        seen = look.read(row or (), self._epoch)
        if self._mark not in (None, seen.mark):
            # The claimed events may be of the new triggers, whose columns and tables our routes do not know.
            raise DefinitionsChanged("the installation changed, its definitions are loaded anew")
        if request.claim_xid != UNCLAIMED:
            seen.advance(self._horizon, request.xids)
        return seen

    async def _read(self, plan: Plan, built: Built, *, isolated: bool) -> None:
        """Reads what is planned; where a batch failed before (`isolated`), each section on its own."""
        built.left_out = plan.left_out
        built.retried = await self._reader.touches(plan.suspects)
        if not isolated:
            await self._reader.prepare_missing(plan.reads)
            await self._reader.read_together(plan.reads, built)
        for read in [*(plan.reads if isolated else ()), *plan.suspects]:
            await self._reader.read_apart(read, built)
        await self._reader.degrade_left_out(built)

    def _begin(self, request: Request, resolution: Resolution, outcome: Outcome) -> Wanted:
        """What is known without asking: documents that the request or its events name."""
        wanted = nothing_wanted()
        for source in (request.wanted, resolution.wanted):
            for document, ids in source.items():
                want_each(wanted, document, ids)
        for document, bits in resolution.everything.items():
            names = self._router.section_names(document, bits)
            outcome.fanouts += [Fanout(document, name) for name in names]
        for question in resolution.paced:
            outcome.paced += self._fanouts_of(question)
        if request.events:
            self._leave(wanted, outcome)
        return wanted

    def _leave(self, wanted: Wanted, outcome: Outcome, *, everything: bool = False) -> None:
        """Fresh changes wait neither for documents that take long to build nor for very many of them. Behind a long
        queue they wait for none: each document is then built once, when all that waits is known, and not once for
        each claim."""
        for document, ids in wanted.items():
            takes_long = self._router.documents[document].takes_long
            if takes_long or everything or len(ids) > self._wide_fanout:
                want_each(outcome.beside if takes_long else outcome.postponed, document, ids)
                ids.clear()

    async def _ask(self, question: Question, wanted: Wanted, outcome: Outcome, *, isolated: bool) -> None:
        """Asks a route query; too many answers, or none at all, become a fan-out in the backlog."""
        bound = question.route
        try:
            ids = await self._asker.documents(question, self._wide_fanout, isolated=isolated)
        except BrokenRoute:
            names = self._router.section_names(bound.document, question.sections)
            outcome.fanouts += [Fanout(bound.document, name) for name in names]
            return
        if ids is not None:
            want(wanted, bound.document, ids, question.sections)
            outcome.answers.append((question, ids))
            return
        outcome.fanouts += self._fanouts_of(question)

    def _fanouts_of(self, question: Question) -> list[Fanout]:
        """The question as it waits in the backlog, one for each section."""
        document, route = question.route.document, question.route.route
        keys = tuple(tuple(sorted(values)) for values in question.keys)
        names = self._router.section_names(document, question.sections)
        return [Fanout(document, name, route.table, route.columns, keys) for name in names]

    async def _execute(self, *statements: object) -> AsyncCursor[Any]:
        return await self._connection.execute("; ".join(map(str, statements)))
