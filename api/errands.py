"""Errands: what is asked of Redis, for any number of requests that wait for the answer."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redis.exceptions import RedisError

Command = tuple[str | bytes | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """What Redis held around a batch: before it as well as after it."""

    built: frozenset[str]
    instance: bytes | None
    """The mark of this filling of Redis; None where there is none, or two."""


UNKNOWN = State(frozenset(), None)


class Errand(ABC, Generic[T]):
    """Something to be asked, for any number of requests that wait for it."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[T]] = []
        self.hops = 0
        """How often it was sent elsewhere, since a cluster moved its key."""

    @property
    @abstractmethod
    def command(self) -> Command:
        """What to send. It may change until it is sent, and must bear being sent twice."""

    @abstractmethod
    def settle(self, value: Any, state: State) -> None:
        """Makes of the reply, which is no error, what is handed to those who wait."""

    async def outcome(self) -> T:
        """RedisError where there is none. Whoever gives up does not disturb the others."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def hand_out(self, outcome: T) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(outcome)

    def fail(self, error: RedisError) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)


@dataclass(frozen=True, slots=True)
class Reply:
    """What Redis replied to one command."""

    value: Any
    state: State


class Call(Errand[Reply]):
    """One fixed command."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self._command = command

    @property
    def command(self) -> Command:
        return self._command

    def settle(self, value: Any, state: State) -> None:
        self.hand_out(Reply(value, state))
