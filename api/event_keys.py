"""The keys of a stream of events: those of a batch, the addresses without an id, and any of them with parameters."""

from dataclasses import dataclass
from typing import Final

from api import endpoints
from api.batch import MOST_KEYS, Keys, read_key
from api.errors import Fault, InvalidInput
from api.parameters import Flag, read_query, read_values
from api.templates import Question

_LONGEST_KEY: Final = 200
_WITHOUT_ID: Final = {"home": endpoints.HOME, "checkout": endpoints.CHECKOUT}


KEYS: Final = Keys(
    f"Up to {MOST_KEYS} addresses, separated by commas, without /api/mobile/ and without /complete: orders/456, "
    "customers/7, customers/7/orders, products/42, products/42/detail (GET /products/42), "
    "salesperson/5/dashboard/week, home, checkout?customer_id=7. What stands behind ? are the parameters of that "
    "address, with %26 between them",
    {"type": "string", "maxLength": _LONGEST_KEY, "examples": ["orders/456"]},
)
FULL: Final = Flag("full", "true: each event holds the new answer as well", default=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one request wants to listen to."""

    questions: dict[str, Question]
    """What each key asks."""
    is_full: bool


def read_wish(query: bytes) -> Wish:
    """Reads a query string; InvalidInput says what is wrong with it."""
    text, is_full = read_values((KEYS, FULL), {}, query)
    names = dict.fromkeys(str(text).split(","))
    if len(names) > MOST_KEYS:
        raise InvalidInput([Fault(KEYS.name, f"must be at most {MOST_KEYS}", str(len(names)))])
    questions: dict[str, Question] = {}
    faults: list[Fault] = []
    for name in names:
        try:
            questions[name] = read_event_key(name)
        except InvalidInput as error:
            faults.append(Fault(KEYS.name, f"has a key with a parameter that cannot be used ({error.message})", name))
        except ValueError as error:
            faults.append(Fault(KEYS.name, str(error), name))
    if faults:
        raise InvalidInput(faults)
    return Wish(questions, bool(is_full))


def read_event_key(name: str) -> Question:
    """What one key asks; ValueError if it is none, InvalidInput names the parameters at fault."""
    path, mark, query = name.partition("?")
    if len(name) > _LONGEST_KEY:
        raise ValueError(f"has a key of more than {_LONGEST_KEY} characters")
    template = _WITHOUT_ID.get(path)
    if template is not None:
        return Question(template, read_values(template.parameters, {}, query.encode()))
    question = read_key(path)
    if question is None:
        raise ValueError("has a key that names no document")
    return _with_parameters(question, query.encode()) if mark else question


def _with_parameters(question: Question, query: bytes) -> Question:
    """The same question, with those parameters in place of its own that the query names."""
    first, *others = question.template.parameters
    given = read_query(query)
    read = read_values(others, {}, query)
    values = [new if p.name in given else question[p.name] for p, new in zip(others, read, strict=True)]
    return Question(question.template, (question[first.name], *values))
