"""Waiting for conditions with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 30.0, what: str = "") -> T:
    """Asks until the condition is true and returns its value; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or condition.__name__} did not come true within {seconds} s")
        time.sleep(0.02)
