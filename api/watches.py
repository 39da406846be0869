"""Which streams of events have to know of which documents' changes."""

from typing import Protocol


class Watcher(Protocol):
    """Whoever watches documents."""

    def touch(self) -> None:
        """A document that it watches may have changed."""


class Watches:
    """Belongs to one event loop; follows the near cache, which hears of every change. Costs a look into a dict for each
    change message."""

    def __init__(self) -> None:
        self.is_in_step = False
        """Whether every change message arrives."""
        self._by_key: dict[bytes, set[Watcher]] = {}
        self._all: dict[Watcher, frozenset[bytes]] = {}

    def watch(self, watcher: Watcher, keys: frozenset[bytes]) -> bool:
        """Watches these documents and no others from now on; whether there is one among them that was not watched."""
        before = self._all.get(watcher, frozenset())
        if keys == before:
            return False
        self._all[watcher] = keys
        for key in keys - before:
            self._by_key.setdefault(key, set()).add(watcher)
        for key in before - keys:
            self._leave(watcher, key)
        return bool(keys - before)

    def forget(self, watcher: Watcher) -> None:
        """Watches nothing any more."""
        for key in self._all.pop(watcher, ()):
            self._leave(watcher, key)

    def change(self, key: bytes) -> None:
        for watcher in self._by_key.get(key, ()):
            watcher.touch()

    def lose(self) -> None:
        if self.is_in_step:
            self.is_in_step = False
            self._touch_all()

    def catch_up(self) -> None:
        self.is_in_step = True
        self._touch_all()

    def _touch_all(self) -> None:
        for watcher in self._all:
            watcher.touch()

    def _leave(self, watcher: Watcher, key: bytes) -> None:
        watchers = self._by_key[key]
        watchers.discard(watcher)
        if not watchers:
            del self._by_key[key]
