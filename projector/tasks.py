"""Tasks that end together, each of them for certain."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

AGAIN_SECONDS = 0.5
FINISH_SECONDS = 2.0


class Together:
    """Tasks of which all end when one fails, or when whoever waits for them is cancelled; raises the errors as a group.

    asyncio.TaskGroup cancels each task once. Before Python 3.12 asyncio.wait_for, on which both drivers rest, loses a
    cancellation that comes in the same moment as the answer: the task would go on, the group wait for it for ever.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def create_task(self, work: Coroutine[Any, Any, Any], *, name: str | None = None) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            await end(*self._tasks)
        if errors := [error for task in self._tasks if not task.cancelled() and (error := task.exception())]:
            raise BaseExceptionGroup("one of several tasks failed", errors)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks, and again until they have ended. What they failed with is nobody's concern any more."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()


async def finish(stopping: asyncio.Event, *tasks: asyncio.Task[Any]) -> None:
    """Has tasks that heed `stopping` end after what they are at, for so long as that may take: a task that is
    cancelled amid an exchange with a server loses its connection. Who must be certain of their end calls `end` next."""
    stopping.set()
    await asyncio.wait(tasks, timeout=FINISH_SECONDS)


async def wait_within(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or so many seconds are over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
