"""Seldom: how often something that repeats itself is told."""

import time
from collections.abc import Hashable

SECONDS = 5.0
"""The same is not told again sooner."""


class Seldom:
    """Tells apart the first of a kind, and one now and then, from those between, which are only counted."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._told_at: dict[Hashable, float] = {}
        self._counts: dict[Hashable, int] = {}

    def count(self, kind: Hashable) -> int:
        """One more of a kind, of which there are few: how many there were since it was last told if it is to be told
        now, else 0."""
        count = self._counts.get(kind, 0) + 1
        now = time.monotonic()
        told_at = self._told_at.get(kind)
        if told_at is not None and now - told_at < self._seconds:
            self._counts[kind] = count
            return 0
        self._told_at[kind], self._counts[kind] = now, 0
        return count
