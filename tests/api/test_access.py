"""Each address with each kind of token, with and without near cache."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from httpx import AsyncClient, Response
from pydantic import SecretStr

from api.app import create_app
from api.identity import Identity
from api.models.envelope import Failure
from api.tokens import Tokens, Verifier
from projector.names import DOCUMENTS, REFRESH_STREAM
from projector.settings import Settings
from tests.api import token_cases as tokens
from tests.api.addresses import write_all
from tests.api.conftest import near_cache_on, started
from tests.api.samples import CUSTOMER, ORDER
from tests.api.store import Store
from tests.api.token_cases import ADDRESSES, RESTRICTED, Address, bearer, token
from tests.api.waiting import until

pytestmark = pytest.mark.anyio

KINDS = {
    "HS256": lambda **changes: token(**changes),
    "RS256": lambda **changes: token(tokens.rsa_key(), "RS256", "rsa", **changes),
    "ES256": lambda **changes: token(tokens.ec_key(), "ES256", "ec", **changes),
}


@pytest.fixture
def jwks_file(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_bytes(tokens.jwks(rsa=tokens.rsa_key(), ec=tokens.ec_key()))
    return path


@pytest.fixture(params=[0, 8])
def guarded(request: pytest.FixtureRequest, store: Store, jwks_file: Path) -> Settings:
    """Both kinds of keys, over every sample; without and with near cache."""
    write_all(store)
    return Settings(
        redis_url=SecretStr(store.url),
        api_jwt_secret=SecretStr(tokens.SECRET),
        api_jwks=str(jwks_file),
        near_cache_mb=request.param,
    )


@pytest.fixture
async def warm(guarded: Settings) -> AsyncIterator[AsyncClient]:
    """A client of an application that has answered everything to somebody who may have it."""
    app = create_app(guarded)
    async with started(app) as client:
        if guarded.near_cache_mb:
            await near_cache_on(app)
        for address in ADDRESSES:
            if address.method == "GET":
                assert (await ask(client, address, bearer(token()))).status_code == 200
        yield client


async def ask(client: AsyncClient, address: Address, headers: dict[str, str], method: str | None = None) -> Response:
    return await client.request(method or address.method, f"/api/mobile{address.path}", headers=headers)


def assert_refused(response: Response, status: int, code: str) -> None:
    """In the envelope, with a challenge, and with nothing of a document."""
    failure = Failure.model_validate_json(response.content, strict=True)
    assert (response.status_code, failure.details.code) == (status, code)
    assert response.headers["www-authenticate"].startswith('Bearer realm="mobile-bff"')
    assert "etag" not in response.headers


async def test_each_address_with_each_kind_of_token(warm: AsyncClient, store: Store) -> None:
    """Every way of signing, every restriction and scope, at every address; and all that is no good token at none."""
    for address in ADDRESSES:
        for make in KINDS.values():
            assert (await ask(warm, address, bearer(make()))).is_success
            missing = tokens.BOTH.replace(address.scope, "")
            assert_refused(await ask(warm, address, bearer(make(scope=missing))), 403, "insufficient_scope")
        for name, (claims, opened) in RESTRICTED.items():
            response = await ask(warm, address, bearer(token(**claims)))
            if address.document in opened:
                assert response.is_success, (name, address)
            else:
                assert_refused(response, 403, "forbidden")
        for name, headers in tokens.refused().items():
            response = await ask(warm, address, headers)
            assert response.status_code == 401, (name, address)
            assert_refused(response, 401, "unauthorized")


async def test_what_is_refused_asks_for_no_rebuild(warm: AsyncClient, store: Store) -> None:
    store.redis.delete(REFRESH_STREAM)
    for address in (address for address in ADDRESSES if address.method == "POST"):
        await ask(warm, address, {})
        await ask(warm, address, bearer(token(scope="mobile:read")))
        if address.document != "product":
            await ask(warm, address, bearer(token(customer_id=8)))
    assert store.redis.xlen(REFRESH_STREAM) == 0


async def test_neither_head_nor_if_none_match_nor_odd_spelling_is_a_way_around(warm: AsyncClient) -> None:
    held = await ask(warm, ADDRESSES[1], bearer(token()))
    for path in ("/customers/7/complete", "/customers/007/complete", "/customers/7/complete?include_orders=yes"):
        address = Address(path, "customer")
        for headers in ({}, {"if-none-match": held.headers["etag"]}, {"if-none-match": "*"}):
            own, foreign = bearer(token(customer_id=7)), bearer(token(customer_id=8))
            assert (await ask(warm, address, headers | own)).status_code == (304 if headers else 200)
            assert (await ask(warm, address, headers)).status_code == 401
            assert (await ask(warm, address, headers | foreign)).status_code == 403
            assert (await ask(warm, address, headers | foreign, "HEAD")).status_code == 403


async def test_the_home_page_without_a_customer_is_for_everybody(warm: AsyncClient) -> None:
    """Also to whoever may not have the customer's part of it, nor that of one who does not exist."""
    everybody, foreign = Address("/home?branch_id=2", "shop"), bearer(token(customer_id=8))
    assert (await ask(warm, everybody, foreign)).status_code == 200
    assert (await ask(warm, everybody, bearer(token(salesperson_id=4)))).status_code == 200
    for customer in ("7", "007", "77"):
        for claims in ({"customer_id": 8}, {"salesperson_id": 4}):
            address = Address(f"/home?customer_id={customer}&branch_id=2", "customer")
            assert_refused(await ask(warm, address, bearer(token(**claims))), 403, "forbidden")


