"""Customers as vCards and back, and cards as telephones write them."""

from __future__ import annotations

import pytest

from crm_link.directory import CustomerView, IdentityView
from crm_link.imports.vcards import Version, card_of, is_vcard, read_cards
from crm_link.kinds import Confidence, IdentityKind, Source


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
    ((at, row, fault),) = read_cards(text.splitlines(keepends=True))
    assert (at, fault) == (1, "")
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
        (1, ["Łucja Nowak", "", "501 234 567", "", "", ""], ""),
        (6, ["", "Firm", "tel:+48-22-1234567", "", "", "one\ntwo"], ""),
    ]


GOOD = "BEGIN:VCARD\nVERSION:3.0\nFN:Ewa\nTEL:501234567\nEND:VCARD\n"


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("BEGIN:VCARD\nFN:Jan\n", "the card has no end"),
        ("BEGIN:VCARD\nFN:Jan\nthis is no line\nEND:VCARD\n", "it is no vCard (At line 3"),
        (
            "BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE;CHARSET=none-7:=C5\nEND:VCARD\n",
            "it is no vCard (unknown",
        ),
        ("BEGIN:VCARD\nTEL;ENCODING=b:x\nEND:VCARD\n", "it is no vCard ("),
        ("FN:Jan\nEND:VCARD\n", "it is no vCard ("),
    ],
)
def test_a_broken_card_says_what_is_wrong_and_takes_no_other_with_it(broken: str, fault: str) -> None:
    one, other, last = read_cards((GOOD + broken + GOOD).splitlines(keepends=True))
    assert (one.line, one.cells[0], one.fault) == (1, "Ewa", "")
    assert (other.line, other.cells[5]) == (6, broken)
    assert other.fault.startswith(fault)
    assert (last.line, last.cells[0], last.fault) == (6 + broken.count("\n"), "Ewa", "")
    *_, cut = read_cards((GOOD + broken).splitlines(keepends=True))
    assert cut.fault.startswith(fault)


def test_a_picture_is_not_read_however_it_is_written() -> None:
    picture = "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUFB" * 20 + "\n" + " QUFBQUFB\n" * 30_000
    drawn = "item1.X-ABPhoto;ENCODING=QUOTED-PRINTABLE:=\n=41=\n=42\nLOGO:x\n"
    text = GOOD.replace("TEL", f"{picture}{drawn}LOGO;ENCODING=b:not base64\nTEL")
    (one,) = read_cards(text.splitlines(keepends=True))
    assert (one.cells[0], one.cells[2], one.fault) == ("Ewa", "501234567", "")


@pytest.mark.parametrize(
    "how", ["CHARSET=utf-7;ENCODING=QUOTED-PRINTABLE:+2AA-", "ENCODING=QUOTED-PRINTABLE:=00?"]
)
def test_letters_that_no_database_takes_are_left_out(how: str) -> None:
    (one,) = read_cards(GOOD.replace("FN", f"NOTE;{how}\nFN").splitlines(keepends=True))
    assert (one.cells[5], one.fault) == ("?", "")


@pytest.mark.parametrize(
    ("hostile", "fault"),
    [
        ("FN" + ";A=B" * 200 + "x\n", "it is no vCard (At line 2"),
        ('TEL;TYPE="a' + ',"b' * 200 + ":1\n", "it is no vCard (At line 2"),
        ("NOTE:" + "x\n " * 40_001 + "\n", "the card has more than 80000 characters"),
        ("TEL:501234567\n" * 10_000, "the card has more than 80000 characters"),
        ("AGENT:\nBEGIN:VCARD\n" * 5000 + "END:VCARD\n" * 5000, "the card has more than"),
        ("BEGIN:VEVENT\n" * 2000, ""),
        ("PHOTO:x\n" * 100_001, "the card has more than"),
    ],
)
def test_a_hostile_card_costs_no_more_than_its_length(hostile: str, fault: str) -> None:
    text = f"BEGIN:VCARD\n{hostile}FN:Eve\nEND:VCARD\n"
    first, *rest = read_cards((text + GOOD).splitlines(keepends=True))
    assert first.fault.startswith(fault)
    assert bool(first.fault) is bool(fault)
    assert len(first.cells[5]) <= 2000
    assert rest[-1].cells[0] == "Ewa"
    assert len(rest) <= 25


def test_a_card_within_a_card_is_told_of() -> None:
    text = (
        "BEGIN:VCARD\nVERSION:2.1\nN:Lis;Ewa\nAGENT:\nBEGIN:VCARD\nVERSION:2.1\nN:Nowak;Jan\nTEL:601000111\nEND:VCARD\n"
        "TEL:501234567\nEND:VCARD\n"
    )
    ewa, jan, last = read_cards((text + GOOD).splitlines(keepends=True))
    assert (ewa.cells[0], ewa.cells[2], ewa.fault) == ("Ewa Lis", "501234567", "")
    assert (jan.line, jan.fault) == (5, "it stands within another card: put it on its own")
    assert (last.line, last.fault) == (12, "")
