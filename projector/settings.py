"""All settings, read once from the environment (or a .env file) and passed on as one immutable object."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from projector.errors import SettingsError


def _with_scheme(*schemes: str) -> AfterValidator:
    def check(url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        return url

    return AfterValidator(check)


class Settings(BaseSettings):
    """One field for each PROJECTOR_ variable. URLs are secrets: they hold passwords."""

    model_config = SettingsConfigDict(
        env_prefix="PROJECTOR_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: Annotated[SecretStr | None, _with_scheme("postgresql://", "postgres://")] = Field(
        None, description="The ERP's database (PostgreSQL 14 or newer)"
    )
    redis_url: Annotated[SecretStr | None, _with_scheme("redis://", "rediss://", "unix://")] = Field(
        None, description="Redis 6.2 or newer, Valkey, or servers of a Redis Cluster, separated by commas"
    )
    timezone: str = Field("Asia/Baghdad", description="The business time zone, used by install")
    erp_schema: str = Field("public", description="The schema of the ERP's tables, used by install")

    claim_limit: int = Field(5_000, ge=1, le=100_000, description="Change events claimed at once")
    chunk_size: int = Field(1_000, ge=1, le=10_000, description="Backlog documents built at once")
    wide_fanout: int = Field(1_000, ge=1, description="More documents than this behind one change go to the backlog")
    poll_interval_seconds: float = Field(
        1.0, gt=0, le=60, description="How long a sleeping worker relies on notifications alone"
    )
    statement_timeout_seconds: float = Field(
        120, gt=0, le=86_400, description="No statement of the projector runs longer"
    )
    claim_timeout_seconds: float = Field(
        15, ge=1, le=3_600, description="A worker that stands still for longer loses what it claimed to the others"
    )
    connect_timeout_seconds: float = Field(5, ge=1, le=25, description="For each server")
    redis_timeout_seconds: float = Field(5, gt=0, le=25, description="For each answer of Redis")
    redis_wait_replicas: int = Field(
        0, ge=0, le=16, description="So many replicas of Redis must have a batch before it is acknowledged"
    )
    api_redis_timeout_seconds: float = Field(
        1, gt=0, le=25, description="For each answer of Redis to the read API, and for its subscription's pings"
    )
    near_cache_mb: int = Field(
        64, ge=0, le=4096, description="Finished answers that each API process keeps; 0 asks Redis every time"
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="Share of its time that a worker compares documents with fresh builds; 0: never"
    )
    checkout_file: Path | None = Field(
        None, description="TOML file with payment methods and delivery options, instead of the package's"
    )
    tombstone_seconds: int = Field(3600, ge=60, description="How long a deleted entity's fence is kept")
    shutdown_seconds: float = Field(10, gt=0, description="How long a stopping worker or API may finish what it began")
    clock_offset_seconds: float = Field(
        0,
        ge=-3.2e9,
        le=3.2e9,
        description="Moves the business clock, for rehearsals: build documents as of another time",
    )

    @classmethod
    def load(cls) -> Self:
        """Reads and checks the environment; SettingsError names the variable and the value's fault."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_first_fault(error)) from None

    @property
    def row_timeout_seconds(self) -> float:
        """How long a read of fresh changes may take, and one that looks for the rows at fault."""
        return self.statement_timeout_seconds / 10

    def database(self) -> str:
        """The URL of the ERP's database; SettingsError where none is set."""
        return _required(self.database_url, "DATABASE_URL", "postgresql://user@host/erp")

    def redis(self) -> str:
        """The URL of Redis; SettingsError where none is set."""
        return _required(self.redis_url, "REDIS_URL", "redis://host:6379/0")


def _required(url: SecretStr | None, name: str, example: str) -> str:
    if url is None:
        raise SettingsError(f"PROJECTOR_{name} is not set. Set it, for example to {example}.")
    return url.get_secret_value()


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    name = f"PROJECTOR_{'_'.join(map(str, fault['loc'])).upper()}"
    value = "" if name.endswith("_URL") else f" ({fault['input']!r})"
    return f"{name}{value} cannot be used: {fault['msg']}. See the settings table in the README."
