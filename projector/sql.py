"""SQL text lives in files, not in Python: this finds them in a checkout and in an installed wheel."""

import functools
from pathlib import Path

_PACKAGED = Path(__file__).parent / "sql"
_CHECKOUT = Path(__file__).parent.parent / "sql"


@functools.cache
def sql_root() -> Path:
    """The folder of all SQL text."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@functools.cache
def read_sql(relative_path: str) -> str:
    """The text of one file below sql/, such as "queries/claim.sql"."""
    return (sql_root() / relative_path).read_text(encoding="utf-8")


def read_query(name: str) -> str:
    """One statement of sql/queries, by its file's name without ending."""
    return read_sql(f"queries/{name}.sql")
