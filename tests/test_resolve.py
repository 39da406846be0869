"""Resolving where the ERP is not what the routes were written for: nothing that changed is missed."""

from projector.capture import Capture, CapturedColumn
from projector.definitions import BoundSection, plan_captures
from projector.resolve import Resolution, Router
from projector.sections import Document, Route, Section
from projector.work import Event

ROUTES = (Route("products", ("id",), None), Route("reviews", ("product_id",), None))
PRODUCTS = Capture("products", (CapturedColumn("id", 0, 1), CapturedColumn("name", 1, None)))
REVIEWS = Capture("reviews", (CapturedColumn("id", 0, None), CapturedColumn("product_id", 1, 1)))


def resolve(reads: dict[str, frozenset[str]], captures: list[Capture], event: Event) -> Resolution:
    section = Section("product", "reviews", "", "", ROUTES, (), None, reads_clock=False)
    router = Router([Document("product", "", (section,))], [BoundSection(section, reads)], captures)
    return router.resolve([event])


def inserted(table: str) -> Event:
    return Event(table, "I", None, ([5], None, None, None))


def test_a_route_that_can_be_followed_names_its_documents() -> None:
    found = resolve({"reviews": frozenset({"id", "product_id"})}, [PRODUCTS, REVIEWS], inserted("reviews"))
    assert (found.wanted["product"], found.everything) == ({5: 1}, {})


def test_a_route_from_a_column_that_is_not_captured_touches_everything() -> None:
    """The ERP renamed product_id; its values are in no event any more."""
    renamed = Capture("reviews", (CapturedColumn("id", 0, None), CapturedColumn("item_id", 1, None)))
    found = resolve({"reviews": frozenset({"id", "item_id"})}, [PRODUCTS, renamed], inserted("reviews"))
    assert found.everything == {"product": 1}


def test_a_table_without_a_route_touches_everything() -> None:
    """The ERP renamed reviews; the view followed, the route did not."""
    renamed = Capture("opinions", REVIEWS.columns)
    found = resolve({"opinions": frozenset({"id", "product_id"})}, [PRODUCTS, renamed], inserted("opinions"))
    assert found.everything == {"product": 1}


def test_events_under_the_old_name_of_a_table_are_followed_until_the_next_installation() -> None:
    found = resolve({"opinions": frozenset({"id", "product_id"})}, [PRODUCTS, REVIEWS], inserted("reviews"))
    assert found.wanted["product"] == {5: 1}


def test_a_section_without_a_view_is_touched_by_every_column_of_its_tables() -> None:
    found = resolve({}, [PRODUCTS, REVIEWS], Event("products", "U", 0b10, ([7], None, None, None)))
    assert found.wanted["product"] == {7: 1}


def test_a_section_that_reads_what_is_not_captured_is_touched_by_every_column() -> None:
    """The bit in the event is that of the column's old name."""
    reads = {"products": frozenset({"id", "title"})}
    found = resolve(reads, [PRODUCTS, REVIEWS], Event("products", "U", 0b10, ([7], None, None, None)))
    assert found.wanted["product"] == {7: 1}


def test_a_route_column_that_the_erp_lacks_is_not_captured() -> None:
    section = Section("product", "reviews", "", "", ROUTES, (), None, reads_clock=False)
    bound = BoundSection(section, {"reviews": frozenset({"id", "item_id"})})
    (capture,) = plan_captures([bound], {}, {"reviews": {"id": True, "item_id": True}})
    assert [column.name for column in capture.columns] == ["id", "item_id"]
    assert not capture.keys
