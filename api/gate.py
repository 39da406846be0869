"""What stands between a request and the read model: who asks, whether they may, and how often.

The open gate lets everybody read. The gate with tokens looks at each request's token before anything is answered, from
the near cache too, and at whose the document is after it was read: ownership is then as new as the answer or newer.
"""

import functools
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope

from api.answers import Answer
from api.errors import Forbidden, InsufficientScope, TooManyRequests
from api.identity import READ, REFRESH, Identity
from api.joined import Source
from api.ownership import Ownership
from api.rate_limit import RateLimit
from api.read_model import ReadModel
from api.representations import Header
from api.templates import Question
from projector.settings import Settings

Reader = Callable[[Question], Awaitable[Answer]]
Admit = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Listener:
    """Whoever asks not once, but until they leave."""

    read: Reader
    caller: bytes
    """What their number is limited by: the token, or the client's address where there are none."""
    until: float
    """When they must come anew, in seconds since 1970."""


class Identify(Protocol):
    """Says whose token a request brings; Unauthorized where it brings none that is good."""

    async def identify(self, headers: Iterable[Header]) -> Identity: ...


class Gate(Protocol):
    """Lets requests through, or raises what they are told."""

    is_open: bool

    async def reader(self, scope: Scope, source: Source | None = None) -> Reader:
        """What answers the questions of this request, from the read model or another source."""

    async def listener(self, scope: Scope) -> Listener:
        """The same for a request that stays."""

    async def refresher(self, scope: Scope) -> Admit:
        """What returns for each entity and id of which this request may ask for a rebuild."""


class OpenGate:
    """Everybody may read; each client address may ask for so many rebuilds."""

    is_open = True

    def __init__(self, read_model: ReadModel, limit: RateLimit) -> None:
        self._answer = read_model.answer
        self._limit = limit

    async def reader(self, _: Scope, source: Source | None = None) -> Reader:
        return self._answer if source is None else source.answer

    async def listener(self, scope: Scope) -> Listener:
        return Listener(self._answer, _address(scope), math.inf)

    async def refresher(self, scope: Scope) -> Admit:
        return functools.partial(self._admit, _address(scope))

    async def _admit(self, client: bytes, _: str, __: int) -> None:
        _take(self._limit, client)


class TokenGate:
    """Everybody needs a token with the scope, and some may have only what is theirs."""

    is_open = False

    def __init__(self, read_model: ReadModel, tokens: Identify, limit: RateLimit) -> None:
        self._read_model = read_model
        self._tokens = tokens
        self._limit = limit

    async def reader(self, scope: Scope, source: Source | None = None) -> Reader:
        return functools.partial(self._answer, await self._holder(scope, READ), source or self._read_model)

    async def listener(self, scope: Scope) -> Listener:
        holder = await self._holder(scope, READ)
        return Listener(functools.partial(self._answer, holder, self._read_model), holder.name, holder.until)

    async def refresher(self, scope: Scope) -> Admit:
        return functools.partial(self._admit, await self._holder(scope, REFRESH))

    async def _admit(self, identity: Identity, entity: str, entity_id: int) -> None:
        _take(self._limit, identity.name)
        verdict = identity.judge(entity, entity_id)
        if verdict == "no" or (
            verdict == "ask" and not await Ownership(self._read_model).owns(identity, entity, entity_id)
        ):
            raise Forbidden(entity.capitalize(), entity_id)

    async def _holder(self, scope: Scope, needed: str) -> Identity:
        identity = await self._tokens.identify(scope["headers"])
        if needed not in identity.scopes:
            raise InsufficientScope(needed)
        return identity

    async def _answer(self, identity: Identity, source: Source, question: Question) -> Answer:
        subjects = _subjects(question)
        verdicts = [identity.judge(document, id_) for _, document, id_ in subjects]
        for (noun, _, id_), verdict in zip(subjects, verdicts, strict=True):
            if verdict == "no":
                raise Forbidden(noun, id_)
        answer = await source.answer(question)
        for (noun, document, id_), verdict in zip(subjects, verdicts, strict=True):
            if verdict == "ask" and not await Ownership(source).owns(identity, document, id_):
                raise Forbidden(noun, id_)
        return answer


def _subjects(question: Question) -> list[tuple[str, str, int]]:
    """Noun, document and id of what a question asks about, all of which must be allowed: its document, and the customer
    whose part an address joins to it."""
    template = question.template
    subjects = [(template.noun, template.document, question.document_id)]
    names = [parameter.name for parameter in template.parameters]
    customer = question["customer_id"] if "customer_id" in names else None
    return subjects if customer is None else [*subjects, ("Customer", "customer", int(customer))]


def make_gate(settings: Settings, read_model: ReadModel) -> Gate:
    """The gate that the settings ask for: an open one where they name no key."""
    limit = RateLimit(settings.api_refreshes_per_minute)
    if not settings.api_needs_tokens:
        return OpenGate(read_model, limit)
    from api.tokens import Tokens, Verifier  # cryptography takes a tenth of a second to import

    return TokenGate(read_model, Tokens(Verifier.of(settings)), limit)


def _address(scope: Scope) -> bytes:
    client = scope.get("client")
    return str(client[0] if client else "").encode()


def _take(limit: RateLimit, name: bytes) -> None:
    wait_seconds = limit.take(name)
    if wait_seconds:
        raise TooManyRequests(wait_seconds)
