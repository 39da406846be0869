"""PostgreSQL goes away under load, and its sessions are ended."""

from random import Random

from projector.faults.injuries.injury import Injury
from projector.faults.world import World

_TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name LIKE %s
"""


def restart_fast(world: World, _: Random) -> None:
    world.cluster.restart("fast")


def restart_immediate(world: World, _: Random) -> None:
    """No checkpoint, no word to the clients: a recovery from the log follows, as after a crash."""
    world.cluster.restart("immediate")


def kill_postgres(world: World, _: Random) -> None:
    """kill -9 of the first process."""
    world.cluster.kill()
    world.cluster.start()


def end_our_sessions(world: World, _: Random) -> None:
    with world.connect() as connection:
        connection.execute(_TERMINATE, ("projector%",))


def end_all_sessions(world: World, _: Random) -> None:
    """The ERP's, too."""
    with world.connect() as connection:
        connection.execute(_TERMINATE, ("%",))


def clear_wakeup_flag(world: World, _: Random) -> None:
    """Writers believe that nobody sleeps and do not notify."""
    with world.connect() as connection:
        connection.execute("SELECT setval('projector.asleep', 1)")


POSTGRES = (
    Injury("restart PostgreSQL fast", restart_fast),
    Injury("restart PostgreSQL immediate", restart_immediate),
    Injury("kill PostgreSQL", kill_postgres),
    Injury("end projector's sessions", end_our_sessions),
    Injury("end all sessions", end_all_sessions),
    Injury("clear wake-up flag", clear_wakeup_flag),
)
