"""What the worker's admin port answers: /metrics for Prometheus, /live and /ready for whoever supervises it, and /ops
for people."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from projector.metrics import WorkerMetrics
from projector.ops.feed import Feed
from projector.ops.routes import ops_routes
from projector.settings import Settings
from projector.worker import Worker


class AdminServer(uvicorn.Server):
    """Serves the pages in the running event loop, until cancelled."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        self._feed = Feed(settings, worker)
        app = make_app(worker, WorkerMetrics(settings, worker), ops_routes(settings, worker, self._feed))
        super().__init__(
            uvicorn.Config(
                app,
                http=AdminProtocol,
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )

    async def answer(self, listener: socket.socket) -> None:
        """Until cancelled; then lets the status pages go."""
        feeding = asyncio.create_task(self._feed.run(), name="ops feed")
        try:
            await self.serve(sockets=[listener])
        finally:
            feeding.cancel()
            await self._feed.end()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are the worker's."""
        yield


class AdminProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools; an application can hang up on a client that takes nothing of its answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["hang_up"] = self.transport.abort  # type: ignore[typeddict-unknown-key]


def make_app(worker: Worker, metrics: WorkerMetrics, ops: Sequence[BaseRoute]) -> Starlette:
    """The pages as an ASGI application."""

    async def show_metrics(_: Request) -> Response:
        return Response(await metrics.scrape(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    async def live(_: Request) -> Response:
        stuck = worker.is_stuck
        return JSONResponse({"status": "stuck" if stuck else "live"}, 503 if stuck else 200)

    async def ready(_: Request) -> Response:
        missing = await worker.missing_parts()
        answer = {"status": "waiting" if missing else "ready", "waiting_for": missing}
        return JSONResponse(answer, 503 if missing else 200)

    return Starlette(routes=[Route("/metrics", show_metrics), Route("/live", live), Route("/ready", ready), *ops])
