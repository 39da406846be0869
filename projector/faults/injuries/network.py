"""Connections that are cut, slow, or hang without closing."""

import time
from collections.abc import Callable
from random import Random

from projector.faults.injuries.injury import Injury
from projector.faults.proxy import Proxy
from projector.faults.world import World

_SECONDS = 2.0
_DELAY_SECONDS = 0.1

Choice = Callable[[World], Proxy]


def _cut(choose: Choice) -> Callable[[World, Random], None]:
    def inflict(world: World, chance: Random) -> None:
        for _ in range(3):
            choose(world).cut()
            time.sleep(chance.random() * 0.2)

    return inflict


def _swallow(choose: Choice) -> Callable[[World, Random], None]:
    """A firewall forgets all connections, and lets no new one through for a while."""

    def inflict(world: World, _: Random) -> None:
        choose(world).swallow()
        time.sleep(_SECONDS)
        choose(world).heal()

    return inflict


def _delay(choose: Choice) -> Callable[[World, Random], None]:
    def inflict(world: World, _: Random) -> None:
        choose(world).delay(_DELAY_SECONDS)
        time.sleep(_SECONDS)
        choose(world).heal()

    return inflict


def _database(world: World) -> Proxy:
    return world.database_proxy


def _redis(world: World) -> Proxy:
    return world.redis_proxy


def _api(world: World) -> Proxy:
    return world.api_proxy


NETWORK = tuple(
    Injury(f"{verb} {noun}", injury(choose))
    for noun, choose in (("PostgreSQL connections", _database), ("Redis connections", _redis), ("API's Redis", _api))
    for verb, injury in (("cut", _cut), ("delay", _delay), ("swallow", _swallow))
)
