"""One stream of events: what a client is told about the keys that it listens to.

event   data
state   key, status, version, etag: the answer at the key's address as the stream begins
change  the same of an answer that has changed, with Last-Event-ID also while the client was away
reload  what the client has is not known; a state of each key follows
stale   keys: it is not known at the moment whether these have changed
fresh   it is known again; what changed meanwhile was sent before
bye     reason: the stream ends
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Receive, Send

from api.answers import Answer, failure
from api.errors import ApiError, Forbidden
from api.event_ids import NOTHING, Mark, mark_of, write_id
from api.gate import Listener
from api.lasting import HangUp, until_gone
from api.tally import Tally
from api.templates import Question, encode
from api.watches import Watches

_PAUSE_SECONDS: Final = 0.1
"""Between two looks that found something: more changes than that are told as one."""
_RETRY_SECONDS: Final = 0.5
_DOUBT_SECONDS: Final = 1.0
"""After so long the client is told that it is not known what changed."""
_GONE: Final = "gone"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a stream is silent, and how long a client may take nothing of it."""

    heartbeat_seconds: float
    slow_seconds: float


class Watched:
    """One key of a stream: what the client has of it, and whether that has to be looked at."""

    __slots__ = ("_wake", "is_dirty", "is_unsure", "known", "name", "question")

    def __init__(self, name: str, question: Question, known: Mark | None, wake: Callable[[], None]) -> None:
        self.name = name
        self.question = question
        self.known = known
        """None before the first event."""
        self.is_dirty = True
        self.is_unsure = False
        """The last look found nothing that can be told."""
        self._wake = wake

    def touch(self) -> None:
        self.is_dirty = True
        self._wake()


