"""Compression: the coding that Accept-Encoding asks for, each with a strong ETag of its own."""

import gzip
from collections.abc import Callable

import pytest
import zstandard
from httpx import AsyncClient

from api.answers import Answer
from api.encodings import SMALLEST, choose, compress
from tests.api.addresses import write_all
from tests.api.store import Store

ADDRESS = "/api/mobile/products/42/complete"
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": zstandard.decompress,
    "identity": bytes,
}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, b"identity"),
        (b"", b"identity"),
        (b"identity", b"identity"),
        (b"gzip", b"gzip"),
        (b"x-gzip", b"gzip"),
        (b"GZIP", b"gzip"),
        (b"br, deflate", b"identity"),
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"zstd, gzip", b"zstd"),
        (b"gzip, deflate", b"gzip"),
        (b"*", b"zstd"),
        (b"*;q=0", b"identity"),
        (b"zstd;q=0, *", b"gzip"),
        (b"gzip;q=1.0, zstd;q=0.5", b"gzip"),
        (b"gzip;q=0.001", b"gzip"),
        (b"gzip;q=0", b"identity"),
        (b"gzip;q=0.000", b"identity"),
        (b"gzip;q=0.5, identity", b"identity"),
        (b"gzip;q=0.5, identity;q=0.4", b"gzip"),
        (b"gzip;q=0.5, identity;q=0.5", b"gzip"),
        (b"identity;q=0", b"identity"),
        (b"identity;q=0, gzip;q=0", b"identity"),
        (b" gzip ; q=1 ,, zstd ;Q=0.9", b"gzip"),
        (b"gzip;q=2", b"identity"),
        (b"gzip;q=0.1234", b"identity"),
        (b"gzip;level=9", b"identity"),
        (b";;;", b"identity"),
        (b"\xff\xfe", b"identity"),
        (b"a," * 5_000 + b"gzip", b"gzip"),
    ],
)
def test_the_coding_that_a_client_asks_for(accepted: bytes | None, coding: bytes) -> None:
    assert choose(accepted) == coding


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
def test_equal_bodies_are_equal_when_compressed(coding: bytes) -> None:
    """A strong ETag promises that."""
    assert compress(b"body" * 500, coding) == compress(b"body" * 500, coding)


@pytest.mark.parametrize(("length", "compressed"), [(SMALLEST - 1, False), (SMALLEST, True)])
def test_a_small_body_is_sent_as_it_is(length: int, compressed: bool) -> None:
    answer = Answer(200, b"x" * length, (b'"tag"',))
    assert (answer.represented(b"gzip") is not answer.represented(b"identity")) is compressed


def test_an_answer_is_compressed_once() -> None:
    answer = Answer(200, b"x" * 1_000, (b'"tag"',))
    assert answer.represented(b"zstd") is answer.represented(b"zstd")


@pytest.mark.anyio
@pytest.mark.parametrize("coding", CODINGS)
async def test_each_coding_has_its_own_headers_and_the_same_content(
    coding: str, store: Store, client: AsyncClient
) -> None:
    write_all(store)
    plain = await client.get(ADDRESS)
    async with client.stream("GET", ADDRESS, headers={"accept-encoding": coding}) as response:
        sent = b"".join([part async for part in response.aiter_raw()])
    assert CODINGS[coding](sent) == plain.content
    assert response.headers["content-length"] == str(len(sent))
    assert response.headers.get("content-encoding", "identity") == coding
    assert response.headers["vary"] == "Accept-Encoding"
    etags = {response.headers["etag"], plain.headers["etag"]}
    assert len(etags) == (1 if coding == "identity" else 2)
    assert not any(etag.startswith("W/") for etag in etags)


@pytest.mark.anyio
@pytest.mark.parametrize("accepted", CODINGS)
@pytest.mark.parametrize("held", CODINGS)
async def test_whichever_representation_a_client_holds_it_need_not_fetch_again(
    held: str, accepted: str, store: Store, client: AsyncClient
) -> None:
    """The 304 names the tag that the client has."""
    write_all(store)
    etag = (await client.get(ADDRESS, headers={"accept-encoding": held})).headers["etag"]
    for known in (etag, f'"other", W/{etag}'):
        headers = {"accept-encoding": accepted, "if-none-match": known}
        response = await client.get(ADDRESS, headers=headers)
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
        assert "content-encoding" not in response.headers


@pytest.mark.anyio
async def test_any_known_is_the_representation_that_would_be_sent(store: Store, client: AsyncClient) -> None:
    write_all(store)
    etag = (await client.get(ADDRESS, headers={"accept-encoding": "gzip"})).headers["etag"]
    response = await client.get(ADDRESS, headers={"accept-encoding": "gzip", "if-none-match": "*"})
    assert (response.status_code, response.headers["etag"]) == (304, etag)


@pytest.mark.anyio
async def test_errors_are_not_compressed(client: AsyncClient) -> None:
    response = await client.get("/api/mobile/products/43/complete", headers={"accept-encoding": "gzip"})
    assert response.status_code == 404
    assert "content-encoding" not in response.headers
