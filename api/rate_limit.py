"""How often each caller may do something: so many times in a row, and then again as time refills the allowance."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

REMEMBERED_CALLERS: Final = 10_000
_MINUTE = 60.0


class RateLimit:
    """Of one process. The callers who asked the longest ago are forgotten first, and begin anew."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """0 per minute is no limit."""
        self._per_minute = per_minute
        self._clock = clock
        self._callers: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, caller: bytes) -> int:
        """0, or how many seconds the caller has to wait for the next."""
        if not self._per_minute:
            return 0
        now, a_second = self._clock(), self._per_minute / _MINUTE
        left, at = self._callers.get(caller, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * a_second)
        is_admitted = left >= 1
        self._callers[caller] = (left - is_admitted, now)
        self._callers.move_to_end(caller)
        if len(self._callers) > REMEMBERED_CALLERS:
            self._callers.popitem(last=False)
        return 0 if is_admitted else math.ceil((1 - left) / a_second)
