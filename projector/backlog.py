"""The backlog: documents that may wait, drained in chunks whenever nothing fresh waits (D8)."""

import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from posixpath import commonprefix
from typing import Any

from projector.build import Request
from projector.cause import of_sections
from projector.claim import begin_claim, prepare_claim
from projector.database import AsyncDatabase, Savepoint, array_literal
from projector.look import read_fanout
from projector.names import key_patterns, read_key
from projector.pace import Pace
from projector.provenance import Causes
from projector.redis_server import scan_keys
from projector.resolve import Router
from projector.shards import Client
from projector.sql import read_query
from projector.work import Fanout, Wanted, by_sections, want

log = logging.getLogger(__name__)

MANY_ROWS = 2_000
SMALL_PART = 20
"""While fresh changes flow a chunk is this part of the usual one: publishing it holds up the process for a moment."""
FANOUT_SHARE = 0.2
"""Of a round's time that resolving fan-outs may take which come in its middle."""
SHORTEST_FANOUT_PAUSE = 0.1
PAGE_LENGTH = 1_000
_START = ("", -(2**63))
_GIVEN = "SELECT unnest($5::bigint[])"


class Backlog:
    """Claims documents in the order of kind and id, going on behind the last claim so that rows which others hold
    or which vacuum has not removed yet are not read again and again. What was queued several times is built once.
    Chunks are small while it `gives_way`."""

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
        self._expands_at = 0.0

    async def prepare(self, connection: AsyncDatabase) -> None:
        await prepare_claim(connection, "claim_backlog", "text, bigint, text[], int")

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        # Before the first claim of a round, so that what fan-outs lead to is built together with what waits already,
        # and now and then within it: while one waits, each builder asks it of all that it builds, which is built again
        # afterwards.
        if self._place != _START:
            if time.monotonic() >= self._expands_at:
                await self.expand(connection)
            if request := await self._claim_behind(connection):
                return request
        self._place = _START
        await self.expand(connection)
        return await self._claim_behind(connection)

    async def expand(self, connection: AsyncDatabase) -> None:
        """Resolves the fan-outs that wait into documents, but for the kinds that their pace holds back."""
        began = time.monotonic()
        due = self._documents if self._pace is None else self._pace.due(self._documents)
        expanded = set()
        while documents := await self._expand_some(connection, due):
            expanded |= documents
        if self._pace is not None:
            self._pace.begin(expanded)
        ended = time.monotonic()
        self._expands_at = ended + max(SHORTEST_FANOUT_PAUSE, (ended - began) * (1 / FANOUT_SHARE - 1))

    async def _claim_behind(self, connection: AsyncDatabase) -> Request | None:
        if self._place == _START:
            await self._tell_planner(connection)
        document, place = self._place
        kinds = ",".join(self._documents)
        limit = max(1, self._chunk_size // SMALL_PART) if self._gives_way() else self._chunk_size
        execute = f"EXECUTE claim_backlog ('{document}', {place}, '{{{kinds}}}', {limit})"
        rows = await begin_claim(connection, execute)
        if not rows:
            return None
        self._place = max(row[:2] for row in rows)
        return self._request(rows)

    def _request(self, rows: Sequence[tuple[Any, ...]]) -> Request:
        documents = sum(len(ids) for _, _, ids, *_ in rows)
        request = Request(rows[0][-1], rows=documents, retries=True, pace=self._pace)
        for document, _, ids, section, *_ in rows:
            want(request.wanted, document, ids, self._router.section_bits(document, section))
        causes = {row[4] for row in rows}
        if len(causes) == 1:
            request.cause = causes.pop() or ""
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

    async def _expand_some(self, connection: AsyncDatabase, due: Sequence[str]) -> set[str]:
        """What asks for all documents of these kinds, or else one other fan-out, in a transaction of its own; returns
        the kinds."""
        async with connection.transaction():
            cursor = await connection.execute(read_query("claim_fanouts"), (due,))
            rows = await cursor.fetchall()
            unnamed: dict[str, list[tuple[Fanout, object, str]]] = {}
            for document, section, content, queued_at, cause in rows:
                fanout = replace(read_fanout(document, section, content), cause=cause or "")
                if query := await self._queue(connection, fanout, queued_at):
                    unnamed.setdefault(document, []).append((fanout, queued_at, query))
            # Redis is read once for all kinds: it has only one list of keys.
            async for document, ids in published_ids(self._client, unnamed):
                for fanout, queued_at, query in unnamed[document]:
                    await queue_documents(connection, document, fanout.section, ids, fanout.cause,
                                          queued_at=queued_at, query=query)  # fmt: skip
        return {document for document, *_ in rows}

    async def _queue(self, connection: AsyncDatabase, fanout: Fanout, queued_at: object) -> str | None:
        """The documents of a fan-out; all of them where its route cannot be asked. They stay in the database: there
        may be millions. Returns the query for those that only Redis may name, out of the ids ($5) that it does."""
        bound = self._router.find_route(fanout) if fanout.table else None
        if bound is not None:
            async with Savepoint(connection) as savepoint:
                await _queue_found(connection, fanout, bound.route.question, queued_at)
            if savepoint.error is None:
                return None
            log.warning("a fan-out's route cannot be asked, all documents are rebuilt",
                        extra={"document": fanout.document, "route": str(bound.route),
                               "error": savepoint.reason})  # fmt: skip
        every = replace(fanout, keys=())
        view = f'projector."{fanout.document}"'
        async with Savepoint(connection) as savepoint:
            await _queue_found(connection, every, f"SELECT id FROM {view}", queued_at)
        if savepoint.error is not None:
            return _GIVEN
        # Of all of a kind, those whose entity is gone.
        return f"{_GIVEN} EXCEPT SELECT id FROM {view} WHERE id = ANY ($5)" if fanout.section == "*" else None


async def _queue_found(connection: AsyncDatabase, fanout: Fanout, query: str, queued_at: object) -> None:
    """Queues what a query finds with the fan-out's keys."""
    own = [f"${len(fanout.keys) + place}" for place in (1, 2, 3, 4)]
    values = [*map(array_literal, fanout.keys), fanout.document, fanout.section, queued_at, fanout.cause]
    await connection.execute(_queue_statement(*own, ids=query), values)


async def queue_documents(
    connection: AsyncDatabase,
    document: str,
    section: str,
    ids: Iterable[int],
    cause: str,
    *,
    queued_at: object = None,
    query: str = _GIVEN,
) -> None:
    """Adds documents (or one section of them) to the backlog, those that wait already as well: these ids, or what a
    query makes of them ($5)."""
    statement = _queue_statement("$1", "$2", "$3", "$4", ids=query)
    await connection.execute(statement, (document, section, queued_at, cause, array_literal(ids)))


def _queue_statement(document: str, section: str, queued_at: str, cause: str, *, ids: str) -> str:
    text = read_query("queue_documents")
    return text.format(document=document, section=section, queued_at=queued_at, cause=cause, ids=ids)


def _causes(rows: Sequence[tuple[Any, ...]]) -> dict[tuple[str, int], str]:
    """By document, of all its rows."""
    found: dict[tuple[str, int], tuple[tuple[str, str], ...]] = {}
    for document, _, ids, section, cause, _ in rows:
        part = ((section, cause or ""),)
        for id_ in ids:
            found[document, id_] = found.get((document, id_), ()) + part
    return {place: of_sections(parts) for place, parts in found.items()}


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


async def queue_wanted(connection: AsyncDatabase, router: Router, wanted: Wanted, causes: Causes) -> None:
    """Adds what was postponed, each kind of document for all events of the batch that touch it."""
    for document, bits, ids in by_sections(wanted):
        for name in router.section_names(document, bits):
            await queue_documents(connection, document, name, ids, causes.of_many(document))


async def request_rebuild(connection: AsyncDatabase, document: str, reason: str, cause: str) -> None:
    """Queues all documents of a kind."""
    await connection.execute(read_query("request_rebuild"), (document, reason, cause))


async def published_ids(client: Client, documents: Iterable[str]) -> AsyncIterator[tuple[str, list[int]]]:
    """The ids of which Redis holds documents of these kinds, whether or not the entity still exists, some of one kind
    at once. An id may come twice."""
    pages: dict[str, list[int]] = {document: [] for document in documents}
    if not pages:
        return
    patterns = [pattern for document in pages for pattern in key_patterns(document)]
    async for key in scan_keys(client, f"{commonprefix(patterns)}*"):
        document, id_ = read_key(key) or ("", 0)
        if document in pages:
            pages[document].append(id_)
            if len(pages[document]) == PAGE_LENGTH:
                yield document, pages[document]
                pages[document] = []
    for document, page in pages.items():
        if page:
            yield document, page