class Stream:
    """Lives as long as its connection. Of each key it holds what the client has, never what is still to be sent: what
    changes while the client does not read is sent once, as it is by then."""

    def __init__(
        self,
        listener: Listener,
        questions: dict[str, Question],
        marks: Sequence[Mark] | None,
        *,
        is_full: bool,
        watches: Watches,
        confirmed_at: Callable[[], float],
        pace: Pace,
        tally: Tally,
    ) -> None:
        """`marks` of Last-Event-ID; None where there was none that can be used."""
        self._listener = listener
        self._is_full = is_full
        self._watches = watches
        self._confirmed_at = confirmed_at
        self._pace = pace
        self._tally = tally
        self._woken = asyncio.Event()
        known: Sequence[Mark | None] = marks or [None] * len(questions)
        pairs = zip(questions.items(), known, strict=True)
        self._keys = [Watched(name, question, mark, self._woken.set) for (name, question), mark in pairs]
        self._resumed_at = -math.inf if marks is None else time.monotonic()
        self._said_at = time.monotonic()
        self._has_said = False
        self._doubted_at: float | None = None
        self._is_stale = False
        self._reason: str | None = None
        self._patience: asyncio.Timeout | None = None

    def end(self, reason: str) -> None:
        """Says good-bye with this reason and ends; cuts the connection if the client does not take even that."""
        if self._reason is None:
            self._reason = reason
            self._woken.set()
            if self._patience is not None:
                self._patience.reschedule(asyncio.get_running_loop().time())

    async def run(self, opening: bytes, receive: Receive, send: Send) -> None:
        """Until the client is gone or there is a reason to end; HangUp where the client takes nothing."""
        self._send = send
        watching = asyncio.create_task(self._until_gone(receive), name="events-client")
        try:
            with self._watching():
                await self._say(opening)
                while not self._has_ended():
                    await self._look()
                    await self._tell_doubt()
                    await self._beat()
                    await self._rest()
            if self._reason != _GONE:
                await self._say(_event(b"bye", {"reason": self._reason}))
                await self._say(b"", more=False)
        finally:
            watching.cancel()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        for watched in self._keys:
            self._watches.watch(watched, frozenset({watched.question.key}))
        try:
            yield
        finally:
            for watched in self._keys:
                self._watches.forget(watched)

    async def _until_gone(self, receive: Receive) -> None:
        await until_gone(receive)
        self.end(_GONE)

    def _has_ended(self) -> bool:
        if time.time() >= self._listener.until:
            self.end("token_expired")
        return self._reason is not None

    async def _look(self) -> None:
        """Looks at each key that may have changed, and tells what did."""
        for watched in self._keys:
            if self._reason is None and (watched.is_dirty or watched.is_unsure):
                watched.is_dirty = False
                await self._look_at(watched)

    async def _look_at(self, watched: Watched) -> None:
        answer = await self._ask(watched.question)
        watched.is_unsure = answer is None
        if answer is None:
            return
        if self._watches.watch(watched, frozenset({watched.question.key, *answer.keys})):
            watched.touch()  # it may have changed before it was watched
        mark, known = mark_of(watched.name, answer), watched.known
        if known is not None and known.digest == mark.digest:
            return
        if known is not None and self._may_be_older(mark, known):
            watched.is_unsure = True
            return
        watched.known = mark
        await self._tell(b"state" if known is None else b"change", watched.name, answer)

    async def _ask(self, question: Question) -> Answer | None:
        """The answer that a GET has at this moment; None where there is none, or none that is known to be right."""
        try:
            answer = await self._listener.read(question)
        except ApiError as error:
            answer = failure(error)
        if answer.status == Forbidden.status:
            self.end("forbidden")
        return answer if answer.status in (200, 404) and answer.age_seconds is None else None

    def _may_be_older(self, mark: Mark, known: Mark) -> bool:
        """Whether the answer may be of an earlier state than the client has: from another process, which heard of a
        change before this one did, or from a Redis that went back since."""
        if mark.is_newer(known):
            return False
        return mark.is_older(known) or self._confirmed_at() < self._resumed_at

    async def _tell(self, kind: bytes, name: str, answer: Answer) -> None:
        content: dict[str, Any] = {
            "key": name,
            "status": answer.status,
            "version": None if answer.version is None else answer.version.decode(),
            "etag": answer.tags[0].decode() if answer.tags else None,
        }
        marks = (watched.known or NOTHING for watched in self._keys)
        id_ = write_id((watched.name for watched in self._keys), marks)
        await self._say(_event(kind, content, id_, answer.body if self._is_full else None))
        self._tally.add("stream_events")
        self._has_said = True

    async def _tell_doubt(self) -> None:
        """Says when it is not known for a while what changed, and when it is known again."""
        is_in_step = self._watches.is_in_step
        doubted = [it.name for it in self._keys if not is_in_step or it.is_unsure or (self._is_stale and it.is_dirty)]
        if not doubted:
            self._doubted_at = None
        elif self._doubted_at is None:
            self._doubted_at = time.monotonic()
        if self._is_stale and not doubted:
            self._is_stale = False
            await self._say(_event(b"fresh", {}))
        elif not self._is_stale and time.monotonic() - (self._doubted_at or math.inf) >= _DOUBT_SECONDS:
            self._is_stale = True
            await self._say(_event(b"stale", {"keys": doubted}))

    async def _beat(self) -> None:
        if time.monotonic() - self._said_at >= self._pace.heartbeat_seconds:
            await self._say(b": heartbeat\n\n")

    async def _rest(self) -> None:
        """Until there is something to do."""
        if self._has_said:
            self._has_said = False
            await asyncio.sleep(_PAUSE_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._longest_rest()):
                await self._woken.wait()
        self._woken.clear()

    def _longest_rest(self) -> float:
        rest = self._said_at + self._pace.heartbeat_seconds - time.monotonic()
        if self._doubted_at is not None:
            rest = min(rest, _RETRY_SECONDS)
        return max(0, min(rest, self._listener.until - time.time()))

    async def _say(self, piece: bytes, *, more: bool = True) -> None:
        """Sends a piece; returns as soon as there is room for it on the way to the client."""
        try:
            async with asyncio.timeout(self._pace.slow_seconds) as self._patience:
                await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            self._tally.add("streams_dropped")
            raise HangUp from None
        finally:
            self._patience = None
        self._said_at = time.monotonic()


def opening_of(*, is_known: bool, retry_milliseconds: int) -> bytes:
    """What a stream begins with; `is_known`: what the client has."""
    reload = b"" if is_known else _event(b"reload", {"reason": "unknown_last_event_id"})
    return b"retry: %d\n\n%b" % (retry_milliseconds, reload)


def _event(kind: bytes, content: dict[str, Any], id_: bytes | None = None, answer: bytes | None = None) -> bytes:
    """One event. An answer may have line ends between its tokens, each of which begins another line of data."""
    data = encode(content)
    if answer is not None:
        data = b'%b,"answer":%b}' % (data[:-1], answer)
    lines = b"".join(b"data: %b\n" % line for line in _LINE_END.split(data))
    return b"%bevent: %b\n%b\n" % (b"" if id_ is None else b"id: %b\n" % id_, kind, lines)
