"""The read model as the API sees it: questions in, answers out; and requests for a rebuild."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import InvalidResponse, RedisError

from api.answers import Answer, as_stale, document_answer, failure
from api.documents import StoredDocument, read_document, stamp_fields
from api.errands import Command, Errand, State
from api.errors import NotBuilt, NotFound, Unavailable
from api.joined import Missing, Source
from api.lines import Lines
from api.near_cache import Entry, NearCache
from api.tally import Tally
from api.templates import Join, Question
from projector.checkout import Checkout
from projector.names import (
    DOCUMENTS,
    ENTITIES,
    HEARTBEAT_FIELD,
    HEARTBEAT_KEY,
    REFRESH_STREAM,
    REFRESH_STREAM_LENGTH,
    built_field,
)
from projector.pulse import Pulse

logger = logging.getLogger(__name__)

_ENTITY = {document: entity for entity, documents in ENTITIES.items() for document in documents}
_ASK_AGAIN_SECONDS = 5
_ASKED_DOCUMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """What Redis holds of a document, and the entry for the answers made of it."""

    document: StoredDocument
    entry: Entry | None
    """None: an older state of the document was answered with."""
    is_built: bool
    """Whether all documents of its kind were built."""


class Fetch(Errand[Fetched]):
    """The errand of one document: the sections that those who wait need, and the versions of all of them.

    The versions of sections that nobody wants say whether the answers of other addresses are still right.
    """

    def __init__(self, kind: str, key: bytes, near_cache: NearCache) -> None:
        super().__init__()
        self._kind = kind
        self._key = key
        self._near_cache = near_cache
        self._sections: dict[str, None] = {}

    @property
    def command(self) -> Command:
        return ("HMGET", self._key, *self._sections, *stamp_fields(self._kind))

    def want(self, sections: Iterable[str]) -> None:
        """Asks for these sections too, if they are not asked for yet."""
        self._sections.update(dict.fromkeys(sections))

    def settle(self, value: Any, state: State) -> None:
        expected = len(self._sections) + len(stamp_fields(self._kind))
        if not isinstance(value, list) or len(value) != expected:
            self.fail(InvalidResponse(f"HMGET was answered with {value!r}"))
            return
        document = read_document(self._kind, tuple(self._sections), value)
        self.hand_out(self._take(document, self._kind in state.built))

    def _take(self, document: StoredDocument, is_built: bool) -> Fetched:
        stamp = document.stamp
        if not stamp.is_live and stamp.deleted is None and not is_built:
            return Fetched(document, None, is_built)  # nothing can be said of it
        return Fetched(document, self._near_cache.admit(self._key, stamp), is_built)


class ReadModel:
    """Answers every question from the near cache, or with what Redis holds at the moment."""

    def __init__(
        self, lines: Lines, near_cache: NearCache, checkout: Checkout, tally: Tally, late_seconds: float
    ) -> None:
        self.checkout = checkout
        self._lines = lines
        self._tally = tally
        self._pulse = Pulse()
        self._late_seconds = late_seconds
        self._feeling: asyncio.Task[None] | None = None
        self._near_cache = near_cache
        self._asked: OrderedDict[bytes, float] = OrderedDict()
        self.find = near_cache.find
        self.count = near_cache.count

    async def answer(self, question: Question) -> Answer:
        """The answer to a question, also that there is no such entity; NotBuilt or Unavailable where there is none."""
        answer = self.find(question)
        if answer is not None:
            self._tally.add("near_cache_hits")
            return answer
        if (join := question.template.join) is not None:
            return await self.join(join, question, self)
        try:
            return await self.fresh(question)
        except (Unavailable, NotBuilt) as error:
            return self._stale(question, error)

    async def fresh(self, question: Question) -> Answer:
        """The answer with what Redis holds at the moment, whatever the near cache has; the same errors."""
        self._tally.add("near_cache_misses")
        with reaching("HMGET"):
            fetched = await self._fetch(question)
        if fetched.entry is not None:
            return self._compose(question, fetched.document, fetched.entry)
        if not fetched.document.stamp.is_live and not fetched.is_built:
            raise NotBuilt(question.template.document)
        await self._ask_to_mend(question)
        raise Unavailable

    async def request_rebuild(self, entity: str, entity_id: int) -> None:
        """Asks the projector to rebuild the entity's documents; what is served stays until then."""
        limit = ("MAXLEN", "~", REFRESH_STREAM_LENGTH)
        command = ("XADD", REFRESH_STREAM, *limit, "*", "document", entity, "id", entity_id)
        with reaching(command[0]):
            await self._lines.ask(REFRESH_STREAM, *command)

    async def missing_parts(self) -> tuple[str, ...]:
        """What the API waits for before it can answer everything with what the database says now: Redis, each first
        build, and heartbeats where they are to be waited for."""
        try:
            with reaching("PING"):
                built = await self._lines.look()
            if self._late_seconds:
                await self._take_pulse()
        except Unavailable:
            return ("redis",)
        missing = [built_field(kind) for kind in DOCUMENTS if kind not in built]
        return (*missing, *(["heartbeat"] if self._pulse.is_late(self._late_seconds) else ()))

    def feel_heartbeat(self) -> None:
        """A heartbeat has arrived: asks Redis for it, as a request would for a document."""
        if self._feeling is None or self._feeling.done():
            self._feeling = asyncio.create_task(self._feel(), name="heartbeat")

    async def _feel(self) -> None:
        before = self._pulse.beat
        with suppress(Unavailable):
            await self._take_pulse()
        if self._pulse.beat not in (None, before):
            self._tally.heartbeat.observe(max(0, time.time_ns() - self._pulse.beat * 1000))

    async def _take_pulse(self) -> None:
        """Takes note of the newest heartbeat."""
        with reaching("HMGET"):
            reply = await self._lines.ask(HEARTBEAT_KEY, "HMGET", HEARTBEAT_KEY, HEARTBEAT_FIELD)
        beat = None if reply.value[0] is None else int(reply.value[0])
        if self._pulse.observe(beat):
            self._tally.set(heartbeat_seen_us=time.time_ns() // 1000 if beat else 0)

    async def probe(self) -> None:
        """Exchanges something with Redis, if it is there."""
        with suppress(RedisError):
            await self._lines.look()

    async def join(self, join: Join, question: Question, source: Source) -> Answer:
        """An answer that is joined of parts, which come from `source`."""
        try:
            answer: Answer = await join(question, source)
        except Missing as missing:
            return missing.answer
        return answer

    async def _fetch(self, question: Question) -> Fetched:
        kind, key = question.template.document, question.key
        fetch = self._lines.join(key, lambda: Fetch(kind, key, self._near_cache))
        fetch.want(question.selection.sections)
        return await fetch.outcome()

    def _compose(self, question: Question, document: StoredDocument, entry: Entry) -> Answer:
        answer = entry.answers.get(question.variant)
        if answer is None:
            if document.stamp.is_live:
                answer = document_answer(question, document)
            else:
                answer = failure(NotFound(question.template.noun, question.document_id))
            answer.keys, answer.stamps = (question.key,), (document.stamp,)
            self._near_cache.add(question, entry, answer)
        return answer

    def _stale(self, question: Question, otherwise: Exception) -> Answer:
        found = self._near_cache.find_stale(question)
        if found is None:
            raise otherwise
        self._tally.add("stale_answers")
        return as_stale(*found)

    async def _ask_to_mend(self, question: Question) -> None:
        """Redis went back: a rebuild of the document brings it forward again."""
        now = time.monotonic()
        if now - self._asked.get(question.key, -_ASK_AGAIN_SECONDS) < _ASK_AGAIN_SECONDS:
            return
        self._asked[question.key] = now
        if len(self._asked) > _ASKED_DOCUMENTS:
            self._asked.popitem(last=False)
        logger.warning("Redis holds an older %s than was answered with; a rebuild was asked for", question.key.decode())
        with suppress(Unavailable):
            await self.request_rebuild(_ENTITY[question.template.document], question.document_id)


@contextmanager
def reaching(command: str) -> Iterator[None]:
    """Unavailable where Redis does not answer."""
    try:
        yield
    except RedisError as error:
        logger.debug("Redis did not answer %s: %s", command, error)
        raise Unavailable from error
