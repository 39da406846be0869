"""projector run, projector serve: the two processes of an installation."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
import uvloop

from cli.imports import uncollected
from projector.admin import open_admin
from projector.settings import Settings
from projector.systemd import Notifier
from projector.tasks import end
from projector.tracing import tracing
from projector.worker import Worker

TELL_SECONDS = 0.1

_TO_THIS_MACHINE = "to this machine alone, as no key for tokens is set"
_TO_ALL = "and lets everybody read, as no key for tokens is set"


def run() -> None:
    """Run the worker: keep the documents in Redis in step with the ERP.

    Any number of workers, on any hosts, share the work. SIGTERM or SIGINT stops it after the batch
    in hand; a second one at once. It waits for servers that are away, and says so. With
    PROJECTOR_ADMIN_PORT it answers /ops, /metrics, /live and /ready there. As a service of systemd it
    tells when it has begun to claim, and feeds the watchdog.
    """
    settings = Settings.load()
    settings.database()
    settings.redis()
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    with tracing("projector-worker") as tracer:
        worker = Worker(settings, tracer)
        async with open_admin(settings, worker), _telling_systemd(worker) as notifier:
            await _run(worker, settings, notifier)


@asynccontextmanager
async def _telling_systemd(worker: Worker) -> AsyncIterator[Notifier]:
    """In the worker's own event loop, so that one that hangs is silent."""
    notifier = Notifier.from_environment()
    task = asyncio.create_task(_tell(worker, notifier), name="systemd") if notifier.is_heard else None
    try:
        yield notifier
    finally:
        if task is not None:
            await end(task)


async def _tell(worker: Worker, notifier: Notifier) -> None:
    """Ready as soon as it has begun to claim. Like /live, silent once only a restart may help."""
    while not worker.is_connected:
        if not worker.is_stuck:
            notifier.starts(worker.doing)
        await asyncio.sleep(TELL_SECONDS)
    notifier.ready(worker.doing)
    while True:
        if not worker.is_stuck:
            notifier.turns(worker.doing)
        await asyncio.sleep(TELL_SECONDS)


async def _run(worker: Worker, settings: Settings, notifier: Notifier) -> None:
    task = asyncio.create_task(worker.run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if worker.stopping:
            task.cancel()
        notifier.stops()
        worker.stop()
        loop.call_later(settings.shutdown_seconds, task.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        typer.echo("stopped before the batch in hand was done; it is taken up again", err=True)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that answer.")] = 1,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log every request.")] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen on any address without a key for tokens: everybody may read.")
    ] = False,
) -> None:
    """Run the read API, from Redis alone.

    It starts whether or not Redis is there, and answers 503 until it is. With PROJECTOR_API_JWT_SECRET
    or PROJECTOR_API_JWKS it asks for bearer tokens; without, it listens on loopback addresses alone.
    """
    with uncollected():
        from api import server  # the API's imports would slow the worker down

    settings = Settings.load()
    note = "" if settings.api_needs_tokens else f" ({_TO_ALL if insecure else _TO_THIS_MACHINE})"

    def announce(line: str) -> None:
        server.print_line(line + note)

    server.serve(settings, host, port, workers, access_log=access_log, insecure=insecure, announce=announce)
