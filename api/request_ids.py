"""Request ids: the caller's own where it is sensible, else one of ours."""

import os
import re
from itertools import count
from typing import Final

NAME: Final = b"x-request-id"
_SENSIBLE = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_PROCESS = os.urandom(6).hex().encode()
_numbers = count(1)


def make() -> bytes:
    """One of ours: unique over all processes, and in the order in which the requests of one began."""
    return b"%b-%x" % (_PROCESS, next(_numbers))


def read(given: bytes) -> bytes | None:
    """The caller's own, where it is sensible."""
    return given if _SENSIBLE.fullmatch(given) else None
