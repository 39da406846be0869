"""The manual: what stands below each command's options, in one form for all: examples, exit codes, settings."""

import textwrap
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from projector.settings import Settings

_WIDTH = 78
_SERVERS: Final = ("database_url", "redis_url")
_DATABASE: Final = ("database_url",)
_WAITING: Final = ("statement_timeout_seconds", "connect_timeout_seconds", "redis_timeout_seconds")
_BUILDING: Final = ("chunk_size", "wide_fanout", "tombstone_seconds", "redis_wait_replicas")
_CODES: Final = MappingProxyType(
    {0: "done", 1: "failed; one line on stderr says why and what to do", 2: "wrong usage", 130: "interrupted"}
)


@dataclass(frozen=True, slots=True)
class Page:
    """Examples are command lines without `projector`, some with a remark behind two spaces; codes are those that mean
    something else than for all commands; settings are fields of Settings."""

    examples: tuple[str, ...]
    codes: dict[int, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()


_BENCH: Final = {1: "failed, or with --strict a budget was missed"}
PAGES: Final = MappingProxyType(
    {
        "": Page(
            ("install --dry-run", "check", "run", "serve --port 8000", "status --watch", "--install-completion"),
            settings=_SERVERS,
        ),
        "install": Page(
            ("install --dry-run", "install", "install --roles"),
            {1: "failed, or sections do not fit this ERP and are left out"},
            ("database_url", "timezone", "erp_schema", "connect_timeout_seconds"),
        ),
        "uninstall": Page(("uninstall", "uninstall --yes"), settings=_SERVERS),
        "pause": Page(("pause",), settings=_DATABASE),
        "resume": Page(("resume",), settings=_DATABASE),
        "run": Page(
            ("run",),
            {0: "stopped by SIGTERM or SIGINT"},
            (
                *_SERVERS, "claim_limit", *_BUILDING, "poll_interval_seconds", *_WAITING, "claim_timeout_seconds",
                "audit_share", "heartbeat_seconds", "heartbeat_late_seconds", "admin_host", "admin_port",
                "shutdown_seconds", "clock_offset_seconds",
            ),
        ),
        "serve": Page(
            ("serve", "serve --host 0.0.0.0 --workers 2", "serve --port 0 --access-log"),
            {0: "stopped by SIGTERM or SIGINT"},
            (
                "redis_url", "api_jwt_secret", "api_jwks", "api_audience", "api_clock_skew_seconds",
                "api_refreshes_per_minute", "api_cors_origins", "api_redis_timeout_seconds", "near_cache_mb",
                "api_heartbeat_late_seconds", "checkout_file", "admin_host", "api_admin_port", "shutdown_seconds",
            ),
        ),
        "rebuild": Page(
            ("rebuild", "rebuild --jobs 2", "rebuild --entity product --id 42 --id 43"),
            {0: "the rebuilt documents are live", 1: "failed, or sections could not be built"},
            (*_SERVERS, *_BUILDING, *_WAITING),
        ),
        "verify": Page(
            ("verify --sample 1000", "verify --entity order --json", "verify --entity product --repair"),
            {0: "nothing differs", 1: "failed, or something differs"},
            (*_SERVERS, *_WAITING),
        ),
        "status": Page(
            ("status", "status --watch --interval 5", "status --json"),
            {0: "all is well, or --watch was ended", 1: "failed, or something is wrong"},
            (*_SERVERS, *_WAITING),
        ),
        "check": Page(
            (
                "check", "check --json", "check --redis-acl",
                'check | grep ^CREATE | psql "$PROJECTOR_DATABASE_URL"',
            ),
            {0: "sound", 1: "failed, or not sound"},
            (*_SERVERS, "erp_schema", *_WAITING),
        ),
        "why": Page(
            ("why product 42", "why dashboard 7 --range week", "why shop 0  all branches together",
             "why order 42 --json"),
            {1: "failed, or there is no such document"},
            ("redis_url", "redis_timeout_seconds"),
        ),
        "impact": Page(
            ("impact branches 3", "impact products 42 --columns name,name_ar", "impact pricing_lists 1 --json"),
            settings=("database_url", "wide_fanout", "statement_timeout_seconds", "connect_timeout_seconds"),
        ),
        "dead-letters": Page(("dead-letters list", "dead-letters retry --entity order"), settings=_DATABASE),
        "dead-letters list": Page(
            ("dead-letters list", "dead-letters list --section reviews --json"), settings=_DATABASE
        ),
        "dead-letters retry": Page(
            ("dead-letters retry", "dead-letters retry --entity order --id 42"), settings=_DATABASE
        ),
        "dead-letters discard": Page(
            ("dead-letters discard --entity order --id 42", "dead-letters discard --section reviews --yes"),
            settings=_DATABASE,
        ),
        "demo": Page(
            ("demo", "demo --port 0 --rate 200", "demo --once"),
            {1: "failed; with --once also where a document is not what a fresh build says"},
            _SERVERS,
        ),
        "bench": Page(("bench all", "bench read --rounds 3"), _BENCH),
        "bench read": Page(("bench read", "bench read --seconds 1 --json"), _BENCH),
        "bench rebuild": Page(("bench rebuild --scale 1",), _BENCH),
        "bench fresh": Page(("bench fresh --rounds 3",), _BENCH),
        "bench write": Page(("bench write --strict",), _BENCH),
        "bench drain": Page(("bench drain --scale 1",), _BENCH),
        "bench growth": Page(("bench growth --scales 1,10,100",), _BENCH),
        "bench all": Page(("bench all --scale 0.1", "bench all --json"), _BENCH),
        "bench faults": Page(
            ("bench faults --minutes 1", "bench faults --seed 7 --workers 3"), {1: "failed, or something was wrong"}
        ),
    }
)  # fmt: skip
"""By the words of the command."""


def epilog(command: str) -> str:
    """The page of a command as it stands in its help."""
    page = PAGES[command]
    codes = _CODES | page.codes
    blocks = [
        ("Examples:", [f"projector {example}" for example in page.examples]),
        ("Exit codes:", _side_by_side({str(code): codes[code] for code in sorted(codes)})),
        ("Settings:", _settings(page)),
    ]
    # The mark keeps the lines as they are.
    return "\n\n".join("\b\n" + "\n".join([heading, *(f"  {line}" for line in lines)]) for heading, lines in blocks)


def _settings(page: Page) -> list[str]:
    if not page.settings:
        return ["none: it brings its own servers"]
    told = {f"PROJECTOR_{name.upper()}": Settings.model_fields[name].description or "" for name in page.settings}
    return [*_side_by_side(told), "From the environment or a file .env; the README has all, with their defaults."]


def _side_by_side(told: dict[str, str]) -> list[str]:
    """Names, and behind the longest of them what they mean, broken where the line ends."""
    indent = max(map(len, told)) + 2
    lines = []
    for name, meaning in told.items():
        lines += textwrap.wrap(
            f"{name:<{indent}}{meaning}", _WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
        ) or [name]
    return lines
