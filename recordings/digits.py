"""Pure. Runs of spoken digits: the words of one speaker and a language go in, stretches with the number of digits in
them come out. "four five double three" has four digits, "twenty-one" two, "45 thirty two" four.

What is only a number of things has few digits; whether many are a card's is for `redact.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from recordings.spoken import Language, bare
from recordings.words import Word

TOKEN = re.compile(r"\d+|[^\W\d_]+")

MOST_FILLERS = 6
"""Words such as "and then, uh" between two digits."""

MOST_OTHERS = 1
"""Words that are no fillers: one digit misheard."""

BREAK_S = 0.6
"""Across such a pause "twenty" and "five" are two numbers."""

LONGEST_GAP_S = 60.0


@dataclass(frozen=True, slots=True)
class DigitRun:
    """Words `first` to `last` of one speaker's; when they were said."""

    first: int
    last: int
    digits: int
    start: float
    end: float


def runs(said: Sequence[Word], spoken: Language) -> list[DigitRun]:
    """All stretches that have a digit, in order."""
    found: list[DigitRun] = []
    run: _Run | None = None
    for at, word in enumerate(said):
        parts = _Parts(bare(word.text), spoken)
        if run is not None and not run.goes_on(word, parts):
            found += run.finished(said)
            run = None
        if run is None and (parts.has_digit or parts.is_repeat):
            run = _Run(at, spoken)
        if run is not None:
            run.add(at, word, parts)
    return found if run is None else [*found, *run.finished(said)]


class _Parts:
    """The tokens of one word, and what kind of word that makes it."""

    def __init__(self, text: str, spoken: Language) -> None:
        self.tokens = [part for token in TOKEN.findall(text) for part in _split(token, spoken)]
        self.has_digit = any(
            token.isdigit() or token in spoken.values or token in spoken.multipliers for token in self.tokens
        )
        self.may_be_digit = any(token in spoken.sounds_like for token in self.tokens)
        self.is_repeat = any(token in spoken.repeats for token in self.tokens)
        self.is_filler = all(token in spoken.fillers or token in spoken.links for token in self.tokens)


def _split(token: str, spoken: Language) -> list[str]:
    """`viertausendfunfhundert` into its numbers; any other word as it is."""
    known = token.isdigit() or token in spoken.values or token in spoken.multipliers
    if known or not spoken.glued:
        return [token]
    parts, left = [], token
    while left:
        part = next((left[:end] for end in range(len(left), 0, -1) if _is_part(left[:end], spoken)), None)
        if part is None:
            return [token]
        parts.append(part)
        left = left[len(part) :]
    return parts


def _is_part(text: str, spoken: Language) -> bool:
    return text in spoken.values or text in spoken.multipliers or text in spoken.links


@dataclass(slots=True)
class _Number:
    """A number as it is being said: thousands that are done, and what is below."""

    spoken: Language
    thousands: int = 0
    rest: int | None = None

    def takes(self, value: int) -> bool:
        """Whether `value` goes on with this number instead of beginning the next one."""
        if self.rest is None:
            return self.thousands > 0 and value > 0
        if value <= 0 or self.rest <= 0:
            return False
        if self._is_four_twenties(value):
            return True
        teen = self.spoken.by_twenties and self.rest % 100 in (60, 80) and 10 <= value < 20
        hundreds = self.rest % 100 == 0 and value < 100
        tens = self.rest % 10 == 0 and self.rest % 100 >= 20 and value < 10
        return teen or hundreds or tens

    def add(self, value: int) -> None:
        self.rest = (self.rest or 0) + (76 if self._is_four_twenties(value) else value)

    def _is_four_twenties(self, value: int) -> bool:
        return self.spoken.by_twenties and value == 20 and self.rest is not None and self.rest % 100 == 4

    def multiply(self, by: int) -> bool:
        """False when this number cannot be multiplied: then `by` begins the next one."""
        rest = self.rest or (0 if self.thousands else 1)
        if not 0 < rest < by or (by == 1000 and self.thousands):
            return False
        if by == 1000:
            self.thousands, self.rest = rest * 1000, None
        else:
            self.rest = rest * by
        return True

    @property
    def digits(self) -> int:
        if self.rest is None and not self.thousands:
            return 0
        return len(str(self.thousands + (self.rest or 0)))


@dataclass(slots=True)
class _Run:
    """A stretch while it lasts."""

    first: int
    spoken: Language
    last: int = -1
    digits: int = 0
    _number: _Number = field(init=False)
    _repeat: int = 1
    _fillers: int = 0
    _others: int = 0
    _maybe: int = 0
    _ended: float | None = None

    def __post_init__(self) -> None:
        self._number = _Number(self.spoken)

    def goes_on(self, word: Word, parts: _Parts) -> bool:
        if self._ended is not None and word.start - self._ended > LONGEST_GAP_S:
            return False
        if parts.has_digit:
            return True
        if parts.is_filler or parts.is_repeat or parts.may_be_digit:
            return self._fillers < MOST_FILLERS
        return self._others < MOST_OTHERS

    def add(self, at: int, word: Word, parts: _Parts) -> None:
        if self._ended is not None and word.start - self._ended > BREAK_S:
            self._close()
        if not parts.has_digit:
            self._between(parts)
            return
        self.digits += self._maybe
        self._maybe = self._fillers = self._others = 0
        self.last, self._ended = at, word.end
        for token in parts.tokens:
            self._say(token)

    def finished(self, said: Sequence[Word]) -> Iterator[DigitRun]:
        self._close()
        if self.digits:
            yield DigitRun(self.first, self.last, self.digits, said[self.first].start, said[self.last].end)

    def _between(self, parts: _Parts) -> None:
        if parts.is_repeat:
            self._close()
            self._repeat = max(self.spoken.repeats.get(token, 1) for token in parts.tokens)
        elif parts.may_be_digit:
            self._close()
            self._maybe += 1
        elif not parts.is_filler:
            self._close()
            self._others += 1
        elif not all(token in self.spoken.links for token in parts.tokens):
            self._close()
        self._fillers += 1

    def _say(self, token: str) -> None:
        if token.isdigit():
            self._close()
            self.digits += len(token) * (self._repeat if len(token) == 1 else 1)
            self._repeat = 1
        elif token in self.spoken.multipliers:
            if not self._number.multiply(self.spoken.multipliers[token]):
                self._close()
                self._number.multiply(self.spoken.multipliers[token])
        elif token in self.spoken.values:
            self._value(self.spoken.values[token])
        elif token in self.spoken.repeats:
            self._close()
            self._repeat = self.spoken.repeats[token]

    def _value(self, value: int) -> None:
        if self._repeat > 1 or not self._number.takes(value):
            self._close()
        if self._repeat > 1 and value < 10:
            self.digits += self._repeat
            self._repeat = 1
        else:
            self._number.add(value)

    def _close(self) -> None:
        """The number being said is over."""
        self.digits += self._number.digits
        self._number = _Number(self.spoken)
