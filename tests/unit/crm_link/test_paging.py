"""Cursors: what we give out comes back whole, and nothing else gets through."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInputError
from crm_link.paging import LARGEST_ID, Part, cursor_of, parts_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=6,
)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, LARGEST_ID))
def test_a_cursor_of_ours_comes_back_whole(at: float, ref: int) -> None:
    assert parts_of(cursor_of(at, "call", ref), float, str, int | str, field="before") == [at, "call", ref]


@given(JSON.map(lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode()) | st.text())
def test_anything_else_is_our_one_error_or_of_the_right_kinds(cursor: str) -> None:
    try:
        at, ref = parts_of(cursor, float, int, field="after")
    except InvalidInputError:
        return
    assert (type(at), type(ref)) == (float, int)


@pytest.mark.parametrize(
    "parts", [(1.0, True), (1.0, -1), (1.0, 2**63), (float("nan"), 1), (1.0, "x"), (1.0,)]
)
def test_parts_that_the_database_would_choke_on_are_refused(parts: tuple[Part, ...]) -> None:
    with pytest.raises(InvalidInputError):
        parts_of(cursor_of(*parts), float, int, field="after")


def test_a_nested_monster_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        parts_of(base64.urlsafe_b64encode(b"[" * 100_000).decode(), float, int, field="after")
