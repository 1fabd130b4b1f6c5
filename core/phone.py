"""Phone numbers: any spelling in, E.164 or a reason out; and the masked form that logs may carry.

*Pure.* What counts is the site's default region: `022…`, `0048 22…`, `+48/22/…` and `tel:+48…` are one number for
a Polish site. A number from before its country changed the plan comes out as today's (`equivalences.py`). Numbers are
never compared by their last digits; an extension behind one (`ext 7`, `wew. 12`) is left out. Whether a number may be
dialled (premium, country not served) is policy and not decided here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, ValidationResult

from core.equivalences import is_switched_off, renumbered

MAX_LENGTH = 250
"""libphonenumber's own bound; longer text is never a number."""

SHORTEST_UNKNOWN = 7
"""Digits of a number that no plan knows and that may exist all the same; shorter ones are extensions elsewhere."""

WITHHELD_WORDS = frozenset(
    {
        "anonymous", "blocked", "nonumber", "notavailable", "outofarea", "private", "privatenumber", "restricted",
        "unavailable", "unknown", "unknownnumber", "withheld",
    }
)  # fmt: skip
"""What carriers write into the number field when the caller asked for privacy (spaces and dashes removed)."""

_URI = re.compile(r"^(?:tel|sips?|callto):", re.IGNORECASE)
_TRUNK_ZERO = "(0)"
"""Between country code and number: what to leave out from abroad, in most countries."""

_EXTENSION_WORDS = (
    "w", "wew", "wewn", "wewnętrzny", "dw", "durchwahl", "app", "apparat", "nst", "nebenstelle", "poste", "interno",
    "ramal", "linka", "klapka", "toestel", "tst", "ankn", "anknytning", "mellék", "dahili", "вн", "внутр",
)  # fmt: skip
"""How people begin an extension, beside `ext`, `x`, `#`, `int`, `anexo`, `доб` and others that libphonenumber knows."""

LONGEST_EXTENSION = 6
"""Digits; more are rather a second number in the same cell."""

_EXTENSION = re.compile(
    rf"[\s,(]*(?<![^\W\d_])(?:{'|'.join(_EXTENSION_WORDS)})[\s.:]*[0-9]{{1,{LONGEST_EXTENSION}}}\)?$",
    re.IGNORECASE,
)

_SEPARATORS = re.compile(r"[\s().\-/‐‑‒–—]+")
_DIGITS = re.compile(r"^\+?[0-9]+$")


class NumberReason(StrEnum):
    """Why some text has no E.164 form."""

    WITHHELD = "withheld"
    NOT_A_NUMBER = "not_a_number"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Number:
    """Exactly one of `e164` and `reason` is set. `raw` is the text as it came, "" for none."""

    raw: str
    e164: str | None
    reason: NumberReason | None


def parse_number(raw: str | None, region: str) -> Number:
    """Read a number as people and carriers write it. `region` is an ISO 3166 code such as `PL`. Never raises."""
    return _parse((raw or "").strip(), region)


def is_region(code: str) -> bool:
    """Whether numbers can be read with this ISO 3166 code (in capitals)."""
    return code in phonenumbers.SUPPORTED_REGIONS


def is_withheld(raw: str | None) -> bool:
    """True for no number at all and for the words that stand for one (`anonymous`, `Restricted`)."""
    plain = _plain(raw or "")
    return not plain or plain.lower() in WITHHELD_WORDS


def mask(number: str | None) -> str:
    """A number fit for a log line: `+48226011111` becomes `+4822*****11`; short ones keep nothing."""
    if not number:
        return "-"
    if len(number) < 8:
        return "*" * len(number)
    return number[:5] + "*" * (len(number) - 7) + number[-2:]


@lru_cache(maxsize=8192)
def _parse(raw: str, region: str) -> Number:
    if is_withheld(raw):
        return Number(raw, None, NumberReason.WITHHELD)
    plain = _plain(raw)
    if len(raw) > MAX_LENGTH or not _DIGITS.match(plain):
        return Number(raw, None, NumberReason.NOT_A_NUMBER)
    return _best_reading(raw, plain, region)


