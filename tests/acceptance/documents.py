"""Documents as Redis holds them, and as the views say they should be."""

from collections import defaultdict
from typing import TypeAlias, cast

import psycopg
import redis

from projector.names import DEGRADED_FIELD, DELETED_FIELD, SECTIONS, document_key

Documents: TypeAlias = dict[str, dict[str, str]]
"""Key to section to the JSON text."""


def read_fresh(url: str, *documents: str) -> Documents:
    """What the views say in an ordinary session, of these kinds of documents or of all."""
    fresh: Documents = defaultdict(dict)
    with psycopg.connect(url) as connection:
        for document in documents or SECTIONS:
            for section in SECTIONS[document]:
                variant = "range" if document == "dashboard" else "NULL"
                query = f'SELECT id, {variant}, value::text FROM projector."{document}_{section}"'
                for id_, date_range, value in connection.execute(query.encode()):
                    fresh[document_key(document, id_, date_range)][section] = value
    return dict(fresh)


def read_served(client: "redis.Redis", pattern: str = "bff:*") -> Documents:
    """What Redis holds under these keys, entities that are gone left out."""
    served: Documents = {}
    for key in read_keys(client, pattern):
        fields = {name.decode(): value.decode() for name, value in read_hash(client, key).items()}
        if DELETED_FIELD not in fields:
            served[key] = {
                name: value for name, value in fields.items() if not name.endswith("@") and name != DEGRADED_FIELD
            }
    return served


def read_keys(client: "redis.Redis", pattern: str) -> list[str]:
    return sorted(key.decode() for key in cast("list[bytes]", client.keys(pattern)))


def read_hash(client: "redis.Redis", key: str) -> dict[bytes, bytes]:
    return cast("dict[bytes, bytes]", client.hgetall(key))


def read_field(client: "redis.Redis", key: str, name: str) -> str:
    """The text of one section (or of its version), empty where there is none."""
    return cast("bytes", client.hget(key, name) or b"").decode()
