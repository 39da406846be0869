"""What OpenAPI says of bearer tokens, where the API asks for them."""

from collections.abc import Iterator
from typing import Any, Final

from api.errors import ApiError, Forbidden, InsufficientScope, KeysUnavailable, Unauthorized
from api.identity import READ, REFRESH
from api.openapi import failed

_SCHEME: Final = "bearer"
_FAILURE: Final = {"$ref": "#/components/schemas/Failure"}
_CHALLENGE: Final = {
    "WWW-Authenticate": {"description": "What is wrong with the token", "required": True, "schema": {"type": "string"}}
}


def add_tokens(document: dict[str, Any]) -> None:
    """Describes the scheme, and each operation's scope and refusals. Probes need no token."""
    document.setdefault("components", {})["securitySchemes"] = {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"Scope {READ} for documents, {REFRESH} for rebuilds. The claim salesperson_id restricts to"
            " that salesperson's dashboard, customers and orders, customer_id to that customer's documents.",
        }
    }
    for method, operation in _guarded(document):
        operation["security"] = [{_SCHEME: [READ if method == "get" else REFRESH]}]
        responses = operation["responses"]
        for error, description in _refusals(READ if method == "get" else REFRESH):
            responses[str(error[0].status)] = _response(description, error)
        responses["503"]["content"]["application/json"]["examples"] |= _examples(KeysUnavailable())


def _guarded(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in document["paths"].values():
        for method, operation in methods.items():
            if "probes" not in operation["tags"]:
                yield method, operation


def _refusals(scope: str) -> Iterator[tuple[tuple[ApiError, ...], str]]:
    yield (Unauthorized(), Unauthorized("The token has expired")), "No token, or one that is not good"
    yield (InsufficientScope(scope), Forbidden("Order", 789)), "The token is not for this"


def _response(description: str, errors: tuple[ApiError, ...]) -> dict[str, Any]:
    described: dict[str, Any] = dict(failed(description, *errors, headers=_CHALLENGE)[errors[0].status])
    del described["model"]
    described["content"]["application/json"]["schema"] = _FAILURE
    return described


def _examples(*errors: ApiError) -> dict[str, Any]:
    examples: dict[str, Any] = failed("", *errors)[errors[0].status]["content"]["application/json"]["examples"]
    return examples
