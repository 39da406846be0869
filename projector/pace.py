"""Pace: documents that sum up so much that they are not built at every change, but at most once in so long."""

import time
from collections.abc import Collection, Iterable, Mapping

LARGEST_SHARE = 0.1
"""Of a worker's time that one kind may take: where a build takes long, the pause before the next one grows."""
LONGEST_PAUSE_SECONDS = 10.0
"""However long it took: one slow build, of a server that was busy, makes nobody wait for minutes."""


class Pace:
    """When the changes of each paced kind may be turned into documents again; one for each worker."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds
        self._held = dict.fromkeys(seconds, 0.0)

    def due(self, documents: Iterable[str]) -> list[str]:
        """Those of these kinds that nothing holds back."""
        now = time.monotonic()
        return [document for document in documents if self._held.get(document, 0.0) <= now]

    def begin(self, documents: Iterable[str]) -> None:
        """Changes of these kinds have been turned into documents that wait for being built."""
        for document in self._held.keys() & set(documents):
            self._held[document] = time.monotonic() + self._seconds[document]

    def took(self, wanted: Mapping[str, Collection[int]], seconds: float) -> None:
        """A batch with these documents was built in so long. Each counts the same: a first build has many others."""
        each = seconds / max(1, sum(map(len, wanted.values())))
        for document in self._held.keys() & wanted.keys():
            pause = min(each * len(wanted[document]) * (1 / LARGEST_SHARE - 1), LONGEST_PAUSE_SECONDS)
            self._held[document] = max(self._held[document], time.monotonic() + pause)

    def seconds_left(self, otherwise: float) -> float:
        """How long it is until the next kind is let go; `otherwise` where none is held back."""
        now = time.monotonic()
        return min((until - now for until in self._held.values() if until > now), default=otherwise)
