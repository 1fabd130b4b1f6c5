"""Blocks of numbers as people write them, and what each covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInputError
from crm_link.blocks.block import MOST_DIGITS, Block, prefixes_of, read_block

HUNDRED = Block("+482212345", 2, 2)


@pytest.mark.parametrize(
    "text",
    [
        "+48 22 123 45 00–99",
        "022 123 45 00-99",
        "+48 22 123 45 xx",
        "22 123 45 ??",
        "+48221234500 - +48221234599",
        "+48221234500..99",
        "+48 22 123 45 00 to 99",
    ],
)
def test_a_hundred_numbers_in_every_spelling(text: str) -> None:
    assert read_block(text, "PL") == HUNDRED
    assert HUNDRED.shown == "+48221234500–99"


def test_a_part_of_a_hundred_and_across_hundreds() -> None:
    part = read_block("+48 22 123 45 20–49", "PL")
    assert (part.size, part.covers("+48221234520"), part.covers("+48221234550")) == (30, True, False)
    across = read_block("+48221234500 – +48221234649", "PL")
    assert (across, across.size) == (Block("+48221234", 3, 3, "500", "649"), 150)


def test_extensions_of_any_length() -> None:
    firm = read_block("+49 30 123456*", "DE")
    assert firm.covers("+49301234560")
    assert firm.covers("+49301234569999")
    assert not firm.covers("+4930123456"), "the bare number is no extension"
    assert not firm.covers("+4930123456" + "1" * (MOST_DIGITS + 1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("+48 22 123 45 67", "write a block as"),
        ("+48-22-123-45-00", "write a block as"),
        ("", "write a block as"),
        ("Acme", "write a block as"),
        ("+48 22 xxxxxxx", "at most 4 digits"),
        ("+48 22 12 xxxx", "at least 6 digits"),
        ("+48 22 123 45 99–00", "after its first"),
        ("+48221234500 – +48223456700", "enter several"),
        ("123 – 456", "write a block as"),
    ],
)
def test_what_is_no_block_is_said_with_the_way_out(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        read_block(text, "PL")
    assert caught.value.field == "block"


@given(st.from_regex(r"\+48[1-9][0-9]{8}", fullmatch=True), st.from_regex(r"[0-9]{3}", fullmatch=True))
def test_a_block_is_found_by_its_prefix_from_every_number_inside(number: str, bounds: str) -> None:
    first, last = sorted((bounds, number[-3:]))
    block = Block(number[:-3], 3, 3, first, last)
    assert block.covers(number)
    assert block.prefix in prefixes_of(number)


@given(st.from_regex(r"\+48[1-9][0-9]{6,8}", fullmatch=True))
def test_what_is_shown_reads_as_the_same_block(number: str) -> None:
    block = Block(number[:10], 2, 2, "10", "30")
    assert read_block(block.shown, "PL") == block
