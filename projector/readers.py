"""Readers that wait until a document reflects a transaction of the ERP (`?after=`): their documents are built out of
turn where anything of them is still under way."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Self

from psycopg import errors

from projector.build import UNCLAIMED, Builder, Request
from projector.cause import READER
from projector.database import AsyncDatabase, array_literal
from projector.lane import Lane
from projector.names import PACED, REFLECTED_FIELD, WAITING_STREAM, read_key, verdict_key
from projector.pace import Pace
from projector.resolve import Router
from projector.shards import Client
from projector.sql import read_query
from projector.streams import Stream
from projector.work import Wanted, nothing_wanted, want

log = logging.getLogger(__name__)

CONSUMER: Final = "worker"
LOOK_AGAIN_SECONDS: Final = 0.004
"""While somebody waits for a transaction that goes on, or for a document that is held back."""
LONGEST_REST_SECONDS: Final = 1.0
KEPT_SECONDS: Final = 1.0
"""Whoever still waits asks again sooner."""
VERDICT_SECONDS: Final = 60
LONGEST_XID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Ask:
    """One reader, known by its nonce, waits for the document under `key` to reflect the transaction `xid` of
    `source`."""

    key: str
    document: str
    id: int
    token: str
    source: str
    xid: int
    nonce: str

    @classmethod
    def read(cls, fields: dict[bytes, bytes]) -> Self | None:
        """An entry of the stream; None where it cannot be understood."""
        key, token, nonce = (fields.get(name, b"").decode(errors="replace") for name in (b"key", b"token", b"nonce"))
        source, _, number = token.partition("-")
        place = read_key(key)
        if place is None or not nonce or not (number.isascii() and number.isdigit() and int(number) <= LONGEST_XID):
            log.warning("a waiting reader's request is not understood", extra={"key": key, "token": token})
            return None
        return cls(key, *place, token, source, int(number), nonce)


class Asked:
    """The queue of one lane: documents that were asked for. Nothing in the database stands for them."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.pace = Pace(PACED)
        """Of its own: whoever waits is not held back by what the backlog has built."""
        self.wanted: Wanted = nothing_wanted()

    async def prepare(self, connection: AsyncDatabase) -> None:
        """There is nothing to prepare."""

    async def claim(self, connection: AsyncDatabase) -> Request | None:
        wanted, self.wanted = self.wanted, nothing_wanted()
        if not any(wanted.values()):
            return None
        self.pace.begin(wanted)
        await connection.execute("BEGIN")
        return Request(UNCLAIMED, wanted=wanted, pace=self.pace, cause=READER)


