"""Reading one's own writes: a request with `after` waits until what it reads reflects a transaction of the ERP.

A worker says so of each document (docs/decisions/22-read-your-write.md); this process asks for it and looks again and
again, at most some hundredths of a second apart. Then Redis is asked, never the near cache.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.types import Receive

from api.answers import Answer
from api.errors import Fault, InvalidInput, NotReflected, TooManyWaiting
from api.lasting import until_gone
from api.lines import Lines
from api.parameters import read_query
from api.read_model import ReadModel, reaching
from api.templates import Question
from projector.names import REFLECTED_FIELD, WAITING_STREAM, WAITING_STREAM_LENGTH, verdict_key

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.001
_LONGEST_PAUSE_SECONDS: Final = 0.025
_ASK_AGAIN_SECONDS: Final = 0.5
"""A worker that was asked may have died."""
_TOKEN: Final = re.compile(r"[0-9a-f]{8}-([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class After:
    """The query parameter: a token that the ERP got from projector.token()."""

    name: str = "after"
    description: str = (
        "A token that the ERP got from `SELECT projector.token()` in its transaction: the answer holds what that"
        " transaction wrote, or is a 504"
    )
    location: str = "query"
    required: bool = False

    def parse(self, text: str | None) -> str | None:
        if not text:
            return None
        match = _TOKEN.fullmatch(text)
        if match is None or int(match[1]) >= 2**63:
            raise ValueError("must be what projector.token() returned")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({_TOKEN.pattern})?$", "examples": ["5f0c3a9e-81234"]}


AFTER: Final = After()


def read_after(query: bytes) -> str | None:
    """What a query string names as `after`, not checked; None where it names nothing."""
    return (read_query(query).get(AFTER.name) or None) if query else None


class Waiting:
    """The documents that this process waits for: each for so long, and so many at once."""

    def __init__(self, lines: Lines, seconds: float, most: int) -> None:
        self.seconds = seconds
        self._lines = lines
        self._most = most
        self._number = 0
        self._name = secrets.token_hex(8)
        self._nonces = itertools.count()

    async def until_reflected(self, key: bytes, token: str, deadline: float) -> None:
        """NotReflected at the deadline (the loop's time), InvalidInput of what is no token of this database."""
        if self._number >= self._most:
            raise TooManyWaiting
        self._number += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._look_again_and_again(key.decode(), token)
        except TimeoutError:
            raise NotReflected(self.seconds) from None
        finally:
            self._number -= 1

    async def _look_again_and_again(self, key: str, token: str) -> None:
        clock = asyncio.get_running_loop().time
        place, nonce = verdict_key(key, token), f"{self._name}{next(self._nonces)}"
        pause, ask_at = _FIRST_PAUSE_SECONDS, clock()
        while not await self._is_reflected(place, nonce, token):
            if clock() >= ask_at:
                await self._ask(key, token, nonce)
                pause, ask_at = _FIRST_PAUSE_SECONDS, clock() + _ASK_AGAIN_SECONDS
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)

    async def _is_reflected(self, place: str, nonce: str, token: str) -> bool:
        with reaching("HMGET"):
            reply = await self._lines.ask(place, "HMGET", place, REFLECTED_FIELD, nonce)
        reflected, refused = reply.value
        if refused is not None:
            raise InvalidInput([Fault(AFTER.name, refused.decode(), token)])
        return reflected is not None

    async def _ask(self, key: str, token: str, nonce: str) -> None:
        limit = ("MAXLEN", "~", WAITING_STREAM_LENGTH)
        with reaching("XADD"):
            await self._lines.ask(
                WAITING_STREAM, "XADD", WAITING_STREAM, *limit, "*", "key", key, "token", token, "nonce", nonce
            )


class Reflecting:
    """The read model of one request that names a transaction: every document is waited for, and read anew."""

    def __init__(self, read_model: ReadModel, waiting: Waiting, token: str) -> None:
        self.checkout = read_model.checkout
        self._read_model = read_model
        self._waiting = waiting
        self._token = token
        self._deadline = asyncio.get_running_loop().time() + waiting.seconds

    async def answer(self, question: Question) -> Answer:
        """As ReadModel.answer, but never stale."""
        if (join := question.template.join) is not None:
            return await self._read_model.join(join, question, self)
        await self._waiting.until_reflected(question.key, self._token, self._deadline)
        return await self._read_model.fresh(question)


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T | None:
    """What `work` returns; None where the client goes away, and then nothing goes on."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)
