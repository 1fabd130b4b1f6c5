"""Customers as vCards (RFC 6350 and its forerunner, version 3.0), as telephones and address books exchange them: a
customer in, text out; and the lines of a file of cards in, rows of a table out, which an import then treats like any
other file's. Pictures, addresses and birthdays are not read: we keep none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from io import StringIO
from typing import Any

import vobject
from vobject.base import VObjectError, getLogicalLines

from crm_link.directory import CustomerView
from crm_link.fields.values import words_of
from crm_link.imports.cards import BEGIN, NO_END, OWN, Card, split
from crm_link.imports.cells import put_together
from crm_link.imports.columns import Field
from crm_link.imports.fields import NONE, Declared
from crm_link.imports.rows import Written
from crm_link.kinds import IdentityKind

HEADER = ("name", "company", "phone", "email", "tags", "note")
COLUMNS = (Field.NAME, Field.COMPANY, Field.PHONE, Field.EMAIL, Field.TAGS, Field.NOTE)
WITHIN = "it stands within another card: put it on its own"
HEAD = re.compile(
    r"""(?:[\w-]++\.)?+ [\w-]++ (?:;(?=[;:]))?+           # group and name
        (?:; [\w-]++ (?:= VALUE)?+ (?:, VALUE)*+ )*+ :     # parameters
    """.replace("VALUE", r'(?:"[^"]*+"|[^";:,]*+)'),
    re.ASCII | re.VERBOSE,
)
"""What stands before a property's value. Asked first: on anything else the reader of cards tries every way there is to
divide it, for years."""

BROKEN = (VObjectError, ValueError, LookupError, AttributeError, TypeError, StopIteration)
"""What the reader of cards raises for a card that is none."""


class Version(StrEnum):
    THREE = "3.0"
    FOUR = "4.0"


def card_of(customer: CustomerView, version: Version = Version.FOUR, declared: Declared = NONE) -> str:
    """The customer as one vCard. Numbers are E.164; who has no name is called by company or number. The site's own
    fields are extended properties, which other programs leave alone."""
    card = vobject.vCard()
    card.add("version").value = version.value
    card.add("fn").value = customer.title
    given, _, family = customer.name.rpartition(" ")
    card.add("n").value = vobject.vcard.Name(family=family, given=given)
    if customer.company:
        card.add("org").value = [customer.company]
    for one in customer.identities:
        if one.kind is IdentityKind.PHONE:
            _add_number(card, one.value, version)
        elif one.kind is IdentityKind.EMAIL:
            card.add("email").value = one.value
    if customer.tags:
        card.add("categories").value = list(customer.tags)
    for key in declared:
        if key in customer.fields:
            card.add(_property(key)).value = words_of(customer.fields[key])
    text: str = card.serialize()
    return text


def _property(key: str) -> str:
    return OWN + key.replace("_", "-")


def _add_number(card: Any, number: str, version: Version) -> None:
    line = card.add("tel")
    line.type_param = "voice"
    line.value = number
    if version is Version.FOUR:
        line.value_param = "uri"
        line.value = f"tel:{number}"


def is_vcard(head: str) -> bool:
    return head.lstrip("\ufeff \r\n").upper().startswith(BEGIN)


def read_cards(lines: Iterable[str], declared: Declared = NONE) -> Iterator[Written]:
    """A row with the columns of HEADER, and one for each field of the site's own, for each card. One that is broken
    must not take the rest of the file with it: its row says what is wrong."""
    for card in split(lines):
        yield _read(card, declared)
        if card.fault != NO_END:
            yield from (_broken(one, WITHIN, declared) for one in card.within)


def _read(card: Card, declared: Declared) -> Written:
    if card.fault:
        return _broken(card, card.fault, declared)
    lines = getLogicalLines(StringIO(card.text), allowQP=True)
    wrong = next((at for line, at in lines if not HEAD.match(line)), None)
    if wrong is not None:
        return _broken(card, f"it is no vCard (At line {wrong} no property begins)", declared)
    try:
        found = vobject.readOne(card.text, allowQP=True).contents
        cells = _row(found) + [_own(found, key) for key in declared]
        return Written(card.at, [_storable(cell) for cell in cells])
    except BROKEN as error:
        return _broken(card, f"it is no vCard ({_storable(str(error)[:200])})", declared)


def _storable(cell: str) -> str:
    """A card names its own encoding, and some of them write halves of letters, and letters that no database takes."""
    return cell.replace("\0", "").encode("utf-8", "replace").decode()


def _broken(card: Card, fault: str, declared: Declared) -> Written:
    own = ["" for _ in declared]
    return Written(card.at, [*([""] * (len(HEADER) - 1)), card.shown, *own], fault)


def _row(contents: dict[str, list[Any]]) -> list[str]:
    company = next((_organisation(one.value) for one in contents.get("org", ())), "")
    name = next((str(one.value).strip() for one in contents.get("fn", ())), "") or _joined_name(contents)
    return [
        "" if name == company else name,
        company,
        put_together([_number(str(one.value)) for one in contents.get("tel", ())]),
        put_together([str(one.value).strip() for one in contents.get("email", ())]),
        put_together([str(tag) for one in contents.get("categories", ()) for tag in _listed(one.value)]),
        "\n".join(str(one.value).strip() for one in contents.get("note", ())),
    ]


def _own(contents: dict[str, list[Any]], key: str) -> str:
    return next((str(one.value) for one in contents.get(_property(key), ())), "")


def _joined_name(contents: dict[str, list[Any]]) -> str:
    for one in contents.get("n", ()):
        parts = (one.value.given, one.value.additional, one.value.family)
        return " ".join(str(part) for part in parts if part)
    return ""


def _organisation(value: Any) -> str:
    return str(_listed(value)[0]).strip() if _listed(value) else ""


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _number(text: str) -> str:
    """`tel:+48-22…;ext=5` of version 4.0 without what is not the number."""
    return text.strip().partition(";")[0] if text.strip().lower().startswith("tel:") else text.strip()
