"""The envelope that every answer comes in, and the answers that hold no document."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.errors import Code
from api.models.values import Instant, Model

Data = TypeVar("Data")


class Metadata(BaseModel):
    """Where the answer comes from. May grow."""

    model_config = ConfigDict(extra="allow", frozen=True)

    cached: Literal[True] = Field(description="Answers come ready from the read model")
    data_sources: int = Field(description="How many sections of this answer are not null")
    generated_at: Instant | None = Field(description="When the newest of them last changed; null where there are none")
    stale: Literal[True] | None = Field(
        default=None,
        description="The read model cannot be reached: this was right age_seconds ago; absent while all is well",
    )
    age_seconds: int | None = Field(default=None, ge=0, description="With stale")
    degraded: list[str] | None = Field(
        default=None,
        description="Fields that are older than they should be or null, because they cannot be "
        "built at the moment; absent while all is well",
    )


class Success(Model, Generic[Data]):
    """An answer with a document."""

    success: Literal[True]
    data: Data
    metadata: Metadata


class InputFault(Model):
    """What is wrong with one parameter."""

    field: str
    message: str
    value: str | None = Field(description="What was sent; null where the parameter is missing")


class FailureDetails(BaseModel):
    """What a program needs to know. May grow."""

    model_config = ConfigDict(extra="allow", frozen=True)

    code: Code
    errors: list[InputFault] | None = Field(default=None, description="With invalid_input")
    waiting_for: list[str] | None = Field(default=None, description="With not_ready")
    document: str | None = Field(default=None, description="With not_built")
    stale: Literal[True] | None = Field(
        default=None, description="With not_found, as in metadata: this was right age_seconds ago"
    )
    age_seconds: int | None = Field(default=None, ge=0, description="With stale")
    id: int | None = Field(default=None, description="With not_found")
    key: str | None = Field(default=None, description="Of a stream of events that is refused: the key at fault")


class Failure(Model):
    """An answer without a document."""

    success: Literal[False]
    error: str = Field(description="One sentence for people")
    details: FailureDetails


class Accepted(Model):
    """A rebuild was asked for."""

    success: Literal[True]
    message: str


class Health(Model):
    """The process answers."""

    status: Literal["healthy"]
    service: Literal["mobile-bff"]
    version: str


class Readiness(Model):
    """The process can answer every question."""

    status: Literal["ready"]
    service: Literal["mobile-bff"]
    waiting_for: list[str]
