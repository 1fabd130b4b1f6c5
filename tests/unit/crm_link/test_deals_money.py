"""Amounts of money: as people and programs write them, never through a float."""

from __future__ import annotations

import pytest

from core.errors import InvalidInputError
from crm_link.deals.money import (
    CURRENCIES,
    NO_PLACES,
    THREE_PLACES,
    amount_text,
    currency_of,
    money_text,
    units_of,
)


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("129.90", "EUR", 12990),
        ("129,9", "EUR", 12990),
        ("1 299,90", "PLN", 129990),
        ("1\u202f299.90", "PLN", 129990),
        ("1.299,90", "EUR", 129990),
        ("1,299.90", "USD", 129990),
        ("1'299.90", "CHF", 129990),
        ("0.1", "EUR", 10),
        ("-5", "EUR", -500),
        ("1500", "JPY", 1500),
        ("1.234", "KWD", 1234),
    ],
)
def test_amounts_are_read_as_written(text: str, currency: str, units: int) -> None:
    assert units_of(text, currency) == units


@pytest.mark.parametrize(
    ("text", "currency"),
    [("", "EUR"), ("many", "EUR"), ("1e9", "EUR"), ("1.005", "EUR"), ("1.5", "JPY"), ("1,2,3", "EUR"),
     ("9" * 18, "EUR"), ("١٢", "EUR"), ("1..2", "EUR"), ("NaN", "EUR")],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(InvalidInputError):
        units_of(text, currency)


def test_every_place_comes_back() -> None:
    for units in (0, 1, 10, 99, 12990, -7, 10**14 + 1):
        for currency in ("EUR", "JPY", "BHD"):
            assert units_of(amount_text(units, currency), currency) == units
    assert money_text(129990, "EUR") == "1\u202f299.90\u00a0EUR"
    assert (money_text(None, None), currency_of(" pln ")) == ("", "PLN")


def test_the_list_of_currencies_is_whole() -> None:
    assert all(len(code) == 3 for code in CURRENCIES)
    assert {"EUR", "USD", "PLN"} | NO_PLACES | THREE_PLACES <= CURRENCIES
