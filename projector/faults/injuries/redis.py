"""Redis goes away, loses what it held, is full, or is a replica."""

import time
from random import Random

from projector.faults.injuries.injury import Injury
from projector.faults.world import World

_SECONDS = 1.5
_FULL_BYTES = 100_000
_NOBODY = ("127.0.0.1", 1)


def restart_empty(world: World, _: Random) -> None:
    world.store.kill()
    world.store.forget_file()
    world.store.start()


def restart_intact(world: World, _: Random) -> None:
    """Down for a moment, and back with all that it held: it is asked to write it while nobody can reach it."""
    world.store.stop_and_save()
    world.store.start()


def fail_over_to_lagging(world: World, _: Random) -> None:
    """What comes back is what it held a while ago, as when a replica that lagged takes over."""
    world.store.save()
    world.store.keep_file()
    time.sleep(_SECONDS)
    world.store.kill()
    world.store.bring_back_file()
    world.store.start()


def flush(world: World, _: Random) -> None:
    with world.store.client as client:
        client.flushall()


def kill_clients(world: World, _: Random) -> None:
    _kill_clients(world, "normal")


def kill_subscribers(world: World, _: Random) -> None:
    _kill_clients(world, "pubsub")


def fill_up(world: World, _: Random) -> None:
    """No memory for another write, and nothing may be evicted."""
    with world.store.client as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", _FULL_BYTES)
        try:
            time.sleep(_SECONDS)
        finally:
            client.config_set("maxmemory", before)


def make_replica(world: World, _: Random) -> None:
    """Read only, of a primary that is not there; then a primary again, with all that it held."""
    with world.store.client as client:
        client.replicaof(*_NOBODY)
        try:
            time.sleep(_SECONDS)
        finally:
            client.replicaof("NO", "ONE")


def _kill_clients(world: World, kind: str) -> None:
    with world.store.client as client:
        client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


REDIS = (
    Injury("restart Redis empty", restart_empty, "redis"),
    Injury("restart Redis intact", restart_intact),
    Injury("fail over Redis to a replica that lags", fail_over_to_lagging, "redis"),
    Injury("flush Redis", flush, "redis"),
    Injury("kill Redis clients", kill_clients),
    Injury("kill Redis subscribers", kill_subscribers),
    Injury("fill up Redis", fill_up),
    Injury("make Redis a replica", make_replica),
)
