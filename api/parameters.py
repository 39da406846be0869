"""What a request may say: path and query parameters, how each is read and described in OpenAPI.

A parameter given twice counts once, with its last value. Unknown query parameters are ignored.
Bytes that are no UTF-8 are replaced.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

from api.errors import Fault, InvalidInput

Value = int | bool | str | None

INT64 = (-(2**63), 2**63 - 1)

# Leading zeros are cut first, because int() refuses very long digits.
_INTEGER = re.compile(r"(-?)0*([0-9]{1,19})")
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
_FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


class Parameter(Protocol):
    """One named value of a request."""

    @property
    def name(self) -> str: ...

    @property
    def location(self) -> str:
        """`path` or `query`."""

    @property
    def required(self) -> bool: ...

    @property
    def description(self) -> str: ...

    def parse(self, text: str | None) -> Value:
        """The value of `text`, which is None where nothing was given; ValueError says the fault."""

    def schema(self) -> dict[str, Any]:
        """The parameter's JSON schema."""


@dataclass(frozen=True, slots=True)
class Id:
    """A required id: a plain decimal integer that fits in 64 bits."""

    name: str
    description: str
    example: int = 42
    location: str = "path"
    required: bool = True

    def parse(self, text: str | None) -> int:
        if text is None:
            raise ValueError("is required")
        number = _integer(text)
        if not INT64[0] <= number <= INT64[1]:
            raise ValueError("must fit in 64 bits")
        return number

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "format": "int64", "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class OptionalId:
    """An id that need not be given."""

    name: str
    description: str
    example: int = 42
    location: str = "query"
    required: bool = False

    def parse(self, text: str | None) -> int | None:
        return None if text is None else Id(self.name, self.description).parse(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "format": "int64", "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Limit:
    """A bounded count."""

    name: str
    description: str
    default: int
    maximum: int
    location: str = "query"
    required: bool = False

    def parse(self, text: str | None) -> int:
        if text is None:
            return self.default
        number = _integer(text)
        if not 1 <= number <= self.maximum:
            raise ValueError(f"must be between 1 and {self.maximum}")
        return number

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": 1, "maximum": self.maximum, "default": self.default}
        return {"type": "integer", **bounds}


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch, on where nothing else is said."""

    name: str
    description: str
    location: str = "query"
    required: bool = False
    default: bool = True

    def parse(self, text: str | None) -> bool:
        if text is None:
            return self.default
        word = text.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError("must be true or false (1/0, yes/no and on/off are read too)")
        return word in _TRUE

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean", "default": self.default}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; the first is the default."""

    name: str
    description: str
    options: tuple[str, ...]
    location: str = "query"
    required: bool = False

    def parse(self, text: str | None) -> str:
        if text is None:
            return self.options[0]
        if text not in self.options:
            raise ValueError(f"must be one of {', '.join(self.options)}")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options), "default": self.options[0]}


@dataclass(frozen=True, slots=True)
class Filter:
    """Free text that narrows a list; empty text does not narrow it."""

    name: str
    description: str
    location: str = "query"
    required: bool = False

    def parse(self, text: str | None) -> str | None:
        return text or None

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


def read_values(parameters: Iterable[Parameter], path: Mapping[str, str], query: bytes) -> tuple[Value, ...]:
    """The values of `parameters`, in their order; InvalidInput names every faulty one."""
    given = read_query(query) if query else {}
    values: list[Value] = []
    faults: list[Fault] = []
    for parameter in parameters:
        text = (path if parameter.location == "path" else given).get(parameter.name)
        try:
            values.append(parameter.parse(text))
        except ValueError as error:
            faults.append(Fault(parameter.name, str(error), text))
    if faults:
        raise InvalidInput(faults)
    return tuple(values)


def read_query(query: bytes) -> dict[str, str]:
    """The last value of each name in a query string, whatever bytes it holds."""
    return dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))


def _integer(text: str) -> int:
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise ValueError("must be a whole number of at most 19 digits")
    return int("".join(match.groups()))
