"""Random values for the columns of the ERP's tables, plausible ones and nasty ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

STATUSES = ["DRAFT", "CONFIRMED", "SHIPPED", "DELIVERED", "CANCELLED", "PENDING", "COMPLETED"]
OLD_STATUSES = [*map(str.lower, STATUSES), "Draft", "Cancelled", "dElIvErEd"]
ODD_STATUSES = ["", "RETURNED", "ملغى", "DRAFT ", 'a "quoted" status', "back\\slash"]
WORDS = {
    "sales_orders.status": [*STATUSES, *STATUSES, *OLD_STATUSES, *ODD_STATUSES],
    "reviews.status": ["approved", "APPROVED", "Approved", "pending", "rejected", "flagged", ""],
    "carts.status": ["active", "ACTIVE", "ordered", "abandoned", ""],
    "pricing_lists.price_list_type": ["retail", "retail", "Retail", "RETAIL", "wholesale", ""],
    "promotions.discount_type": ["percentage", "fixed_amount", "buy_x_get_y", "PERCENTAGE", "none"],
    "customers.currency": ["IQD", "USD", "EUR"],
    "currencies.code": ["IQD", "USD", "EUR", "TRY"],
    "payment_status": ["PAID", "UNPAID", "PARTIAL", "unpaid", ""],
    "payment_method": ["CASH", "BANK_TRANSFER", "نقدا", ""],
    "promo_code": ["EID10", "eid10", "WELCOME", ""],
    "customer_name": ["", "Layla", "ليلى", " "],
}
TEXTS = [
    "",
    " ",
    "Tea",
    "Sugar 1 kg",
    "شاي عراقي فاخر",
    "مخزن بغداد",
    'O\'Brien "the" customer',
    "back\\slash \\n \\u0041",
    "two\nlines\tand a tab",
    "%s {0} $1 :name ?",
    "a'); DROP TABLE products; --",
    "café 茶 \U0001f375 \u202eabc\u202c",
    "\u2028\u2029</script>",
    "\x01\x1f\x7f",
    "NULL",
    "x" * 300,
]
URLS = [
    "",
    "https://cdn.example/a.jpg",
    "https://cdn.example/b.jpg",
    "https://img.example/a.jpg",
    'https://img.example/صورة.jpg?x=1&y="2"',
]
IMAGES = [
    "[]",
    "null",
    "{}",
    '"https://cdn.example/a.jpg"',
    '{"url": "https://cdn.example/a.jpg"}',
    '["https://cdn.example/a.jpg"]',
    '["https://cdn.example/b.jpg", "https://cdn.example/a.jpg", "https://cdn.example/b.jpg"]',
    '["", null, 1, 1.50, true, [], ["https://x.example/deep.jpg"], {"url": "x"}, "last.jpg"]',
    r'["https:\/\/cdn.example\/a.jpg", "https://cdn.example/\u0061.jpg", "https://cdn.example/a.jpg"]',
    r'["nul\u0000.jpg", "https://cdn.example/b.jpg", "nul\u0000.jpg"]',
    r'["\ud83c\udf75.jpg", "🍵.jpg", "quote\".jpg", "back\\slash.jpg"]',
    "[1e400, 123456789012345678901234567890, -0]",
]
DIMENSIONS = [
    "{}",
    "null",
    "[]",
    '"10x20"',
    "12.50",
    '{"width": 10.50, "height": 2e3, "depth": 0.10}',
    '{"z": 1, "a": 2.00, "m": {"y": [1.0, 1, 1e0], "b": null}}',
    '{"a": 1, "a": 2}',
    ' { "spaced" :\n 1.0 , "ok":true}',
    r'{"note": "nul \u0000 inside", "nul \u0000 key": "\ud800"}',
    r'{"quoted": "\"q\" \\ \/ \u00e9", "عرض": "١٠"}',
    "123456789012345678901234567890.0123456789",
    '{"huge": 1e400, "tiny": -1E-400, "zero": -0.0}',
]
ROUND_AMOUNTS = ["0", "1", "10", "12.50", "50", "80", "100"]
FAR_DAYS = ["infinity", "-infinity", "1900-01-01", "0001-01-01", "9999-12-31"]
FARTHEST_DAYS = ["4713-01-01 BC", "5874897-12-31"]
FARTHEST_INSTANTS = ["4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that the contract names, as declared. `parent` is the table it refers to."""

    table: str
    name: str
    type: str
    declared: str
    modifier: int
    nullable: bool
    parent: str
    cascades: bool
    labels: list[str]


