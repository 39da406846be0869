"""PostgreSQL goes away, or another one stands behind its URL."""

import os
import signal

import pytest

from projector.faults.crew import go_on, hold
from projector.faults.injuries import POSTGRES, SOURCE, Injury
from projector.faults.recovery import recover
from projector.faults.world import World
from tests.faults.conftest import Suffer

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("injury", [*POSTGRES, *SOURCE], ids=lambda injury: injury.name)
def test_everything_is_right_again(injury: Injury, suffer: Suffer) -> None:
    """Every document, by itself; and meanwhile no reader saw one go back, nor its sections apart."""
    suffer(injury)


def test_a_crash_that_makes_postgresql_count_again_refuses_no_write(world: World) -> None:
    """What is not on disk is counted again after a crash: here 500 transactions that rolled back. A document that was
    published in between has a version that is ahead of all that follow, and they must win nevertheless."""
    assert any(_crash_with_loss(world) for _ in range(5)), "every transaction was on disk"
    assert recover(world).faults == []


def _crash_with_loss(world: World) -> bool:
    """Whether the crash really lost what had been counted: somebody else's commit may have written it to disk."""
    worker = world.crew.workers[0]
    world.numbers.write_now()
    assert recover(world).faults == []
    hold(worker)
    with world.connect() as connection:
        ((writer,),) = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
        os.kill(writer, signal.SIGSTOP)
        before = _count(world)
        for _ in range(500):
            connection.execute("BEGIN")
            connection.execute("SELECT pg_current_xact_id()")
            connection.execute("ROLLBACK")
    rebuild = world.crew.begin_rebuild("--entity", "product", "--id", str(world.numbers.product))
    assert rebuild.process.wait(60) == 0
    world.cluster.kill()
    os.kill(writer, signal.SIGKILL)
    go_on(worker)
    world.cluster.start()
    return _count(world) < before + 250


def _count(world: World) -> int:
    with world.connect() as connection:
        ((count,),) = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return int(count)
