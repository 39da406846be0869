"""Waits for a condition, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable

DEADLINE_SECONDS = 20


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns as soon as `holds` does; TimeoutError if it never does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await holds():  # noqa: ASYNC110  (what it waits for is another process)
            await asyncio.sleep(0.01)