class Values:
    """Draws values as PostgreSQL's text input takes them; None is NULL.

    `nastiness` is the share of values that a careful user would not enter.
    """

    def __init__(self, random: Random, now: datetime, zone: ZoneInfo, nastiness: float) -> None:
        self._random = random
        self._now = now
        self._zone = zone
        self.nastiness = nastiness

    def draw(self, column: Column) -> str | None:
        """A value of a column that refers to nothing."""
        nasty = self._random.random() < self.nastiness
        if nasty and column.nullable and self._random.random() < 0.4:
            return None
        if column.labels:
            return self._random.choice(column.labels)
        return KINDS[column.type](self, column, nasty)

    def _boolean(self, column: Column, nasty: bool) -> str:
        unlikely = column.name == "is_deleted"
        return "true" if (self._random.random() < 0.8) != (nasty or unlikely) else "false"

    def _integer(self, column: Column, nasty: bool) -> str:
        if column.name == "rating" and not nasty:
            return str(self._random.randint(1, 5))
        if nasty:
            return str(self._random.choice((0, 0, -1, -7, 2147483647, -2147483648)))
        return str(self._random.choice((0, 1, 7, 10, 30, 60, self._random.randint(0, 500))))

    def _numeric(self, column: Column, nasty: bool) -> str:
        bounded = column.modifier >= 4
        precision, scale = divmod(column.modifier - 4, 65536) if bounded else (12, 6)
        highest = min(10 ** (precision - scale), 10**5) - 1
        if not nasty and self._random.random() < 0.5:
            return self._random.choice(ROUND_AMOUNTS)
        units = self._random.choice((0, 1, highest, self._random.randint(0, highest)))
        if not nasty:
            return f"{units}.{self._random.randint(0, 10**scale - 1):0{scale}d}"
        extremes = ["0", "NaN", f"-{units}.5", "0." + "0" * (scale - 1) + "5", "-0." + "9" * scale]
        largest = "9" * (precision - scale) + "." + "9" * scale
        unbounded = ["Infinity", "-Infinity", "1e30", "0.00000000000000000001"]
        return self._random.choice([*extremes, largest, *([] if bounded else unbounded)])

    def _double(self, column: Column, nasty: bool) -> str:
        if nasty:
            return self._random.choice(["0", "-0", "NaN", "Infinity", "-Infinity", "1e300", "-3.7"])
        return self._random.choice(["0.1", "5", "12.5", "33.333", f"{self._random.randint(0, 500)}"])

    def _text(self, column: Column, nasty: bool) -> str:
        key = f"{column.table}.{column.name}"
        if key in WORDS or column.name in WORDS:
            value = self._random.choice(WORDS[key] if key in WORDS else WORDS[column.name])
        elif column.name.endswith("url"):
            value = self._random.choice(URLS)
        elif nasty:
            value = self._random.choice(TEXTS)
        else:
            value = f"{column.name} {self._random.randint(0, 99999)}"
        return value if column.modifier < 4 else value[: column.modifier - 4]

    def _json(self, column: Column, nasty: bool) -> str:
        pool = IMAGES if column.name == "images" else DIMENSIONS
        return self._random.choice(pool)

    def _date(self, column: Column, nasty: bool) -> str:
        if nasty:
            return self._far(FARTHEST_DAYS)
        days = self._random.choice((0, 0, 1, -1, self._random.randint(-40, 40)))
        return str(self._now.astimezone(self._zone).date() + timedelta(days=days))

    def _instant(self, column: Column, nasty: bool) -> str:
        if nasty:
            return self._far(FARTHEST_INSTANTS)
        if self._random.random() < 0.3:
            instant = self._edge()
        else:
            instant = self._now - timedelta(seconds=self._random.randint(-86400, 40 * 86400))
        utc = instant.astimezone(UTC)
        return utc.isoformat() if column.type == "timestamptz" else utc.replace(tzinfo=None).isoformat()

    def _edge(self) -> datetime:
        """A microsecond before, at or after a local midnight that may bound a period."""
        days = self._random.choice((-30, -29, -28, -7, -6, -5, -1, 0, 1))
        day = self._now.astimezone(self._zone).date() + timedelta(days=days)
        midnight = datetime.combine(day, time.min, self._zone).astimezone(UTC)
        return midnight + timedelta(microseconds=self._random.choice((-1, 0, 1)))

    def _far(self, farthest: list[str]) -> str:
        return self._random.choice(farthest if self._random.random() < 0.1 else FAR_DAYS)


KINDS = {
    "bool": Values._boolean,
    "int4": Values._integer,
    "int8": Values._integer,
    "numeric": Values._numeric,
    "float8": Values._double,
    "text": Values._text,
    "varchar": Values._text,
    "bpchar": Values._text,
    "json": Values._json,
    "date": Values._date,
    "timestamp": Values._instant,
    "timestamptz": Values._instant,
}
