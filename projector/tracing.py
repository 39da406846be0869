"""Tracing by OpenTelemetry: where its standard variables ask for it and the extra `projector[otel]` is installed.

Nothing of it is imported otherwise. Spans go out in the background, by OTLP over HTTP or to the console.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

log = logging.getLogger(__name__)

_WANTED_BY: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER",
)  # fmt: skip
_SHUTDOWN_MILLISECONDS: Final = 2_000


@contextmanager
def tracing(service: str) -> Iterator["Tracer | None"]:
    """What makes spans in this process, which is `service` unless OTEL_SERVICE_NAME says otherwise; None where nobody
    wants any. At the end what is left is sent."""
    if not _is_wanted():
        yield None
        return
    try:
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = _exporter()
    except ImportError:
        log.info("traces are off: install projector[otel], or unset OTEL_*")
        yield None
        return
    resource = Resource.create({SERVICE_NAME: service}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield provider.get_tracer("projector")
    finally:
        provider.force_flush(_SHUTDOWN_MILLISECONDS)
        provider.shutdown()


def _is_wanted() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(os.environ.get(name) for name in _WANTED_BY)


def _exporter() -> "SpanExporter":
    if os.environ.get("OTEL_TRACES_EXPORTER") == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
