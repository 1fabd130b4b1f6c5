"""Pure. Callers a site does not want: what somebody entered in, an `Entry` of the block list out; and which entries a
caller falls under. Storing them is `list.py`; a blocked call is marked, never hidden."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

from core.equivalences import key_of
from core.errors import InvalidInputError
from core.folding import clean_line
from core.phone import parse_number
from crm_link.blocked.tables import LONGEST_REASON

LONGEST_NUMBER = 15
"""Digits of E.164."""

SHORTEST_PREFIX = 3
"""Digits, country code included: fewer would be a large country, or a slip of the finger."""


class BlockKind(StrEnum):
    """What an entry is about: one telephone, all numbers that begin so, or callers who hide their number."""

    NUMBER = "number"
    PREFIX = "prefix"
    WITHHELD = "withheld"


STRENGTH = (BlockKind.WITHHELD, BlockKind.PREFIX, BlockKind.NUMBER)
"""Where several entries fit, the reason of the most particular one is shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`value` is the telephone's key, the prefix with its plus, or empty for withheld numbers."""

    kind: BlockKind
    value: str


def read_entry(kind: BlockKind, text: str, region: str) -> Entry:
    """What somebody entered. Raises InvalidInputError (field `value`)."""
    match kind:
        case BlockKind.WITHHELD:
            return Entry(kind, "")
        case BlockKind.NUMBER:
            number = parse_number(text, region).e164
            if number is None:
                raise _wrong("this is not a telephone number")
            return Entry(kind, key_of(number))
        case BlockKind.PREFIX:
            return Entry(kind, _prefix(text, region))


def _prefix(text: str, region: str) -> str:
    """`+48 70` and `0048 70` as `+4870`. A site's own country is never blocked as a whole."""
    plain = "".join(character for character in text if character not in " .-/()").removesuffix("*")
    digits = plain[1:] if plain.startswith("+") else plain[2:] if plain.startswith("00") else ""
    if not (digits.isascii() and digits.isdigit()):
        raise _wrong("write the beginning of a number with + and the country code, such as +48 70")
    own = str(phonenumbers.country_code_for_region(region))
    if own.startswith(digits):
        raise _wrong("this would block every number of the site's own country")
    if not SHORTEST_PREFIX <= len(digits) < LONGEST_NUMBER:
        raise _wrong(f"write between {SHORTEST_PREFIX} and {LONGEST_NUMBER - 1} digits")
    return f"+{digits}"


def read_reason(text: str) -> str:
    """One line. Raises InvalidInputError (field `reason`)."""
    reason = clean_line(text, LONGEST_REASON + 1)
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidInputError(
            f"say why, in 1 to {LONGEST_REASON} characters: colleagues read it while the phone rings",
            field="reason",
        )
    return reason


def falls_under(number: str | None) -> list[Entry]:
    """All entries that a caller with this number (E.164; None: withheld) could fall under."""
    if number is None:
        return [Entry(BlockKind.WITHHELD, "")]
    key = key_of(number)
    prefixes = {
        spelled[:end] for spelled in (number, key) for end in range(SHORTEST_PREFIX + 1, len(spelled))
    }
    return [Entry(BlockKind.NUMBER, key), *(Entry(BlockKind.PREFIX, one) for one in sorted(prefixes))]


def _wrong(sentence: str) -> InvalidInputError:
    return InvalidInputError(sentence, field="value")
