"""What several commands take: which entities and ids, and what they mean."""

import re
from collections.abc import Sequence
from enum import StrEnum

from projector.errors import BadInput
from projector.names import ENTITIES

_INT64 = range(-(2**63), 2**63)


class Entity(StrEnum):
    """What can be rebuilt and verified; a product includes its detail page, a customer its orders and its part of the
    shop."""

    product = "product"
    customer = "customer"
    order = "order"
    dashboard = "dashboard"
    shop = "shop"


def documents_of(entities: Sequence[Entity] | None) -> list[str]:
    """The kinds of documents behind these entities; behind all of them where none is named."""
    chosen = dict.fromkeys(entities or list(Entity))
    return [document for entity in chosen for document in ENTITIES[entity]]


def parse_id(text: str) -> int:
    """The id that an option names; BadInput where it is none."""
    number = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else None
    if number is None or number not in _INT64:
        raise BadInput(f"An id is an integer of at most 64 bits, and {text!r} is none. Correct --id.")
    return number
