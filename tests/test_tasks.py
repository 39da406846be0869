"""Tasks that end together end for certain."""

import asyncio

import pytest

from projector.tasks import Together, end


async def lose_one_cancellation() -> None:
    """As asyncio.wait_for does before Python 3.12, where it comes in the same moment as the answer."""
    lost = 0
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            lost += 1
            if lost > 1:
                raise


async def fail() -> None:
    raise ValueError("failed")


def test_a_task_that_lost_its_cancellation_is_cancelled_again() -> None:
    async def run() -> asyncio.Task[None]:
        task = asyncio.create_task(lose_one_cancellation())
        await asyncio.sleep(0)
        await asyncio.wait_for(end(task), 10)
        return task

    assert asyncio.run(run()).cancelled()


def test_all_end_when_one_fails_and_its_error_is_told() -> None:
    async def run() -> None:
        async with asyncio.timeout(10), Together() as group:
            group.create_task(lose_one_cancellation())
            group.create_task(fail())

    with pytest.raises(BaseExceptionGroup) as caught:
        asyncio.run(run())
    assert [str(error) for error in caught.value.exceptions] == ["failed"]


def test_all_end_when_whoever_waits_is_cancelled() -> None:
    ended = []

    async def work() -> None:
        try:
            await lose_one_cancellation()
        finally:
            ended.append(True)

    async def run() -> None:
        async with asyncio.timeout(0.05), Together() as group:
            group.create_task(work())
            group.create_task(work())

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert ended == [True, True]
