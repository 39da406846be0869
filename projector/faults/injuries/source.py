"""The source restarts its counting: another server, or another timeline, behind the same URL."""

import time
from random import Random

from projector.faults.injuries.injury import Injury
from projector.faults.world import World

_LOST_SECONDS = 1.0


def restore_dump(world: World, _: Random) -> None:
    """The ERP stands still while it moves, by pg_dump and pg_restore, to a server that counts from the beginning."""
    fresh = world.new_cluster()
    fresh.create()
    world.database_proxy.cut()
    with world.standing_still():
        world.cluster.dump_into(fresh)
        world.move_to(fresh)


def promote(world: World, _: Random) -> None:
    """A standby that had everything takes over: nothing is lost, and the timeline is another."""
    world.cluster.stop()
    world.cluster.promote()


def fail_over_with_loss(world: World, _: Random) -> None:
    """A standby that lagged takes over: the last transactions never were."""
    standby = world.cluster.copy(world.new_cluster().folder)
    time.sleep(_LOST_SECONDS)
    world.cluster.kill()
    standby.promote()
    world.move_to(standby)
    world.numbers.read_back()


SOURCE = (
    Injury("restore a dump elsewhere", restore_dump),
    Injury("promote a standby", promote),
    Injury("fail over with loss", fail_over_with_loss, "source"),
)
