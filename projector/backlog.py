"""The backlog: documents that may wait, each queued once, drained in chunks whenever nothing fresh waits (D8)."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from projector.build import Request
from projector.cause import of_sections
from projector.claim import begin_claim, prepare_claim
from projector.database import AsyncDatabase, Savepoint, array_literal
from projector.look import read_fanout
from projector.names import key_patterns, read_key
from projector.pace import Pace
from projector.redis_server import scan_keys
from projector.resolve import Router
from projector.shards import Client
from projector.sql import read_query
from projector.work import Fanout, Wanted, by_sections, want

log = logging.getLogger(__name__)

MANY_ROWS = 2_000
SMALL_PART = 20
"""While fresh changes flow a chunk is this part of the usual one: publishing it holds up the process for a moment."""
PAGE_LENGTH = 1_000
_LEAST_ID = -(2**63)
_START = ("", _LEAST_ID)
_NOTHING = "DO NOTHING"
_EARLIER = "DO UPDATE SET queued_at = excluded.queued_at WHERE b.queued_at > excluded.queued_at"
"""Whatever waits since then is known to be done only when these are."""


class Backlog:
    """Claims documents in the order of kind and id, going on behind the last claim so that rows which others hold
    or which vacuum has not removed yet are not read again and again. Chunks are small while it `gives_way`."""

    def __init__(
        self,
        router: Router,
        client: Client,
        chunk_size: int,
        documents: Sequence[str],
        gives_way: Callable[[], bool] = lambda: False,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace
        self._gives_way = gives_way
        self._router = router
        self._client = client
        self._chunk_size = chunk_size
        self._documents = list(documents)
        self._place: tuple[str, int] = _START

    async def prepare(self, connection: AsyncDatabase) -> None:
        await prepare_claim(connection, "claim_backlog", "text, bigint, text[], int")

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        request = await self._claim_behind(connection)
        if request is None:
            # Once a round: fan-outs become documents, and the search begins at the start again.
            await self.expand(connection)
            self._place = _START
            request = await self._claim_behind(connection)
        return request

    async def expand(self, connection: AsyncDatabase) -> None:
        """Resolves the fan-outs that wait into documents, but for the kinds that their pace holds back."""
        due = self._documents if self._pace is None else self._pace.due(self._documents)
        expanded = set()
        while (document := await self._expand_one(connection, due)) is not None:
            expanded.add(document)
        if self._pace is not None:
            self._pace.begin(expanded)

    async def _claim_behind(self, connection: AsyncDatabase) -> Request | None:
        if self._place == _START:
            await self._tell_planner(connection)
        document, id_ = self._place
        kinds = ",".join(self._documents)
        limit = max(1, self._chunk_size // SMALL_PART) if self._gives_way() else self._chunk_size
        execute = f"EXECUTE claim_backlog ('{document}', {id_}, '{{{kinds}}}', {limit})"
        rows = await begin_claim(connection, execute)
        if not rows:
            return None
        # One behind the last place: a chunk may have ended between two sections of one document. Nothing is behind
        # the least id, whose other sections come with the next round.
        document, id_ = max(row[:2] for row in rows)
        self._place = (document, max(id_ - 1, _LEAST_ID))
        return self._request(rows)

    def _request(self, rows: Sequence[tuple[Any, ...]]) -> Request:
        request = Request(rows[0][-1], rows=len(rows), retries=True, pace=self._pace)
        for document, id_, section, _, _ in rows:
            want(request.wanted, document, (id_,), self._router.section_bits(document, section))
        if len({cause for _, _, _, cause, _ in rows}) == 1:
            request.cause = rows[0][3] or ""
        else:
            request.causes = _causes(rows)
        return request

    async def _tell_planner(self, connection: AsyncDatabase) -> None:
        """The plan of every builder's look was made while the backlog was empty, and would read all of it for each
        fresh change: 27 ms with 100,000 rows. New statistics have it planned anew, by the index."""
        query = "SELECT count(*) FROM (SELECT FROM projector.backlog LIMIT $1::int) AS waiting"
        cursor = await connection.execute(query, (MANY_ROWS,))
        if await cursor.fetchone() == (MANY_ROWS,):
            await connection.execute("ANALYZE projector.backlog")

    async def _expand_one(self, connection: AsyncDatabase, due: Sequence[str]) -> str | None:
        """One fan-out of these kinds, in a transaction of its own; returns its kind."""
        async with connection.transaction():
            cursor = await connection.execute(read_query("claim_fanout"), (due,))
            row = await cursor.fetchone()
            if row is None:
                return None
            document, section, content, queued_at, cause = row
            fanout = replace(read_fanout(document, section, content), cause=cause or "")
            await self._queue(connection, fanout, queued_at)
        return str(document)

    async def _queue(self, connection: AsyncDatabase, fanout: Fanout, queued_at: object) -> None:
        """The documents of a fan-out; all of them where its route cannot be asked. They stay in the database: there
        may be millions."""
        bound = self._router.find_route(fanout) if fanout.table else None
        if bound is not None:
            async with Savepoint(connection) as savepoint:
                await _queue_found(connection, fanout, bound.route.question, queued_at)
            if savepoint.error is None:
                return
            log.warning("a fan-out's route cannot be asked, all documents are rebuilt",
                        extra={"document": fanout.document, "route": str(bound.route),
                               "error": savepoint.reason})  # fmt: skip
        every = replace(fanout, keys=())
        async with Savepoint(connection) as savepoint:
            await _queue_found(connection, every, f'SELECT id FROM projector."{fanout.document}"', queued_at)
        if fanout.section == "*" or savepoint.error is not None:
            # Documents whose entity is gone are named by nothing but Redis.
            async for ids in published_ids(self._client, fanout.document):
                await queue_documents(connection, fanout.document, fanout.section, ids, fanout.cause,
                                      queued_at=queued_at)  # fmt: skip


async def _queue_found(connection: AsyncDatabase, fanout: Fanout, query: str, queued_at: object) -> None:
    """Queues what a query finds with the fan-out's keys."""
    own = [f"${len(fanout.keys) + place}" for place in (1, 2, 3, 4)]
    values = [*map(array_literal, fanout.keys), fanout.document, fanout.section, queued_at, fanout.cause]
    await connection.execute(_queue_statement(*own, ids=query, conflict=_EARLIER), values)


