"""Pure. Takes card numbers, and what a site names besides, out of a transcript. In: the words of one recording with
speaker and time, its language. Out: the words with each hidden stretch as one word, and the stretches, by which the
audio is silenced.

A card number is 13 or more spoken digits, in words or figures, with or without a Luhn match: a recogniser that
mishears one digit must not keep the other fifteen. A bank's longer numbers go the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from core.errors import RingbackError
from recordings.digits import DigitRun, runs
from recordings.kinds import Channel
from recordings.spoken import Language, known, language
from recordings.words import Word

CARD_DIGITS = 13

SCATTERED_S = 60.0
"""A card number read in groups, with talk in between, is read within a minute."""

PRINTED = ((4, 4, 4, 4), (4, 6, 5))
"""As cards are printed."""

JOINED = (
    *((8, 8), (4, 12), (12, 4), (4, 4, 8), (4, 8, 4), (8, 4, 4)),
    *((10, 5), (4, 11)),
)
"""The same with some of the groups read in one go."""

JOINED_S = 15.0
"""Between such groups: two numbers that have nothing to do with each other may have as many digits."""

NEAR_S = 30.0
"""So long after a card number come its date, its security code, and the other side reading it back."""

NEAR_DIGITS = 3

AROUND_S = 0.5
"""Silenced before and after: engines place a word within a few tenths of a second."""

HIDDEN = "[redacted]"


class UnknownLanguageError(RingbackError):
    """Card numbers cannot be found in this language, so nothing of it may be written down."""

    code = "language-not-redacted"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A stretch of one channel that is silenced, in seconds; `why` is `card`, `near_card` or `pattern`."""

    start: float
    end: float
    channel: Channel
    why: str

    def as_json(self) -> dict[str, object]:
        return {"start": self.start, "end": self.end, "channel": self.channel.value, "why": self.why}


@dataclass(frozen=True, slots=True)
class Rules:
    """What is to be hidden: card numbers, and matches of these expressions in what one speaker says."""

    cards: bool = True
    patterns: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Redacted:
    words: tuple[Word, ...]
    hidden: tuple[Hidden, ...]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Words `first` to `last` of one channel's."""

    first: int
    last: int
    why: str


def spoken_in(code: str) -> Language:
    """To be asked before anything is listened to. Raises UnknownLanguageError."""
    spoken = language(code)
    if spoken is None:
        raise UnknownLanguageError(
            f"card numbers spoken in {code!r} cannot be recognised, so nothing is written down (understood are "
            f"{', '.join(known())}); set `redact_cards = false` in [recordings.transcription] where none are spoken"
        )
    return spoken


def redact(words: Sequence[Word], code: str, rules: Rules, before: Sequence[Hidden] = ()) -> Redacted:
    """`before` is what was found in the same recording at other times, perhaps by a better engine: it stays hidden.
    Raises UnknownLanguageError."""
    channels = {word.channel: [one for one in words if one.channel is word.channel] for word in words}
    stretches: dict[Channel, list[_Stretch]] = {channel: [] for channel in channels}
    if rules.cards:
        _find_cards(channels, spoken_in(code), stretches)
    for channel, said in channels.items():
        stretches[channel] += _matches(said, rules.patterns)
    return _and_before(_hide(channels, stretches), before)


def hide(words: Sequence[Word], hidden: Sequence[Hidden], found: Iterable[Hidden]) -> Redacted:
    """An older version of a transcript, with what was `hidden` in it, as it is when a newer one has `found` more."""
    return _and_before(Redacted(tuple(words), tuple(hidden)), found)


def _find_cards(
    channels: dict[Channel, list[Word]], spoken: Language, stretches: dict[Channel, list[_Stretch]]
) -> None:
    found = {channel: runs(said, spoken) for channel, said in channels.items()}
    cards = {channel: _cards(digits) for channel, digits in found.items()}
    times = [(card.start, card.end) for some in cards.values() for card in some]
    for channel, digits in found.items():
        stretches[channel] += [_Stretch(card.first, card.last, "card") for card in cards[channel]]
        near = (run for run in digits if run not in cards[channel] and _is_near(run, times))
        stretches[channel] += [_Stretch(run.first, run.last, "near_card") for run in near]