async def test_a_batch_is_checked_part_by_part(warm: AsyncClient) -> None:
    keys = "products/42,customers/7,customers/7/orders,orders/9,orders/77,salesperson/3/dashboard,customers/8"
    answer = (await ask(warm, Address(f"/batch?keys={keys}", ""), bearer(token(customer_id=7)))).json()
    assert [item["status"] for item in answer["data"]["items"]] == [200, 200, 200, 200, 403, 403, 403]
    assert all("data" not in item for item in answer["data"]["items"] if item["status"] == 403)
    answer = (await ask(warm, Address(f"/batch?keys={keys}", ""), bearer(token(salesperson_id=4)))).json()
    assert [item["status"] for item in answer["data"]["items"]] == [200, *[403] * 6]


async def test_an_order_is_for_whoever_created_it_and_for_the_salesperson_of_its_customer(
    warm: AsyncClient, store: Store
) -> None:
    address = ADDRESSES[5]
    order = {**json.loads(ORDER["order"]), "salesperson": {"id": 4, "name": "Ali", "phone": None}}
    store.write("bff:order:9:complete", {**ORDER, "order": json.dumps(order)})
    for salesperson, status in ((3, 200), (4, 200), (5, 403)):
        await eventually(warm, address, bearer(token(salesperson_id=salesperson)), status)


async def test_a_customer_that_is_given_to_another_salesperson_goes_at_once(warm: AsyncClient, store: Store) -> None:
    before, after = bearer(token(salesperson_id=3)), bearer(token(salesperson_id=4))
    assert (await ask(warm, ADDRESSES[1], before)).status_code == 200
    assert (await ask(warm, ADDRESSES[4], before)).status_code == 200
    assert (await ask(warm, ADDRESSES[5], before)).status_code == 200
    given = CUSTOMER["customer"].replace('{"id":3,', '{"id":4,')
    store.write("bff:customer:7:complete", {**CUSTOMER, "customer": given})
    for address in (*ADDRESSES[1:7], ADDRESSES[10], *ADDRESSES[14:]):
        await eventually(warm, address, after, 202 if address.method == "POST" else 200)
        assert (await ask(warm, address, before)).status_code == 403


