"""The pulse: whether heartbeats arrive, as one process sees it. Judged by its own clock alone, so that clocks which
differ from host to host do not matter."""

import time


class Pulse:
    """The newest heartbeat that arrived, and when it did."""

    def __init__(self) -> None:
        self.beat: int | None = None
        """Its moment in unix microseconds, by the database's clock; None while none was ever seen."""
        self._seen_at = time.monotonic()

    def observe(self, beat: int | None) -> bool:
        """Takes what Redis holds; says whether it is another one than before. None: nobody sends any."""
        if beat == self.beat:
            return False
        self.beat, self._seen_at = beat, time.monotonic()
        return True

    @property
    def age_seconds(self) -> float:
        """Since the newest one was first seen."""
        return time.monotonic() - self._seen_at

    def is_late(self, limit_seconds: float) -> bool:
        """Whether heartbeats stay away for longer than that; never where none was ever sent, or with a limit of 0."""
        return self.beat is not None and 0 < limit_seconds < self.age_seconds