def _cards(digits: Sequence[DigitRun]) -> list[DigitRun]:
    whole = [run for run in digits if run.digits >= CARD_DIGITS]
    groups = [run for run in digits if run.digits < CARD_DIGITS and run.digits >= NEAR_DIGITS]
    scattered: list[DigitRun] = []
    for wanted in (*PRINTED, *JOINED):
        for at in range(len(groups) - len(wanted) + 1):
            some = groups[at : at + len(wanted)]
            is_card = tuple(run.digits for run in some) == wanted
            if is_card and _is_one_reading(some, wanted):
                scattered += [run for run in some if run not in scattered]
    return whole + scattered


def _is_one_reading(some: Sequence[DigitRun], wanted: tuple[int, ...]) -> bool:
    if some[-1].end - some[0].start > SCATTERED_S:
        return False
    return wanted in PRINTED or all(after.start - one.end <= JOINED_S for one, after in pairwise(some))


def _is_near(run: DigitRun, cards: Iterable[tuple[float, float]]) -> bool:
    return run.digits >= NEAR_DIGITS and any(start <= run.start <= end + NEAR_S for start, end in cards)


def _matches(said: Sequence[Word], patterns: Iterable[re.Pattern[str]]) -> Iterator[_Stretch]:
    text, begins = "", []
    for word in said:
        begins.append(len(text))
        text += word.text + " "
    for pattern in patterns:
        for match in pattern.finditer(text):
            hit = [
                at
                for at, begin in enumerate(begins)
                if begin < match.end() and begin + len(said[at].text) > match.start()
            ]
            if hit:
                yield _Stretch(hit[0], hit[-1], "pattern")


def _hide(channels: dict[Channel, list[Word]], stretches: dict[Channel, list[_Stretch]]) -> Redacted:
    words: list[Word] = []
    hidden: list[Hidden] = []
    for channel, said in channels.items():
        taken = 0
        for stretch in _joined(stretches[channel]):
            words += said[taken : stretch.first]
            first, last = said[stretch.first], said[stretch.last]
            words.append(replace(first, text=HIDDEN, end=last.end, conf=1.0, redacted=True))
            start, end = max(0.0, first.start - AROUND_S), last.end + AROUND_S
            hidden.append(Hidden(round(start, 3), round(end, 3), channel, stretch.why))
            taken = stretch.last + 1
        words += said[taken:]
    return Redacted(
        tuple(sorted(words, key=lambda word: (word.start, word.end))),
        tuple(sorted(hidden, key=lambda one: (one.start, one.end))),
    )


def _and_before(found: Redacted, before: Iterable[Hidden]) -> Redacted:
    """Where nothing is said any more, the transcript still says that something was hidden."""
    words, hidden = list(found.words), list(found.hidden)
    for one in before:
        start, end = one.start + AROUND_S, max(one.start + AROUND_S, one.end - AROUND_S)
        words = [word for word in words if word.redacted or not _is_within(word, one.channel, start, end)]
        if not any(_is_covered(one, other) for other in found.hidden):
            hidden.append(one)
        if not any(_overlap(one, other) for other in found.hidden):
            words.append(Word(HIDDEN, round(start, 3), round(end, 3), 1.0, one.channel, redacted=True))
    return Redacted(
        tuple(sorted(words, key=lambda word: (word.start, word.end))),
        tuple(sorted(hidden, key=lambda one: (one.start, one.end))),
    )


def _is_within(word: Word, channel: Channel, start: float, end: float) -> bool:
    return word.channel is channel and start <= word.start < end


def _is_covered(one: Hidden, by: Hidden) -> bool:
    return one.channel is by.channel and by.start <= one.start and one.end <= by.end


def _overlap(one: Hidden, other: Hidden) -> bool:
    return one.channel is other.channel and one.start < other.end and other.start < one.end


def _joined(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    joined: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda one: (one.first, one.last)):
        if joined and stretch.first <= joined[-1].last:
            before = joined.pop()
            joined.append(_Stretch(before.first, max(before.last, stretch.last), before.why))
        else:
            joined.append(stretch)
    return joined
