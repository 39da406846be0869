"""Content codings: which one a client wants (RFC 9110, 12.5.3), and bodies in it."""

import functools
import re
import zlib
from typing import Final

import zstandard

IDENTITY: Final = b"identity"
GZIP: Final = b"gzip"
ZSTD: Final = b"zstd"
CODINGS: Final = (ZSTD, GZIP)
"""What bodies are compressed with; of two that a client likes equally, the first."""
SMALLEST: Final = 500
"""A shorter body fits in one packet as it is."""

_GZIP_LEVEL = 6
_ZSTD_LEVEL = 6
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's sign for a gzip header; it holds no time, so equal bodies stay equal
_LONGEST_REMEMBERED = 200
_MEMBER = re.compile(rb"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?")
_UNSAID = 0.0001  # identity is acceptable unless refused, but after everything that was asked for


def choose(accepted: bytes | None) -> bytes:
    """The coding that an Accept-Encoding header (None: there is none) asks for."""
    if accepted is None:
        return IDENTITY
    if len(accepted) > _LONGEST_REMEMBERED:
        return _choose(accepted)
    return _choose_remembered(accepted)


def compress(body: bytes, coding: bytes) -> bytes:
    """The body in a coding other than identity."""
    if coding == ZSTD:
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
    return zlib.compress(body, _GZIP_LEVEL, wbits=_GZIP_WINDOW)


def _choose(accepted: bytes) -> bytes:
    weights = _read_weights(accepted)
    others = weights.get(b"*")
    unnamed = others or 0.0
    liked = {coding: weights.get(coding, unnamed) for coding in CODINGS}
    liked[IDENTITY] = weights.get(IDENTITY, _UNSAID if others is None else others)
    best = max(liked, key=liked.__getitem__)
    return best if liked[best] > 0 else IDENTITY


_choose_remembered = functools.lru_cache(maxsize=256)(_choose)


def _read_weights(accepted: bytes) -> dict[bytes, float]:
    """The weight of each coding that is named; what cannot be read names nothing."""
    weights: dict[bytes, float] = {}
    for member in accepted.lower().split(b","):
        if match := _MEMBER.fullmatch(member):
            name, weight = match.groups()
            weights[GZIP if name == b"x-gzip" else name] = 1.0 if weight is None else float(weight)
    return weights
