"""Answers that are joined of several documents: each is a part, a question of its own, which the near cache keeps.

A part that is missing is the whole answer's failure: a 404 if the entity does not exist, else a 503.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from api.answers import Answer, Part, instant, stale_headers, tagged
from api.parameters import Id
from api.templates import Field, Question, Template, encode
from projector.checkout import Checkout


class Source(Protocol):
    """Where parts come from, and what the checkout offers besides."""

    checkout: Checkout

    async def answer(self, question: Question) -> Answer:
        """A part, or what is answered in its place."""


def part(document: str, noun: str, *fields: Field) -> Template:
    """What is shown of one document, whose id is the only parameter."""
    return Template(path="", document=document, noun=noun, parameters=(Id("id", noun),), fields=fields, is_part=True)


class Missing(Exception):
    """A part cannot be had; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


async def ask_parts(source: Source, questions: Iterable[Question]) -> list[Part]:
    """The parts in the order of the questions, asked at once; Missing where there is none of one."""
    answers = await asyncio.gather(*(source.answer(question) for question in questions))
    for answer in answers:
        if not isinstance(answer, Part):
            raise Missing(answer)
    return [answer for answer in answers if isinstance(answer, Part)]


def joined_answer(
    data: Mapping[str, bytes | None], parts: Sequence[Part], sources: int, also: Sequence[Answer] = (), **more: Any
) -> Answer:
    """One answer with this data; its metadata is of all parts, and `more`. `also` are answers about documents that are
    asked or not asked from one time to the next: parts, or 404s."""
    fixed, parts = parts, [*parts, *(answer for answer in also if isinstance(answer, Part))]
    built = max((part.built_us for part in parts if part.built_us is not None), default=None)
    metadata: dict[str, Any] = {"cached": True, "data_sources": sources, "generated_at": instant(built), **more}
    if degraded := [name for part in parts for name in part.degraded]:
        metadata["degraded"] = list(dict.fromkeys(degraded))
    age = max((part.age_seconds for part in parts if part.age_seconds is not None), default=None)
    if age is not None:
        metadata |= {"stale": True, "age_seconds": age}
    body = b'{"success":true,"data":%b,"metadata":%b}' % (members(data), encode(metadata))
    answer = tagged(body, () if age is None else stale_headers(age))
    answer.sources, answer.built_us, answer.age_seconds = sources, built, age
    answer.keys = tuple(key for part in (*fixed, *also) for key in part.keys)
    answer.stamps = tuple(stamp for part in fixed for stamp in part.stamps)
    return answer


def members(values: Mapping[str, bytes | None]) -> bytes:
    """An object of ready JSON; what is missing is null."""
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), value or b"null") for name, value in values.items())


def count_sources(*sections: bytes | None) -> int:
    return sum(section not in (None, b"null") for section in sections)
