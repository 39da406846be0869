"""Everything but a 200 that a client can be told; `code` is what a program should look at.

code                status   when
bad_request         400      what was sent is no HTTP request, or its head is too long
unauthorized        401      no token, or one that is not good; WWW-Authenticate says why
insufficient_scope  403      the token lacks the scope; WWW-Authenticate names it
forbidden           403      the token is for other documents, or there is no such document
not_found           404      the entity does not exist
no_such_path        404      the API has no such address
method_not_allowed  405      the address exists, the method does not; Allow names those that do
invalid_input       422      an id or a parameter cannot be used; `errors` names each
too_many_requests   429      too many rebuilds were asked for, or streams of events opened; try again later
not_built           503      this kind of document was never built; try again later
keys_unavailable    503      the keys that tokens are verified with cannot be read; try again later
unavailable         503      Redis cannot be reached or refuses; try again later
overloaded          503      too many connections, or requests that wait, at once; try again later
not_ready           503      /ready only; `waiting_for` names what is missing
not_reflected       504      what was asked for does not reflect the transaction in `after` yet; try again later
internal_error      500      a fault of the API itself, which its log describes
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Code = Literal[
    "bad_request",
    "unauthorized",
    "insufficient_scope",
    "forbidden",
    "not_found",
    "no_such_path",
    "method_not_allowed",
    "invalid_input",
    "too_many_requests",
    "not_built",
    "unavailable",
    "keys_unavailable",
    "overloaded",
    "not_ready",
    "not_reflected",
    "internal_error",
]

REALM = "mobile-bff"
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one parameter."""

    field: str
    message: str
    value: str | None

    def __str__(self) -> str:
        found = "" if self.value is None else f" ('{shorten(self.value)}')"
        return f"{self.field} {self.message}{found}"

    def as_detail(self) -> dict[str, Any]:
        """The fault as an element of `details.errors`."""
        shown = None if self.value is None else shorten(self.value)
        return {**asdict(self), "value": shown}


class ApiError(Exception):
    """Root of all errors that become an answer in the error envelope."""

    status = 500
    code: Code = "internal_error"
    retry_after_seconds: int | None = None

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = {"code": self.code, **details}

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the answer says beside its body."""
        if self.retry_after_seconds is None:
            return ()
        return ((b"retry-after", b"%d" % self.retry_after_seconds),)


class BadRequest(ApiError):
    """What was sent cannot be read as HTTP."""

    status, code = 400, "bad_request"


class Unauthorized(ApiError):
    """No token, or one that is not good."""

    status, code = 401, "unauthorized"

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "A bearer token is needed")
        self._fault = "" if reason is None else f', error="invalid_token", error_description="{reason}"'

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return (_challenge(self._fault),)


class InsufficientScope(ApiError):
    """The token is good, and not for this."""

    status, code = 403, "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The token lacks the scope {scope}", scope=scope)
        self._scope = scope

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return (_challenge(f', error="insufficient_scope", scope="{self._scope}"'),)


class Forbidden(ApiError):
    """The token is for other documents. The same is said of what does not exist, or ids could be counted."""

    status, code = 403, "forbidden"

    def __init__(self, noun: str, document_id: int) -> None:
        super().__init__(f"The token is not for {noun.lower()} {document_id}", id=document_id)

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return (_challenge(', error="insufficient_scope"'),)


class NotFound(ApiError):
    """The entity does not exist in the ERP."""

    status, code = 404, "not_found"

    def __init__(self, noun: str, document_id: int) -> None:
        super().__init__(f"{noun} {document_id} not found", id=document_id)


class NoSuchPath(ApiError):
    """The API has nothing at this address."""

    status, code = 404, "no_such_path"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is nothing at {shorten(path)}")


class MethodNotAllowed(ApiError):
    """The address exists, but not for this method."""

    status, code = 405, "method_not_allowed"

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        names = ", ".join(allowed)
        super().__init__(f"{shorten(method)} is not possible at {shorten(path)}, only {names} is")
        self.allowed = names

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"allow", self.allowed.encode()),)


class InvalidInput(ApiError):
    """An id or a parameter cannot be used."""

    status, code = 422, "invalid_input"

    def __init__(self, faults: Sequence[Fault]) -> None:
        errors = [fault.as_detail() for fault in faults]
        super().__init__("; ".join(map(str, faults)), errors=errors)


class TooManyRequests(ApiError):
    """More rebuilds were asked for than one caller may."""

    status, code = 429, "too_many_requests"

    def __init__(self, wait_seconds: int) -> None:
        super().__init__("Too many rebuilds were asked for at once")
        self.retry_after_seconds = wait_seconds


class TooManyStreams(ApiError):
    """One caller has more streams of events open than it may."""

    status, code = 429, "too_many_requests"
    retry_after_seconds = 5

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} streams of events are open already, which is the most that one caller may have")


class NotBuilt(ApiError):
    """Documents of this kind have never been built: whether the entity exists is not known."""

    status, code = 503, "not_built"
    retry_after_seconds = 5

    def __init__(self, document: str) -> None:
        kind = document.replace("_", " ")
        super().__init__(f"The {kind} documents have not been built yet", document=document)


class Unavailable(ApiError):
    """Redis cannot be reached, refuses, or holds something that cannot be read."""

    status, code = 503, "unavailable"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("The read model cannot be reached at the moment")


class KeysUnavailable(ApiError):
    """Whether a token is good cannot be told at the moment."""

    status, code = 503, "keys_unavailable"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The keys that tokens are verified with cannot be read at the moment")


class Overloaded(ApiError):
    """More connections, or streams of events, than one process takes."""

    status, code = 503, "overloaded"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("Too many connections at once")


class TooManyWaiting(ApiError):
    """More documents are waited for than one process takes."""

    status, code = 503, "overloaded"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("Too many requests wait for a transaction at once")


class NotReflected(ApiError):
    """The transaction that a request names goes on, or has not arrived in the document."""

    status, code = 504, "not_reflected"
    retry_after_seconds = 1

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The transaction was not reflected within {seconds:g} s")


class NotReady(ApiError):
    """The API answers, but not yet with documents."""

    status, code = 503, "not_ready"
    retry_after_seconds = 1

    def __init__(self, waiting_for: Sequence[str]) -> None:
        names = ", ".join(waiting_for)
        super().__init__(f"Not ready, waiting for {names}", waiting_for=list(waiting_for))


def _challenge(fault: str) -> tuple[bytes, bytes]:
    return (b"www-authenticate", f'Bearer realm="{REALM}"{fault}'.encode())


def shorten(text: str) -> str:
    """`text` as an error message can show it, however much a client sent."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
