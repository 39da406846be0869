"""In front of FastAPI: documents asked for in the plain way are answered before its machinery for each request runs.

Plain is a GET or HEAD of a document's address with a canonical id and parameters that can be used, which waits for
nothing. Everything else goes on to FastAPI, whose routes ask the same read model and so answer the same.
"""

import functools
import re
import time
from collections.abc import Callable, Iterable, Sequence

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import request_ids
from api.after import read_after
from api.answers import Answer, failure, read_wanted, respond
from api.errors import ApiError, InvalidInput
from api.gate import Gate
from api.notices import Notices
from api.parameters import read_values
from api.read_model import ReadModel
from api.tally import OTHER, RouteTally, Tally
from api.templates import Question, Template
from projector.logs import REQUEST

_REMEMBERED_TARGETS = 8_192
_LONGEST_TARGET = 200
_WITH_ID = re.compile(rb"(/.*/)(0|[1-9][0-9]{0,17})((?:/[a-z]+)?)")
_METHODS = frozenset({"GET", "HEAD"})

ReadTarget = Callable[[bytes, bytes], Question | None]


class Front:
    """Answers the plain questions itself and hands on the rest, with a sensible X-Request-ID or one of ours.

    Where the gate is open, the near cache is looked into before anything else. An answer out of it gets no id of ours
    unless `names_all`: nothing is logged of it, and the header is a twentieth of what it costs.
    """

    def __init__(
        self,
        app: ASGIApp,
        read_model: ReadModel,
        gate: Gate,
        templates: Sequence[Template],
        tally: Tally,
        notices: Notices,
        *,
        names_all: bool,
    ) -> None:
        self._app = app
        self._gate = gate
        self._find = read_model.find if gate.is_open else _find_nothing
        self._count = read_model.count
        self._tally = tally
        self._notices = notices
        self._names_all = names_all
        self._tallies = {template: tally.routes[template.path] for template in templates}
        self._find_route = route_finder(tally)
        self._read_target = target_reader(templates)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter_ns()
        wanted = read_wanted(scope["headers"])
        request_id = None if wanted.request_id is None else request_ids.read(wanted.request_id)
        question = self._question(scope)
        answer = None if question is None else self._find(question)
        if request_id is None and (answer is None or self._names_all):
            request_id = request_ids.make()
        if answer is not None:
            self._tally.add("near_cache_hits")
        elif question is not None:
            REQUEST.set(request_id)
            answer = await self._ask(question, scope, began)
        if question is None or answer is None:
            await self._hand_on(scope, receive, send, request_id or request_ids.make(), began)
            return
        status, headers, body = respond(answer, wanted)
        if answer.grown:
            self._count(question, answer)
        if request_id is not None:
            headers = [*headers, (request_ids.NAME, request_id)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        self._tallies[question.template].count(status, began)

    async def _ask(self, question: Question, scope: Scope, began: int) -> Answer | None:
        try:
            read = await self._gate.reader(scope)
            answer = await read(question)
        except ApiError as error:
            answer = failure(error)
        except Exception:  # noqa: BLE001  (asked again by FastAPI's route, which reports it as any other)
            return None
        self._notices.look(scope, answer.status, began)
        return answer

    async def _hand_on(self, scope: Scope, receive: Receive, send: Send, request_id: bytes, began: int) -> None:
        """To FastAPI; what it answers is counted, too, when its head has been sent: streams go on for hours."""
        # Never reset: the server gives each request a context of its own, and logs in it what the application raises.
        REQUEST.set(request_id)
        is_told = False

        def tell(status: int) -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                self._find_route(scope.get("path", "")).count(status, began)
                self._notices.look(scope, status, began)

        async def send_noting(message: Message) -> None:
            status = message.get("status", 500)
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (request_ids.NAME, request_id)]}
            await send(message)
            tell(status)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            tell(500)

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
        if template is None or read_after(query) is not None:
            return None
        try:
            return Question(template, read_values(template.parameters, {"id": number.decode()}, query))
        except InvalidInput:
            return None

    return read


def _find_nothing(_: Question) -> Answer | None:
    return None
