"""What can be done with customers a file names whom we have already: three choices, for each what it would do in
figures and by examples, before anything is done. The figures come from the customers' room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crm_link.imports.conflicts import Existing, Figures, Gap, Outlook, sentence
from crm_link.imports.rows import Line

EXAMPLES = 2
"""Of gaps, and as many of conflicts."""

LABELS = {Existing.FILL: "Fill gaps", Existing.OVERWRITE: "Overwrite", Existing.SKIP: "Skip"}
WORDS = {
    Existing.FILL: "What they have stays; what is missing, numbers and tags are added.",
    Existing.OVERWRITE: "Name, company and your own fields become those of the file; numbers and tags are added.",
    Existing.SKIP: "They are left as they are.",
}


@dataclass(frozen=True, slots=True)
class Example:
    line: int
    says: str


@dataclass(frozen=True, slots=True)
class Choice:
    existing: Existing
    label: str
    says: str
    examples: Sequence[Example]


def choices_of(figures: Figures, with_gaps: Sequence[Line], with_conflicts: Sequence[Line]) -> list[Choice]:
    """`with_gaps` and `with_conflicts` are some lines to take examples from."""
    return [
        Choice(
            existing,
            LABELS[existing],
            _said(existing, figures.outlook(existing), figures),
            [*_of_gaps(existing, with_gaps), *_of_conflicts(existing, with_conflicts)],
        )
        for existing in Existing
    ]


def differences_of(line: Line, existing: Existing, *, done: bool) -> Iterator[str]:
    """A line's conflicts, and before it is imported what it would add, in sentences."""
    for one in line.differences.conflicts:
        yield sentence(one, existing, done=done)
    if not done and line.differences.gaps and existing is not Existing.SKIP:
        yield f"Adds {', '.join(map(_named, line.differences.gaps))}"


def _said(existing: Existing, will: Outlook, figures: Figures) -> str:
    if existing is Existing.SKIP:
        missing = f": {_count(figures.gaps, 'missing value is', 'missing values are')} not added"
        return f"Leaves {_people(figures.customers)} as they are{missing if figures.gaps else ''}."
    stays = _count(
        will.kept, "value that differs stays as you have it", "values that differ stay as you have them"
    )
    doing = [f"adds {_count(will.added, 'missing value', 'missing values')}"] if will.added else []
    if will.replaced:
        doing.append(f"replaces {_count(will.replaced, 'value', 'values')} of yours by the file's")
    changes = f"Changes {_people(will.customers)}: {' and '.join(doing)}." if doing else "Changes nobody."
    return f"{changes} {stays}." if will.kept else changes


def _of_gaps(existing: Existing, lines: Sequence[Line]) -> Iterator[Example]:
    if existing is not Existing.OVERWRITE:
        end = "is added" if existing is Existing.FILL else "is not added"
        for line in lines:
            yield Example(line.line, f"{_named(line.differences.gaps[0])} {end}")


def _of_conflicts(existing: Existing, lines: Sequence[Line]) -> Iterator[Example]:
    if existing is not Existing.SKIP:
        for line in lines:
            yield Example(line.line, sentence(line.differences.conflicts[0], existing))


def _named(gap: Gap) -> str:
    return f"{gap.what} “{gap.theirs}”"


def _people(number: int) -> str:
    return _count(number, "customer", "customers")


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
