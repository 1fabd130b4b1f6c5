"""*Pure.* What a line says beside what we have of its customer: gaps that it could fill, and conflicts, values of the
file that differ from ours. Both are the same whatever is chosen to be done with them; `Outlook` says what each choice
makes of them. Reading what we have is `held.py`, writing `write.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from crm_link.fields.values import FieldValue, words_of
from crm_link.imports.columns import Key, Person
from crm_link.imports.fields import Declared

MOST_SHOWN = 20
"""Gaps and conflicts of one line that are kept to be shown; all are counted."""

LONGEST_SHOWN = 120
"""Characters of a value that are shown."""

TITLES = {"phone": "Number", "email": "E-mail", "external": "Number in another CRM", "chat": "Chat id"}


class Existing(StrEnum):
    """What to do with somebody we have already."""

    FILL = "fill"
    OVERWRITE = "overwrite"
    SKIP = "skip"


class Gap(NamedTuple):
    """Something we do not have, and the file does; `what` as people call it."""

    what: str
    theirs: str


class Conflict(NamedTuple):
    what: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Held:
    """What we have of a customer; of notes only those that some line has too."""

    name: str
    company: str
    keys: frozenset[Key]
    tags: frozenset[str]
    notes: frozenset[str]
    values: Mapping[str, FieldValue]


@dataclass(frozen=True, slots=True)
class Differences:
    """Of a line and its customer."""

    gaps: tuple[Gap, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    def as_json(self) -> str:
        """Empty when there are none; no more than a screen shows."""
        if not (self.gaps or self.conflicts):
            return ""
        shown = [[_shown(one) for one in some[:MOST_SHOWN]] for some in (self.gaps, self.conflicts)]
        return json.dumps(shown, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Differences:
        gaps, conflicts = json.loads(text) if text else ((), ())
        return Differences(tuple(Gap(*one) for one in gaps), tuple(Conflict(*one) for one in conflicts))

    def changes(self, existing: Existing) -> bool:
        """Whether the customer is changed at all by this choice."""
        match existing:
            case Existing.FILL:
                return bool(self.gaps)
            case Existing.OVERWRITE:
                return bool(self.gaps or self.conflicts)
            case Existing.SKIP:
                return False


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a choice does, or did, to customers we have: how many it changes, how many missing values it adds, and how
    many conflicts it replaces ours in, or keeps ours."""

    customers: int
    added: int
    replaced: int
    kept: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all lines about customers we have: how many customers, how many of them have gaps, or either; how many gaps
    and conflicts."""

    customers: int = 0
    with_gaps: int = 0
    with_either: int = 0
    gaps: int = 0
    conflicts: int = 0

    def outlook(self, existing: Existing) -> Outlook:
        match existing:
            case Existing.FILL:
                return Outlook(self.with_gaps, self.gaps, 0, self.conflicts)
            case Existing.OVERWRITE:
                return Outlook(self.with_either, self.gaps, self.conflicts, 0)
            case Existing.SKIP:
                return Outlook(0, 0, 0, self.conflicts)


NOTHING = Figures()


def compare(person: Person, held: Held, declared: Declared) -> Differences:
    """An empty cell is neither: it takes nothing away."""
    gaps: list[Gap] = []
    conflicts: list[Conflict] = []
    for what, ours, theirs in _values(person, held, declared):
        if not ours:
            gaps.append(Gap(what, theirs))
        elif ours != theirs:
            conflicts.append(Conflict(what, ours, theirs))
    spelled = dict(person.spelled)
    lacking = (key for key in person.keys if key not in held.keys)
    gaps += (Gap(TITLES[kind], spelled.get(value, value)) for kind, value in lacking)
    gaps += (Gap("Tag", tag) for tag in person.tags if tag not in held.tags)
    if person.note and person.note not in held.notes:
        gaps.append(Gap("Note", person.note))
    return Differences(tuple(gaps), tuple(conflicts))


def sentence(one: Conflict, existing: Existing, *, done: bool = False) -> str:
    """Which of both values will stand, or stands since the import was done."""
    if existing is Existing.OVERWRITE:
        becomes, is_now = ("became", "was") if done else ("becomes", "is")
        return f"{one.what} {becomes} “{one.theirs}”, it {is_now} “{one.ours}”"
    stays, says = ("stayed", "said") if done else ("stays", "says")
    return f"{one.what} {stays} “{one.ours}”, the file {says} “{one.theirs}”"


def _values(person: Person, held: Held, declared: Declared) -> Iterator[tuple[str, str, str]]:
    """What may stand only once: what it is called, ours, and theirs where they have one."""
    if person.name:
        yield "Name", held.name, person.name
    if person.company:
        yield "Company", held.company, person.company
    for key, value in person.values:
        if key in declared:
            yield declared[key].title, words_of(held.values.get(key)), words_of(value)


def _shown(one: Gap | Conflict) -> list[str]:
    return [text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…" for text in one]
