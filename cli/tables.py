"""Tables of plain text: columns side by side, the last one as long as it likes; and how moments stand in them."""

from collections.abc import Sequence
from datetime import UTC, datetime


def render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    )


def instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
