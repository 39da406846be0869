"""What several sections read: in which order it is installed, and what of it counts as a section's own."""

from projector.sections import Section, load_documents, load_shared


def section(document: str, name: str) -> Section:
    return next(it for kind in load_documents() if kind.name == document for it in kind.sections if it.name == name)


def test_each_comes_behind_those_that_it_reads() -> None:
    order = load_shared()
    for place, shared in enumerate(order):
        assert not any(later.is_read_by(shared.query) for later in order[place:])
    assert any(earlier.is_read_by(later.query) for earlier in order for later in order)


def test_what_a_shared_select_reads_itself_counts_too() -> None:
    """The home page's lists name neither the price nor, in their own text, a clock."""
    new_arrivals = section("shop", "new_arrivals")
    assert "shared_price" not in new_arrivals.query
    assert {"card", "image", "price", "stock"} == {shared.name for shared in new_arrivals.shared}
    assert new_arrivals.reads_clock
