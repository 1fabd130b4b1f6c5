"""Customers as vCards and back, and cards as telephones write them."""

from __future__ import annotations

import pytest

from core.errors import InvalidInputError
from crm_link.directory import CustomerView, IdentityView
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.vcards import Version, card_of, is_vcard, read_cards


def customer(name: str, company: str = "", tags: tuple[str, ...] = ()) -> CustomerView:
    identities = tuple(
        IdentityView(place, kind, value, Source.PERSON, Confidence.STATED, 1.0, 1.0)
        for place, (kind, value) in enumerate(
            [
                (IdentityKind.PHONE, "+48501234567"),
                (IdentityKind.EMAIL, "a@b.pl"),
                (IdentityKind.EXTERNAL, "7"),
            ]
        )
    )
    return CustomerView(1, name, company, False, None, 1, 1.0, Source.PERSON, None, identities, tags)


@pytest.mark.parametrize("version", Version)
def test_a_card_says_what_we_know_and_can_be_read_again(version: Version) -> None:
    text = card_of(customer("Anna; Żółć, dr\nBEGIN:VCARD", "Firm; Ltd, x", ("vip",)), version)
    assert f"VERSION:{version}\r\n" in text
    assert text.count("\r\nBEGIN:VCARD") == 0, "a name is no line of the card"
    ((at, row),) = read_cards(text.splitlines(keepends=True))
    assert at == 1
    assert row[1] == "Firm; Ltd, x"
    assert row[2] == ("tel:+48501234567" if version is Version.FOUR else "+48501234567")
    assert row[3:] == ["a@b.pl", "vip", ""]


def test_cards_as_telephones_write_them() -> None:
    text = (
        "\ufeffBEGIN:VCARD\r\nVERSION:2.1\r\n"
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Nowak;=C5=81ucja\r\nTEL;CELL:501 234 567\r\nEND:VCARD\r\n"
        'BEGIN:VCARD\nVERSION:4.0\nFN:Firm\nORG:Firm;Sales\nTEL;VALUE=uri;TYPE="voice,work":tel:+48-22-1234567;ext=5\n'
        "NOTE:one\\ntwo\nEND:VCARD\n"
    )
    assert is_vcard(text)
    rows = list(read_cards(text.splitlines(keepends=True)))
    assert rows == [
        (1, ["Łucja Nowak", "", "501 234 567", "", "", ""]),
        (6, ["", "Firm", "tel:+48-22-1234567", "", "", "one\ntwo"]),
    ]


@pytest.mark.parametrize("text", ["BEGIN:VCARD\nFN:Ewa\n", "BEGIN:VCARD\nthis is no line\nEND:VCARD\n"])
def test_a_card_that_is_none_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(InvalidInputError, match="begins in line 1"):
        list(read_cards(text.splitlines(keepends=True)))
