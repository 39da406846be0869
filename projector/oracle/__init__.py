"""An independent statement of the contract: every document computed from raw rows in pure Python.

    rows = load(connection)
    for key, data in documents(rows, now=now, timezone="Asia/Baghdad").items():
        assert differences(data, json_bytes_of(key)) == []

Amounts are Decimals, instants aware datetimes in UTC, dates are dates, JSON columns are RawJson.
"""

from .answers import answers
from .compare import differences, parse
from .customer import orders_answer
from .documents import document, documents, keys
from .rows import COLUMNS, OPTIONAL, Rows, load
from .values import INFINITY, MINUS_INFINITY, Beyond, RawJson

__all__ = [
    "COLUMNS",
    "INFINITY",
    "MINUS_INFINITY",
    "OPTIONAL",
    "Beyond",
    "RawJson",
    "Rows",
    "answers",
    "differences",
    "document",
    "documents",
    "keys",
    "load",
    "orders_answer",
    "parse",
]
