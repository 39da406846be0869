"""Whose a document is, as the documents themselves say: read, kept and dropped like every other answer."""

import json
from typing import Any, Final

from api.documents import StoredDocument
from api.endpoints import CUSTOMER_ID, ORDER_ID
from api.identity import Identity
from api.joined import Source
from api.templates import Field, Question, Template


def _compose_customer(_: Question, document: StoredDocument) -> bytes:
    return _encode(salesperson_id=_member(document, "customer", "salesperson", "id"))


def _compose_order(_: Question, document: StoredDocument) -> bytes:
    return _encode(
        customer_id=_member(document, "customer", "id"), salesperson_id=_member(document, "order", "salesperson", "id")
    )


CUSTOMER_OWNER: Final = Template(
    path="",
    document="customer",
    noun="Customer",
    parameters=(CUSTOMER_ID,),
    fields=(Field("customer", "customer"),),
    compose=_compose_customer,
)
ORDER_OWNER: Final = Template(
    path="",
    document="order",
    noun="Order",
    parameters=(ORDER_ID,),
    fields=(Field("order", "order"), Field("customer", "customer")),
    compose=_compose_order,
)
"""Questions that no address asks."""


class Ownership:
    """Answers whether somebody owns a document. Nobody owns what does not exist, or does not say whose it is."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def owns(self, identity: Identity, document: str, document_id: int) -> bool:
        """NotBuilt or Unavailable where it cannot be known."""
        if document == "order":
            return await self._owns_order(identity, document_id)
        return identity.owns(document_id, await self._salespersons(document_id))

    async def _owns_order(self, identity: Identity, order_id: int) -> bool:
        owners = await self._read(ORDER_OWNER, order_id)
        customer_id, creator = owners.get("customer_id"), owners.get("salesperson_id")
        if owners and identity.owns(customer_id, _known(creator)):
            return True
        return customer_id is not None and identity.owns(customer_id, await self._salespersons(customer_id))

    async def _salespersons(self, customer_id: int) -> frozenset[int]:
        owners = await self._read(CUSTOMER_OWNER, customer_id)
        return _known(owners.get("salesperson_id"))

    async def _read(self, template: Template, document_id: int) -> dict[str, Any]:
        answer = await self._source.answer(Question(template, (document_id,)))
        found: dict[str, Any] = json.loads(answer.body)["data"] if answer.status == 200 else {}
        return found


def _known(id_: int | None) -> frozenset[int]:
    return frozenset() if id_ is None else frozenset({id_})


def _member(document: StoredDocument, section: str, *path: str) -> int | None:
    """The id at the end of the path; None where anything on it is missing."""
    body = document.sections[section]
    found = None if body is None else json.loads(body)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, int) else None


def _encode(**owners: int | None) -> bytes:
    return json.dumps(owners).encode()
