"""*Pure.* Who may be the same person: customers with their identities and companies in, in the order of an index; pairs
with a reason and a score out. Each scan sees a stream and keeps a window of it, so its memory does not grow with the
number of customers. It proposes; nobody is merged by it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, reduce
from itertools import combinations

from rapidfuzz import fuzz

from core.folding import fold, words
from crm_link.kinds import IdentityKind

NEAR = 86
"""Of 100: names at least so like each other are near-equal. One letter in eight may differ (Ana, Anna)."""

UNLIKE = 60
"""Names less alike than this are two people's, whatever they share."""

MOST_TOGETHER = 20
"""Holders of one number or address of whom every two are compared; of more (a switchboard) only neighbours by name."""

MOST_UNLIKE = 3
"""Holders of one number who are proposed although their names differ. More is a household or an office."""

BESIDE = 12
"""Names and numbers in sorted order are compared with so many before them."""

BLOCK_OF_NUMBERS = 1000
"""Numbers less than this apart may be lines of one firm."""

MOST_IN_COMPANY = 10_000
"""Customers with one word of a company's name that are held at once; more are compared in parts."""

LEGAL_FORMS = frozenset(
    {
        "ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "doo", "eood", "gmbh",
        "inc", "kft", "kg", "limited", "llc", "llp", "ltd", "nv", "o", "oo", "ood", "oy", "plc", "pte", "pty",
        "sa", "sarl", "sas", "se", "sl", "sp", "spa", "spk", "spol", "spolka", "srl", "sro", "ug", "z", "zoo",
    }
)  # fmt: skip
"""Folded words that say nothing of which company it is."""


class Reason(StrEnum):
    """Why two may be one."""

    EMAIL = "email"
    NUMBER = "number"
    ACCOUNT = "account"
    COMPANY = "company"
    NEIGHBOURS = "neighbours"


SAME = {IdentityKind.EMAIL: Reason.EMAIL, IdentityKind.PHONE: Reason.NUMBER}
SURE = {Reason.EMAIL: 90, Reason.ACCOUNT: 90, Reason.NUMBER: 80}


@dataclass(frozen=True)
class Who:
    """A customer as far as comparing goes."""

    id: int
    name: str
    company: str

    @cached_property
    def plain_name(self) -> str:
        return " ".join(fold(self.name).split())

    @cached_property
    def sorted_name(self) -> str:
        """The folded words in alphabetical order: "Kowalska Anna" is "Anna Kowalska"."""
        return " ".join(sorted(words(self.name)))

    @cached_property
    def firm(self) -> tuple[str, ...]:
        """The words of the company without its legal form."""
        found = words(self.company)
        return tuple(sorted(found - LEGAL_FORMS or found))

    @property
    def block(self) -> str | None:
        """The one word of their company under which they are compared: the longest says most."""
        return max(self.firm, key=lambda word: (len(word), word)) if self.firm else None


@dataclass(frozen=True, slots=True)
class Held:
    """An identity as the index gives it: sorted by kind and value."""

    kind: IdentityKind
    value: str
    who: Who


@dataclass(frozen=True, slots=True)
class Pair:
    """`first_id` is the smaller id; `score` is 0 to 100."""

    first_id: int
    second_id: int
    reason: Reason
    score: int


