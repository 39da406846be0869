"""Processes that are killed, anywhere and at named points, and such that stop for a while and go on."""

import time
from random import Random

from projector.demo.processes import Command
from projector.faults.crew import STOPPED_SECONDS, go_on, has_stopped, hold, kill
from projector.faults.injuries.injury import Injury
from projector.faults.world import World
from projector.points import POINTS

_HELD_SECONDS = 2.0
_STIR_SECONDS = 0.3
_BULK = 600
"""More documents than are published in one piece."""


def kill_worker(world: World, chance: Random) -> None:
    """kill -9 at any moment, and another in its place."""
    time.sleep(chance.random() * 0.3)
    world.crew.replace_worker(chance.randrange(len(world.crew.workers)))


def kill_api(world: World, chance: Random) -> None:
    time.sleep(chance.random() * 0.3)
    world.crew.replace_api()


def kill_rebuild(world: World, chance: Random) -> None:
    """kill -9 at any moment. Whoever typed the command knows; what it queued is done by the workers."""
    rebuild = world.crew.begin_rebuild()
    time.sleep(chance.uniform(0.7, 1.5))
    kill(rebuild)


def kill_worker_at(point: str, times: int = 1) -> Injury:
    """kill -9 when a worker comes by a named point for the n-th time."""

    def inflict(world: World, chance: Random) -> None:
        place = chance.randrange(len(world.crew.workers))
        kill(world.crew.workers[place])
        worker = world.crew.workers[place] = world.crew.begin_worker(f"{point}:{times}")
        worker.wait_for(r"\bready\b|stopped at")
        _stir_until_stopped(world, worker, point)
        world.crew.replace_worker(place)

    return Injury(f"kill worker: {point}", inflict)


def kill_rebuild_at(point: str, times: int = 1) -> Injury:
    """kill -9 when a rebuild comes by a named point."""

    def inflict(world: World, _: Random) -> None:
        rebuild = world.crew.begin_rebuild(stop_at=f"{point}:{times}")
        has_stopped(rebuild)
        kill(rebuild)

    return Injury(f"kill rebuild: {point}", inflict)


def hold_worker(world: World, chance: Random) -> None:
    """SIGSTOP of one at any moment, SIGCONT a while later. Others work meanwhile."""
    worker = world.crew.workers[chance.randrange(len(world.crew.workers))]
    time.sleep(chance.random() * 0.3)
    hold(worker)
    time.sleep(_HELD_SECONDS)
    go_on(worker)


def hold_worker_at(point: str) -> Injury:
    """One stops where it holds a claim and what it built of it, while another one works and publishes newer builds;
    then it goes on, and what it holds is old."""

    def inflict(world: World, _: Random) -> None:
        guest = world.crew.begin_worker(f"{point}:2")
        guest.wait_for(r"\bready\b|stopped at")
        if has_stopped(guest):
            time.sleep(_HELD_SECONDS)
        go_on(guest)
        guest.stop()

    return Injury(f"hold worker: {point}", inflict)


def freeze_worker_at(point: str) -> Injury:
    """One stops where it holds a claim, and does not go on until everything is right without it."""

    def inflict(world: World, _: Random) -> None:
        guest = world.crew.begin_worker(f"{point}:2")
        world.crew.frozen.append(guest)
        has_stopped(guest)

    return Injury(f"freeze worker: {point}", inflict)


class NeverReached(AssertionError):
    """A process did not come by its point."""


def _stir_until_stopped(world: World, worker: Command, point: str) -> None:
    """Sees to it that the worker has a batch that comes by the point; another one may take the first."""
    deadline = time.monotonic() + STOPPED_SECONDS
    while not has_stopped(worker, _STIR_SECONDS):
        if time.monotonic() > deadline:
            raise NeverReached(f"{point}: {worker.output()[-1_000:]}")
        _change_many(world, _BULK if point == "sliced" else 1)


def _change_many(world: World, count: int) -> None:
    """New orders and a new customer, which hardly anything else will touch: if the batch is lost, they are missing."""
    with world.connect() as connection, connection.transaction():
        connection.execute(
            "INSERT INTO sales_orders (notes) SELECT 'one of many' FROM generate_series(1, %s)", (count,)
        )
        connection.execute("INSERT INTO customers (name) VALUES ('new')")


PROCESSES = (
    Injury("kill worker", kill_worker),
    Injury("kill API", kill_api),
    Injury("kill rebuild", kill_rebuild),
    Injury("hold worker", hold_worker),
    hold_worker_at("built"),
    freeze_worker_at("claimed"),
)
AT_POINTS = (
    *map(kill_worker_at, POINTS),
    *map(kill_rebuild_at, ("claimed", "built", "published", "acknowledging")),
)
