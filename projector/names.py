"""The names that the worker writes and the read API reads: documents, sections, Redis keys.

A document is a hash. `<section>` holds ready JSON bytes; `<section>@` holds the version that fenced
them, three decimal integers (epoch, F and the build's clock), then what the bytes last changed for
(see projector.cause; left out where it is not known) and when, a decimal integer. Both moments are
in microseconds since 1970.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: its key, its sections in the order of the answer, and the entity that it is rebuilt with."""

    key: str
    entity: str
    sections: tuple[str, ...]
    pace_seconds: float | None = None
    """Where set, it is built not at every change but at most once in so long."""


KINDS: Final = MappingProxyType(
    {
        "product": Kind(
            "bff:product:{id}:complete",
            "product",
            ("product", "inventory", "pricing", "images", "reviews", "similar_products"),
        ),
        "product_detail": Kind(
            "bff:product:{id}:detail",
            "product",
            ("product", "price", "images", "stock", "reviews"),
        ),
        "customer": Kind(
            "bff:customer:{id}:complete",
            "customer",
            ("customer", "name", "financial", "recent_orders", "payment_history"),
        ),
        "customer_orders": Kind("bff:customer:{id}:orders", "customer", ("orders",)),
        "shopper": Kind(
            "bff:customer:{id}:shopper",
            "customer",
            ("customer", "cart_summary", "cart", "addresses", "credit"),
        ),
        "order": Kind(
            "bff:order:{id}:complete",
            "order",
            ("order", "customer", "items", "payment", "delivery", "summary"),
        ),
        "dashboard": Kind(
            "bff:dashboard:salesperson:{id}:{range}",
            "dashboard",
            (
                "salesperson",
                "period",
                "sales_overview",
                "recent_orders",
                "pending_orders",
                "top_customers",
                "top_products",
                "payment_collection",
                "customer_stats",
            ),
        ),
        "shop": Kind(
            "bff:shop:{id}:complete",
            "shop",
            (
                "featured_products",
                "best_sellers",
                "new_arrivals",
                "promotions",
                "checkout_promotions",
                "currency",
            ),
            pace_seconds=1.0,
        ),
    }
)

SECTIONS: Final = MappingProxyType({name: kind.sections for name, kind in KINDS.items()})
DOCUMENTS: Final = tuple(KINDS)
PACED: Final = MappingProxyType({name: kind.pace_seconds for name, kind in KINDS.items() if kind.pace_seconds})
"""Kinds that are built not at every change, and the seconds between two builds."""
EVERY_BRANCH: Final = 0
"""The id of the shop that is all branches together."""
RANGES: Final = ("today", "week", "month")
"""The variants of a dashboard."""

ENTITIES: Final = MappingProxyType(
    {
        entity: tuple(name for name, kind in KINDS.items() if kind.entity == entity)
        for entity in dict.fromkeys(kind.entity for kind in KINDS.values())
    }
)
"""What can be asked to be rebuilt, and the documents that this means."""

DEGRADED_FIELD: Final = "degraded"
DELETED_FIELD: Final = "deleted@"

STATE_KEY: Final = "projector:state"
EPOCH_FIELD: Final = "epoch"
CLOCK_FIELD: Final = "clock"
"""The latest business clock, in microseconds since 1970, that a worker has built with."""
PUBLISHED_FIELD: Final = "published"
"""Counts batches; a Redis whose count went back lost what was published since."""
INSTANCE_FIELD: Final = "instance"
"""The mark of this Redis's content: missing where the documents were lost."""
BUILT: Final = b"1"
"""The value of a built field once the first build of that document kind is complete."""

TIMERS_KEY: Final = "{projector}:timers"
LEASED_TIMERS_KEY: Final = "{projector}:timers:leased"
"""The braces keep a script's two keys in one slot of a Redis Cluster."""

REFRESH_STREAM: Final = "projector:refresh"
REFRESH_STREAM_LENGTH: Final = 100_000
WAITING_STREAM: Final = "projector:waiting"
"""Readers that wait until a document reflects a transaction: its `key`, the `token`, and the reader's `nonce`."""
WAITING_STREAM_LENGTH: Final = 1_000
REFLECTED_FIELD: Final = "reflected"
"""Set once the document reflects the transaction; a field named after a reader's nonce says why it never will."""
CHANGES_CHANNEL: Final = "projector:changes"
"""Each message is the key of a document whose bytes changed, or HEARTBEAT_KEY."""
HEARTBEAT_KEY: Final = "projector:heartbeat"
HEARTBEAT_FIELD: Final = "at"
"""The moment of the newest heartbeat that came so far, in microseconds since 1970, by the clock of PostgreSQL."""

VERDICT_PREFIX: Final = "projector:after:"
KEY_PATTERN: Final = "bff:*"


def key_parts(document: str, date_range: str | None = None) -> tuple[str, str]:
    """What stands before and behind the id in the keys of a document kind."""
    before, after = KINDS[document].key.split("{id}")
    return before, after.format(range=date_range)


def document_key(document: str, document_id: int, date_range: str | None = None) -> str:
    """The key of one document; `date_range` is for dashboards, which have one for each range."""
    return KINDS[document].key.format(id=document_id, range=date_range)


def variants_of(document: str) -> tuple[str | None, ...]:
    """The date ranges for each of which an id has a document; None alone where it has one."""
    return RANGES if "{range}" in KINDS[document].key else (None,)


def document_keys(document: str, document_id: int) -> list[str]:
    """The keys of all documents that an id has."""
    return [document_key(document, document_id, variant) for variant in variants_of(document)]


def key_patterns(document: str) -> list[str]:
    """What the keys of a document kind look like to SCAN; other people's keys may, too."""
    return ["*".join(key_parts(document, variant)) for variant in variants_of(document)]


def read_key(key: str) -> tuple[str, int] | None:
    """The kind and the id of a document's key; None for other people's keys, which may look like ours."""
    for document in DOCUMENTS:
        for date_range in variants_of(document):
            before, after = key_parts(document, date_range)
            if key.startswith(before) and key.endswith(after):
                middle = key[len(before) : len(key) - len(after)]
                if re.fullmatch(r"-?[0-9]{1,18}", middle):
                    return document, int(middle)
    return None


def verdict_key(key: str, token: str) -> str:
    """Where a worker says that the document under `key` reflects a transaction: in the same slot, so that whoever has
    the one has the other."""
    return f"{VERDICT_PREFIX}{{{key}}}:{token}"


def version_field(section: str) -> str:
    """The field that holds the version of a section."""
    return f"{section}@"


def built_field(document: str) -> str:
    """The field of the state that says that a document kind has been built."""
    return f"built:{document}"
