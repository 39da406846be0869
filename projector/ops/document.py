"""The look-up of one document: as it is served, beside a fresh build."""

import asyncio
from collections.abc import Sequence
from typing import Any

from projector.drift import Difference, Fields, Sight
from projector.names import DEGRADED_FIELD, SECTIONS, version_field
from projector.ops.json_lines import rows
from projector.settings import Settings
from projector.verify import open_verifier

LONGEST_SECONDS = 30.0


async def look_up(settings: Settings, document: str, id_: int) -> dict[str, Any]:
    """What of it is served and what a build of this moment says, section by section; differences that a worker is
    about to publish are waited for. TimeoutError after LONGEST_SECONDS."""
    async with asyncio.timeout(LONGEST_SECONDS), open_verifier(settings) as (verifier, _):
        sight = await verifier.look_patiently(document, [id_])
    # In a thread: this loop is the worker's, and texts are compared line by line.
    return await asyncio.to_thread(_describe, document, sight)


def _describe(document: str, sight: Sight) -> dict[str, Any]:
    return {
        "version": sight.built.version.text,
        "documents": [
            {
                "key": key,
                "deleted": key in sight.built.deleted,
                "served": any(name.encode() in fields for name in SECTIONS[document]),
                "degraded": _text(fields.get(DEGRADED_FIELD.encode())),
                "differences": [it.detail for it in sight.differences if it.key == key and it.section == "*"],
                "sections": _sections(document, fields, sight.fresh(key), _of_key(sight.differences, key)),
            }
            for (key, _), fields in sight.served.items()
        ],
    }


def _of_key(differences: Sequence[Difference], key: str) -> dict[str, str]:
    return {it.section: it.detail for it in differences if it.key == key}


def _sections(
    document: str, served: Fields, fresh: dict[bytes, bytes], differences: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "difference": differences.get(name),
            "version": _text(served.get(version_field(name).encode())),
            "bytes": len(served.get(name.encode(), b"")),
            "rows": rows(_text(served.get(name.encode())), _text(fresh.get(name.encode()))),
        }
        for name in SECTIONS[document]
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
