"""Batches as others learn of them: a line in the log, and a trace, that tie transactions of the ERP to documents."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from projector.build import Outcome, Request
from projector.publish import Published

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger(__name__)

SLOW_SECONDS: Final = 1.0
"""A batch that takes longer has its line at the level info."""
MOST_XIDS: Final = 20
MOST_KEYS: Final = 10
"""What one line, or span, names of them at most."""
_TRACED_XIDS: Final = 100


@dataclass(slots=True)
class Steps:
    """When the steps of a batch began and ended, by the monotonic clock."""

    claiming: float = field(default_factory=time.monotonic)
    claimed: float = 0.0
    building: float = 0.0
    built: float = 0.0
    publishing: float = 0.0
    published: float = 0.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A batch that was acknowledged just now."""

    request: Request
    outcome: Outcome
    published: Published
    steps: Steps


Report = Callable[[Acknowledged], None]


def keep_silent(_: Acknowledged) -> None:
    """Lanes of a command report nothing."""


class Reporter:
    """Reports the batches of one lane."""

    def __init__(self, lane: str, tracer: "Tracer | None" = None) -> None:
        self._lane = lane
        self._tracer = tracer

    def __call__(self, batch: Acknowledged) -> None:
        if batch.request.is_heartbeat:
            return
        ended = time.monotonic()
        trace = None if self._tracer is None else _trace(self._tracer, self._lane, batch, ended)
        level = logging.INFO if ended - batch.steps.claiming > SLOW_SECONDS else logging.DEBUG
        if log.isEnabledFor(level):
            fields = _line(batch, ended) | ({} if trace is None else {"trace_id": trace})
            log.log(level, "published", extra={"lane": self._lane, **fields})


def _line(batch: Acknowledged, ended: float) -> dict[str, Any]:
    request, built = batch.request, batch.outcome.built
    xids = sorted(request.xids)
    fields: dict[str, Any] = {"xids": xids[:MOST_XIDS], "transactions": len(xids)}
    if len(xids) > MOST_XIDS:
        fields["xids_until"] = xids[-1]
    return fields | {
        "claim": request.claim_xid,
        "tables": _tables(request),
        "events": len(request.events),
        "documents": built.documents,
        "changed": batch.published.changed,
        "keys": list(islice(_keys(batch.outcome), MOST_KEYS)),
        "ms": round((ended - batch.steps.claiming) * 1e3, 1),
    }


def _trace(tracer: "Tracer", lane: str, batch: Acknowledged, ended: float) -> str | None:
    """A span of the batch, from when the oldest of its events was written, with one for each step. Returns the id of
    the trace, None where the sampler left it out."""
    from opentelemetry.trace import format_trace_id, set_span_in_context

    steps, request = batch.steps, batch.request
    to_unix = time.time() - time.monotonic()
    written = min(steps.claiming, steps.claimed - max(request.ages, default=0.0))

    def nanoseconds(moment: float) -> int:
        return int((moment + to_unix) * 1e9)

    root: Span = tracer.start_span("batch", start_time=nanoseconds(written), attributes=_attributes(lane, batch))
    if is_sampled := root.is_recording():
        context = set_span_in_context(root)
        resolved = batch.outcome.resolved_at or steps.building
        for name, start, end in (
            ("wait", written, steps.claiming),
            ("claim", steps.claiming, steps.claimed),
            ("resolve", steps.building, resolved),
            ("build", resolved, steps.built),
            ("publish", steps.publishing, steps.published),
            ("acknowledge", steps.published, ended),
        ):
            tracer.start_span(name, context, start_time=nanoseconds(start)).end(nanoseconds(end))
    root.end(nanoseconds(ended))
    return format_trace_id(root.get_span_context().trace_id) if is_sampled else None


def _attributes(lane: str, batch: Acknowledged) -> dict[str, Any]:
    request, built = batch.request, batch.outcome.built
    return {
        "projector.lane": lane,
        "projector.xids": sorted(request.xids)[:_TRACED_XIDS],
        "projector.transactions": len(request.xids),
        "projector.claim": request.claim_xid,
        "projector.tables": _tables(request),
        "projector.events": len(request.events),
        "projector.documents": built.documents,
        "projector.changed": batch.published.changed,
        "projector.keys": list(islice(_keys(batch.outcome), MOST_KEYS)),
    }


def _tables(request: Request) -> list[str]:
    return sorted({event.source for event in request.events})


def _keys(outcome: Outcome) -> Iterable[str]:
    yield from outcome.built.sections
    yield from outcome.built.deleted