def together(scores: Iterable[int]) -> int:
    """The score of a pair with several reasons: more than with any of them."""
    return reduce(lambda one, other: one + other * (100 - one) // 100, scores, 0)


def alike(one: Who, other: Who) -> int:
    """How like each other the names are, 0 to 100; the order of their words does not matter."""
    as_written = fuzz.ratio(one.plain_name, other.plain_name)
    return round(max(as_written, fuzz.ratio(one.sorted_name, other.sorted_name)))


class IdentityScan:
    """Customers with the same identity, and near-equal names with neighbouring numbers."""

    def __init__(self) -> None:
        self._same: list[Held] = []
        self._before: deque[Held] = deque(maxlen=BESIDE)

    def feed(self, rows: Iterable[Held]) -> list[Pair]:
        """The next identities, by kind and value."""
        return [pair for row in rows for pair in self._next(row)]

    def finish(self) -> list[Pair]:
        return list(self._close())

    def _next(self, row: Held) -> Iterator[Pair]:
        if self._same and (self._same[0].kind, self._same[0].value) != (row.kind, row.value):
            yield from self._close()
        # A shared key of thousands must not be held whole: who comes late is compared with those before them.
        if len(self._same) < MOST_IN_COMPANY:
            self._same.append(row)
        if row.kind is IdentityKind.PHONE:
            yield from self._neighbours(row)

    def _close(self) -> Iterator[Pair]:
        if len(self._same) > 1:
            reason = SAME.get(self._same[0].kind, Reason.ACCOUNT)
            yield from _sharing([held.who for held in self._same], reason)
        self._same = []

    def _neighbours(self, row: Held) -> Iterator[Pair]:
        if not row.who.sorted_name:
            return
        for other in reversed(self._before):
            if len(other.value) != len(row.value):
                continue
            apart = int(row.value[1:]) - int(other.value[1:])
            if apart >= BLOCK_OF_NUMBERS:
                break
            if apart and (near := alike(row.who, other.who)) >= NEAR:
                yield from _pair(row.who, other.who, Reason.NEIGHBOURS, 40 + near // 4)
        self._before.append(row)


class CompanyScan:
    """Near-equal names in the same company."""

    def __init__(self) -> None:
        self._word: str | None = None
        self._block: dict[tuple[str, ...], list[Who]] = defaultdict(list)
        self._held = 0

    def feed(self, rows: Iterable[tuple[str, Who]]) -> list[Pair]:
        """The next words with who has them, by word. Each company is compared under one word of its name."""
        found: list[Pair] = []
        for word, who in rows:
            if word != self._word or self._held >= MOST_IN_COMPANY:
                found += self.finish()
                self._word = word
            if who.block == word and who.sorted_name:
                self._block[who.firm].append(who)
                self._held += 1
        return found

    def finish(self) -> list[Pair]:
        colleagues = [block for block in self._block.values() if len(block) > 1]
        self._block.clear()
        self._held = 0
        return [pair for block in colleagues for pair in _near(block, Reason.COMPANY, 50)]


def _sharing(holders: Sequence[Who], reason: Reason) -> Iterator[Pair]:
    """Of holders of one number or address."""
    if len(holders) > MOST_TOGETHER:
        yield from _near(holders, reason, SURE[reason] - 10)
        return
    for one, other in combinations(holders, 2):
        if not (one.sorted_name and other.sorted_name):
            yield from _pair(one, other, reason, SURE[reason] - 10)
        elif (near := alike(one, other)) >= NEAR:
            yield from _pair(one, other, reason, SURE[reason] + near // 11)
        elif near >= UNLIKE:
            # A family has one number and one surname: it ranks by how little its names are like each other.
            yield from _pair(one, other, reason, SURE[reason] - 30 + (near - UNLIKE) * 35 // (NEAR - UNLIKE))
        elif len(holders) <= MOST_UNLIKE:
            yield from _pair(one, other, reason, SURE[reason] - 40)


def _near(block: Sequence[Who], reason: Reason, score: int) -> Iterator[Pair]:
    """Of many: each name with its neighbours in the alphabet, read from either end, so that a difference in the first
    letters does not part them."""
    for key in (_forwards, _backwards):
        before: deque[Who] = deque(maxlen=BESIDE)
        for who in sorted(block, key=key):
            for other in before:
                if (near := alike(who, other)) >= NEAR:
                    yield from _pair(who, other, reason, score + near // 4)
            before.append(who)


def _forwards(who: Who) -> tuple[str, int]:
    return who.sorted_name, who.id


def _backwards(who: Who) -> tuple[str, int]:
    return who.plain_name[::-1], who.id


def _pair(one: Who, other: Who, reason: Reason, score: int) -> Iterator[Pair]:
    if one.id != other.id:
        yield Pair(min(one.id, other.id), max(one.id, other.id), reason, min(score, 99))
