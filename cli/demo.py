"""projector demo: everything at once, on servers of its own."""

import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer

_ONCE_SECONDS = 5


def demo(
    scale: Annotated[float, typer.Option(min=0.01, max=1000, help="1 is 1,000 products and 10,000 orders.")] = 1.0,
    rate: Annotated[float, typer.Option(min=0.1, max=100_000, help="ERP changes per second.")] = 50.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The API's port; 0 takes a free one.")] = 8000,
    seed: Annotated[int, typer.Option(help="Of the generated data and changes.")] = 1,
    once: Annotated[bool, typer.Option("--once", help="A short round, then exit.")] = False,
) -> None:
    """Run the ERP, the projector and the read API at once, with generated data and a stream of changes.

    Everything runs on an embedded PostgreSQL and an embedded Redis-compatible server, unless
    PROJECTOR_DATABASE_URL (an empty database) and PROJECTOR_REDIS_URL name others. Ctrl-C stops it
    and leaves nothing behind.
    """
    from projector.demo.show import Options, show  # the embedded servers would slow every other command down

    # Ended from outside, everything is taken down as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = Options(scale, rate, port, seed, rounds=_ONCE_SECONDS if once else None)
    with suppress(KeyboardInterrupt):
        show(options, typer.echo, _live)
    if not once:
        typer.echo("\nstopped, nothing was left behind")


def _live(line: str) -> None:
    """One line that renews itself on a terminal, a line each second in a pipe."""
    typer.echo(f"\r{line}" if sys.stdout.isatty() else line, nl=not sys.stdout.isatty())
