"""Which numbers a stranger may have us dial."""

from __future__ import annotations

import pytest

from callback.guard import Refusal, read_number
from callback.limits import network_of


@pytest.mark.parametrize(
    ("raw", "e164"),
    [
        ("501 234 567", "+48501234567"),
        ("+48 (22) 123-45-67", "+48221234567"),
        ("0048501234567", "+48501234567"),
        ("tel:+48501234567", "+48501234567"),
    ],
)
def test_a_phone_of_the_country_is_dialled(raw: str, e164: str) -> None:
    assert read_number(raw, "PL", {"PL"}) == (e164, None)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "call me",
        "12345",
        "+48501",
        "+4850123456789012",
        "+48 123",
        "501234567;ext=9",
        "+48501234567,,1#",
        "٥٠١٢٣٤٥٦٧",
        "5012345\x0067",
        "9" * 300,
        "anonymous",
    ],
)
def test_what_is_no_number_is_said_at_once(raw: str) -> None:
    """An extension behind a semicolon is dropped by the reader of URIs: the number before it is dialled."""
    number, refusal = read_number(raw, "PL", {"PL"})
    if raw == "501234567;ext=9":
        assert (number, refusal) == ("+48501234567", None)
    else:
        assert refusal is Refusal.NUMBER_INVALID


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("+48 700 123 456", "PL"),  # premium
        ("+48 801 123 456", "PL"),  # shared cost
        ("+48 800 123 456", "PL"),  # toll-free
        ("+48 804 123 456", "PL"),  # UAN
        ("+48 64 21 23 456", "PL"),  # pager
        ("+1 900 234 5678", "US"),  # premium
        ("+44 70 1234 5678", "GB"),  # personal, dear
        ("+44 871 234 5678", "GB"),  # premium
        ("+49 900 1 234567", "DE"),  # premium
        ("+881 6 3155 1234", "PL"),  # Iridium
        ("+870 773 111 632", "PL"),  # Inmarsat
        ("+882 16 1234 5678", "PL"),  # international networks
        ("+883 5100 1234 5678", "PL"),
        ("+979 1 2345 6789", "PL"),  # international premium
    ],
)
def test_dear_numbers_are_never_dialled(raw: str, region: str) -> None:
    number, refusal = read_number(raw, region, {region, "001"})
    assert number == ""
    assert refusal in (Refusal.NUMBER_KIND, Refusal.NUMBER_INVALID)


@pytest.mark.parametrize("raw", ["+49 30 901820", "+1 876 927 1234", "+371 2912 3456", "+216 20 123 456"])
def test_other_countries_are_not_dialled(raw: str) -> None:
    assert read_number(raw, "PL", {"PL"})[1] is Refusal.COUNTRY


def test_countries_that_share_a_prefix_are_told_apart() -> None:
    """Jamaica is +1 like the United States, and dear."""
    assert read_number("+1 876 927 1234", "US", {"US"})[1] is Refusal.COUNTRY
    assert read_number("+1 202 555 0143", "US", {"US"})[1] is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:1:2fff::1", "2001:db8:1:2f00::/56"),
        ("unix", "unix"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network
