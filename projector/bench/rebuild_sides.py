"""One kind of document read in full, by one side: `projector KIND` or `psycopg KIND`. Says how many, and how long."""

import sys
import time

import uvloop
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from projector.bench.helper import memory_mb, say
from projector.database import array_literal, connect_blocking
from projector.errors import ProjectorError
from projector.names import SECTIONS
from projector.rebuild import Progress, rebuild
from projector.settings import Settings


class _JsonBytes(Loader):
    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def by_projector(settings: Settings, kind: str) -> tuple[int, float]:
    """Documents, and seconds from the first claim until all of them are live."""
    began: list[float] = []

    def tell(_: Progress) -> None:
        # Told for the first time when the builders begin to claim.
        began.append(time.perf_counter())

    done = uvloop.run(rebuild(settings, [kind], tell=tell))
    ended = time.perf_counter()
    if done.failed:
        raise ProjectorError(f"{done.failed} sections of {kind} could not be built.")
    return done.documents, ended - began[0]


def by_psycopg(settings: Settings, kind: str) -> tuple[int, float]:
    """Documents, and seconds to read all their sections and throw them away."""
    variant = "range, " * (kind == "dashboard")
    due = "(extract(epoch FROM valid_until) * 1000000)::bigint"
    queries = [
        f'SELECT id, {variant}value, {due} FROM projector."{kind}_{section}" WHERE id = ANY ($1::bigint[])'.encode()
        for section in SECTIONS[kind]
    ]
    with connect_blocking(settings, "bench") as connection:
        connection.adapters.register_loader("json", _JsonBytes)
        ids = [id_ for (id_,) in connection.execute(f"SELECT id FROM projector.{kind} ORDER BY id".encode())]
        asked = str(min(len(ids), settings.chunk_size))
        connection.execute("SELECT set_config('projector.asked', $1, false)", (asked,))
        began = time.perf_counter()
        for start in range(0, len(ids), settings.chunk_size):
            chunk = array_literal(ids[start : start + settings.chunk_size])
            for query in queries:
                connection.execute(query, (chunk,), prepare=True).fetchall()
        return len(ids), time.perf_counter() - began


def main() -> None:
    """Says what came of it, and by how many MB the process grew."""
    side, kind = sys.argv[1:]
    before = memory_mb("self")
    documents, seconds = (by_projector if side == "projector" else by_psycopg)(Settings.load(), kind)
    say(documents=documents, seconds=seconds, grown_mb=memory_mb("self", peak=True) - before)


if __name__ == "__main__":
    main()
