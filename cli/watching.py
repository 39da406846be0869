"""projector status --watch: the report renewed on the terminal until somebody has seen enough."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from projector.errors import BadInput, NotInstalled, ProjectorError, SettingsError
from projector.settings import Settings
from projector.status import Status, read_status
from projector.tasks import end, wait_within

Lines = Callable[[Status], list[tuple[str, str]]]
"""A report as names and values."""


def require_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("--watch needs a terminal, and this is none. Leave it out, or take --json.")


async def watch(settings: Settings, interval: float, lines: Lines) -> None:
    """Until q or Ctrl-C. A server that goes away meanwhile is told of, and asked again."""
    seen_enough = asyncio.Event()
    console = Console()
    first = render(await read_status(settings), lines)
    with _key("q", seen_enough), Live(first, console=console, screen=True, auto_refresh=False) as live:
        while not seen_enough.is_set():
            await wait_within(seen_enough, interval)
            looking = asyncio.create_task(_look(settings, lines))
            leaving = asyncio.create_task(seen_enough.wait())
            await asyncio.wait((looking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not seen_enough.is_set():
                live.update(looking.result(), refresh=True)
            await end(looking, leaving)


async def _look(settings: Settings, lines: Lines) -> RenderableType:
    try:
        return render(await read_status(settings), lines)
    except (NotInstalled, SettingsError):
        raise
    except ProjectorError as error:
        return Group(_heading("away"), Text(str(error), style="bold red"))


def render(status: Status, lines: Lines) -> RenderableType:
    """Problems first: a terminal may be too low for all of it."""
    told = lines(status)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in sorted(told, key=lambda line: line[0] != "problem"):
        table.add_row(name, Text(value), style="red" if name == "problem" else "")
    return Group(_heading("all is well" if not status.problems else "something is wrong"), table)


def _heading(state: str) -> Text:
    return Text(f"projector status {datetime.now(UTC):%H:%M:%S}Z, {state}; q ends it", style="reverse")


@contextmanager
def _key(key: str, pressed: asyncio.Event) -> Iterator[None]:
    """Keys come without Enter meanwhile, and Ctrl-C is what it always is."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    loop = asyncio.get_running_loop()

    def read() -> None:
        if key in os.read(terminal, 64).decode(errors="ignore"):
            pressed.set()

    tty.setcbreak(terminal)
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
