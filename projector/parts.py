"""What a session of the worker is made of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from projector.audit import Audit
from projector.build import Outcome
from projector.database import AsyncDatabase
from projector.heartbeat import Heart
from projector.lane import Lane
from projector.pace import Pace
from projector.progress import Progress
from projector.publish import PublishCounts
from projector.pulse import Pulse
from projector.readers import Readers
from projector.shards import Client
from projector.tally import Tally
from projector.timers import Timers
from projector.trigger_watch import TriggerWatch
from projector.wakeup import Signal

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@dataclass(frozen=True, slots=True)
class Lanes:
    """Fresh events; documents that these touched but that take long to build; everything that may wait."""

    live: Lane
    beside: Lane
    backlog: Lane


@dataclass(frozen=True, slots=True)
class Signals:
    """What the parts of a session wait for, besides time."""

    fresh: Signal
    beside: Signal
    queued: Signal
    tick: Signal
    rest: Signal
    pause: Signal
    audit: Signal

    def set_all(self) -> None:
        for signal in (self.fresh, self.beside, self.queued, self.tick, self.rest, self.pause, self.audit):
            signal.set()

    def queued_by(self, outcome: Outcome, pace: Pace) -> None:
        """A batch of fresh events left work for the other lanes."""
        if outcome.beside:
            self.beside.set()
        if outcome.postponed or outcome.fanouts or pace.due(fanout.document for fanout in outcome.paced):
            self.queued.set()


@dataclass(frozen=True, slots=True)
class Connections:
    """Everything a session holds open, by what it is for."""

    listener: AsyncDatabase
    housekeeping: AsyncDatabase
    refresh: AsyncDatabase
    timers: AsyncDatabase
    sleeper: AsyncDatabase
    guard: AsyncDatabase
    heartbeat: AsyncDatabase
    redis: Client


@dataclass(frozen=True, slots=True)
class Memory:
    """What outlives a session."""

    counts: PublishCounts
    tally: Tally
    pulse: Pulse
    tracer: "Tracer | None" = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs beside the lanes, each with a `run_once`; and what holds back the backlog's."""

    timers: Timers
    audit: Audit
    triggers: TriggerWatch
    progress: Progress
    heart: Heart
    readers: Readers
    pace: Pace
