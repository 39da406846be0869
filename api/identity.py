"""Whom a token stands for, and what follows from that alone."""

from dataclasses import dataclass
from typing import Final, Literal

READ: Final = "mobile:read"
REFRESH: Final = "mobile:refresh"
SCOPES: Final = {READ: "Read documents", REFRESH: "Ask for rebuilds"}

FOR_ALL: Final = frozenset({"product", "product_detail", "shop"})
"""Kinds of documents that every token with the scope may read. A kind that stands nowhere here is for tokens without
restriction alone."""

Verdict = Literal["yes", "no", "ask"]


@dataclass(frozen=True, slots=True)
class Identity:
    """The holder of a token that was verified."""

    name: bytes
    """A digest of the token."""
    scopes: frozenset[str]
    salesperson_id: int | None
    """Restricts to this salesperson's dashboard, customers and their orders."""
    customer_id: int | None
    """Restricts to this customer's documents. With both, both restrict."""
    until: float
    """When the token has expired, in seconds since 1970."""

    def judge(self, document: str, document_id: int) -> Verdict:
        """Whether it may have this document, as far as the id says; `ask`: whose it is must be looked up."""
        if document in FOR_ALL or (self.salesperson_id is None and self.customer_id is None):
            return "yes"
        if document == "dashboard":
            return "yes" if self.customer_id is None and self.salesperson_id == document_id else "no"
        if document in ("customer", "customer_orders", "shopper"):
            return self._judge_customer(document_id)
        return "ask" if document == "order" else "no"

    def owns(self, customer_id: int | None, salesperson_ids: frozenset[int]) -> bool:
        """Whether what belongs to this customer and these salespersons belongs to it."""
        if self.customer_id is not None and self.customer_id != customer_id:
            return False
        return self.salesperson_id is None or self.salesperson_id in salesperson_ids

    def _judge_customer(self, customer_id: int) -> Verdict:
        if self.customer_id not in (None, customer_id):
            return "no"
        return "yes" if self.salesperson_id is None else "ask"
