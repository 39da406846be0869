"""Where the keys of tokens come from: a JWKS file or address that changes, goes away, or holds odd things."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from httpx import AsyncClient
from jwt.algorithms import RSAAlgorithm
from pydantic import SecretStr

from api.app import create_app
from api.errors import KeysUnavailable, Unauthorized
from api.keys import OLD_SECONDS, PAUSE_SECONDS, Keys, check_place, read_keys
from api.tokens import Tokens, Verifier
from projector.errors import SettingsError
from projector.settings import Settings
from tests.api import token_cases as tokens
from tests.api.addresses import write_all
from tests.api.conftest import started
from tests.api.store import Store
from tests.api.token_cases import bearer, token
from tests.api.waiting import until

pytestmark = pytest.mark.anyio


class Issuer:
    """Gives out keys on a port of its own, or an error."""

    def __init__(self) -> None:
        self.body: bytes | None = tokens.jwks(one=tokens.rsa_key())
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(503 if issuer.body is None else 200)
                self.end_headers()
                self.wfile.write(issuer.body or b"")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    thread = threading.Thread(target=issuer.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()
    thread.join()


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def signed(name: str, kid: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", bearer(token(tokens.rsa_key(name), "RS256", kid))["authorization"].encode())]


def tokens_of(keys: Keys) -> Tokens:
    return Tokens(Verifier(None, keys, tokens.AUDIENCE, 30))


async def test_keys_are_read_once_and_again_when_a_token_names_a_new_one_but_not_at_once(issuer: Issuer) -> None:
    clock = Clock()
    known = tokens_of(Keys(issuer.url, clock))
    for _ in range(3):
        await known.identify(signed("rsa", "one"))
    assert issuer.asked == 1
    issuer.body = tokens.jwks(one=tokens.rsa_key(), two=tokens.rsa_key("other"))
    with pytest.raises(Unauthorized):
        await known.identify(signed("other", "two"))
    assert issuer.asked == 1
    clock.now += PAUSE_SECONDS
    await known.identify(signed("other", "two"))
    assert issuer.asked == 2


async def test_a_key_that_is_withdrawn_takes_its_tokens_with_it(issuer: Issuer) -> None:
    clock = Clock()
    keys = Keys(issuer.url, clock)
    known = tokens_of(keys)
    await known.identify(signed("rsa", "one"))
    issuer.body = tokens.jwks(two=tokens.rsa_key("other"))
    clock.now += OLD_SECONDS
    await known.identify(signed("rsa", "one"))  # begins to read, and waits for nothing

    async def has_changed() -> bool:
        return keys.generation == 2

    await until(has_changed)
    with pytest.raises(Unauthorized):
        await known.identify(signed("rsa", "one"))


async def test_known_keys_outlive_their_place_and_unknown_ones_are_a_503(issuer: Issuer) -> None:
    clock = Clock()
    known = tokens_of(Keys(issuer.url, clock))
    await known.identify(signed("rsa", "one"))
    issuer.body = None
    clock.now += OLD_SECONDS
    with pytest.raises(KeysUnavailable):
        await known.identify(signed("other", "two"))
    await known.identify([(b"authorization", bearer(token(tokens.rsa_key(), "RS256"))["authorization"].encode())])
    assert issuer.asked == 2


@pytest.mark.parametrize("body", [None, b"", b"{", b"[]", b'{"keys":[]}', b"[" * 100_000, b'{"keys":{}}', b"\xff"])
async def test_without_keys_answers_are_503_in_the_envelope(body: bytes | None, issuer: Issuer, store: Store) -> None:
    """And right once the keys are there; a token under the secret needs none of them."""
    write_all(store)
    issuer.body = body
    settings = Settings(redis_url=SecretStr(store.url), api_jwks=issuer.url, api_jwt_secret=SecretStr(tokens.SECRET))
    async with started(create_app(settings)) as client:
        response = await get(client, token(tokens.rsa_key(), "RS256", "one"))
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.json()["details"]["code"] == "keys_unavailable"
        assert (await get(client, token())).status_code == 200


async def get(client: AsyncClient, token: str) -> Any:
    return await client.get("/api/mobile/products/42/complete", headers=bearer(token))


def test_only_public_keys_for_signatures_of_the_two_kinds_are_used(tmp_path: Path) -> None:
    good = tokens.jwk(tokens.rsa_key(), "good")
    private = RSAAlgorithm.to_jwk(tokens.rsa_key(), as_dict=True)
    secret = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "secret"}
    other_curve = tokens.jwk(ec.generate_private_key(ec.SECP384R1()), "curve")
    short = tokens.jwk(rsa.generate_private_key(65537, 1024), "short")  # noqa: S505
    odd = [
        private,
        secret,
        other_curve,
        short,
        {**good, "use": "enc"},
        {**good, "alg": "RS512"},
        {},
        None,
        {"kty": "RSA"},
    ]
    path = tmp_path / "jwks"
    path.write_text(json.dumps({"keys": [*odd, good]}))
    assert [(key.kid, key.algorithm) for key in read_keys(str(path))] == [("good", "RS256")]
    path.write_text(json.dumps({"keys": odd}))
    with pytest.raises(ValueError, match="no public RSA key"):
        read_keys(str(path))


@pytest.mark.parametrize(
    ("place", "reason"),
    [("http://issuer/jwks", "between"), ("ftp://issuer/jwks", "between"), ("/nowhere/jwks", "No such file")],
)
def test_a_place_that_cannot_be_used_is_told_at_the_start(place: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        check_place(place)


def test_a_library_that_took_a_token_without_signature_would_be_noticed() -> None:
    """What the tests call unsigned is a token that is taken where nobody looks at the algorithm."""
    unsigned = jwt.encode(tokens.claims(), None, "none")
    assert jwt.decode(unsigned, options={"verify_signature": False})["aud"] == tokens.AUDIENCE
