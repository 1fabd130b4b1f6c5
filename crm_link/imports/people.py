"""*Pure.* Lines of a file that share numbers, addresses or ids, directly or through others, in; the people they are
about out (P8). A shared number joins only lines whose names agree; different people who share one stay apart, and whose
line it is that could be that of several is left to whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from crm_link.imports.columns import Key, Person, join
from crm_link.imports.names import Called, agree, best, called_of
from crm_link.kinds import IdentityKind

MOST_SHARING = 1000
"""People in a file who share one number. More is a filler, and says of nobody who they are."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A number, address or id that is that of another line's person, too."""

    value: str
    line: int


@dataclass(slots=True)
class One:
    """Somebody: their lines, and what these say. `called` is the fullest of their names; `shared_ids` are ids that
    others have too."""

    called: Called
    keys: set[Key] = field(default_factory=set)
    lines: list[tuple[int, Person]] = field(default_factory=list)
    shared_ids: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, line: int, person: Person) -> One:
        """Somebody with one line."""
        return cls(called_of(person), set(person.keys), [(line, person)])

    @property
    def first_line(self) -> int:
        return self.lines[0][0]

    @property
    def whole(self) -> Person:
        """What all their lines say together."""
        (_, first), *others = self.lines
        whole = join(first, (person for _, person in others))
        return replace(whole, shared_ids=tuple(sorted(self.shared_ids)))


@dataclass(slots=True)
class Parted:
    """The people of a group, in the order of the file; `shared` by the first line of each who shares something with
    one before them; the lines that were refused, with the reason."""

    people: list[One] = field(default_factory=list)
    shared: dict[int, Shared] = field(default_factory=dict)
    refused: dict[int, tuple[Person, str]] = field(default_factory=dict)

    def add(self, other: Parted) -> None:
        self.people += other.people
        self.shared |= other.shared
        self.refused |= other.refused


def part(lines: Iterable[tuple[int, Person]]) -> Parted:
    """Fuller names come first: who is called less may be one of them."""
    parting = _Parting()
    for line, person in sorted(lines, key=lambda one: (-len(called_of(one[1])), one[0])):
        parting.add(line, person)
    people = parting.people
    for one in people:
        one.lines.sort(key=_line)
    people = sorted(people, key=lambda one: one.first_line)
    _note_shared_ids(people)
    return Parted(people, _shared(people), parting.refused)


def _line(one: tuple[int, Person]) -> int:
    return one[0]


def _shared(people: Iterable[One]) -> dict[int, Shared]:
    found: dict[int, Shared] = {}
    first: dict[Key, int] = {}
    for one in people:
        for key in dict.fromkeys(key for _, person in one.lines for key in person.keys):
            if first.setdefault(key, one.first_line) != one.first_line:
                found.setdefault(one.first_line, Shared(key[1], first[key]))
    return found


def _note_shared_ids(people: Iterable[One]) -> None:
    """An id that stands with several people is a firm's, or counted anew: it says of nobody who they are."""
    having: dict[str, list[One]] = {}
    for one in people:
        for kind, value in one.keys:
            if kind == IdentityKind.EXTERNAL:
                having.setdefault(value, []).append(one)
    for value, some in having.items():
        if len(some) > 1:
            for one in some:
                one.shared_ids.add(value)


class _Parting:
    def __init__(self) -> None:
        self._people: dict[int, One] = {}
        self.refused: dict[int, tuple[Person, str]] = {}
        self._by_key: dict[Key, list[One]] = {}

    @property
    def people(self) -> Sequence[One]:
        return list(self._people.values())

    def add(self, line: int, person: Person) -> None:
        crowd = next((key for key in person.keys if len(self._by_key.get(key, ())) >= MOST_SHARING), None)
        if crowd is not None:
            why = f"{crowd[1]} stands with more than {MOST_SHARING} people: take it out of the lines"
            self.refused[line] = (person, why)
            return
        mine = called_of(person)
        sharing = list({id(one): one for key in person.keys for one in self._by_key.get(key, ())}.values())
        fitting = [sharing[place] for place in best(mine, [one.called for one in sharing])]
        if any(not agree(one.called, other.called) for one, other in combinations(fitting, 2)):
            self.refused[line] = (person, _whose(fitting))
            return
        one, *others = fitting or [self._new(mine)]
        for other in others:
            self._merge(one, other)
        self._give(one, line, person)

    def _new(self, mine: Called) -> One:
        one = One(mine)
        self._people[id(one)] = one
        return one

    def _give(self, one: One, line: int, person: Person) -> None:
        one.lines.append((line, person))
        for key in person.keys:
            if key not in one.keys:
                one.keys.add(key)
                self._by_key.setdefault(key, []).append(one)

    def _merge(self, one: One, other: One) -> None:
        del self._people[id(other)]
        one.called = max(one.called, other.called, key=len)
        for key in other.keys:
            self._by_key[key].remove(other)
        for line, person in other.lines:
            self._give(one, line, person)


def _whose(people: Sequence[One]) -> str:
    lines = " or ".join(str(line) for line in sorted(min(one.lines, key=_line)[0] for one in people)[:5])
    return f"it could be about the person of line {lines}: write the whole name"
