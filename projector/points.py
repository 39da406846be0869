"""Named points: places on a change's way at which a test stops a process, to kill it there or to let it go on.

    PROJECTOR_STOP_AT=published:3 projector run

The third time that the process comes by the point it says so on stderr and stops itself with SIGSTOP. See
docs/faults.md.
"""

import os
import signal
import sys

VARIABLE = "PROJECTOR_STOP_AT"

POINTS = {
    "claimed": "a claim holds its rows, nothing is built",
    "built": "its documents are built, nothing is published",
    "sliced": "a part of its documents is in Redis",
    "written": "all of its documents are in Redis, none of their timers",
    "published": "documents, timers and the count of publishing are in Redis, nothing is acknowledged",
    "acknowledging": "the claim is about to commit",
    "acknowledged": "the claim has committed",
}
"""In the order in which a batch comes by them; `sliced` only where it has more documents than fit into one piece."""


class Stop:
    """Stops this process the n-th time that it comes by a point."""

    def __init__(self, text: str) -> None:
        self._point, _, times = text.partition(":")
        if self._point not in POINTS or not (times or "1").isdecimal():
            raise SystemExit(
                f"error: {VARIABLE} ({text}) is no point. Use one of {', '.join(POINTS)}, as in claimed:3."
            )
        self._left = int(times or "1")

    def come_by(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            sys.stderr.write(f"stopped at {point}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSTOP)


_stop = Stop(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def reach(point: str) -> None:
    """Tells that a batch has come as far as this. Costs one look at a name of this module where nothing is to stop."""
    if _stop is not None:
        _stop.come_by(point)
