"""Serves the read API over HTTP with uvicorn, in one process or several."""

import functools
import math
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from api.app import create_app
from api.processes import Server, Supervisor
from api.protocol import EnvelopeProtocol
from projector import logs
from projector.errors import ServeError, cannot_listen
from projector.settings import Settings
from projector.systemd import Notifier

_BACKLOG = 2048
# Longer than the 60 s for which common load balancers keep an idle connection: the balancer, not
# we, decides when it ends, so no request is sent into a connection that is being closed.
_KEEP_ALIVE_SECONDS = 75
_UNREAD_SECONDS = 60
"""For how long a client may take nothing of what it was sent: without it a client that is gone, or does not read, keeps
its connection for ever."""

_MOST_CONNECTIONS = 2_000
"""Of one process, idle ones included; more are answered with 503. A connection takes some 10 KB."""
_SPARE_FILES = 100

_CAREFUL = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"),
]
"""What browsers are told with every answer where others than this machine are served; /docs and /redoc need scripts."""

_NEEDS_TOKENS = (
    "Without a key for tokens only this machine is served, and {} is another address. Set PROJECTOR_API_JWT_SECRET or "
    "PROJECTOR_API_JWKS, or add --insecure where something else asks who is there."
)

Announce = Callable[[str], None]


def print_line(line: str) -> None:
    """Writes a line to stderr at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    *,
    access_log: bool = False,
    insecure: bool = False,
    announce: Announce = print_line,
) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what it began; ServeError if it cannot listen.

    Port 0 takes a free one. To be called in the main thread.
    """
    settings.redis()
    _check_keys(settings)
    _allow_open_files()
    is_for_all = settings.api_needs_tokens or insecure
    with _listening_socket(host, port, is_for_all) as listener, _serving_metrics(settings) as counts:
        headers = _CAREFUL if is_for_all else []
        config = _configure(settings, workers, headers, access_log=access_log, counts=counts)
        line = f"Listening on {_address(listener)}"
        serve_config = _serve_alone if workers == 1 else _serve_with_workers
        serve_config(config, listener, lambda: announce(line))


def _serving_metrics(settings: Settings) -> AbstractContextManager[Path | None]:
    if not settings.api_admin_port:
        return nullcontext()
    from api.metrics import serving_metrics  # its imports take a tenth of a second

    return serving_metrics(settings)


def _serve_alone(config: uvicorn.Config, listener: socket.socket, started: Callable[[], None]) -> None:
    with _signals_end_quietly():
        Server(config, started, Notifier.from_environment()).run(sockets=[listener])


def _serve_with_workers(config: uvicorn.Config, listener: socket.socket, started: Callable[[], None]) -> None:
    supervisor = Supervisor(config, [listener], started, Notifier.from_environment())
    supervisor.run()
    if not supervisor.has_started:
        raise ServeError(
            f"No worker began to serve ({config.workers} were started). See the errors above, or try with one worker."
        )


def _configure(
    settings: Settings, workers: int, headers: list[tuple[str, str]], *, access_log: bool, counts: Path | None
) -> uvicorn.Config:
    return uvicorn.Config(
        functools.partial(create_app, settings, access_log=access_log, counts=counts, alone=workers == 1),
        factory=True,
        workers=workers,
        loop="uvloop",
        http=EnvelopeProtocol,
        ws="none",
        lifespan="on",
        log_config=logs.configuration(settings, access_log=access_log),
        access_log=False,
        server_header=False,
        headers=headers,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
    )


@contextmanager
def _listening_socket(host: str, port: int, is_for_all: bool) -> Iterator[socket.socket]:
    try:
        listener = _bind(host, port, is_for_all)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise cannot_listen(host, port, reason, "--host or --port") from error
    with listener:
        yield listener


def _bind(host: str, port: int, is_for_all: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as failing:
        listener = failing.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_UNREAD_SECONDS * 1_000))
        listener.bind((host, port))
        if not (is_for_all or _is_local(listener)):
            raise ServeError(_NEEDS_TOKENS.format(host))
        listener.listen(_BACKLOG)
        listener.set_inheritable(True)
        failing.pop_all()
    return listener


def _check_keys(settings: Settings) -> None:
    if settings.api_jwks:
        from api.keys import check_place  # cryptography takes a tenth of a second to import

        check_place(settings.api_jwks)


def _is_local(listener: socket.socket) -> bool:
    """Whether only programs on this machine can reach it."""
    return ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _allow_open_files() -> None:
    """Each connection is an open file, of which many systems allow 1,024 unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _signals_end_quietly() -> Iterator[None]:
    """uvicorn raises the signal that stopped it again: without this the process would die of it."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    handlers = {kind: signal.signal(kind, lambda *_: None) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in handlers.items():
            signal.signal(kind, handler)
