"""The worker's admin port: metrics, the status page, and the probes of whoever supervises it. Served by the worker's
own event loop, so that an answer shows that it turns."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from projector.errors import cannot_listen
from projector.settings import Settings
from projector.worker import Worker

if TYPE_CHECKING:
    from projector.admin_pages import AdminServer


@asynccontextmanager
async def open_admin(settings: Settings, worker: Worker) -> AsyncIterator[None]:
    """Serves while the context is open; nothing where PROJECTOR_ADMIN_PORT is 0. ServeError if it cannot listen."""
    if not settings.admin_port:
        yield
        return
    with _listening_socket(settings.admin_host, settings.admin_port) as listener:
        task = asyncio.create_task(_serve(settings, worker, listener), name="admin")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _serve(settings: Settings, worker: Worker, listener: socket.socket) -> None:
    # Imported while the worker connects: it takes a third of a second.
    server = await asyncio.to_thread(_make_server, settings, worker)
    await server.answer(listener)


def _make_server(settings: Settings, worker: Worker) -> "AdminServer":
    from projector.admin_pages import AdminServer

    return AdminServer(settings, worker)


@contextmanager
def _listening_socket(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise cannot_listen(host, port, reason, "PROJECTOR_ADMIN_HOST or PROJECTOR_ADMIN_PORT") from error
    with listener:
        yield listener