async def queue_documents(
    connection: AsyncDatabase,
    document: str,
    section: str,
    ids: Iterable[int],
    cause: str,
    *,
    queued_at: object = None,
) -> None:
    """Adds documents (or one section of them) to the backlog; those that wait already wait once, for their first
    cause."""
    conflict = _NOTHING if queued_at is None else _EARLIER
    statement = _queue_statement("$1", "$2", "$3", "$4", ids="SELECT unnest($5::bigint[])", conflict=conflict)
    await connection.execute(statement, (document, section, queued_at, cause, array_literal(ids)))


def _queue_statement(document: str, section: str, queued_at: str, cause: str, *, ids: str, conflict: str) -> str:
    text = read_query("queue_documents")
    return text.format(document=document, section=section, queued_at=queued_at, cause=cause, ids=ids, conflict=conflict)


def _causes(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[str, int], str]:
    """By document, of all its rows."""
    parts: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for document, id_, section, cause, _ in rows:
        parts.setdefault((document, id_), []).append((section, cause or ""))
    return {place: of_sections(found) for place, found in parts.items()}


async def queue_fanouts(connection: AsyncDatabase, fanouts: Iterable[Fanout]) -> None:
    for fanout in fanouts:
        await connection.execute(
            read_query("queue_fanout"), (fanout.document, fanout.section, _content(fanout), fanout.cause)
        )


async def queue_paced(connection: AsyncDatabase, fanouts: Sequence[Fanout]) -> None:
    """Adds changes of paced documents, in one statement for all: hardly any batch has none."""
    if fanouts:
        documents, sections = [it.document for it in fanouts], [it.section for it in fanouts]
        values = (documents, sections, [_content(it) for it in fanouts], [it.cause for it in fanouts])
        await connection.execute(read_query("queue_paced"), values)


def _content(fanout: Fanout) -> str:
    if fanout.table is None:
        return json.dumps({"all": True})
    return json.dumps({"table": fanout.table, "columns": fanout.columns, "keys": fanout.keys})


async def queue_wanted(connection: AsyncDatabase, router: Router, wanted: Wanted, causes: Mapping[str, str]) -> None:
    """Adds what was postponed, and for what, by kind of document."""
    for document, bits, ids in by_sections(wanted):
        for name in router.section_names(document, bits):
            await queue_documents(connection, document, name, ids, causes.get(document, ""))


async def request_rebuild(connection: AsyncDatabase, document: str, reason: str, cause: str) -> None:
    """Queues all documents of a kind."""
    await connection.execute(read_query("request_rebuild"), (document, reason, cause))


async def published_ids(client: Client, document: str) -> AsyncIterator[list[int]]:
    """The ids of which Redis holds a document, whether or not the entity still exists, some at once. An id may come
    twice."""
    page: list[int] = []
    for pattern in key_patterns(document):
        async for key in scan_keys(client, pattern):
            if (place := read_key(key)) is not None:
                page.append(place[1])
            if len(page) == PAGE_LENGTH:
                yield page
                page = []
    if page:
        yield page
