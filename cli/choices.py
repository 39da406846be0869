"""What several commands take: which entities and ids, and what they mean."""

import re
from collections.abc import Sequence
from enum import StrEnum

from projector.errors import BadInput
from projector.names import ENTITIES
from projector.sections import load_documents

_INT64 = range(-(2**63), 2**63)


class Entity(StrEnum):
    """What can be rebuilt and verified; a product includes its detail page, a customer its orders and its part of the
    shop."""

    product = "product"
    customer = "customer"
    order = "order"
    dashboard = "dashboard"
    shop = "shop"


class DocumentKind(StrEnum):
    """Every kind of document."""

    product = "product"
    product_detail = "product_detail"
    customer = "customer"
    customer_orders = "customer_orders"
    shopper = "shopper"
    order = "order"
    dashboard = "dashboard"
    shop = "shop"


class DateRange(StrEnum):
    """The variants of a dashboard."""

    today = "today"
    week = "week"
    month = "month"


def documents_of(entities: Sequence[Entity] | None) -> list[str]:
    """The kinds of documents behind these entities; behind all of them where none is named."""
    chosen = dict.fromkeys(entities or list(Entity))
    return [document for entity in chosen for document in ENTITIES[entity]]


def parse_id(text: str, place: str = "--id") -> int:
    """The id that an option or argument names; BadInput where it is none."""
    number = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else None
    if number is None or number not in _INT64:
        raise BadInput(f"An id is an integer of at most 64 bits, and {text!r} is none. Correct {place}.")
    return number


def complete_table(incomplete: str) -> list[str]:
    """The tables of the ERP that routes start from, for a shell that completes; asks no server."""
    routes = (route for kind in load_documents() for section in kind.sections for route in section.routes)
    return sorted({route.table for route in routes if route.table.startswith(incomplete)})
