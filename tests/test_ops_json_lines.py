"""JSON side by side, as the look-up shows it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from projector.ops.json_lines import MOST_LINES, lines, rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_lines_are_those_of_json_with_an_indent(value: object) -> None:
    assert "\n".join(lines(json.dumps(value))) == json.dumps(value, indent=2)


def test_digits_stay_as_they_are() -> None:
    assert lines('{"a" : 12.50, "b":1e5}') == ["{", '  "a": 12.50,', '  "b": 1e5', "}"]


@given(VALUES, VALUES)
def test_rows_hold_both_texts_whole(one: object, other: object) -> None:
    found = rows(json.dumps(one), json.dumps(other))
    assert [served for served, _ in found if served is not None] == json.dumps(one, indent=2).split("\n")
    assert [fresh for _, fresh in found if fresh is not None] == json.dumps(other, indent=2).split("\n")


def test_what_is_equal_stands_beside_each_other() -> None:
    found = rows("[1,2,3,4]", "[1,3,4,5]")
    assert [served == fresh for served, fresh in found] == [True, True, False, True, False, False, True]


def test_what_is_missing_or_no_json_is_shown_all_the_same() -> None:
    assert rows(None, "[1]") == [(None, "["), (None, "  1"), (None, "]")]
    assert rows("oops ]]", None)
    assert rows(None, None) == []


def test_very_long_texts_are_not_compared_for_long() -> None:
    one, other = (json.dumps([value + shift for value in range(3 * MOST_LINES)]) for shift in (0, 1))
    assert len(rows(one, other)) == 3 * MOST_LINES + 2
