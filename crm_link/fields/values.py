"""*Pure.* Values of a site's own fields: what a form or a program sent in, the one form we keep out, and how people
read it. A value is a string, a number, or true and false; dates are ISO 8601, links begin with https:// or http://."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import assert_never

from config.crm import CustomField, FieldType
from core.errors import InvalidInputError
from core.folding import clean_line

FieldValue = str | int | float | bool

LONGEST = 1000
"""Characters of a text. What is longer is a note."""

NUMBER = re.compile(r"[+-]?[0-9]{1,15}([.,][0-9]{1,6})?")
LARGEST = 10**15
PLACES = 6
"""Of a number behind its point, as people may write them."""

LINK = re.compile(r"https?://[^\s/?#@]+(?:[/?#][^\s]*)?", re.IGNORECASE)
YES = frozenset({"yes", "true", "1"})
NO = frozenset({"no", "false", "0"})


def checked(field: CustomField, given: FieldValue | None) -> FieldValue | None:
    """The value to keep; None takes it away, as an empty text does. Raises InvalidInputError (field: its key)."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    match field.type:
        case FieldType.TEXT:
            return _text(field, given)
        case FieldType.NUMBER:
            return _number(field, given)
        case FieldType.DATE:
            return _date(field, given)
        case FieldType.CHOICE:
            return _choice(field, given)
        case FieldType.YES_NO:
            return _yes_no(field, given)
        case FieldType.LINK:
            return _link(field, given)
    assert_never(field.type)


def _text(field: CustomField, given: FieldValue) -> str | None:
    text = _word(field, given, "a text")
    if len(text) > LONGEST:
        raise _refusal(field, f"at most {LONGEST} characters")
    return clean_line(text, LONGEST) or None


def _number(field: CustomField, given: FieldValue) -> int | float:
    if isinstance(given, bool):
        raise _refusal(field, "write a number")
    if isinstance(given, str):
        plain = "".join(given.split())
        if NUMBER.fullmatch(plain) is None:
            raise _refusal(field, "write a number, such as 12 or 12.5")
        given = float(Decimal(plain.replace(",", ".")))
    if not -LARGEST <= given <= LARGEST:
        raise _refusal(field, "this number is too large")
    given = round(given, PLACES)
    return int(given) if float(given).is_integer() else float(given)


def _date(field: CustomField, given: FieldValue) -> str:
    text = _word(field, given, "a date").strip()
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise _refusal(field, "write a date as 2026-11-21")
    return day.isoformat()


def _choice(field: CustomField, given: FieldValue) -> str:
    text = _word(field, given, "one of its choices").strip()
    if text not in field.choices:
        raise _refusal(field, f"choose one of: {', '.join(field.choices)}")
    return text


def _yes_no(field: CustomField, given: FieldValue) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).strip().casefold()
    if word not in YES | NO:
        raise _refusal(field, "say yes or no")
    return word in YES


def _link(field: CustomField, given: FieldValue) -> str:
    text = _word(field, given, "a web address").strip()
    if len(text) > LONGEST or not text.isprintable() or LINK.fullmatch(text) is None:
        raise _refusal(field, "write a web address that begins with https:// or http://")
    return text


def _word(field: CustomField, given: FieldValue, what: str) -> str:
    if not isinstance(given, str):
        raise _refusal(field, f"write {what}")
    return given


def _refusal(field: CustomField, why: str) -> InvalidInputError:
    return InvalidInputError(f"{field.title}: {why}", field=field.key)


def stored(value: FieldValue) -> str:
    return json.dumps(value, ensure_ascii=False)


def loaded(text: str) -> FieldValue:
    """What `stored` wrote."""
    value: FieldValue = json.loads(text)
    return value


def words_of(value: FieldValue | None) -> str:
    """As people read it, and as a form shows it; empty for none."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{Decimal(repr(value)):f}"
        case _:
            return str(value)
