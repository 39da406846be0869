"""The public keys that tokens are signed under, from a JWKS file or URL: kept, and read again when one is missing.

The algorithm belongs to the key, never to the token: RSA keys verify RS256, keys on P-256 verify ES256, and no other
key is used.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from api.errors import KeysUnavailable
from projector.errors import SettingsError
from projector.loopback import is_loopback

logger = logging.getLogger(__name__)

PublicKey = RSAPublicKey | EllipticCurvePublicKey

PAUSE_SECONDS: Final = 5.0
"""Keys are read at most once in so long, however many tokens name one that is not known."""
OLD_SECONDS: Final = 300.0
"""After so long they are read again, so that a key which was withdrawn is no longer believed."""
_FETCH_SECONDS = 5.0
_LONGEST_BYTES = 1_048_576
_SHORTEST_RSA_BITS = 2_048


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the only algorithm that it verifies."""

    kid: str | None
    algorithm: str
    public: PublicKey


class Keys:
    """The keys of one place. Read when they are first needed; what was read last stays while the place is away."""

    def __init__(self, place: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.generation = 0
        """Counts how often the keys changed."""
        self._place = place
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._tried_at = float("-inf")
        self._has_failed = False
        self._reading: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> Key | None:
        """The key of this name; of a token that names none, the only key there is.

        KeysUnavailable where it is not known and the keys cannot be read.
        """
        key = self._known(kid)
        if key is None:
            await self._read_again()
            key = self._known(kid)
        if key is None and self._has_failed:
            raise KeysUnavailable
        return key

    def renew(self) -> None:
        """Begins to read keys that are old, and waits for nothing."""
        if self._clock() - self._tried_at >= OLD_SECONDS:
            self._begin()

    def _known(self, kid: str | None) -> Key | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.kid == kid), None)

    async def _read_again(self) -> None:
        if self._clock() - self._tried_at >= PAUSE_SECONDS:
            self._begin()
        if self._reading is not None:
            await asyncio.shield(self._reading)

    def _begin(self) -> None:
        if self._reading is None:
            self._tried_at = self._clock()
            self._reading = asyncio.create_task(self._read(), name="keys")

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(2 * _FETCH_SECONDS):
                keys = await asyncio.to_thread(read_keys, self._place)
        except (OSError, ValueError) as error:
            self._has_failed = True
            logger.warning("The keys for tokens cannot be read (%s): %s", self._place, _reason(error))
        else:
            self._has_failed = False
            if keys != self._keys:
                self._keys = keys
                self.generation += 1
        finally:
            self._reading = None


def check_place(place: str) -> None:
    """SettingsError where keys could never be read from there: an address that is not safe, a file without keys."""
    try:
        if _is_url(place):
            _check_url(place)
        else:
            read_keys(place)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"PROJECTOR_API_JWKS ({place}) cannot be used: {_reason(error)}. "
            "Name a file with a JSON Web Key Set, or an https:// address."
        ) from None


def read_keys(place: str) -> tuple[Key, ...]:
    """Reads a JWKS file or address; OSError or ValueError where there is none, or no key in it can be used."""
    try:
        document = json.loads(_fetch(place) if _is_url(place) else Path(place).read_bytes())
        found = document["keys"]
    except (KeyError, TypeError, RecursionError):
        raise ValueError("it is no JSON Web Key Set") from None
    keys = tuple(_usable(found if isinstance(found, list) else []))
    if not keys:
        raise ValueError("it has no public RSA key of 2048 bits or more, and none on the curve P-256")
    return keys


def _usable(found: list[Any]) -> Iterator[Key]:
    for jwk in found:
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
            continue
        try:
            key = _key(jwk)
        except (PyJWTError, ValueError, TypeError, KeyError):
            key = None
        if key is None:
            logger.debug("A key of the JWKS is not used: kid %r, kty %r", jwk.get("kid"), jwk.get("kty"))
        elif jwk.get("alg", key.algorithm) == key.algorithm:
            yield key


def _key(jwk: dict[str, Any]) -> Key | None:
    """None where it is of a kind that is not used. Private keys are none that anybody should have published."""
    kid = jwk.get("kid")
    name = None if kid is None else str(kid)
    if jwk.get("kty") == "RSA":
        rsa = RSAAlgorithm.from_jwk(jwk)
        if isinstance(rsa, RSAPublicKey) and rsa.key_size >= _SHORTEST_RSA_BITS:
            return Key(name, "RS256", rsa)
    elif jwk.get("kty") == "EC":
        curve = ECAlgorithm.from_jwk(jwk)
        if isinstance(curve, EllipticCurvePublicKey) and isinstance(curve.curve, SECP256R1):
            return Key(name, "ES256", curve)
    return None


class _NoRedirect(HTTPRedirectHandler):
    """A redirect could lead to an address that is not safe."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _fetch(url: str) -> bytes:
    with build_opener(_NoRedirect).open(url, timeout=_FETCH_SECONDS) as response:
        body: bytes = response.read(_LONGEST_BYTES + 1)
    if len(body) > _LONGEST_BYTES:
        raise ValueError(f"it is longer than {_LONGEST_BYTES} bytes")
    return body


def _is_url(place: str) -> bool:
    return "://" in place


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("whoever sits between could give out keys of their own")


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
