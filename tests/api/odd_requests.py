"""Requests that no sensible client sends, made from a seed: the same every time."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.api.addresses import DOCUMENT_ADDRESSES, JSON_ADDRESSES, PAGES
from tests.api.test_input import NO_IDS

ADDRESSES = tuple(
    address.encode()
    for address in (
        *DOCUMENT_ADDRESSES,
        *JSON_ADDRESSES,
        *PAGES,
        "/api/mobile/batch?keys=products/42,orders/9/quick,salesperson/3/dashboard",
        "/api/mobile/orders/9/invalidate-cache",
        "/",
        "/nothing",
    )
)
IDS = (
    *(text.encode() for text in NO_IDS if text.isascii()),
    *(b"", b".", b"..", b"%2e%2e", b"%2F", b"*", b"42;x", b"-0", b"007", b"1" * 4000, b"%D9%A4%D9%A2", b"4%32"),
    *(b"%ED%A0%80", b"%C0%80", b"%F4%90%80%80", b"%E2%80%AE", b"'", b"$(x)", b"{id}", b"-9223372036854775808"),
    *(b"\x00", b"\xff\xfe", b"\xd9\xa4\xd9\xa2", b" ", b"\t", b"\r", b"\n", b"<", b'"', b"\\", b"|", b"^"),
)
NAMES = (
    b"limit",
    b"status",
    b"salesperson_id",
    b"date_range",
    b"include_reviews",
    b"include_items",
    b"keys",
    b"x",
    b"",
)
VALUES = (
    *(
        b"",
        b"1",
        b"0",
        b"-1",
        b"true",
        b"FALSE",
        b"maybe",
        b"week",
        b"products/42",
        b"products/1,,",
        b"a=b",
        b"+",
        b"%",
    ),
    *(b"%2", b"%zz", b"%00", b"%FF", b"%D9%85", b"%26", b"%23", b"[]", b"'", b"1" * 300, b"%0d%0aX:1", b"\xd9\x85"),
)
METHODS = (
    *(b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"QUERY", b"PRI", b"get"),
    *(b"Get", b"BREW", b"G" * 3000, b"", b"G\x00T", b"GET\t"),
)
TAGS = (b"*", b'"*"', b"W/", b'"', b'"a", W/"b" ,, "c"', b'"a"' * 3000, b",,,,", b"\xff\xfe", b"W/*", b'"\t"')
CODINGS = (
    *(b"gzip", b"zstd", b"br", b"*", b"identity;q=0", b"*;q=0", b"gzip;q=1.0001", b"gzip;q=", b"x-gzip;q=0.5"),
    *(b"gzip;q=-1", b"gzip;q=nan", b";;;", b"gzip,,zstd", b"gzip;q=0.5;x=1", b"zstd;q=1e9", b"\xff", b"a" * 9000),
)
HEADERS: tuple[tuple[bytes, tuple[bytes, ...]], ...] = (
    (b"If-None-Match", TAGS),
    (b"Accept-Encoding", CODINGS),
    (b"Accept", (b"text/html", b"*/*;q=x", b"\xff")),
    (b"Range", (b"bytes=0-1", b"bytes=-1", b"bytes=9-1", b"lines=1-", b"bytes=" + b"0-1," * 2000)),
    (b"If-Range", TAGS),
    (b"If-Modified-Since", (b"yesterday", b"Thu, 01 Jan 1970 00:00:00 GMT")),
    (b"Host", (b"[", b"", b"a b", b"a:99999", b"\xff", b"//", b"a/b?c#d")),
    (b"X-Request-ID", (b"abc-1", b"a" * 129, b"\xff", b'"', b"a\tb")),
    (b"X-Forwarded-For", (b"1.2.3.4, x", b"\xff")),
    (b"X-HTTP-Method-Override", (b"DELETE",)),
    (b"Cookie", (b"a" * 20_000, b"\xd8\xa7", b";;=")),
    (b"Upgrade", (b"h2c", b"websocket", b"TLS/1.0", b"")),
    (b"Connection", (b"Upgrade", b"Upgrade, HTTP2-Settings", b"keep-alive, close", b"\xff")),
    (b"Expect", (b"100-continue", b"200-ok")),
    (b"Trailer", (b"X-Late",)),
    (b"Content-Type", (b"application/json", b"\xff", b"multipart/form-data")),
    (b"Bad Name", (b"1",)),
    (b"", (b"1",)),
    (b"X", (b"folded\r\n again", b"a\rb", b"a\nb", b"a\x00b", b"\x7f", b"x" * 59_000, b"x" * 66_000)),
)
FRAMINGS: tuple[bytes, ...] = (
    b"Content-Length: 0\r\n\r\n",
    b"Content-Length: 2\r\n\r\n{}",
    b"Content-Length: 2\r\n\r\n{{{{{",
    b"Content-Length: 900\r\n\r\n{}",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: +2\r\n\r\n{}",
    b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
    b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip\r\n\r\nabc",
    b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 2000 + b"0\r\n\r\n",
    b"Content-Length: 200000\r\n\r\n" + b"x" * 200_000,
)
"""The end of a head and a body, not all of which belong together."""


@dataclass(frozen=True, slots=True)
class OddRequest:
    """One request as it is sent, and what is known of it."""

    method: bytes
    target: bytes
    headers: tuple[bytes, ...]
    ending: bytes
    """The end of the head, and the body."""

    @property
    def raw(self) -> bytes:
        return self.as_method(self.method)

    def as_method(self, method: bytes) -> bytes:
        lines = (b"%b %b HTTP/1.1" % (method, self.target), b"Host: api", *self.headers)
        return b"\r\n".join(lines) + b"\r\n" + self.ending


def odd_requests(seed: int, count: int) -> Iterator[OddRequest]:
    """Odd in the target, and often in something else."""
    random = Random(seed)
    for _ in range(count):
        method = random.choice(METHODS) if random.random() < 0.2 else b"GET"
        ending = random.choice(FRAMINGS) if random.random() < 0.2 else b"\r\n"
        yield OddRequest(method, odd_target(random), tuple(_odd_headers(random)), ending)


def odd_target(random: Random) -> bytes:
    """A path and query that are nearly an address of the API."""
    path, _, query = random.choice(ADDRESSES).partition(b"?")
    if random.random() < 0.6:
        path = _odd_path(random, path)
    if random.random() < 0.6:
        query = b"&".join([query, *_odd_pairs(random)][random.randrange(2) :])
    return path + (b"?" + query if query or random.random() < 0.1 else b"")


def _odd_path(random: Random, path: bytes) -> bytes:
    segments = path.split(b"/")
    place = random.randrange(1, len(segments))
    kind = random.randrange(9)
    if kind < 4:
        segments[place] = random.choice(IDS)
    elif kind == 4:
        segments.insert(place, random.choice((b"", b".", b"..", b"%2e", b"x" * 9000)))
    elif kind == 5:
        segments[place] = b"".join(b"%%%02X" % byte for byte in segments[place])
    elif kind == 6:
        segments[place] = segments[place].swapcase()
    elif kind == 7:
        return random.choice((b"http://elsewhere", b"HTTP://u:p@h:1", b"//h", b"h:80", b"*", b"", b"http://")) + path
    else:
        return path + random.choice((b"/", b"//", b"#x", b";x=1", b"%20", b"/../..", b"%00", b"?", b"\\"))
    return b"/".join(segments)


def _odd_pairs(random: Random) -> list[bytes]:
    count = random.choice((1, 1, 2, 3, 8, 3000))
    separator = random.choice((b"=", b"=", b"=", b"", b"==", b"%3D", b"[]="))
    return [random.choice(NAMES) + separator + random.choice(VALUES) for _ in range(count)]


def _odd_headers(random: Random) -> Iterator[bytes]:
    for _ in range(random.choice((0, 0, 1, 1, 2, 5))):
        name, values = random.choice(HEADERS)
        yield name + b": " + random.choice(values)
    if random.random() < 0.03:
        yield from (b"X-%d: y" % number for number in range(3000))
