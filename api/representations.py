"""Representations of an answer: one for each content coding, with the headers that go with it and a strong ETag of its
own."""

from dataclasses import dataclass
from hashlib import blake2b

from api.encodings import CODINGS, IDENTITY, SMALLEST

Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]

_CONTENT_TYPE = (b"content-type", b"application/json; charset=utf-8")
CACHE_CONTROL = (b"cache-control", b"private, no-cache")
VARY = (b"vary", b"Accept-Encoding")
_CONTENT_ENCODING = {coding: (b"content-encoding", coding) for coding in CODINGS}


@dataclass(frozen=True, slots=True)
class Representation:
    """A body in one coding, ready to be sent any number of times. Nobody changes the list of headers."""

    body: bytes
    headers: list[Header]
    etag: bytes | None


def represent(body: bytes, coding: bytes, etag: bytes | None, extra: Headers) -> Representation:
    """A body that is in this coding already, with its headers and these besides."""
    headers = [_CONTENT_TYPE, (b"content-length", b"%d" % len(body)), CACHE_CONTROL]
    if etag is not None:
        headers += [(b"etag", etag), VARY]
    if coding != IDENTITY:
        headers.append(_CONTENT_ENCODING[coding])
    return Representation(body, [*headers, *extra], etag)


def tags_of(body: bytes) -> tuple[bytes, ...]:
    """The ETags of all representations of a body, identity first."""
    etag = b'"%b"' % blake2b(body, digest_size=16).hexdigest().encode()
    return coded_tags(etag) if len(body) >= SMALLEST else (etag,)


def coded_tags(etag: bytes) -> tuple[bytes, ...]:
    """An ETag, and behind it those of the other codings."""
    return (etag, *(coded(etag, coding) for coding in CODINGS))


def coded(etag: bytes, mark: bytes) -> bytes:
    """The ETag of the same in another form."""
    return b'%b-%b"' % (etag[:-1], mark)
