"""Rebuilds that one caller may ask for, what browsers are told, and where the API listens without a key."""

from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import SecretStr

from api.app import create_app
from api.rate_limit import RateLimit
from api.server import serve
from projector.errors import ServeError, SettingsError
from projector.names import REFRESH_STREAM
from projector.settings import Settings
from tests.api import token_cases as tokens
from tests.api.addresses import PAGES, write_all
from tests.api.conftest import started
from tests.api.store import Store
from tests.api.test_server import Server
from tests.api.token_cases import bearer, token

pytestmark = pytest.mark.anyio

REFRESH = "/api/mobile/products/42/invalidate-cache"
PAGE = "https://shop.example"


async def test_each_token_may_ask_for_so_many_rebuilds_and_each_client_without_tokens(store: Store) -> None:
    """All addresses share the allowance. A refusal asks for nothing, says when to come again, and stops nobody else."""
    for changes in ({}, {"api_jwt_secret": SecretStr(tokens.SECRET)}):
        store.redis.delete(REFRESH_STREAM)
        settings = Settings(redis_url=SecretStr(store.url), api_refreshes_per_minute=3, **changes)
        first, second = bearer(token()), bearer(token(sub="another"))
        async with started(create_app(settings)) as client:
            asked = [await client.post(REFRESH.replace("42", str(n)), headers=first) for n in range(4)]
            assert [answer.status_code for answer in asked] == [202, 202, 202, 429]
            assert asked[3].json()["details"]["code"] == "too_many_requests"
            assert 1 <= int(asked[3].headers["retry-after"]) <= 20
            assert store.redis.xlen(REFRESH_STREAM) == 3
            assert (await client.post(REFRESH, headers=second)).status_code == (202 if changes else 429)


def test_an_allowance_comes_back_with_time_and_never_grows_beyond_itself() -> None:
    now = [0.0]
    limit = RateLimit(30, clock=lambda: now[0])
    assert [limit.take(b"a") for _ in range(31)] == [0] * 30 + [2]
    now[0] += 2
    assert [limit.take(b"a"), limit.take(b"a"), limit.take(b"b")] == [0, 2, 0]
    now[0] += 1_000_000
    assert sum(limit.take(b"a") == 0 for _ in range(100)) == 30
    assert not any(RateLimit(0).take(b"a") for _ in range(1_000))


def test_every_answer_to_other_machines_tells_browsers_to_trust_it_with_little(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents, refusals, pages, and what never reaches the application."""
    monkeypatch.setenv("PROJECTOR_API_JWT_SECRET", tokens.SECRET)
    write_all(store)
    server = Server(store.url)
    try:
        for path in ("/api/mobile/products/42/complete", "/openapi.json", *PAGES, "/nothing"):
            for headers in (bearer(token()), {}):
                _assert_careful(dict(server.get(path, **headers).getheaders()))
        head = server.exchange(b"no HTTP\r\n\r\n").partition(b"\r\n\r\n")[0].decode()
        _assert_careful(dict(line.split(": ") for line in head.splitlines()[1:]))
    finally:
        server.stop()


def _assert_careful(headers: dict[str, str]) -> None:
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "no-referrer")


async def test_no_web_page_may_read_unless_its_origin_is_set(store: Store, client: AsyncClient) -> None:
    write_all(store)
    path = "/api/mobile/products/42/complete"
    preflight = {
        "origin": PAGE,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    assert not _cors(await client.get(path, headers={"origin": PAGE}))
    assert (await client.options(path, headers=preflight)).status_code == 405
    secret = SecretStr(tokens.SECRET)
    settings = Settings(
        redis_url=SecretStr(store.url), api_cors_origins=f"https://a.example, {PAGE}", api_jwt_secret=secret
    )
    async with started(create_app(settings)) as shared:
        answer = await shared.options(path, headers=preflight)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, PAGE)
        assert "Authorization" in answer.headers["access-control-allow-headers"]
        for headers, status in ((bearer(token()), 200), ({}, 401)):
            answer = await shared.get(path, headers={"origin": PAGE, **headers})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, PAGE)
            assert "Origin" in answer.headers["vary"]
        for origin in ("https://evil.example", "null", f"{PAGE}.evil.example"):
            assert not _cors(await shared.get(path, headers={"origin": origin, **bearer(token())}))
            assert (await shared.options(path, headers={**preflight, "origin": origin})).status_code == 405


def _cors(answer: Any) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_without_a_key_no_other_machine_is_served(host: str, store: Store) -> None:
    """Refused before anything listens."""
    with pytest.raises(ServeError, match="--insecure"):
        serve(Settings(redis_url=SecretStr(store.url)), host, 0)


def test_a_short_secret_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROJECTOR_API_JWT_SECRET", "too-short-secret")
    with pytest.raises(SettingsError, match="32 bytes") as caught:
        Settings.load()
    assert "too-short" not in str(caught.value)
