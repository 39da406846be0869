"""Streams of server-sent events: opened for whoever may read their keys, so many at once, and ended when the process
stops."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.answers import Answer
from api.errors import ApiError, NotFound, Overloaded, TooManyStreams, Unavailable
from api.event_ids import read_id
from api.event_keys import Wish, read_wish
from api.event_stream import Pace, Stream, opening_of
from api.gate import Gate, Listener
from api.lasting import END
from api.near_cache import NearCache
from api.tally import Tally
from api.watches import Watches
from projector.settings import Settings

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_RETRY_MILLISECONDS: Final = (1_000, 3_000)
"""After how long clients come back: not all at once."""


class Events:
    """Answers requests for streams; belongs to one event loop."""

    def __init__(
        self, gate: Gate, near_cache: NearCache, subscribe: Callable[[], None], settings: Settings, tally: Tally
    ) -> None:
        """`subscribe` is called before each stream, so that change messages arrive."""
        self._gate = gate
        self._near_cache = near_cache
        self._subscribe = subscribe
        self._tally = tally
        self._pace = Pace(settings.api_stream_heartbeat_seconds, settings.api_stream_slow_seconds)
        self._most = settings.api_streams
        self._most_of_one = settings.api_streams_per_caller
        self._callers = Counter[bytes]()
        self.open = 0
        """How many streams there are."""
        self._watches = Watches()
        near_cache.follow(self._watches)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with a stream; ApiError where there can be none."""
        listener = await self._gate.listener(scope)
        wish = read_wish(scope["query_string"])
        with self._admitted(listener.caller):
            self._subscribe()
            await _check(listener, wish)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if scope.get("is_head"):
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._stream(listener, wish, scope, receive, send)

    async def _stream(self, listener: Listener, wish: Wish, scope: Scope, receive: Receive, send: Send) -> None:
        last_id = dict(scope["headers"]).get(b"last-event-id")
        marks = read_id([*wish.questions], last_id) if last_id else None
        stream = Stream(
            listener,
            wish.questions,
            marks,
            is_full=wish.is_full,
            watches=self._watches,
            confirmed_at=lambda: self._near_cache.confirmed_at,
            pace=self._pace,
            tally=self._tally,
        )
        scope.setdefault("state", {})[END] = lambda: stream.end("stopping")
        retry = random.randint(*_RETRY_MILLISECONDS)  # noqa: S311
        opening = opening_of(is_known=marks is not None or not last_id, retry_milliseconds=retry)
        await stream.run(opening, receive, send)

    @contextmanager
    def _admitted(self, caller: bytes) -> Iterator[None]:
        if self._most_of_one and self._callers[caller] >= self._most_of_one:
            raise TooManyStreams(self._most_of_one)
        if self.open >= self._most:
            raise Overloaded
        self._callers[caller] += 1
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]


class EventStream(Response):
    """What FastAPI's route returns."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._events(scope, receive, send)


async def _check(listener: Listener, wish: Wish) -> None:
    """Raises what the first key is told whose GET would be refused, or be answered with what may not be right."""
    outcomes = await asyncio.gather(*map(listener.read, wish.questions.values()), return_exceptions=True)
    for name, outcome in zip(wish.questions, outcomes, strict=True):
        error = Unavailable() if isinstance(outcome, Answer) and outcome.age_seconds is not None else outcome
        if isinstance(error, ApiError) and not isinstance(error, NotFound):
            error.details["key"] = name
            raise error
        if isinstance(error, BaseException) and not isinstance(error, ApiError):
            raise error
