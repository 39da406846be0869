"""The heartbeat: about one an interval from any number of workers, and none left behind."""

import asyncio

import psycopg

from projector.database import connect
from projector.heartbeat import Heart
from projector.install import install
from projector.names import HEARTBEAT_FIELD, HEARTBEAT_KEY
from projector.pulse import Pulse
from projector.redis_server import open_redis
from projector.settings import Settings


def test_workers_share_one_heartbeat_and_leave_none_behind(installed: Settings, erp: psycopg.Connection) -> None:
    """Also after another `install`, and while capture is paused."""
    install(installed)
    erp.execute("SELECT projector.pause()")
    asyncio.run(_beat(installed, erp))


async def _beat(settings: Settings, erp: psycopg.Connection) -> None:
    pulse = Pulse()
    async with open_redis(settings) as client, await connect(settings, "heartbeat") as connection:
        hearts = [Heart(connection, client, 60, pulse) for _ in range(2)]
        for heart in hearts:
            await heart.prepare()
            await heart.run_once()
        assert [row[:2] for row in _outbox(erp)] == [("heartbeat", "H")]
        assert pulse.beat is None, "nobody published it"
        await client.hset(HEARTBEAT_KEY, HEARTBEAT_FIELD, _outbox(erp)[0][2])
        await hearts[0].feel()
        assert pulse.beat == _outbox(erp)[0][2]
        erp.execute("UPDATE projector.heartbeat SET at = now() + interval '1 hour'")
        await hearts[0].run_once()
        assert len(_outbox(erp)) == 3, "a moment in the future keeps nobody from the next"
        await hearts[0].leave()
        assert _outbox(erp) == []
        await hearts[1].feel()
        assert pulse.beat is None
        await client.hset(HEARTBEAT_KEY, HEARTBEAT_FIELD, 1)
        await Heart(connection, client, 0, pulse).prepare()
        assert not await client.exists(HEARTBEAT_KEY), "where none are sent, none are waited for"


def _outbox(erp: psycopg.Connection) -> list[tuple[str, str, int]]:
    return erp.execute("SELECT source, operation::text, key_1[1] FROM projector.outbox ORDER BY at").fetchall()
