"""In front of FastAPI: documents asked for in the plain way are answered before its machinery for each request runs.

Plain is a GET or HEAD of a document's address with a canonical id and parameters that can be used. Everything else goes
on to FastAPI, whose routes ask the same read model and so answer the same.
"""

import functools
import re
import time
from collections.abc import Callable, Iterable, Sequence

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import Answer, Header, failure, read_wanted, respond
from api.errors import ApiError, InvalidInput
from api.gate import Gate
from api.parameters import read_values
from api.read_model import ReadModel
from api.tally import OTHER, RouteTally, Tally
from api.templates import Question, Template

_REMEMBERED_TARGETS = 8_192
_LONGEST_TARGET = 200
_WITH_ID = re.compile(rb"(/.*/)(0|[1-9][0-9]{0,17})((?:/[a-z]+)?)")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_METHODS = frozenset({"GET", "HEAD"})

ReadTarget = Callable[[bytes, bytes], Question | None]


class Front:
    """Answers the plain questions itself and hands on the rest; every answer echoes a sensible X-Request-ID.

    Where the gate is open, the near cache is looked into before anything else.
    """

    def __init__(
        self, app: ASGIApp, read_model: ReadModel, gate: Gate, templates: Sequence[Template], tally: Tally
    ) -> None:
        self._app = app
        self._gate = gate
        self._find = read_model.find if gate.is_open else _find_nothing
        self._count = read_model.count
        self._tally = tally
        self._tallies = {template: tally.routes[template.path] for template in templates}
        self._find_route = route_finder(tally)
        self._read_target = target_reader(templates)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter_ns()
        wanted = read_wanted(scope["headers"])
        echo = None if wanted.request_id is None else _echo(wanted.request_id)
        question = self._question(scope)
        answer = None if question is None else self._find(question)
        if answer is not None:
            self._tally.add("near_cache_hits")
        elif question is not None:
            try:
                read = await self._gate.reader(scope)
                answer = await read(question)
            except ApiError as error:
                answer = failure(error)
            except Exception:  # noqa: BLE001  (asked again by FastAPI's route, which reports it as any other)
                answer = None
        if question is None or answer is None:
            await self._hand_on(scope, receive, send if echo is None else _echoing(echo, send), began)
            return
        status, headers, body = respond(answer, wanted)
        if answer.grown:
            self._count(question, answer)
        if echo is not None:
            headers = [*headers, echo]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        self._tallies[question.template].count(status, began)

    async def _hand_on(self, scope: Scope, receive: Receive, send: Send, began: int) -> None:
        """To FastAPI; what it answers is counted, too, when its head has been sent: streams go on for hours."""
        counted, is_counted = self._find_route(scope.get("path", "")), False

        async def send_noting(message: Message) -> None:
            nonlocal is_counted
            await send(message)
            if not is_counted:
                is_counted = True
                counted.count(message["status"], began)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            if not is_counted:
                counted.count(500, began)

    def _question(self, scope: Scope) -> Question | None:
        if scope["method"] not in _METHODS or scope.get("root_path"):
            return None
        path, query = scope.get("raw_path") or b"", scope["query_string"]
        return self._read_target(path, query) if len(path) + len(query) <= _LONGEST_TARGET else None


def route_finder(tally: Tally) -> Callable[[str], RouteTally]:
    """Where requests of a path are counted; those of no route of ours together."""
    patterns = [(compile_path(path)[0], counted) for path, counted in tally.routes.items() if path != OTHER]

    def find(path: str) -> RouteTally:
        return next((counted for pattern, counted in patterns if pattern.match(path)), tally.routes[OTHER])

    return find


def target_reader(templates: Iterable[Template]) -> ReadTarget:
    """Reads a request's path and query string; None where FastAPI shall."""
    addresses: dict[tuple[bytes, ...], Template] = {
        tuple(template.path.encode().split(b"{id}")): template for template in templates
    }

    @functools.lru_cache(_REMEMBERED_TARGETS)
    def read(path: bytes, query: bytes) -> Question | None:
        match = _WITH_ID.fullmatch(path)
        number = match[2] if match else b""
        template = addresses.get((match[1], match[3]) if match else (path,))
        if template is None:
            return None
        try:
            return Question(template, read_values(template.parameters, {"id": number.decode()}, query))
        except InvalidInput:
            return None

    return read


def _find_nothing(_: Question) -> Answer | None:
    return None


def _echo(request_id: bytes) -> Header | None:
    return (b"x-request-id", request_id) if _REQUEST_ID.fullmatch(request_id) else None


def _echoing(echo: Header, send: Send) -> Send:
    async def send_with_echo(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), echo]}
        await send(message)

    return send_with_echo
