"""What several commands take: which entities, and what they mean."""

from collections.abc import Sequence
from enum import StrEnum

from projector.names import ENTITIES


class Entity(StrEnum):
    """What can be rebuilt and verified; a customer includes the list of its orders."""

    product = "product"
    customer = "customer"
    order = "order"
    dashboard = "dashboard"


def documents_of(entities: Sequence[Entity] | None) -> list[str]:
    """The kinds of documents behind these entities; behind all of them where none is named."""
    chosen = dict.fromkeys(entities or list(Entity))
    return [document for entity in chosen for document in ENTITIES[entity]]
