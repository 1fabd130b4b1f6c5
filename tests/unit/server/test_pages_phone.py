"""How numbers and blocks of numbers read on a page."""

from __future__ import annotations

import pytest

from server.web.pages import phone


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("+48221234500", "+48 22 123 45 00"),
        ("+48221234500–99", "+48 22 123 45 00–99"),
        ("+4822123450…", "+48 22 123 45 0…"),
        ("101", "101"),
        ("+–", "+–"),
        ("+ more…", "+ more…"),
        ("anna@example.com", "anna@example.com"),
        (None, ""),
    ],
)
def test_numbers_and_blocks_of_them_have_their_countrys_spaces(stored: str | None, shown: str) -> None:
    assert phone(stored) == shown
