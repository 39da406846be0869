"""A Redis that says exactly what a test wants to hear, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import hiredis

Command = list[bytes]
Answer = Callable[[Command], Awaitable[bytes]]

OK = b"+OK\r\n"


def array(*items: bytes | None) -> bytes:
    """A reply with these values."""
    bulk = (b"$-1\r\n" if item is None else b"$%d\r\n%b\r\n" % (len(item), item) for item in items)
    return b"*%d\r\n%b" % (len(items), b"".join(bulk))


@asynccontextmanager
async def fake_redis(folder: Path, answer: Answer) -> AsyncIterator[str]:
    """The URL of a server that answers every command but the client's greeting with `answer`.

    An empty answer hangs up.
    """

    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(_serve(reader, writer, answer)))

    path = folder / "fake.sock"
    async with await asyncio.start_unix_server(connected, path):
        yield f"unix://{path}"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    try:
        await _converse(reader, writer, answer)
    except ConnectionError:
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    parser = hiredis.Reader()
    while data := await reader.read(65536):
        parser.feed(data)
        while (command := parser.gets()) is not False:
            reply = OK if command[0] == b"CLIENT" else await answer(command)
            if not reply:
                return
            writer.write(reply)
            await writer.drain()
