"""All settings, read once from the environment (or a .env file) and passed on as one immutable object."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from projector.errors import SettingsError

LogForm = Literal["auto", "text", "json"]

SHORTEST_SECRET = 32
"""Bytes, as many as HS256's own hash."""


def _with_scheme(*schemes: str) -> AfterValidator:
    def check(url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        return url

    return AfterValidator(check)


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value().encode()) < SHORTEST_SECRET:
        raise ValueError(f"must be {SHORTEST_SECRET} bytes or longer, for example the output of: openssl rand -hex 32")
    return secret


class Settings(BaseSettings):
    """One field for each PROJECTOR_ variable. URLs are secrets: they hold passwords. Each secret may lie in a file."""

    model_config = SettingsConfigDict(
        env_prefix="PROJECTOR_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: Annotated[SecretStr | None, _with_scheme("postgresql://", "postgres://")] = Field(
        None, description="The ERP's database (PostgreSQL 14 or newer)"
    )
    redis_url: Annotated[SecretStr | None, _with_scheme("redis://", "rediss://", "unix://")] = Field(
        None, description="Redis 6.2 or newer, Valkey, or servers of a Redis Cluster, separated by commas"
    )
    database_url_file: Path | None = Field(None, description="A file that holds DATABASE_URL")
    redis_url_file: Path | None = Field(None, description="A file that holds REDIS_URL")
    timezone: str = Field("Asia/Baghdad", description="The business time zone, used by install")
    erp_schema: str = Field("public", description="The schema of the ERP's tables, used by install")

    claim_limit: int = Field(5_000, ge=1, le=100_000, description="Change events claimed at once")
    chunk_size: int = Field(1_000, ge=1, le=10_000, description="About so many backlog documents are built at once")
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
    api_jwt_secret: Annotated[SecretStr | None, AfterValidator(_long_enough)] = Field(
        None, description="Verifies bearer tokens signed with HS256; 32 bytes or more"
    )
    api_jwt_secret_file: Path | None = Field(None, description="A file that holds API_JWT_SECRET")
    api_jwks: str | None = Field(
        None, description="Verifies bearer tokens signed with RS256 or ES256: a JWKS file, or its https:// address"
    )
    api_audience: str = Field("mobile-bff", min_length=1, description="The audience that bearer tokens must be for")
    api_clock_skew_seconds: float = Field(
        30, ge=0, le=300, description="How far the clock of whoever issues bearer tokens may differ"
    )
    api_refreshes_per_minute: int = Field(
        6_000, ge=0, le=1_000_000, description="Rebuilds that one caller may ask each API process for; 0: any number"
    )
    api_after_seconds: float = Field(
        2, gt=0, le=25, description="How long a request waits for the transaction that it names (`after`)"
    )
    api_after_waiting: int = Field(
        100, ge=1, le=10_000, description="Documents that each API process waits for at once (`after`)"
    )
    api_streams: int = Field(
        1_000, ge=0, le=1_900, description="Streams of events that each API process has open at once; 0: none"
    )
    api_streams_per_caller: int = Field(
        20, ge=0, description="Of these, the streams of one token, or client address; 0: any number"
    )
    api_stream_heartbeat_seconds: float = Field(
        15, gt=0, le=3_600, description="A stream of events that says nothing for so long sends a heartbeat"
    )
    api_stream_slow_seconds: float = Field(
        10, gt=0, le=60, description="A client that takes nothing of its events for longer is dropped"
    )
    api_cors_origins: str | None = Field(
        None, description="Web pages that may read the API: origins separated by commas, or *"
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="Share of its time that a worker compares documents with fresh builds; 0: never"
    )
    checkout_file: Path | None = Field(
        None, description="TOML file with payment methods and delivery options, instead of the package's"
    )
    tombstone_seconds: int = Field(3600, ge=60, description="How long a deleted entity's fence is kept")
    shutdown_seconds: float = Field(10, gt=0, description="How long a stopping worker or API may finish what it began")
    heartbeat_seconds: float = Field(
        1, ge=0, le=60, description="How often a worker sends a heartbeat the way of every change; 0: never"
    )
    heartbeat_late_seconds: float = Field(
        30, ge=0, description="The worker is not ready while heartbeats stay away for longer; 0: ready all the same"
    )
    api_heartbeat_late_seconds: float = Field(
        0, ge=0, description="The API is not ready while heartbeats stay away for longer; 0: ready all the same"
    )
    admin_host: str = Field("127.0.0.1", description="Where the admin ports are opened")
    admin_port: int = Field(0, ge=0, le=65_535, description="The worker's status page, metrics and probes; 0: none")
    ops_hosts: str | None = Field(
        None, description="Names of the worker under which others than this machine may open the status page /ops"
    )
    api_admin_port: int = Field(0, ge=0, le=65_535, description="The read API's metrics; 0: none")
    log_format: LogForm = Field("auto", description="text, json, or auto: text on a terminal and JSON elsewhere")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug has a line for each batch, and tracebacks"
    )
    api_slow_seconds: float = Field(
        1, gt=0, le=3_600, description="The read API logs requests that took longer to answer"
    )
    clock_offset_seconds: float = Field(
        0,
        ge=-3.2e9,
        le=3.2e9,
        description="Moves the business clock, for rehearsals: build documents as of another time",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Secrets out of the files that are named in their place."""
        named = {name: path for name, path in values.items() if name in _FILES and path is not None}
        return values | {_FILES[name]: _read_secret(name, path, values) for name, path in named.items()}

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

    @property
    def api_needs_tokens(self) -> bool:
        """Whether the API asks for bearer tokens: it does where there is a key to verify them with."""
        return self.api_jwt_secret is not None or self.api_jwks is not None

    @property
    def cors_origins(self) -> frozenset[str]:
        """The origins of web pages that may read the API."""
        return frozenset(filter(None, map(str.strip, (self.api_cors_origins or "").split(","))))

    @property
    def ops_names(self) -> frozenset[str]:
        """The names under which the status page may be opened by others than this machine."""
        return frozenset(filter(None, map(str.strip, (self.ops_hosts or "").lower().split(","))))

    def database(self) -> str:
        """The URL of the ERP's database; SettingsError where none is set."""
        return _required(self.database_url, "DATABASE_URL", "postgresql://user@host/erp")

    def redis(self) -> str:
        """The URL of Redis; SettingsError where none is set."""
        return _required(self.redis_url, "REDIS_URL", "redis://host:6379/0")


_FILES: Final = {f"{name}_file": name for name in ("database_url", "redis_url", "api_jwt_secret")}


def _read_secret(name: str, path: object, values: dict[str, Any]) -> str:
    setting = f"PROJECTOR_{name.upper()}"
    if values.get(_FILES[name]) is not None:
        raise SettingsError(f"{setting} and {setting.removesuffix('_FILE')} are both set. Keep one of them.")
    try:
        text = Path(str(path)).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(
            f"{setting} ({path}) cannot be read: {reason}. Name a file that this user may read."
        ) from None
    if not text:
        raise SettingsError(f"{setting} ({path}) is empty. Write the secret into it.")
    return text


def _required(url: SecretStr | None, name: str, example: str) -> str:
    if url is None:
        raise SettingsError(f"PROJECTOR_{name} is not set. Set it, for example to {example}.")
    return url.get_secret_value()


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    name = f"PROJECTOR_{'_'.join(map(str, fault['loc'])).upper()}"
    value = "" if name.endswith(("_URL", "_SECRET")) else f" ({fault['input']!r})"
    return f"{name}{value} cannot be used: {fault['msg']}. See the settings table in the README."
