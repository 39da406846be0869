"""What the examples share."""

from typing import Any, Final

SALESPERSON: Final = {"id": 7, "name": "Zainab Al-Jubouri", "phone": "+9647701234567"}


def answer(data: dict[str, Any], sources: int, **metadata: Any) -> dict[str, Any]:
    """`data` in the envelope."""
    described = {
        "cached": True,
        "data_sources": sources,
        "generated_at": "2025-11-05T18:00:00.482913Z",
        **metadata,
    }
    return {"success": True, "data": data, "metadata": described}