def _plain(raw: str) -> str:
    """The number part alone: no URI scheme, host, parameters or separators. `(0)` after a country code goes too."""
    text = _number_part(raw)
    if text.startswith("+"):
        text = text.replace(_TRUNK_ZERO, "", 1)
    return _SEPARATORS.sub("", text)


def _number_part(raw: str) -> str:
    text = _URI.sub("", raw.strip()).split("@", 1)[0].split(";", 1)[0].strip()
    return text if _DIGITS.match(_SEPARATORS.sub("", text)) else _without_extension(text)


def _without_extension(text: str) -> str:
    """`+48 22 123 45 67 wew. 12` is that telephone: the extension is dialled by hand when it answers."""
    bare = _EXTENSION.sub("", text)
    if bare != text or len(text) > MAX_LENGTH:
        return bare
    try:
        # No region is needed to find where the number ends; the country code is only there to be read.
        found = phonenumbers.parse(text, "ZZ" if text.startswith("+") else "US").extension or ""
    except NumberParseException:
        return text
    if not 0 < len(found) <= LONGEST_EXTENSION:
        return text
    # Commas alone are pauses of a dialling telephone, or stand between two numbers.
    return re.sub(rf"[^0-9]*(?:[^\W\d_]|#)[^0-9]*{found}[^0-9]*$", "", text)


def _best_reading(raw: str, plain: str, region: str) -> Number:
    """The first reading that is a real number wins, then the first of a possible length."""
    possible: PhoneNumber | None = None
    worst = NumberReason.IMPOSSIBLE
    for text in _readings(raw, plain, region):
        try:
            number = phonenumbers.parse(text, region)
        except NumberParseException as error:
            if text == plain and error.error_type == NumberParseException.TOO_LONG:
                worst = NumberReason.TOO_LONG
            continue
        if phonenumbers.is_valid_number(number) and not is_switched_off(_e164(number)):
            return Number(raw, _e164(number), None)
        if (today := _todays(number)) is not None:
            return Number(raw, today, None)
        length = phonenumbers.is_possible_number_with_reason(number)
        if length == ValidationResult.IS_POSSIBLE and possible is None and len(plain) >= SHORTEST_UNKNOWN:
            possible = number
        elif text == plain:
            worst = _length_fault(length)
    if possible is not None:
        return Number(raw, _e164(possible), None)
    return Number(raw, None, worst)


def _todays(number: PhoneNumber) -> str | None:
    """The number of a telephone whose country has changed its plan since, where that is a real number."""
    today = renumbered(_e164(number))
    if today is None or not phonenumbers.is_valid_number(phonenumbers.parse(today)):
        return None
    return today


def _readings(raw: str, plain: str, region: str) -> list[str]:
    """As written; with the `(0)` that belongs to an Italian number; with a trunk zero that the country has since given
    up; as E.164 whose plus was lost on the way.

    Where people write a trunk zero, a number without it that begins with the own country's code has lost a plus:
    `491701234567` in Germany is a mobile, though an area 0491 exists.
    """
    readings = ["+" + plain] if _has_lost_its_plus(plain, region) else []
    readings.append(plain)
    if plain.startswith("+") and _TRUNK_ZERO in raw:
        readings.append(_SEPARATORS.sub("", _number_part(raw)))
    if plain.startswith("0") and not plain.startswith("00"):
        readings.append(plain[1:])
    if plain.startswith("00"):
        readings.append("+" + plain[2:])
    elif plain[0] not in "+0" and len(plain) >= 10:
        readings.append("+" + plain)
    return readings


def _has_lost_its_plus(plain: str, region: str) -> bool:
    code = str(phonenumbers.country_code_for_region(region))
    return (
        len(plain) >= 10
        and plain.startswith(code)
        and phonenumbers.ndd_prefix_for_region(region, True) == "0"
    )


def _length_fault(length: int) -> NumberReason:
    if length in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return NumberReason.TOO_SHORT
    if length == ValidationResult.TOO_LONG:
        return NumberReason.TOO_LONG
    return NumberReason.IMPOSSIBLE


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
