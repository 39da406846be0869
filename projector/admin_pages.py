"""What the worker's admin port answers: /metrics for Prometheus, /live and /ready for whoever supervises it."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from projector.metrics import WorkerMetrics
from projector.settings import Settings
from projector.worker import Worker


class AdminServer(uvicorn.Server):
    """Serves the pages in the running event loop, until cancelled."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        app = make_app(worker, WorkerMetrics(settings, worker))
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are the worker's."""
        yield


def make_app(worker: Worker, metrics: WorkerMetrics) -> Starlette:
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

    return Starlette(routes=[Route("/metrics", show_metrics), Route("/live", live), Route("/ready", ready)])