async def test_what_does_not_exist_looks_like_what_is_somebody_elses(warm: AsyncClient) -> None:
    """Except where the id is in the token: it tells nothing."""
    missing = [Address(path, "") for path in ("/orders/77/complete", "/customers/77/complete", "/customers/77/orders")]
    for address in missing:
        assert (await ask(warm, address, bearer(token()))).status_code == 404
        assert_refused(await ask(warm, address, bearer(token(salesperson_id=3))), 403, "forbidden")
        assert_refused(await ask(warm, address, bearer(token(customer_id=7))), 403, "forbidden")
    assert (await ask(warm, missing[1], bearer(token(customer_id=77)))).status_code == 404


async def test_owners_that_a_document_does_not_name_own_nothing(warm: AsyncClient, store: Store) -> None:
    """A customer without salesperson, an order without customer, sections that could not be built."""
    store.write("bff:customer:7:complete", {**CUSTOMER, "customer": '{"id":7,"salesperson":null}'})
    store.write("bff:order:9:complete", {**ORDER, "order": '{"salesperson":null}', "customer": "null"})
    store.write("bff:order:10:complete", {"order": "null"}, degraded=["customer"])
    for claims in ({"salesperson_id": 3}, {"customer_id": 7}):
        for path in ("/orders/9/complete", "/orders/10/complete"):
            await eventually(warm, Address(path, "order"), bearer(token(**claims)), 403)
    await eventually(warm, ADDRESSES[1], bearer(token(salesperson_id=3)), 403)
    assert (await ask(warm, ADDRESSES[1], bearer(token(customer_id=7)))).status_code == 200


async def test_probes_and_the_description_need_no_token(warm: AsyncClient) -> None:
    for path in ("/api/mobile/health", "/api/mobile/ready", "/openapi.json", "/docs", "/redoc"):
        assert (await warm.get(path)).status_code == 200
    assert (await warm.get("/api/mobile/nothing")).status_code == 404


async def test_openapi_tells_of_tokens_where_they_are_asked_for_and_nowhere_else(
    warm: AsyncClient, client: AsyncClient
) -> None:
    described, plain = (await warm.get("/openapi.json")).json(), (await client.get("/openapi.json")).json()
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    guarded = set()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if "security" in operation:
                guarded.add((method, path))
                assert operation["security"] == [{"bearer": ["mobile:read" if method == "get" else "mobile:refresh"]}]
                assert {"401", "403"} <= operation["responses"].keys()
    assert ("get", "/api/mobile/events") in guarded
    assert len(guarded) == len(ADDRESSES) + 1
    assert "securitySchemes" not in plain["components"]
    assert not any(
        "security" in op or "401" in op["responses"] for path in plain["paths"].values() for op in path.values()
    )


async def test_a_token_is_known_until_it_expires_and_not_longer(guarded: Settings, monkeypatch: Any) -> None:
    """Verified once; the signature is not looked at again, the expiry is."""
    verified = []
    decode = jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda *a, **k: verified.append(1) or decode(*a, **k))
    now = [tokens.claims()["exp"] - 600.0]
    known = Tokens(Verifier.of(guarded), clock=lambda: now[0])
    headers = [(b"authorization", bearer(token())["authorization"].encode())]
    first = await known.identify(headers)
    assert await known.identify(headers) is first
    assert len(verified) == 1
    now[0] += 600 + guarded.api_clock_skew_seconds
    await known.identify(headers)
    assert len(verified) == 2


async def test_every_kind_of_document_has_a_rule() -> None:
    """One without is for tokens without restriction alone; say in `Identity.judge` whose it is."""
    holder = Identity(b"", frozenset(), 3, None, 0)
    assert [kind for kind in DOCUMENTS if holder.judge(kind, 3) == "no"] == []


async def eventually(client: AsyncClient, address: Address, headers: dict[str, str], status: int) -> None:
    async def holds() -> bool:
        return (await ask(client, address, headers)).status_code == status

    await until(holds)
