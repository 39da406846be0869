"""Opening a session: its connections, what is installed, and its parts put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from projector.audit import Audit
from projector.backlog import Backlog
from projector.batches import Reporter
from projector.build import Builder, Outcome
from projector.database import AsyncDatabase, connect, limit_statements
from projector.deadletters import DeadLetters
from projector.drift import Verifier
from projector.heartbeat import Heart
from projector.horizon import Horizon
from projector.installed import load_router
from projector.lane import BUILDERS, CLAIMS, Lane, Queue, ignore
from projector.names import DOCUMENTS, PACED
from projector.outbox import Beside, Outbox
from projector.pace import Pace
from projector.parts import Connections, Lanes, Memory, Parts, Signals
from projector.progress import Progress
from projector.publish import Publisher, Replicas
from projector.readers import Asked, Readers
from projector.redis_server import open_redis
from projector.session import Session, flows
from projector.settings import Settings
from projector.state import agree_on_epoch, notice_empty_redis
from projector.tally import SectionTally, Totals
from projector.timers import Timers
from projector.trigger_watch import TriggerWatch
from projector.wakeup import Signal


@asynccontextmanager
async def open_session(settings: Settings, stopping: asyncio.Event, memory: Memory) -> AsyncIterator[Session]:
    """Connects to both servers and loads the installed definitions; closes everything in reverse order."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings))
        router, installation = await asyncio.to_thread(load_router, settings)

        guarded: list[AsyncDatabase] = []

        async def database(purpose: str, *, snapshots: bool = False, quick: bool = False) -> AsyncDatabase:
            connection = await connect(settings, purpose, snapshots=snapshots, quick=quick)
            if not quick:
                guarded.append(connection)
            return await stack.enter_async_context(connection)

        connections = Connections(
            listener=await database("listen", quick=True),
            housekeeping=await database("housekeeping"),
            refresh=await database("refresh"),
            timers=await database("timers"),
            sleeper=await database("sleeper"),
            guard=await database("guard", quick=True),
            heartbeat=await database("heartbeat"),
            redis=client,
        )
        dead_letters = DeadLetters()
        publisher = Publisher(client, settings.tombstone_seconds, memory.counts, replicas=Replicas.of(settings))
        await publisher.load_scripts()
        await dead_letters.refresh(connections.housekeeping)
        epoch = await agree_on_epoch(connections.housekeeping, client)
        # Before anything is claimed: all documents that an empty Redis asks for may be waiting already for their first
        # build. Whoever asks while that is in hand has them built twice.
        await notice_empty_redis(connections.housekeeping, client)

        horizon = Horizon()
        signals = Signals(*(Signal(stopping) for _ in range(7)))

        def builder_on(connection: AsyncDatabase, sections: SectionTally | None = None) -> Builder:
            return Builder(
                connection, router, epoch=epoch, wide_fanout=settings.wide_fanout, horizon=horizon,
                row_timeout_seconds=settings.row_timeout_seconds, letters=dead_letters.letters, mark=installation.mark,
                sections=sections,
            )  # fmt: skip

        async def lane(
            name: str, queue: Queue, totals: Totals, queued: Callable[[Outcome], None] = ignore,
            *, builders: int = 1, claims: int = 2,
        ) -> Lane:  # fmt: skip
            builds = [await database(f"{name} build", snapshots=True) for _ in range(builders)]
            if name != "backlog":
                await limit_statements(builds[0], settings.row_timeout_seconds)
            made = Lane(
                queue, [builder_on(build, memory.tally.sections) for build in builds], publisher, dead_letters, router,
                [await database(f"{name} claim") for _ in range(claims)], queued, totals,
                Reporter(name, memory.tracer),
            )  # fmt: skip
            await made.prepare()
            return made

        pace = Pace(PACED)

        def tell(outcome: Outcome) -> None:
            signals.queued_by(outcome, pace)

        live = await lane("live", Outbox(settings.claim_limit, horizon, lambda: live.behind), memory.tally.live, tell)
        await live.declare_broken()
        backlog = Backlog(router, client, settings.chunk_size, DOCUMENTS, lambda: flows(live), pace)
        lanes = Lanes(
            live=live,
            beside=await lane("beside", Beside(settings.claim_limit, horizon, router), memory.tally.beside, tell),
            backlog=await lane("backlog", backlog, memory.tally.backlog, builders=BUILDERS, claims=CLAIMS),
        )
        audit_connection = await database("audit", snapshots=True)
        builder = builder_on(audit_connection)
        await builder.prepare()
        verifier = Verifier(audit_connection, client, router, builder)
        asked = Asked(router)
        readers_build = await database("readers build", snapshots=True)
        await limit_statements(readers_build, settings.row_timeout_seconds)
        readers_builder = builder_on(readers_build)
        readers_claim = await database("readers claim")
        readers_lane = Lane(
            asked, [readers_builder], publisher, dead_letters, router, [readers_claim],
            report=Reporter("readers", memory.tracer),
        )  # fmt: skip
        await readers_lane.prepare()
        parts = Parts(
            timers=Timers(connections.timers, client, publisher, router),
            audit=Audit(audit_connection, client, router, verifier, publisher),
            triggers=TriggerWatch(connections.housekeeping, router),
            progress=Progress(connections.housekeeping, [lanes.backlog.totals]),
            heart=Heart(connections.heartbeat, client, settings.heartbeat_seconds, memory.pulse),
            readers=Readers(
                readers_claim, client, readers_builder, readers_lane, asked, settings.redis_timeout_seconds
            ),
            pace=pace,
        )
        yield Session(
            connections, guarded, lanes, signals, dead_letters, parts, memory, installation.mark, settings, stopping
        )
