"""Any spelling of a number that a carrier, a phone or a person writes leads to one E.164 form, or to a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.phone import NumberReason, is_withheld, mask, parse_number

WARSAW = "+48221234567"


@pytest.mark.parametrize(
    "spelling",
    [
        "+48221234567",
        "0048 22 123 45 67",
        "(022) 123-45-67",
        "+48/22/123-45-67",
        "+48-22-123-45-67",
        "+48 (0)22 123 45 67",
        "22 123 45 67",
        "221234567",
        "48221234567",
        "tel:+48-22-123-45-67",
        "tel:+48221234567;phone-context=example.com",
        "sip:+48221234567@198.51.100.7:5060;user=phone",
        " 022.123.45.67 ",
        "+48 22 123 45 67 ext 7",
        "022 123 45 67 ext. 7",
        "(22) 123-45-67 x123",
        "+48 (0)22 123 45 67 x 123",
        "+48221234567x123",
        "+48 22 123 45 67 w. 12",
        "22 123 45 67 w.12",
        "22 123 45 67 (wew. 12)",
        "+48 22 123 45 67, wewn. 1204",
        "+48 22 123 45 67 доб. 12",
        "+48 22 123 45 67 вн. 12",
        "+48 22 123 45 67 #12",
        "+48 22 123 45 67, ext 12",
        "+48 22 123 45 67 Durchwahl 12",
        "0048 22 123 45 67 poste 12",
        "tel:+48-22-123-45-67;ext=12",
    ],
)
def test_every_spelling_is_one_number(spelling: str) -> None:
    assert parse_number(spelling, "PL").e164 == WARSAW


@pytest.mark.parametrize(
    ("spelling", "region", "e164"),
    [
        ("020 7946 0000", "GB", "+442079460000"),
        ("06 698 12345", "IT", "+390669812345"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("12025550123", "US", "+12025550123"),
        ("4930901820", "PL", "+4930901820"),
        ("+15551234567", "PL", "+15551234567"),
        ("491701234567", "DE", "+491701234567"),
        ("447400123456", "GB", "+447400123456"),
        ("3901234567", "IT", "+393901234567"),
        ("4912345678", "DE", "+494912345678"),
    ],
)
def test_the_region_decides_only_where_the_number_does_not(spelling: str, region: str, e164: str) -> None:
    assert parse_number(spelling, region).e164 == e164


def test_an_extension_of_another_pbx_is_no_number() -> None:
    assert parse_number("2101", "DE").e164 is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, NumberReason.WITHHELD),
        ("", NumberReason.WITHHELD),
        ("Anonymous", NumberReason.WITHHELD),
        ("sip:anonymous@anonymous.invalid", NumberReason.WITHHELD),
        ("Restricted", NumberReason.WITHHELD),
        ("101", NumberReason.TOO_SHORT),
        ("112233445566778899", NumberReason.TOO_LONG),
        ("0", NumberReason.IMPOSSIBLE),
        ("+", NumberReason.NOT_A_NUMBER),
        ("alice", NumberReason.NOT_A_NUMBER),
        ("1-800-FLOWERS", NumberReason.NOT_A_NUMBER),
        ("101 ext 5", NumberReason.TOO_SHORT),
        ("ext 5", NumberReason.NOT_A_NUMBER),
        ("22 123 45 67 Ewa 12", NumberReason.NOT_A_NUMBER),
        ("+48 22 123 45 67,12", NumberReason.NOT_A_NUMBER),
        ("22 123 45 67, 501234567", NumberReason.NOT_A_NUMBER),
        ("22 123 45 67 x 501234567", NumberReason.NOT_A_NUMBER),
    ],
)
def test_what_is_no_number_says_why(raw: str | None, reason: NumberReason) -> None:
    number = parse_number(raw, "PL")
    assert (number.e164, number.reason) == (None, reason)


def test_withheld_is_told_apart_from_odd() -> None:
    assert is_withheld("private number")
    assert not is_withheld("101")


def test_a_mask_never_shows_a_whole_number() -> None:
    assert mask(WARSAW) == "+4822*****67"
    assert mask("101") == "***"
    assert mask(None) == "-"


@given(st.text(max_size=40), st.sampled_from(["PL", "US", "DE", "GB"]))
def test_no_text_breaks_it_and_its_own_answer_is_stable(raw: str, region: str) -> None:
    number = parse_number(raw, region)
    assert (number.e164 is None) != (number.reason is None)
    if number.e164 is not None:
        assert parse_number(number.e164, region).e164 == number.e164
