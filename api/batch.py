"""Several documents in one envelope, each item made of the very bytes that its own address answers with."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api import endpoints
from api.answers import Answer, failure, instant, stale_headers, tagged
from api.encodings import CODINGS, choose
from api.errors import ApiError, Fault, InvalidInput, NotReflected, Unavailable
from api.gate import Reader
from api.parameters import INT64, read_query
from api.templates import Question, Template, encode
from projector.names import RANGES

MOST_KEYS = 50
_LARGE = 32_768
_ALONE = frozenset({InvalidInput.status, Unavailable.status, NotReflected.status})

_KEY = re.compile(r"(products|customers|orders|salesperson)/(-?)0*([0-9]{1,19})((?:/[a-z]{1,20})*)")
_TEMPLATES: dict[tuple[str, str], Template] = {
    ("products", ""): endpoints.PRODUCT_COMPLETE,
    ("products", "/complete"): endpoints.PRODUCT_COMPLETE,
    ("products", "/detail"): endpoints.PRODUCT_DETAIL,
    ("customers", ""): endpoints.CUSTOMER_COMPLETE,
    ("customers", "/complete"): endpoints.CUSTOMER_COMPLETE,
    ("customers", "/quick"): endpoints.CUSTOMER_QUICK,
    ("customers", "/financial"): endpoints.CUSTOMER_FINANCIAL,
    ("customers", "/orders"): endpoints.CUSTOMER_ORDERS,
    ("orders", ""): endpoints.ORDER_COMPLETE,
    ("orders", "/complete"): endpoints.ORDER_COMPLETE,
    ("orders", "/quick"): endpoints.ORDER_QUICK,
}
_DASHBOARDS = {"/dashboard": RANGES[0], **{f"/dashboard/{name}": name for name in RANGES}}


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """A query parameter: keys separated by commas; `key` is the schema of one."""

    description: str
    key: dict[str, Any]
    name: str = "keys"
    location: str = "query"
    required: bool = True

    def parse(self, text: str | None) -> str:
        if not text:
            raise ValueError("is required")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.key, "minItems": 1, "maxItems": MOST_KEYS}


def _key_pattern() -> str:
    """What a key looks like. Ids of 19 digits, of which not all fit in 64 bits, are left out: none is in use."""
    endings: dict[str, list[str]] = {}
    for kind, ending in _TEMPLATES:
        endings.setdefault(kind, []).append(ending)
    kinds = {**endings, "salesperson": list(_DASHBOARDS)}
    keys = "|".join(f"{kind}/-?[0-9]{{1,18}}({'|'.join(ends)})" for kind, ends in kinds.items())
    return f"^({keys})$"


KEYS = Keys(
    f"Up to {MOST_KEYS} documents, separated by commas: products/1, products/1/detail, customers/2, "
    "customers/2/quick, customers/2/financial, customers/2/orders, orders/3, orders/3/quick, "
    "salesperson/5/dashboard, salesperson/5/dashboard/week",
    {"type": "string", "pattern": _key_pattern(), "examples": ["products/42"]},
)


def read_keys(query: bytes) -> list[tuple[str, Question]]:
    """The keys that were asked for and what each asks; InvalidInput where one cannot be used."""
    text = read_query(query).get(KEYS.name)
    if not text:
        raise InvalidInput([Fault(KEYS.name, "is required", text)])
    names = text.split(",")
    if len(names) > MOST_KEYS:
        raise InvalidInput([Fault(KEYS.name, f"must be at most {MOST_KEYS}", str(len(names)))])
    questions = [(name, read_key(name)) for name in names]
    faults = [Fault(KEYS.name, "has a key that names no document", name) for name, found in questions if found is None]
    if faults:
        raise InvalidInput(faults)
    return [(name, found) for name, found in questions if found is not None]


def read_key(name: str) -> Question | None:
    """What one key asks; None if it is none."""
    match = _KEY.fullmatch(name)
    if match is None:
        return None
    kind, sign, digits, rest = match.groups()
    number = int(sign + digits)
    if not INT64[0] <= number <= INT64[1]:
        return None
    if kind == "salesperson":
        date_range = _DASHBOARDS.get(rest)
        return Question(endpoints.DASHBOARD, (number, date_range)) if date_range else None
    template = _TEMPLATES.get((kind, rest))
    return _with_defaults(template, number) if template else None


async def batch_answer(keys: Sequence[tuple[str, Question]], read: Reader, accepted: bytes | None) -> Answer:
    """All answers in one, in the order of the keys; the first of them alone if none can be had, or if the token of
    `after` is none."""
    answers = await asyncio.gather(*(_answer(question, read) for _, question in keys))
    if all(answer.status in _ALONE for answer in answers):
        return answers[0]
    items = b",".join(_item(name, answer) for (name, _), answer in zip(keys, answers, strict=True))
    data = b'{"items":[%b],"count":%d}' % (items, len(answers))
    age = max((answer.age_seconds for answer in answers if answer.age_seconds is not None), default=None)
    metadata = encode(_metadata(answers, age))
    body = b'{"success":true,"data":%b,"metadata":%b}' % (data, metadata)
    answer = tagged(body, () if age is None else stale_headers(age))
    coding = choose(accepted)
    if coding in CODINGS and len(body) > _LARGE:
        # Milliseconds during which everybody else would wait.
        await asyncio.to_thread(answer.represented, coding)
    return answer


async def _answer(question: Question, read: Reader) -> Answer:
    try:
        return await read(question)
    except ApiError as error:
        return failure(error)


def _item(name: str, answer: Answer) -> bytes:
    """The envelope of the document, with its key and status put in front."""
    return b'{"key":%b,"status":%d,%b' % (encode(name), answer.status, answer.body[1:])


def _metadata(answers: Sequence[Answer], age: int | None) -> dict[str, Any]:
    built = [answer.built_us for answer in answers if answer.built_us is not None]
    metadata: dict[str, Any] = {
        "cached": True,
        "data_sources": sum(answer.sources for answer in answers),
        "generated_at": instant(max(built, default=None)),
    }
    return metadata if age is None else {**metadata, "stale": True, "age_seconds": age}


def _with_defaults(template: Template, number: int) -> Question:
    values = (parameter.parse(None) for parameter in template.parameters[1:])
    return Question(template, (number, *values))
