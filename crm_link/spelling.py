"""Pure. What somebody typed as a number, address, id, tag or note in; the one form we store and compare out (P7). For
the few telephones that have two valid spellings that is their key, and the spelling is kept beside it."""

from __future__ import annotations

import re
import unicodedata

from core.equivalences import key_of
from core.errors import InvalidInputError
from core.folding import clean_line
from core.phone import NumberReason, parse_number
from crm_link.kinds import IdentityKind

LONGEST_VALUE = 200
LONGEST_TAG = 40
LONGEST_NOTE = 10_000
"""Characters: a long letter. Documents belong elsewhere."""

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
"""Only what would certainly bounce is refused: whether an address works is found out by writing to it."""

FAULTS = {
    NumberReason.WITHHELD: "a withheld number belongs to nobody",
    NumberReason.NOT_A_NUMBER: "this is not a telephone number",
    NumberReason.TOO_SHORT: "this telephone number is too short",
    NumberReason.TOO_LONG: "this telephone number is too long; write one from another country with + and its code",
    NumberReason.IMPOSSIBLE: "there can be no such telephone number; write it with + and the country code",
}


def normal_value(kind: IdentityKind, text: str, region: str) -> str:
    """The key of a telephone (E.164), lower case for an address, one clean line for the rest.

    Raises InvalidInputError (field `value`).
    """
    if kind is IdentityKind.PHONE:
        return key_of(_number(text, region))
    value = clean_line(text, LONGEST_VALUE + 1)
    if not value or len(value) > LONGEST_VALUE:
        raise InvalidInputError(f"write between 1 and {LONGEST_VALUE} characters", field="value")
    if kind is not IdentityKind.EMAIL:
        return value
    if EMAIL.fullmatch(value) is None:
        raise InvalidInputError("this is not an e-mail address", field="value")
    return value.casefold()


def spelling_beside(kind: IdentityKind, text: str, region: str) -> str | None:
    """How a telephone was written, E.164, where its key is written differently; None for everything else."""
    number = parse_number(text, region).e164 if kind is IdentityKind.PHONE else None
    return number if number is not None and number != key_of(number) else None


def _number(text: str, region: str) -> str:
    number = parse_number(text, region)
    if number.e164 is None:
        raise InvalidInputError(FAULTS[number.reason or NumberReason.IMPOSSIBLE], field="value")
    return number.e164


def normal_tag(text: str) -> str:
    """A tag in the one spelling it is kept in. Raises InvalidInputError (field `tag`)."""
    tag = clean_line(text, LONGEST_TAG + 1).casefold()
    if not tag or len(tag) > LONGEST_TAG:
        raise InvalidInputError(f"a tag has between 1 and {LONGEST_TAG} characters", field="tag")
    return tag


def note_text(text: str) -> str:
    """A note without control and direction-changing characters; line breaks stay. Empty when nothing is left."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in lines if char in "\n\t" or unicodedata.category(char)[0] != "C").strip()


def clean_note(text: str) -> str:
    """A note as it is kept. Raises InvalidInputError (field `text`) when nothing is left or it is too long."""
    kept = note_text(text)
    if not kept or len(kept) > LONGEST_NOTE:
        raise InvalidInputError(f"a note has between 1 and {LONGEST_NOTE} characters", field="text")
    return kept
