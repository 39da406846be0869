"""What the fields of all documents are made of."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
"""Money, quantities, percentages: exact decimals, JSON numbers on the wire."""

Count = Annotated[int, Field(ge=0)]
Instant = datetime
"""ISO 8601, in UTC."""
Day = date
"""YYYY-MM-DD."""


class Model(BaseModel):
    """A JSON object that has exactly the fields named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(Model):
    """The salesperson of a customer or an order."""

    id: int
    name: str | None
    phone: str | None
