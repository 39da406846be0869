"""Tokens of every kind, and what each may have. Keys are made once for the whole run."""

import functools
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

SECRET = "a secret of the tests, of 32 bytes or more"  # noqa: S105
AUDIENCE = "mobile-bff"
BOTH = "mobile:read mobile:refresh"


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token that may do everything; a change to None leaves a claim out."""
    good = {"aud": AUDIENCE, "exp": int(time.time()) + 600, "scope": BOTH, **changes}
    return {name: value for name, value in good.items() if value is not None}


def token(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def rsa_key(name: str = "rsa") -> rsa.RSAPrivateKey:
    """The same key for the same name."""
    return _made_once(name)


@functools.cache
def _made_once(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str | None) -> dict[str, Any]:
    """The public half of a key."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return found | ({} if kid is None else {"kid": kid})


def jwks(**keys: Any) -> bytes:
    return json.dumps({"keys": [jwk(key, kid) for kid, key in keys.items()]}).encode()


def confused() -> str:
    """Signed with HS256, with the public key, which everybody has, as the secret."""
    public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, body, _ = token(kid="rsa").split(".")
    signature = hmac.digest(public, f"{header}.{body}".encode(), "sha256")
    return f"{header}.{body}.{base64url_encode(signature).decode()}"


@dataclass(frozen=True)
class Address:
    """One address of the API, whose the document is, and which scope it takes."""

    path: str
    document: str
    method: str = "GET"

    @property
    def scope(self) -> str:
        return "mobile:read" if self.method == "GET" else "mobile:refresh"


ADDRESSES = (
    Address("/products/42/complete", "product"),
    Address("/customers/7/complete", "customer"),
    Address("/customers/7/quick", "customer"),
    Address("/customers/7/financial", "customer"),
    Address("/customers/7/orders", "customer"),
    Address("/orders/9/complete", "order"),
    Address("/orders/9/quick", "order"),
    Address("/salesperson/dashboard?salesperson_id=3", "dashboard"),
    Address("/batch?keys=products/42", "product"),
    Address("/products/42/invalidate-cache", "product", "POST"),
    Address("/customers/7/invalidate-cache", "customer", "POST"),
    Address("/orders/9/invalidate-cache", "order", "POST"),
    Address("/salesperson/3/dashboard/invalidate-cache", "dashboard", "POST"),
    Address("/products/42", "product"),
    Address("/home?branch_id=2&customer_id=7", "customer"),
    Address("/checkout?customer_id=7&branch_id=2", "customer"),
)
ALL = frozenset({"product", "customer", "order", "dashboard"})
RESTRICTED: dict[str, tuple[dict[str, Any], frozenset[str]]] = {
    "nobody in particular": ({}, ALL),
    "salesperson 3": ({"salesperson_id": 3}, ALL),
    "salesperson 3 as text": ({"salesperson_id": "3"}, ALL),
    "another salesperson": ({"salesperson_id": 4}, frozenset({"product"})),
    "customer 7": ({"customer_id": 7}, frozenset({"product", "customer", "order"})),
    "another customer": ({"customer_id": 8}, frozenset({"product"})),
    "customer 7 of salesperson 3": (
        {"customer_id": 7, "salesperson_id": 3},
        frozenset({"product", "customer", "order"}),
    ),
    "customer 7 of another salesperson": ({"customer_id": 7, "salesperson_id": 4}, frozenset({"product"})),
}
"""Claims, and the documents of `samples` that they open: customer 7, whose salesperson is 3, has order 9."""


def refused() -> dict[str, dict[str, str]]:
    """Headers without a good token, by what is wrong with them."""
    unsigned = jwt.encode(claims(), None, "none")
    return {
        "no token": {},
        "another scheme": {"authorization": "Basic dXNlcjpwYXNz"},
        "two words": {"authorization": f"Bearer {token()} {token()}"},
        "no token after the scheme": {"authorization": "Bearer "},
        "no JWT": bearer("abc"),
        "too long": bearer("a" * 9_000),
        "nested": bearer(base64url_encode(b"[" * 5_000).decode() + ".e30.e30"),
        "unsigned": bearer(unsigned),
        "expired": bearer(token(exp=int(time.time()) - 60)),
        "not valid yet": bearer(token(nbf=int(time.time()) + 60)),
        "without expiry": bearer(token(exp=None)),
        "another audience": bearer(token(aud="another")),
        "without audience": bearer(token(aud=None)),
        "another secret": bearer(token("another secret, also of 32 bytes or more")),
        "another hash": bearer(token(algorithm="HS512", key=SECRET * 2)),
        "signed with the public key as a secret": bearer(confused()),
        "another RSA key": bearer(token(rsa_key("other"), "RS256", "rsa")),
        "an unknown key": bearer(token(rsa_key(), "RS256", "unknown")),
        "no key named, of several": bearer(token(rsa_key(), "RS256")),
        "the key's other algorithm": bearer(token(rsa_key(), "RS512", "rsa")),
        "the other kind of key": bearer(token(ec_key(), "ES256", "rsa")),
        "salesperson_id null": bearer(jwt.encode({**claims(), "salesperson_id": None}, SECRET, "HS256")),
        "salesperson_id true": bearer(token(salesperson_id=True)),
        "customer_id a list": bearer(token(customer_id=[7])),
        "customer_id too long": bearer(token(customer_id=10**30)),
    }
