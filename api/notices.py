"""Notices: requests that failed by a fault of ours or took long, in the log; of each kind one now and then."""

import logging
import time

from starlette.types import Scope

from projector.seldom import Seldom

logger = logging.getLogger(__name__)

FAILED = 500
_LONGEST_PATH = 200


class Notices:
    """Looks at requests that were not answered from the near cache."""

    def __init__(self, slow_seconds: float) -> None:
        self._slow_ns = int(slow_seconds * 1e9)
        self._seldom = Seldom()

    def look(self, scope: Scope, status: int, began_ns: int) -> None:
        """A request that was answered just now; `began_ns` by time.perf_counter_ns()."""
        took = time.perf_counter_ns() - began_ns
        if status >= FAILED:
            self._tell(f"answered with {status}", scope, status, took)
        elif took > self._slow_ns:
            self._tell("a request took long", scope, status, took)

    def _tell(self, what: str, scope: Scope, status: int, took_ns: int) -> None:
        if not (count := self._seldom.count(what)):
            return
        fields = {
            "method": scope["method"],
            "path": scope["path"][:_LONGEST_PATH],
            "status": status,
            "ms": round(took_ns / 1e6, 1),
            "count": count,
        }
        logger.warning(what, extra=fields)
