"""*Pure.* Whether two records that share a number, an address or an id may be one person, by what they are called. An
office, a family or a switchboard shares a number; so what is merely alike counts as two, whom the duplicate finder
(`merging/duplicates.py`) may propose to people."""

from __future__ import annotations

from core.folding import fold, words
from crm_link.imports.columns import Person

Called = frozenset[str]
"""The folded words of a name, or of a company that stands without one; empty for who has neither."""


def called(name: str, company: str) -> Called:
    title = name or company
    # A title of signs alone has no words, and is a title nevertheless.
    return words(title) or (frozenset({fold(title)}) if title else frozenset())


def agree(one: Called, other: Called) -> bool:
    """Whether one of them is part of the other ("Kowalska", "Anna Kowalska"), an initial for its word ("A. Kowalska").
    Who is called nothing agrees with everybody."""
    if not one or not other:
        return True
    return bool(one & other) and (_within(one, other) or _within(other, one))


def called_of(person: Person) -> Called:
    """What a telephone network says of an unknown caller is nobody's name."""
    return frozenset() if person.is_unknown else called(person.name, person.company)


def best(mine: Called, theirs: list[Called]) -> list[int]:
    """The places of those who may be who is called `mine`; when some are called exactly so, only theirs."""
    fitting = [place for place, other in enumerate(theirs) if agree(mine, other)]
    exact = [place for place in fitting if theirs[place] == mine]
    return exact if mine and exact else fitting


def _within(part: Called, whole: Called) -> bool:
    return all(_stands_for(word, whole - part) for word in part - whole)


def _stands_for(word: str, others: Called) -> bool:
    return any(len(min(word, one, key=len)) == 1 and word[0] == one[0] for one in others)
