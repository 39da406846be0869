"""The read model as the API sees it: questions in, answers out; and requests for a rebuild."""

import logging

from redis.exceptions import RedisError

from api.answers import Answer, document_answer
from api.documents import Absence, read_document
from api.errors import ApiError, NotBuilt, NotFound, Unavailable
from api.redis_line import RedisLine, Reply
from api.templates import Question
from projector.names import DOCUMENTS, REFRESH_STREAM, REFRESH_STREAM_LENGTH, built_field

logger = logging.getLogger(__name__)


class ReadModel:
    """Answers every question with what Redis holds at the moment."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    async def answer(self, question: Question) -> Answer:
        """The answer to a question; NotFound, NotBuilt or Unavailable where there is none."""
        selection = question.selection
        reply = await self._ask("HMGET", question.key, *selection.hash_fields)
        document = read_document(selection.sections, reply.value)
        if isinstance(document, Absence):
            raise _missing(question, document, reply.built)
        return document_answer(question, document)

    async def request_rebuild(self, entity: str, entity_id: int) -> None:
        """Asks the projector to rebuild the entity's documents; what is served stays until then."""
        limit = ("MAXLEN", "~", REFRESH_STREAM_LENGTH)
        await self._ask("XADD", REFRESH_STREAM, *limit, "*", "document", entity, "id", entity_id)

    async def missing_parts(self) -> tuple[str, ...]:
        """What the API waits for before it can answer everything: Redis, and each first build."""
        try:
            reply = await self._ask("PING")
        except Unavailable:
            return ("redis",)
        return tuple(built_field(kind) for kind in DOCUMENTS if kind not in reply.built)

    async def _ask(self, *command: str | bytes | int) -> Reply:
        try:
            return await self._line.ask(*command)
        except RedisError as error:
            logger.debug("Redis did not answer %s: %s", command[0], error)
            raise Unavailable from error


def _missing(question: Question, absence: Absence, built: frozenset[str]) -> ApiError:
    template = question.template
    if absence is Absence.DELETED or template.document in built:
        return NotFound(template.noun, question.document_id)
    return NotBuilt(template.document)
