"""A lane hears of a failure at once, whatever else it waits for."""

import asyncio
from typing import Any, cast

import pytest

from projector.build import UNCLAIMED, Outcome, Request
from projector.lane import Lane
from projector.work import Built, Version


class Stuck:
    """A queue whose second claim waits for what the first one holds; a builder; a publisher that fails."""

    def __init__(self) -> None:
        self.claims = 0

    async def prepare(self, *_: object) -> dict[Any, str]:
        return {}

    async def declare(self, *_: object) -> None:
        """There are no letters."""

    async def claim(self, _: object) -> Request:
        self.claims += 1
        if self.claims > 1:
            await asyncio.Event().wait()
        return Request(UNCLAIMED)

    async def build(self, _: Request) -> Outcome:
        return Outcome(Built(Version(1, 1, 1)))

    async def publish(self, *_: object) -> None:
        await asyncio.sleep(0.01)
        raise ConnectionError("refused")


@pytest.mark.parametrize("connections", [2, 4])
@pytest.mark.parametrize("alone", [False, True])
def test_a_failure_to_publish_is_raised_while_the_next_claim_waits(connections: int, alone: bool) -> None:
    """The claim of what failed is held until then, so that the next one may wait for it."""

    async def run() -> None:
        it = cast("Any", Stuck())
        lane = Lane(it, [it], it, it, it, [it] * connections)
        await lane.prepare()
        async with asyncio.timeout(10), lane:
            while True:
                await lane.run_once(alone=alone)

    with pytest.raises(ConnectionError, match="refused"):
        asyncio.run(run())
