"""The conventions of every document: amounts, rounding, orderings, the clock, what JSON holds."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
Data = dict[str, Any]

EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
ZERO = Decimal(0)
START = datetime(2000, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RawJson:
    """The text of a JSON column, to be shown with the same digits and the same order of keys."""

    text: str


@dataclass(frozen=True, slots=True)
class Beyond:
    """A date or an instant outside the years 1 to 9999, infinite ones included.

    It has a place in every ordering, but no way to be written as ISO 8601. `position` counts days
    (of a date) or microseconds (of an instant) from the start of the year 2000.
    """

    position: int | float

    @property
    def is_infinite(self) -> bool:
        return math.isinf(self.position)


INFINITY = Beyond(math.inf)
MINUS_INFINITY = Beyond(-math.inf)

Moment = date | Beyond


def utc(instant: datetime) -> datetime:
    """A column without time zone holds UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def position(moment: Moment) -> int | float:
    """Where a date (in days) or an instant (in microseconds) stands on its axis."""
    if isinstance(moment, Beyond):
        return moment.position
    if isinstance(moment, datetime):
        return (utc(moment) - START) // MICROSECOND
    return moment.toordinal() - START.toordinal()


def is_before(moment: Moment | None, other: Moment) -> bool:
    return moment is not None and position(moment) < position(other)


def newest(rows: Iterable[Row], column: str) -> list[Row]:
    """Descending by the column with NULLs last, then descending by id."""

    def key(row: Row) -> tuple[bool, int | float, int]:
        moment = row[column]
        return moment is None, 0 if moment is None else -position(moment), -row["id"]

    return sorted(rows, key=key)


def nulls_last(number: int | None) -> tuple[bool, int]:
    return number is None, number or 0


def amount(value: Decimal | int | None) -> Decimal:
    """What an amount counts in sums and comparisons: NULL, NaN and infinities are 0."""
    if value is None:
        return ZERO
    number = Decimal(value)
    return number if number.is_finite() else ZERO


def total(values: Iterable[Decimal | int | None]) -> Decimal:
    result = ZERO
    for value in values:
        result = EXACT.add(result, amount(value))
    return result


def less(value: Decimal | int | None, other: Decimal | int | None) -> Decimal:
    return EXACT.subtract(amount(value), amount(other))


def rounded(value: Fraction, places: int) -> Decimal:
    """Half away from zero."""
    scaled = abs(value) * 10**places
    digits = math.floor(scaled + Fraction(1, 2))
    return Decimal(-digits if value < 0 else digits).scaleb(-places, EXACT)


def percentage(part: Decimal, whole: Decimal) -> Decimal:
    return rounded(Fraction(part) * 100 / Fraction(whole), 2) if whole else ZERO


def status(row: Row) -> str | None:
    """The status as comparisons see it: without case."""
    stored: str | None = row["status"]
    return None if stored is None else stored.upper()


def pick(row: Row | None, **columns: str) -> Data:
    """An object of some columns of a row, all null where there is no row."""
    return {field: row[column] if row else None for field, column in columns.items()}


def fields(row: Row | None, *columns: str) -> Data:
    return pick(row, **{column: column for column in columns})


def person(user: Row | None) -> Data | None:
    return fields(user, "id", "name", "phone") if user else None


def presentable(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinities are null, instants aware."""
    match value:
        case dict():
            return {name: presentable(item) for name, item in value.items()}
        case list():
            return [presentable(item) for item in value]
        case Beyond():
            return None if value.is_infinite else value
        case Decimal() | float():
            return value if math.isfinite(value) else None
        case datetime():
            return utc(value)
    return value


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment at which the documents are read, and the zone whose calendar has today."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """The instant a day begins: the first of two midnights, the end of a gap over one."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)

    def days_since(self, instant: Moment | None) -> int:
        """Days from the local date of an instant to today, never below 0; 0 if it is unknown."""
        if instant is None or math.isinf(position(instant)):
            return 0
        day = (position(instant) + self._offset(instant)) // (DAY // MICROSECOND)
        return max(0, int(position(self.today) - day))

    def _offset(self, instant: Moment) -> int:
        """The zone's offset in microseconds, beyond Python's years that of the nearest of them."""
        first, last = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
        if isinstance(instant, datetime):
            near = min(max(utc(instant), first), last)
        else:
            near = first if position(instant) < 0 else last
        return (near.astimezone(self.zone).utcoffset() or timedelta(0)) // MICROSECOND
