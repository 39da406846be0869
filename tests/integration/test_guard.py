"""The guard of open connections costs nobody a connection when it ends."""

import asyncio

from projector.database import connect
from projector.guard import guarding
from projector.settings import Settings


def test_a_guard_that_ends_while_it_asks_leaves_its_connection_open(installed: Settings) -> None:
    """A rebuild goes on with it: it drains the queues again where a live worker held a part."""

    async def guard_again_and_again() -> list[tuple[int]]:
        async with await connect(installed, "test") as asking:
            for _ in range(3):
                async with guarding([], asking, 30), asyncio.timeout(10):
                    while asking.waiting_since is None:  # noqa: ASYNC110 - nothing tells of it
                        await asyncio.sleep(0.0001)
            cursor = await asking.execute("SELECT 1")
            return await cursor.fetchall()

    assert asyncio.run(guard_again_and_again()) == [(1,)]
