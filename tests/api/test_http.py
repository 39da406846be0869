"""What HTTP promises: content type, ETag, If-None-Match, HEAD, Allow."""

import pytest
from httpx import AsyncClient

from tests.api.addresses import DOCUMENT_ADDRESSES, JSON_ADDRESSES, PAGES, write_all
from tests.api.samples import PRODUCT, without_id
from tests.api.store import BUILT_US, Store, orders, version

pytestmark = pytest.mark.anyio

PRODUCT_ADDRESS = "/api/mobile/products/42/complete"
REFRESH_ADDRESS = "/api/mobile/products/42/invalidate-cache"


@pytest.mark.parametrize("address", JSON_ADDRESSES)
async def test_every_json_answer_has_these_headers_and_no_others(
    address: str, store: Store, client: AsyncClient
) -> None:
    write_all(store)
    response = await client.get(address)
    assert response.status_code == 200
    headers = dict(response.headers)
    assert headers.pop("etag").strip('"').isalnum()
    assert headers.pop("x-request-id")
    assert headers == {
        "content-type": "application/json; charset=utf-8",
        "content-length": str(len(response.content)),
        "cache-control": "private, no-cache",
        "vary": "Accept-Encoding",
    }


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/api/mobile/products/43/complete", 404),
        ("GET", "/api/mobile/nothing", 404),
        ("GET", "/", 404),
        ("DELETE", PRODUCT_ADDRESS, 405),
        ("GET", REFRESH_ADDRESS, 405),
        ("GET", "/api/mobile/products/abc/complete", 422),
        ("POST", REFRESH_ADDRESS, 202),
    ],
)
async def test_every_other_answer_is_json_in_the_envelope_without_etag(
    method: str, address: str, status: int, client: AsyncClient
) -> None:
    response = await client.request(method, address)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["cache-control"] == "private, no-cache"
    assert "etag" not in response.headers
    answer = response.json()
    assert answer["success"] is (status == 202)
    if not answer["success"]:
        assert list(answer) == ["success", "error", "details"]
        assert answer["error"]


@pytest.mark.parametrize("address", [*JSON_ADDRESSES, *PAGES])
async def test_head_is_get_without_the_body(address: str, store: Store, client: AsyncClient) -> None:
    write_all(store)
    get, head = await client.get(address), await client.head(address)
    assert (head.status_code, without_id(head.headers)) == (get.status_code, without_id(get.headers))
    assert head.content == b""
    assert int(head.headers["content-length"]) == len(get.content) > 0


@pytest.mark.parametrize("address", ["/api/mobile/products/43/complete", "/api/mobile/orders/x/quick", "/nothing"])
async def test_head_fails_as_get_does(address: str, client: AsyncClient) -> None:
    get, head = await client.get(address), await client.head(address)
    assert (head.status_code, without_id(head.headers)) == (get.status_code, without_id(get.headers))
    assert head.content == b""


@pytest.mark.parametrize(
    ("method", "address", "allow"),
    [
        *(("POST", address, "GET, HEAD") for address in [*JSON_ADDRESSES, *PAGES]),
        ("OPTIONS", PRODUCT_ADDRESS, "GET, HEAD"),
        ("BREW", PRODUCT_ADDRESS, "GET, HEAD"),
        ("GET", REFRESH_ADDRESS, "POST"),
        ("HEAD", REFRESH_ADDRESS, "POST"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(
    method: str, address: str, allow: str, client: AsyncClient
) -> None:
    response = await client.request(method, address)
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    if method != "HEAD":
        assert response.json()["details"] == {"code": "method_not_allowed"}
        assert response.json()["error"].endswith(f"only {allow} is")


@pytest.mark.parametrize("address", DOCUMENT_ADDRESSES)
async def test_a_client_that_has_the_answer_gets_304(address: str, store: Store, client: AsyncClient) -> None:
    write_all(store)
    etag = (await client.get(address)).headers["etag"]
    for method in ("GET", "HEAD"):
        response = await client.request(method, address, headers={"if-none-match": etag})
        assert (response.status_code, response.content) == (304, b"")
        assert without_id(response.headers) == {
            "etag": etag,
            "cache-control": "private, no-cache",
            "vary": "Accept-Encoding",
        }


@pytest.mark.parametrize(
    ("template", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ('"other",W/{etag} , "third"', 304),
        ("*", 304),
        (" * ", 304),
        ('"other"', 200),
        ('W/"other"', 200),
        ("", 200),
        ("nonsense", 200),
        ('"', 200),
        ('"*"', 200),
        ("{bare}", 200),
    ],
)
async def test_if_none_match_is_a_list_compared_weakly(
    template: str, status: int, store: Store, client: AsyncClient
) -> None:
    store.write("bff:product:42:complete", PRODUCT)
    etag = (await client.get(PRODUCT_ADDRESS)).headers["etag"]
    known = template.format(etag=etag, bare=etag.strip('"'))
    response = await client.get(PRODUCT_ADDRESS, headers={"if-none-match": known})
    assert response.status_code == status


async def test_if_none_match_may_come_in_several_headers(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT)
    etag = (await client.get(PRODUCT_ADDRESS)).headers["etag"]
    headers = [("if-none-match", '"other"'), ("if-none-match", etag)]
    assert (await client.get(PRODUCT_ADDRESS, headers=headers)).status_code == 304


async def test_the_etag_changes_exactly_with_the_answer(store: Store, client: AsyncClient) -> None:
    """Another F with the same bytes is the same answer; other bytes, flags or times are not."""

    async def etag(query: str = "") -> str:
        return (await client.get(PRODUCT_ADDRESS + query)).headers["etag"]

    store.write("bff:product:42:complete", PRODUCT)
    first = await etag()
    store.redis.hset("bff:product:42:complete", "product@", version(next(orders)))
    assert await etag() == first
    assert await etag("?unknown=1") == first
    without_reviews = await etag("?include_reviews=false")
    store.redis.hset("bff:product:42:complete", "images", "[]")
    other_bytes = await etag()
    store.write("bff:product:42:complete", PRODUCT, built_us=BUILT_US + 1)
    assert len({first, without_reviews, other_bytes, await etag()}) == 4


async def test_a_304_is_never_given_for_what_is_gone(store: Store, client: AsyncClient) -> None:
    store.write("bff:product:42:complete", PRODUCT)
    store.bury("bff:product:42:complete")
    response = await client.get(PRODUCT_ADDRESS, headers={"if-none-match": "*"})
    assert response.status_code == 404


async def test_an_address_with_a_slash_more_does_not_exist(client: AsyncClient) -> None:
    response = await client.get("/api/mobile/health/")
    assert response.status_code == 404
    assert response.json() == {
        "success": False,
        "error": "There is nothing at /api/mobile/health/",
        "details": {"code": "no_such_path"},
    }


async def test_a_fault_of_the_api_is_an_envelope_without_its_traceback(store: Store, client: AsyncClient) -> None:
    store.write("bff:customer:7:orders", {"orders": "not what the projector writes"})
    response = await client.get("/api/mobile/customers/7/orders")
    assert response.status_code == 500
    assert response.json() == {
        "success": False,
        "error": "The API failed to answer",
        "details": {"code": "internal_error"},
    }
