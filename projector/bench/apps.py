"""What the read API is compared with, each on uvicorn as `projector serve` runs it:

answers FILE      a bare ASGI app that answers with the bytes of a file {path: body}
cache-aside URL   the way of most services: GET from Redis, json.loads, FastAPI returns the dict
value URL         a bare ASGI app that answers with the value of the Redis key that the path names
"""

import json
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, cast

import redis.asyncio
import uvicorn
from fastapi import FastAPI

from projector.bench.helper import say

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[..., Awaitable[None]]

ASIDE_KEY = "aside:product:{id}"


def answers(file: str) -> App:
    """Nothing but a look into a dict, and sending."""
    bodies = {path: body.encode() for path, body in json.loads(Path(file).read_text(encoding="utf-8")).items()}

    async def app(scope: dict[str, Any], _: object, send: Send) -> None:
        await _send(send, bodies[scope["path"]])

    return app


def cache_aside(url: str) -> App:
    """One route, as most of us would write it."""
    client = redis.asyncio.Redis.from_url(url)
    app = FastAPI()

    @app.get("/api/mobile/products/{product_id}/complete", response_model=None)
    async def read_product(product_id: int) -> Any:
        stored = await cast("Awaitable[bytes]", client.get(ASIDE_KEY.format(id=product_id)))
        return json.loads(stored)

    return app


def value(url: str) -> App:
    """One GET from Redis for each request."""
    client = redis.asyncio.Redis.from_url(url)

    async def app(scope: dict[str, Any], _: object, send: Send) -> None:
        stored = await cast("Awaitable[bytes | None]", client.get(scope["path"][1:]))
        await _send(send, stored or b"")

    return app


async def _send(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serves one of them on a free port, which it says."""
    kind, argument = sys.argv[1:]
    app = {"answers": answers, "cache-aside": cache_aside, "value": value}[kind](argument)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
    )
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        say(port=listener.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