class Readers:
    """Answers those that wait, each with one verdict in Redis. Costs one blocked command of Redis while nobody does.

    A document reflects a transaction that has ended as one snapshot sees it, if in a later snapshot nothing of the
    document is under way (see `Builder.find_under_way`), or once it was published from a later snapshot. Neither the
    queues' lengths nor who holds their rows matters.
    """

    def __init__(
        self,
        connection: AsyncDatabase,
        client: Client,
        builder: Builder,
        lane: Lane,
        asked: Asked,
        redis_timeout_seconds: float,
    ) -> None:
        self._connection = connection
        self._client = client
        self._builder = builder
        self._lane = lane
        self._asked = asked
        self._stream = Stream(client, WAITING_STREAM, redis_timeout_seconds)
        self._source = ""
        self._waiting: dict[Ask, float] = {}
        self._heavy_from = 0.0

    async def __aenter__(self) -> Self:
        cursor = await self._connection.execute("SELECT projector.token_source()")
        row = await cursor.fetchone()
        self._source = row[0] if row else ""
        await self._stream.join()
        await self._lane.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        await self._lane.__aexit__(kind, error, trace)

    async def run_once(self) -> None:
        """Takes what readers ask for, waiting for some, and answers whom it can."""
        if self._waiting:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        now = time.monotonic()
        self._waiting = {ask: until for ask, until in self._waiting.items() if until > now}
        # Not confirmed: a reader asks again while it waits.
        asked = self._stream.read(CONSUMER, block=not self._waiting, noack=True)
        for _, fields in await self._stream.joined(asked):
            if (ask := Ask.read(fields)) is not None:
                self._waiting[ask] = time.monotonic() + KEPT_SECONDS
        if self._waiting:
            await self._answer()

    async def _answer(self) -> None:
        await self._refuse([ask for ask in self._waiting if ask.source != self._source], "is of another database")
        ended, unknown, doubtful = await self._look({ask.xid for ask in self._waiting})
        await self._refuse([ask for ask in self._waiting if ask.xid in unknown], "names no transaction")
        asks = [ask for ask in self._waiting if ask.xid in ended]
        await self._confirm_all([ask for ask in asks if not self._is_heavy(ask)], doubtful=doubtful)
        # As the lane beside the fresh one does: otherwise they would take a processor of PostgreSQL's for good.
        if (began := time.monotonic()) >= self._heavy_from:
            await self._confirm_all([ask for ask in asks if self._is_heavy(ask)], doubtful=doubtful)
            self._heavy_from = time.monotonic() + min(time.monotonic() - began, LONGEST_REST_SECONDS)

    def _is_heavy(self, ask: Ask) -> bool:
        """Those that are built quickly do not wait for these."""
        kind = self._asked.router.documents[ask.document]
        return kind.is_paced or kind.takes_long

    async def _confirm_all(self, asks: Collection[Ask], *, doubtful: bool) -> None:
        held = await self._bring_forward(asks, doubtful=doubtful)
        await self._confirm([ask for ask in asks if ask.document not in held])

    async def _look(self, xids: Collection[int]) -> tuple[set[int], set[int], bool]:
        """Of these transactions those that have ended, and those that never began; and whether changes may be in no
        event."""
        cursor = await self._connection.execute(read_query("ended_transactions"), (array_literal(xids),))
        rows = await cursor.fetchall()
        late = [xid for xid, _, is_late, _ in rows if is_late]
        unknown = {xid for xid in late if not await self._has_begun(xid)}
        return {xid for xid, ended, *_ in rows if ended}, unknown, any(row[-1] for row in rows)

    async def _has_begun(self, xid: int) -> bool:
        try:
            await self._connection.execute("SELECT pg_xact_status($1::text::xid8)", (str(xid),))
        except errors.InvalidParameterValue:  # "transaction ID is in the future"
            return False
        return True

    async def _bring_forward(self, asks: Iterable[Ask], *, doubtful: bool) -> set[str]:
        """Builds what is under way of these documents; returns the kinds that have to wait for that."""
        ids: dict[str, set[int]] = {}
        for ask in asks:
            ids.setdefault(ask.document, set()).add(ask.id)
        held = set()
        for document, asked in sorted(ids.items()):
            under_way = await self._builder.find_under_way(document, sorted(asked))
            behind = [id_ for id_ in asked if doubtful or under_way[id_]]
            if behind and not self._asked.pace.due([document]):
                held.add(document)
            elif behind:
                want(self._asked.wanted, document, behind, self._asked.router.all_sections(document))
        await self._lane.run_once()
        await self._lane.settle()
        return held

    async def _confirm(self, asks: Collection[Ask]) -> None:
        await self._write({(verdict_key(ask.key, ask.token), REFLECTED_FIELD): "1" for ask in asks}, asks)

    async def _refuse(self, asks: Collection[Ask], reason: str) -> None:
        """Told to these readers alone: what is no transaction now may be one in a moment."""
        await self._write({(verdict_key(ask.key, ask.token), ask.nonce): reason for ask in asks}, asks)

    async def _write(self, verdicts: dict[tuple[str, str], str], asks: Iterable[Ask]) -> None:
        if not verdicts:
            return
        pipeline = self._client.pipeline(transaction=False)
        for (key, field), verdict in verdicts.items():
            pipeline.hset(key, field, verdict)
            pipeline.expire(key, VERDICT_SECONDS)
        await pipeline.execute()
        for ask in asks:
            self._waiting.pop(ask, None)
