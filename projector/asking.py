"""Asking: which documents a route leads to, and what is taken to be touched where that cannot be asked."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from projector.database import AsyncDatabase, Savepoint, array_literal
from projector.resolve import BoundRoute, Question

log = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
"""A route that could not be asked is asked again after so long."""


class Asker:
    """Asks route queries on a builder's connection. A query that fails because a column or table of the ERP's is gone
    is told of once; what it might lead to counts as touched, all of it. `unanswered` are the routes, by identity, that
    this or another builder could not ask, and when they are asked again (monotonic seconds)."""

    def __init__(self, connection: AsyncDatabase, unanswered: dict[int, float]) -> None:
        self._connection = connection
        self._unanswered = unanswered

    async def documents(self, question: Question, limit: int, *, isolated: bool) -> list[int] | None:
        """The documents that a question's values lead to; None where they are more than `limit`, or the query takes
        too long. BrokenRoute where it cannot be asked."""
        ids = await self._ids(question.route, question.keys, f"LIMIT {limit + 1}", isolated=isolated)
        return None if ids is None or len(ids) > limit else ids

    async def among(
        self, bound: BoundRoute, keys: Sequence[Any], ids: Sequence[int], *, isolated: bool
    ) -> Sequence[int]:
        """Which of these documents a route leads to; all of them where nobody can say."""
        condition = f"AND q.id = ANY (${len(keys) + 1}::bigint[])"
        try:
            found = await self._ids(bound, keys, condition, array_literal(ids), isolated=isolated)
        except BrokenRoute:
            return ids
        return ids if found is None else found

    async def _ids(
        self, bound: BoundRoute, keys: Sequence[Any], condition: str, *more: str, isolated: bool
    ) -> list[int] | None:
        if time.monotonic() < self._unanswered.get(id(bound), 0.0):
            raise BrokenRoute
        query = f"SELECT DISTINCT q.id FROM ({bound.route.question}) AS q (id) WHERE q.id IS NOT NULL {condition}"
        values = [*map(array_literal, keys), *more]
        if not isolated:
            return await self._fetch(query, values)
        async with Savepoint(self._connection) as savepoint:
            return await self._fetch(query, values)
        if not isinstance(savepoint.error, psycopg.errors.QueryCanceled):
            self._remember(bound, savepoint.reason)
            raise BrokenRoute
        return None

    async def _fetch(self, query: str, values: Sequence[str]) -> list[int]:
        cursor = await self._connection.execute(query, values, binary=True)
        return [id_ for (id_,) in await cursor.fetchall()]

    def _remember(self, bound: BoundRoute, reason: str | None) -> None:
        if id(bound) not in self._unanswered:
            log.warning("a route cannot be asked, every change there rebuilds all documents; see projector check",
                        extra={"document": bound.document, "route": str(bound.route),
                               "error": reason})  # fmt: skip
        self._unanswered[id(bound)] = time.monotonic() + AGAIN_SECONDS


class BrokenRoute(Exception):
    """A route's query cannot be asked."""
