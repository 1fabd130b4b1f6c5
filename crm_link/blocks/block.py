"""Pure. Blocks of numbers that belong to one firm: what somebody typed in, a `Block` out, and which numbers it covers.
Whose a block is, and what a call from inside it means, is `claims.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

from core.equivalences import key_of
from core.errors import InvalidInputError
from core.phone import parse_number

MOST_DIGITS = 4
"""Digits that a block leaves open: 10,000 numbers. A firm with more enters several."""

FEWEST_FIXED = 6
"""Digits after the country code that a block fixes: with fewer it would be a town's, not a firm's."""

HOW = "write a block as +48 22 123 45 00–99, as +48 22 123 45 xx, or as +48 22 123 45* for extensions of any length"

_RANGE = re.compile(
    r"^(?P<first>.*\d)\s*(?:–|—|\.\.+|…|\s-\s|\s-|-\s|\bto\b)\s*(?P<last>\+?[\d\s().\-/]*\d)$"
)
_HYPHEN = re.compile(r"^(?P<first>[^-]*\d)-(?P<last>\d+)$")
_OPEN = re.compile(r"^(?P<fixed>.*\d)[\s.\-/]*(?P<open>(?:[xX?#][\s.\-/]*)+|\*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """All numbers that go on after `prefix` (E.164) with `shortest` to `longest` more digits. Where all are equally
    long, `first` and `last` bound those digits; both are empty where none is left out."""

    prefix: str
    shortest: int
    longest: int
    first: str = ""
    last: str = ""

    def covers(self, number: str) -> bool:
        """Whether this number, by its key, is one of the block."""
        rest = number.removeprefix(self.prefix)
        if rest == number or not self.shortest <= len(rest) <= self.longest:
            return False
        return not self.first or self.first <= rest <= self.last

    @property
    def size(self) -> int:
        """How many numbers it has."""
        if self.first:
            return int(self.last) - int(self.first) + 1
        return sum(10**digits for digits in range(self.shortest, self.longest + 1))

    @property
    def shown(self) -> str:
        """As people read it: `+48221234500–99`, or `+4822123450…` for extensions of any length."""
        if self.shortest != self.longest:
            return f"{self.prefix}…"
        return f"{self.prefix}{self.first or '0' * self.longest}–{self.last or '9' * self.longest}"


def prefixes_of(number: str) -> list[str]:
    """What the prefix of a block around this number could be."""
    return [number[:-digits] for digits in range(1, MOST_DIGITS + 1)]


def read_block(text: str, region: str) -> Block:
    """A block as people write it. Raises InvalidInputError (field `block`) that says how to write one."""
    plain = " ".join(text.split())
    if found := _OPEN.match(plain):
        block = _open(found["fixed"], found["open"], region)
    elif found := _RANGE.match(plain) or _HYPHEN.match(plain):
        block = _range(found["first"], found["last"], region)
    else:
        raise _wrong(HOW)
    code = str(phonenumbers.parse(block.prefix + "0" * block.longest).country_code)
    if len(block.prefix) - 1 - len(code) < FEWEST_FIXED:
        raise _wrong(f"a block fixes at least {FEWEST_FIXED} digits after the country code")
    return block


def _open(fixed: str, marks: str, region: str) -> Block:
    """`45 xx` is two digits of which each may be any; `45*` one to four."""
    if marks != "*":
        digits = sum(mark in "xX?#" for mark in marks)
        if digits > MOST_DIGITS:
            raise _wrong(f"a block leaves at most {MOST_DIGITS} digits open")
        return Block(_number(fixed + "0" * digits, region)[:-digits], digits, digits)
    for digits in range(1, MOST_DIGITS + 1):
        number = parse_number(fixed + "0" * digits, region).e164
        if number is not None:
            return Block(key_of(number)[:-digits], 1, MOST_DIGITS)
    raise _wrong(HOW)


def _range(first_text: str, last_text: str, region: str) -> Block:
    first = _number(first_text, region)
    digits = re.sub(r"\D", "", last_text)
    is_whole = last_text.startswith("+") or len(digits) > MOST_DIGITS
    last = _number(last_text, region) if is_whole else first[: -len(digits)] + digits
    if len(first) != len(last) or first >= last:
        raise _wrong("the block's last number comes after its first, and is as long")
    fixed = next(place for place, (one, other) in enumerate(zip(first, last, strict=True)) if one != other)
    count = len(first) - fixed
    if count > MOST_DIGITS:
        raise _wrong(f"a block has at most {10**MOST_DIGITS} numbers: enter several")
    bounds = (first[fixed:], last[fixed:])
    whole = bounds == ("0" * count, "9" * count)
    return Block(first[:fixed], count, count, *(("", "") if whole else bounds))


def _number(text: str, region: str) -> str:
    number = parse_number(text, region).e164
    if number is None:
        raise _wrong(HOW)
    return key_of(number)


def _wrong(sentence: str) -> InvalidInputError:
    return InvalidInputError(sentence, field="block")
