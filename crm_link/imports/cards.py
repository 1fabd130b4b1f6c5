"""*Pure.* The lines of a file of vCards in, one `Card` for each out, however broken, nested or long it is. What is not
read is not kept (a picture can be megabytes), and each bound keeps a hostile file from costing more than its own
length. What the properties say is `vcards.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

BEGIN, END = "BEGIN:VCARD", "END:VCARD"
OWN = "x-ringback-"
"""Before the key of a field of the site's own."""

READ = frozenset({"VERSION", "FN", "N", "ORG", "TEL", "EMAIL", "CATEGORIES", "NOTE"})

LONGEST_CARD = 80_000
"""Characters of what is read of a card: the longest note in quoted-printable. The reader of properties takes time by
the square of it."""

MOST_LINES = 100_000
"""Of a card: a picture of some megabytes."""

MOST_WITHIN = 20
"""Cards within one."""

LONGEST_SHOWN = 2000
"""Characters of a broken card that are kept, as its note, for who mends it."""

NO_BEGIN = "it is no vCard (it does not begin as one)"
NO_END = "the card has no end"
TOO_LONG = (
    f"the card has more than {LONGEST_CARD} characters, {MOST_LINES} lines or {MOST_WITHIN} cards within"
)

NAME = re.compile(r"(?:[A-Z0-9-]+\.)?([A-Z0-9-]+)[;:]", re.IGNORECASE)


@dataclass(slots=True)
class Card:
    """One card: the line at which it begins, and its beginning as it was written. `within` are cards within it."""

    at: int
    shown: str = ""
    within: list[Card] = field(default_factory=list)
    _depth: int = 0
    _begun: bool = False
    _ended: bool = False
    _lines: list[str] = field(default_factory=list)
    _size: int = 0
    _reading: bool = False
    _goes_on: bool = False
    _is_quoted: bool = False

    @property
    def fault(self) -> str:
        """Why it cannot be read at all; "" when it can."""
        if not self._ended:
            return NO_END
        if not self._begun:
            return NO_BEGIN
        too_much = self._size > LONGEST_CARD or len(self._lines) >= MOST_LINES
        return TOO_LONG if too_much or len(self.within) > MOST_WITHIN else ""

    @property
    def text(self) -> str:
        """The card with nothing but the properties we read; empty lines stand for the others."""
        return "".join((f"{BEGIN}\n", *self._lines[1:], f"{END}\n"))

    @property
    def is_whole(self) -> bool:
        return self._ended

    @property
    def is_open(self) -> bool:
        """Whether a beginning may be that of a card within."""
        return self._depth > 0

    def take(self, at: int, line: str) -> None:
        """The next line of the file."""
        word = line.strip().upper()
        if word == BEGIN:
            self._begin(at)
        for one in (self, *self.within):
            one.shown += line[: LONGEST_SHOWN - len(one.shown)]
        if word == END:
            self._depth -= 1
            self._ended = self._depth <= 0
        if word in (BEGIN, END) or self._depth > 1:
            self._keep("\n")
        else:
            self._property(line)

    def _begin(self, at: int) -> None:
        self._depth += 1
        self._begun = True
        if self._depth > 1 and len(self.within) <= MOST_WITHIN:
            self.within.append(Card(at))

    def _property(self, line: str) -> None:
        if not (self._goes_on or line[:1] in (" ", "\t")):
            name = NAME.match(line)
            self._reading = name is None or name[1].upper() in READ or name[1].lower().startswith(OWN)
            self._is_quoted = "QUOTED-PRINTABLE" in line[:LONGEST_SHOWN].upper()
        bare = line.rstrip("\r\n")
        # A piece of a line without an end, or a line of version 2.1 that says so, goes on in the next.
        self._goes_on = bare == line or (self._is_quoted and bare.endswith("="))
        self._keep(line if self._reading else "\n")

    def _keep(self, line: str) -> None:
        self._size += len(line) - 1
        if self._size <= LONGEST_CARD and len(self._lines) < MOST_LINES:
            self._lines.append(line)


def split(lines: Iterable[str]) -> Iterator[Card]:
    """Each card, with those within it; what stands between cards begins one that is none."""
    card: Card | None = None
    before = ""
    for at, line in enumerate(lines, start=1):
        bare = line.lstrip("\ufeff")
        word = bare.strip().upper()
        if card is None and not word:
            continue
        # Version 2.1 has the card of somebody's secretary within theirs; another beginning is one without an end.
        if card is not None and word == BEGIN and not (card.is_open and before.startswith("AGENT")):
            yield card
            card = None
        card = card or Card(at)
        card.take(at, bare)
        before = word
        if card.is_whole:
            yield card
            card = None
    if card is not None:
        yield card
