"""Bearer tokens: JSON Web Tokens, verified once and remembered until they expire.

A token's claims: `exp` and `aud`, without which none is taken; `nbf` and `iat`, which may not lie ahead; `scope`, words
between spaces or a list of them; and `salesperson_id` or `customer_id`, which restrict what may be read.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import jwt

from api.errors import Unauthorized
from api.identity import Identity
from api.keys import Key, Keys
from api.parameters import INT64
from api.representations import Header
from projector.settings import Settings

LONGEST_TOKEN: Final = 8_192
REMEMBERED_TOKENS: Final = 8_192
_DIGITS = re.compile(r"-?[0-9]{1,19}")
_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9._~+/=-]+) *")
_ODD = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What a token can be met with that somebody made up, or an issuer made badly."""
_REASONS: Final = {
    jwt.ExpiredSignatureError: "The token has expired",
    jwt.ImmatureSignatureError: "The token is not valid yet",
    jwt.InvalidAudienceError: "The token is for another audience",
    jwt.InvalidSignatureError: "The token's signature is wrong",
}


@dataclass(frozen=True, slots=True)
class Verifier:
    """What decides whether a token is good."""

    secret: str | None
    keys: Keys | None
    audience: str
    skew_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "Verifier":
        secret = settings.api_jwt_secret
        keys = Keys(settings.api_jwks) if settings.api_jwks else None
        text = None if secret is None else secret.get_secret_value()
        return cls(text, keys, settings.api_audience, settings.api_clock_skew_seconds)

    async def claims(self, token: str) -> dict[str, Any]:
        """The claims of a good token; Unauthorized says why it is none, KeysUnavailable that nobody can tell."""
        try:
            algorithm, key = await self._key(jwt.get_unverified_header(token))
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.audience,
                leeway=self.skew_seconds,
                options={"require": ["exp", "aud"]},
            )
        except _ODD as error:
            raise Unauthorized(_reason(error)) from None

    async def _key(self, header: dict[str, Any]) -> tuple[str, Any]:
        """A key and its algorithm: the token's own word for that only says in which of two places to look."""
        if header.get("alg") == "HS256":
            if self.secret is None:
                raise Unauthorized("The token's algorithm is not accepted")
            return "HS256", self.secret
        if self.keys is None or header.get("alg") not in ("RS256", "ES256"):
            raise Unauthorized("The token's algorithm is not accepted")
        key: Key | None = await self.keys.find(header.get("kid"))
        if key is None:
            raise Unauthorized("The token's key is not known")
        return key.algorithm, key.public


class Tokens:
    """Whom a request's token stands for. Tokens that were verified are remembered, those seen first forgotten first."""

    def __init__(self, verifier: Verifier, clock: Callable[[], float] = time.time) -> None:
        self._verifier = verifier
        self._clock = clock
        self._verified: OrderedDict[bytes, Identity] = OrderedDict()
        self._generation = 0

    async def identify(self, headers: Iterable[Header]) -> Identity:
        """Unauthorized where there is no good token."""
        token = bearer_token(headers)
        self._follow_keys()
        name = blake2b(token, digest_size=32).digest()
        identity = self._verified.get(name)
        if identity is not None:
            if self._clock() < identity.until:
                return identity
            del self._verified[name]
        claims = await self._verifier.claims(token.decode())
        return self._remember(read_identity(name, claims, self._verifier.skew_seconds))

    def _follow_keys(self) -> None:
        """A key that was withdrawn takes its tokens with it."""
        keys = self._verifier.keys
        if keys is None:
            return
        keys.renew()
        if keys.generation != self._generation:
            self._generation = keys.generation
            self._verified.clear()

    def _remember(self, identity: Identity) -> Identity:
        self._verified[identity.name] = identity
        if len(self._verified) > REMEMBERED_TOKENS:
            self._verified.popitem(last=False)
        return identity


def bearer_token(headers: Iterable[Header]) -> bytes:
    """The token of the one Authorization header; Unauthorized where there is none."""
    given = [value for name, value in headers if name == b"authorization"]
    if not given:
        raise Unauthorized
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if match is None or len(match[1]) > LONGEST_TOKEN:
        raise Unauthorized("The Authorization header holds no bearer token")
    return match[1]


def read_identity(name: bytes, claims: dict[str, Any], skew_seconds: float) -> Identity:
    """What verified claims allow; Unauthorized where one cannot be read, for it may have been a restriction."""
    return Identity(
        name,
        _scopes(claims.get("scope")),
        _id_claim(claims, "salesperson_id"),
        _id_claim(claims, "customer_id"),
        int(claims["exp"]) + skew_seconds,
    )


def _scopes(claim: object) -> frozenset[str]:
    words = claim.split() if isinstance(claim, str) else claim
    return frozenset(word for word in words if isinstance(word, str)) if isinstance(words, list) else frozenset()


def _id_claim(claims: dict[str, Any], name: str) -> int | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not INT64[0] <= value <= INT64[1]:
        raise Unauthorized(f"The token's claim {name} is no id")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim}"
    return next((text for kind, text in _REASONS.items() if isinstance(error, kind)), "The token cannot be used")
