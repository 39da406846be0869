"""A customer's orders: the first `limit` of one stored list, of one status if asked for.

The stored list is enough for any limit with any status. Orders go out as the very text they are
stored as, and total_value is their exact decimal sum.
"""

import json
import re
from collections.abc import Iterator
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from itertools import islice
from typing import Any, NamedTuple

from api.documents import StoredDocument
from api.templates import Question

_OPENING = re.compile(r'\s*\{\s*"orders"\s*:\s*\[\s*')
_SEPARATOR = re.compile(r"\s*[,\]]\s*")
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)


class Order(NamedTuple):
    """One order: the text it is stored as, and what that says."""

    text: str
    fields: dict[str, Any]


def compose_orders(question: Question, document: StoredDocument) -> bytes:
    """`data` of a customer's orders; null members where there is no list at all."""
    section = document.sections["orders"]
    if section is None:
        return b'{"orders":null,"count":null,"total_value":null}'
    status, limit = question["status"], int(question["limit"] or 0)
    chosen = list(islice(_with_status(read_orders(section), status), limit))
    return (
        f'{{"orders":[{",".join(order.text for order in chosen)}]'
        f',"count":{len(chosen)},"total_value":{total_value(chosen):f}}}'
    ).encode()


def read_orders(section: bytes) -> Iterator[Order]:
    """The orders of a section, in its order."""
    text = section.decode()
    opening = _OPENING.match(text)
    if opening is None:
        raise ValueError("the section 'orders' is not an object of orders")
    position = opening.end()
    while position < len(text) and text[position] == "{":
        fields, end = _DECODER.raw_decode(text, position)
        yield Order(text[position:end], fields)
        separator = _SEPARATOR.match(text, end)
        position = separator.end() if separator else len(text)


def total_value(orders: list[Order]) -> Decimal:
    """The exact sum of total_amount, where null counts 0."""
    total = Decimal(0)
    for order in orders:
        total = _EXACT.add(total, order.fields["total_amount"] or Decimal(0))
    return total


def _with_status(orders: Iterator[Order], status: object) -> Iterator[Order]:
    if status is None:
        return orders
    wanted = str(status).upper()
    return (order for order in orders if (order.fields["status"] or "").upper() == wanted)
