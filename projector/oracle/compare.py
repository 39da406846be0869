"""Compares expected data with the JSON of an answer, without losing a digit on the way."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .values import Beyond, RawJson

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:?00)")


class Number(Decimal):
    """A number of a JSON text with its spelling."""

    text: str

    def __new__(cls, text: str) -> "Number":
        try:
            number = super().__new__(cls, text)
        except InvalidOperation:  # an exponent beyond what Decimal holds
            number = super().__new__(cls, "NaN")
        number.text = text
        return number


class Object(dict[str, Any]):
    """An object of a JSON text with its names in their order, repeated ones included."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def parse(body: bytes | str) -> Any:
    """The JSON text as objects and numbers that remember how they were written."""
    return json.loads(
        body,
        object_pairs_hook=Object,
        parse_int=Number,
        parse_float=Number,
        parse_constant=_refuse,
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def differences(expected: Any, actual: Any, *, digits: bool = False) -> list[str]:
    """Where the actual JSON (its bytes, or what a parser made of them) is not the expected data.

    With `digits`, a number must also carry as many decimals as the database gives it. Repeated
    names and the spelling of numbers in JSON columns are seen only in bytes or in `parse` trees.
    """
    if isinstance(actual, bytes):
        actual = parse(actual)
    return list(_compare("", expected, actual, digits))


def _compare(path: str, expected: Any, actual: Any, digits: bool) -> Iterator[str]:
    match expected:
        case dict() if isinstance(actual, dict):
            yield from _compare_objects(path, expected, actual, digits)
        case list() if isinstance(actual, list):
            yield from _compare_lists(path, expected, actual, digits)
        case _:
            if not _is_same(expected, actual, digits):
                shown = _shown(expected)
                yield f"{path or 'data'}: expected {shown}, got {_shown(actual)}"


def _compare_objects(path: str, expected: Any, actual: Any, digits: bool) -> Iterator[str]:
    for name in expected | actual:
        inner = f"{path}.{name}" if path else name
        if name not in actual:
            yield f"{inner}: missing, expected {_shown(expected[name])}"
        elif name not in expected:
            yield f"{inner}: not expected, got {_shown(actual[name])}"
        else:
            yield from _compare(inner, expected[name], actual[name], digits)
    if isinstance(actual, Object) and len(actual.pairs) != len(actual):
        yield f"{path or 'data'}: repeats a field"


def _compare_lists(path: str, expected: Any, actual: Any, digits: bool) -> Iterator[str]:
    if len(expected) != len(actual):
        yield f"{path or 'data'}: expected {len(expected)} items, got {len(actual)}"
    for position, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
        yield from _compare(f"{path}[{position}]", wanted, got, digits)


def _is_same(expected: Any, actual: Any, digits: bool) -> bool:
    match expected:
        case RawJson():
            return _is_same_json(expected.text, actual)
        case bool() | None:
            return actual is expected
        case int() | Decimal():
            return _is_number(actual) and _is_same_number(Decimal(expected), actual, digits)
        case datetime():
            return _instant(actual) == expected
        case date():
            return isinstance(actual, str) and actual == expected.isoformat()
        case Beyond():  # no form of it is laid down
            return actual is None or isinstance(actual, str)
        case str():
            return isinstance(actual, str) and actual == expected
    return False


def _is_number(actual: Any) -> bool:
    return isinstance(actual, int | float | Decimal) and not isinstance(actual, bool)


def _is_same_number(expected: Decimal, actual: Any, digits: bool) -> bool:
    number = Decimal(repr(actual)) if isinstance(actual, float) else Decimal(actual)
    same_decimals = expected.as_tuple().exponent == number.as_tuple().exponent
    return number == expected and (not digits or not expected or same_decimals)


def _instant(actual: Any) -> datetime | None:
    if not isinstance(actual, str) or not INSTANT.fullmatch(actual):
        return None
    try:
        return datetime.fromisoformat(actual).astimezone(UTC)
    except ValueError:
        return None


def _is_same_json(text: str, actual: Any) -> bool:
    if _is_plain(actual):
        return bool(_spelling(json.loads(text, parse_float=Decimal)) == _spelling(actual))
    return bool(_spelling(parse(text)) == _spelling(actual))


def _is_plain(tree: Any) -> bool:
    """Whether a parser that forgets spellings has made the tree."""
    if isinstance(tree, list):
        return any(map(_is_plain, tree))
    return type(tree) in {dict, int, float, Decimal}


def _spelling(tree: Any) -> Any:
    """The tree as nested tuples that are equal only where kinds, digits and orders are."""
    match tree:
        case dict():
            pairs = tree.pairs if isinstance(tree, Object) else tree.items()
            return "object", tuple((name, _spelling(value)) for name, value in pairs)
        case list():
            return "array", tuple(map(_spelling, tree))
        case Number():
            return "number", tree.text
        case bool() | None | str():
            return type(tree).__name__, tree
    return "number", str(tree)


def _shown(value: Any) -> str:
    match value:
        case Number():
            return value.text
        case RawJson():
            return value.text
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
    return repr(value)
