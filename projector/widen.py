"""Widening: what a batch builds besides what it was asked for (decision 7).

Without it a reader could see one section of a change without the other: the snapshot sees both, but only one was asked
for.
"""

from collections.abc import Sequence

from projector.asking import Asker
from projector.look import Look
from projector.resolve import Router
from projector.work import Event, Fanout, Wanted, want


class Widening:
    """Of the wanted documents, by what a look tells that their snapshot has changed in them and nobody has published
    yet."""

    def __init__(self, router: Router, asker: Asker) -> None:
        self._router = router
        self._asker = asker

    def is_needless(self, wanted: Wanted, seen: Look, fanouts: Sequence[Fanout]) -> bool:
        """Whether the look tells of nothing that `widen` would add."""
        if seen.too_many or any(wanted.get(fanout.document) for fanout in (*seen.fanouts, *fanouts)):
            return False
        resolution = self._router.resolve(seen.events)
        if any(wanted.get(question.route.document) for question in (*resolution.questions, *resolution.paced)):
            return False
        if any(wanted.get(document) for document in resolution.everything):
            return False
        if any(
            others.get(id_, bits) | bits != bits
            for document, others in resolution.wanted.items()
            for id_, bits in wanted.get(document, {}).items()
        ):
            return False
        return all(
            wanted[document][id_] | self._router.section_bits(document, section) == wanted[document][id_]
            for document, id_, section in seen.queued
        )

    async def widen(self, wanted: Wanted, seen: Look, own_fanouts: Sequence[Fanout], *, isolated: bool) -> None:
        """Adds what the look tells of; `own_fanouts` are those that the batch itself is about to queue."""
        for document, id_, section in seen.queued:
            wanted[document][id_] |= self._router.section_bits(document, section)
        for fanout in (*seen.fanouts, *own_fanouts):
            await self._by_fanout(fanout, wanted, isolated=isolated)
        if seen.too_many:
            for document, ids in wanted.items():
                wanted[document] = dict.fromkeys(ids, self._router.all_sections(document))
        else:
            await self._by_events(seen.events, wanted, isolated=isolated)

    async def _by_fanout(self, fanout: Fanout, wanted: Wanted, *, isolated: bool) -> None:
        ids = wanted.get(fanout.document)
        if not ids:
            return
        bits = self._router.section_bits(fanout.document, fanout.section)
        bound = self._router.find_route(fanout) if fanout.table else None
        touched: Sequence[int] = list(ids)
        if bound is not None:
            touched = await self._asker.among(bound, fanout.keys, touched, isolated=isolated)
        want(wanted, fanout.document, touched, bits)

    async def _by_events(self, events: Sequence[Event], wanted: Wanted, *, isolated: bool) -> None:
        resolution = self._router.resolve(events)
        for document, bits in resolution.everything.items():
            want(wanted, document, list(wanted.get(document, ())), bits)
        for document, ids in wanted.items():
            others = resolution.wanted.get(document, {})
            for id_ in ids.keys() & others.keys():
                ids[id_] |= others[id_]
        for question in (*resolution.questions, *resolution.paced):
            document = question.route.document
            if touched := wanted.get(document):
                found = await self._asker.among(question.route, question.keys, list(touched), isolated=isolated)
                want(wanted, document, found, question.sections)
