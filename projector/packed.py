"""Calls of a script, packed and sent in one piece to each server that holds their keys."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import redis.asyncio
from hiredis import pack_command
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, SlotNotCoveredError, TryAgainError

from projector.script import Script
from projector.shards import Client, slot_of

Arguments = Sequence[Any]
"""Of one call: its keys, all of them in one slot, then the others."""
_ELSEWHERE = AskError | MovedError | TryAgainError | ClusterDownError


async def call(client: Client, script: Script, keys: int, calls: Sequence[Arguments]) -> list[Any]:
    """The answers, in the order of the calls, which must bear being repeated. Packed by hiredis: the library's own
    pipeline takes three times as long to put documents on the wire, which is most of what publishing costs us."""
    head = ("EVALSHA", script.digest, keys)
    if isinstance(client, redis.asyncio.RedisCluster):
        answers = await _call_shards(client, head, calls)
        answers = await _follow(client, script, keys, calls, answers)
    else:
        pool = client.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            answers = await _exchange(connection, head, calls)
        finally:
            await pool.release(connection)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


async def _call_shards(client: redis.asyncio.RedisCluster, head: Arguments, calls: Sequence[Arguments]) -> list[Any]:
    """All shards at the same time; after a failure of one, those of the others are awaited, too."""
    parts = _by_node(client, calls)
    done = await asyncio.gather(
        *(_call_node(node, head, [calls[place] for place in places]) for node, places in parts.items()),
        return_exceptions=True,
    )
    answers: list[Any] = [None] * len(calls)
    for places, part in zip(parts.values(), done, strict=True):
        if isinstance(part, BaseException):
            raise part
        for place, answer in zip(places, part, strict=True):
            answers[place] = answer
    return answers


def _by_node(client: redis.asyncio.RedisCluster, calls: Sequence[Arguments]) -> dict[ClusterNode, list[int]]:
    slots = client.nodes_manager.slots_cache
    parts: dict[ClusterNode, list[int]] = {}
    for place, arguments in enumerate(calls):
        slot = slot_of(arguments[0])
        if not (nodes := slots.get(slot)):
            raise SlotNotCoveredError(f"slot {slot} belongs to no server")
        parts.setdefault(nodes[0], []).append(place)
    return parts


async def _call_node(node: ClusterNode, head: Arguments, calls: Sequence[Arguments]) -> list[Any]:
    connection = node.acquire_connection()
    try:
        await node.disconnect_if_needed(connection)
        return await _exchange(connection, head, calls)
    finally:
        node.release(connection)


async def _follow(
    client: redis.asyncio.RedisCluster,
    script: Script,
    keys: int,
    calls: Sequence[Arguments],
    answers: list[Any],
) -> list[Any]:
    """Repeats one by one what was sent to a server that does not hold the slot, as the library follows redirections;
    with the script's text, since a server that is just getting its first slots does not know it."""
    if any(isinstance(answer, MovedError) for answer in answers):
        await client.nodes_manager.initialize()
    return [
        await client.execute_command("EVAL", script.text, keys, *arguments)
        if isinstance(answer, _ELSEWHERE)
        else answer
        for arguments, answer in zip(calls, answers, strict=True)
    ]


async def _exchange(connection: Any, head: Arguments, calls: Sequence[Arguments]) -> list[Any]:
    packed = b"".join([pack_command((*head, *arguments)) for arguments in calls])
    try:
        await connection.send_packed_command(packed)
        return await _answers(connection, len(calls))
    except BaseException:
        # Answers that nobody reads would be taken for the next command's.
        await connection.disconnect(nowait=True)
        raise


async def _answers(connection: Any, number: int) -> list[Any]:
    """Under one time-out: a timer for each costs as much as reading the answer."""
    try:
        async with asyncio.timeout(connection.socket_timeout):
            return [await _answer(connection) for _ in range(number)]
    except TimeoutError:
        raise redis.exceptions.TimeoutError("Timeout reading from the server") from None


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:
        return error
