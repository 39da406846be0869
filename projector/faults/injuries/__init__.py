"""All injuries, in the order in which the short form inflicts them."""

from projector.faults.injuries.injury import Injury
from projector.faults.injuries.network import NETWORK
from projector.faults.injuries.postgres import POSTGRES
from projector.faults.injuries.processes import AT_POINTS, PROCESSES
from projector.faults.injuries.redis import REDIS
from projector.faults.injuries.source import SOURCE

INJURIES: tuple[Injury, ...] = (*PROCESSES, *AT_POINTS, *POSTGRES, *NETWORK, *REDIS, *SOURCE)

__all__ = ["AT_POINTS", "INJURIES", "NETWORK", "POSTGRES", "PROCESSES", "REDIS", "SOURCE", "Injury"]
