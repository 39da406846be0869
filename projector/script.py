"""The Lua scripts of this package."""

import hashlib
from pathlib import Path


class Script:
    """A Lua script, called by its digest and loaded where the server does not know it."""

    def __init__(self, name: str) -> None:
        self.text = (Path(__file__).parent / "lua" / f"{name}.lua").read_text(encoding="utf-8")
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


PUBLISH, DUE = Script("publish"), Script("due")
