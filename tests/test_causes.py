"""Which of a batch's events each document is built for."""

import pytest

from projector.build import Outcome, Request
from projector.capture import Capture, CapturedColumn
from projector.cause import WORDS, Cause, cause_of, merge, of_sections
from projector.definitions import BoundSection
from projector.provenance import MANY_LEFT, Causes
from projector.resolve import Question, Router
from projector.sections import Document, Route, Section
from projector.work import Built, Event, Fanout, Version

STOCK = Route("stock", ("product_id",), None)
REVIEWS = Route("reviews", ("product_id",), None)
BRANCHES = Route("branches", ("id",), "SELECT 1")


def section(name: str, *routes: Route) -> Section:
    return Section("product", name, "", "", routes, (), None, reads_clock=False)


SECTIONS = (section("inventory", STOCK, BRANCHES), section("reviews", REVIEWS))
READS = ({"stock": frozenset({"product_id"}), "branches": frozenset({"id"})}, {"reviews": frozenset({"product_id"})})
ROUTER = Router(
    [Document("product", "", SECTIONS)],
    [BoundSection(it, reads) for it, reads in zip(SECTIONS, READS, strict=True)],
    [
        Capture("stock", (CapturedColumn("product_id", 0, 1),)),
        Capture("reviews", (CapturedColumn("product_id", 0, 1),)),
        Capture("branches", (CapturedColumn("id", 0, 1),)),
    ],
)


def event(table: str, transaction: int, *keys: int) -> Event:
    return Event(table, "U", None, (list(keys), None, None, None), None, transaction)


def built_for(request: Request, outcome: Outcome) -> dict[int, str]:
    """By id of the product, of those that were built."""
    causes = Causes(ROUTER, request, outcome)
    causes.give(outcome.built)
    ids = (int(key.split(":")[2]) for key in outcome.built.sections)
    return {id_: outcome.built.causes.get(f"bff:product:{id_}:complete", outcome.built.cause) for id_ in ids}


def outcome(*ids: int) -> Outcome:
    return Outcome(Built(Version(1, 1, 1), {f"bff:product:{id_}:complete": [] for id_ in ids}))


def test_one_event_is_the_cause_of_everything() -> None:
    assert built_for(Request("1", [event("stock", 7, 1, 2)]), outcome(1, 2)) == {1: "U:stock:7", 2: "U:stock:7"}


def test_each_document_has_its_own_event_and_the_newest_is_named_with_the_number_of_the_others() -> None:
    events = [event("stock", 7, 1), event("stock", 9, 1, 2), event("stock", 8, 1), event("stock", 6, 3)]
    assert built_for(Request("1", events), outcome(1, 2, 3)) == {1: "U:stock:9+2", 2: "U:stock:9", 3: "U:stock:6"}


def test_each_section_has_its_own_event() -> None:
    text = built_for(Request("1", [event("stock", 7, 1), event("reviews", 8, 1)]), outcome(1))[1]
    assert text == "reviews=U:reviews:8;inventory=U:stock:7"
    assert cause_of(text, "inventory") == Cause("event", "U", "stock", 7)
    assert cause_of(text, "reviews") == Cause("event", "U", "reviews", 8)


def test_what_one_question_found_for_several_events_is_said_to_be_of_one_of_them() -> None:
    found = outcome(1, 2)
    route = next(it for it in ROUTER.routes_of("branches"))
    found.answers.append((Question(route, 1, ({3, 4},)), [1, 2]))
    request = Request("1", [event("branches", 7, 3), event("branches", 8, 4), event("stock", 9, 2)])
    assert built_for(request, found) == {1: "U:branches:8~1", 2: "U:stock:9+1"}


def test_what_is_built_in_the_same_breath_has_its_own_event() -> None:
    """A document of the backlog, of which a fresh change is seen that waits still."""
    found = outcome(1, 2)
    found.seen = [event("stock", 9, 1)]
    texts = built_for(Request("1", cause="rebuild"), found)
    assert texts == {1: "inventory=U:stock:9;rebuild", 2: "rebuild"}
    assert cause_of(texts[1], "reviews") == Cause("rebuild")


def test_what_is_left_to_others_takes_its_cause_along() -> None:
    """One a document where they are few; where they are many, one for all that is told to be that."""
    request = Request("1", [event("stock", 7, 1), event("stock", 8, 2, 3)])
    causes = Causes(ROUTER, request, outcome())
    assert causes.of_left("product", [1, 2, 3]) == ("U:stock:7\nU:stock:8", [0, 1, 1])
    assert causes.of_left("product", list(range(MANY_LEFT + 1))) == ("U:stock:8~1", None)
    fanouts = [Fanout("product", "inventory", "stock"), Fanout("product", "*")]
    assert [it.cause for it in causes.named(fanouts)] == ["U:stock:8~1", "U:stock:8~1"]


@pytest.mark.parametrize("text", [*WORDS, "U:stock:7", "D:stock:7+2", "X:a table:7~12"])
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    cause = Cause.read(text)
    assert cause is not None
    assert cause.text == text


def test_texts_are_put_together() -> None:
    assert merge(["U:a:1", "", "U:a:1"]) == "U:a:1"
    assert merge(["U:a:1+1", "U:b:2"]) == "U:b:2~2"
    assert of_sections((("images", "timer"), ("reviews", "timer"))) == "timer"
    assert of_sections((("*", "rebuild"), ("reviews", "timer"))) == "reviews=timer;rebuild"
    assert of_sections((("images", "timer"), ("images", "U:products:7"), ("reviews", ""))) == "U:products:7~1"
    assert cause_of("of:a:later-version", "images") is None


def test_words_fit_where_memory_is_allocated_anyway() -> None:
    """67 bytes of version and moment, four of Redis's own: the next size is 80."""
    assert max(map(len, WORDS)) + 1 + 67 + 4 <= 80
