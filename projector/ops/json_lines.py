"""JSON texts as lines, digits and order of keys as they are; and two of them side by side."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TypeAlias

Row: TypeAlias = tuple[str | None, str | None]
"""A line as served and the same line as built; None where there is none."""

MOST_LINES = 1_500
"""Of two texts so much, beside their equal beginnings and ends, are compared line by line; more take too long."""

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def lines(text: str) -> list[str]:
    """Indented by two spaces; what is no JSON comes out somehow."""
    found = [""]
    depth = 0
    before = ""
    for part in _PART.findall(text):
        opened = before in ("{", "[")
        if part in ("}", "]"):
            depth = max(depth - 1, 0)
            if not opened:
                found.append("  " * depth)
        elif opened or before == ",":
            found.append("  " * depth)
        found[-1] += ": " if part == ":" else part
        depth += part in ("{", "[")
        before = part
    return found


def rows(served: str | None, fresh: str | None) -> list[Row]:
    """Both texts line by line, equal lines beside each other."""
    one, other = (lines(text) if text is not None else [] for text in (served, fresh))
    if one == other:
        return [(line, line) for line in one]
    before = _common(one, other)
    after = _common(one[before:][::-1], other[before:][::-1])
    middle = one[before : len(one) - after], other[before : len(other) - after]
    return [
        *((line, line) for line in one[:before]),
        *_compare(*middle),
        *((line, line) for line in one[len(one) - after :]),
    ]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines at the beginning are equal."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _compare(one: Sequence[str], other: Sequence[str]) -> Iterator[Row]:
    if max(len(one), len(other)) > MOST_LINES:
        yield from zip_longest(one, other)
        return
    for _, start, end, start_2, end_2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        yield from zip_longest(one[start:end], other[start_2:end_2])
