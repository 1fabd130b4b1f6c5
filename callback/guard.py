"""Judges a request before it is promised anything. In: an ask, its number, what the counters say; out: a correction for
the person who typed, or reasons why it is held, or none. Every answer has a code that is stored and counted.

Nothing is promised or stored here but the counters and the proofs that were handed in; `requests.py` does the rest, in
the same transaction. Tokens and proofs of work were checked by the public side, which knows the page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import limits
from callback.ask import Ask, Proof
from callback.kinds import Limit, Reason, Source
from callback.limits import Counter, Tally
from callback.suppressions import is_listed
from callback.tables import UsedProof
from config.callbacks import CallbackLimits
from core.phone import parse_number

SOONEST_S = 3.0
"""A person needs longer to find the field and type a number; a browser that fills the form in takes two seconds."""

DIALLED_KINDS = frozenset(
    {PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
)
"""Everything else costs somebody dearly or reaches nobody: premium, shared cost, toll-free, UAN, pager, personal."""

NO_COUNTRY = "001"
"""What the number plan calls satellites and other networks that belong to no country."""

PUBLIC = frozenset({Source.WEB, Source.FORM})
"""Sources that anybody can use."""

INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(UsedProof),
    "postgresql": postgresql.insert(UsedProof),
}


class Refusal(StrEnum):
    """What the person can correct at once."""

    NUMBER_INVALID = "number_invalid"
    NUMBER_KIND = "number_kind"
    COUNTRY = "country"
    CLOSED = "closed"
    SLOT_GONE = "slot_gone"


@dataclass(frozen=True, slots=True)
class Subject:
    """An ask as the guard looks at it: `number` in E.164, hashes of number and visitor; `is_more` says that it would
    have us dial once more, or before a retry (it does not merely join a callback that is dialled anyway)."""

    ask: Ask
    number: str
    number_hash: str
    visitor: str | None
    is_more: bool
    is_known: bool
    is_dry_run: bool
    is_foreign: bool

    @property
    def is_public(self) -> bool:
        return self.ask.source in PUBLIC


@dataclass(frozen=True, slots=True)
class Judged:
    """`reasons` why it is held, none when it passed. The higher the `rank`, the likelier an honest customer."""

    reasons: tuple[str, ...]
    rank: int


def read_number(raw: str, region: str, countries: Collection[str]) -> tuple[str, Refusal | None]:
    """The number in E.164, and what is wrong with dialling it; "" when it is no number at all."""
    e164 = parse_number(raw, region).e164
    if e164 is None:
        return "", Refusal.NUMBER_INVALID
    parsed = phonenumbers.parse(e164)
    if not phonenumbers.is_valid_number(parsed):
        return "", Refusal.NUMBER_INVALID
    country = phonenumbers.region_code_for_number(parsed)
    if phonenumbers.number_type(parsed) not in DIALLED_KINDS or country == NO_COUNTRY:
        return "", Refusal.NUMBER_KIND
    return e164, None if country in countries else Refusal.COUNTRY


async def judge(connection: AsyncConnection, subject: Subject, caps: CallbackLimits, now: float) -> Judged:
    """Look at everything, count it, and say why it is held. Inside the caller's transaction."""
    reasons = [reason for reason, applies in _about_us(subject).items() if applies]
    if await is_listed(connection, subject.number_hash):
        reasons.append(Reason.SUPPRESSED)
    is_solved = subject.is_public and await _is_new_proof(connection, subject.ask.signs.proof)
    if subject.is_public:
        reasons += _about_signs(subject.ask, is_solved)
    counters, pairs = _counters(subject, caps), _pairs(subject)
    penalties = [limits.penalty(source) for source in _sources(subject)]
    keys = [one.key for one in counters] + [one.key for one in (*pairs, *penalties)]
    counts = await limits.read(connection, keys, now)
    if any(counts.holds(one.key) for one in penalties):
        reasons.append(Reason.PENALISED)
    if any(counts.holds(one.key) for one in pairs):
        counters = [one for one in counters if one.limit is not Limit.VISITOR]
        pairs = []
    over = [one.limit for one in counters if not counts.has_room(one)]
    codes = tuple(one.value for one in (*reasons, *over))
    added = [one.tally for one in counters if one.of_source or not codes]
    outcomes = [limits.outcome(code) for code in codes or (Reason.PASSED.value,)]
    await limits.add(connection, [*added, *pairs, *outcomes], now)
    is_fresh = any(one.limit is Limit.VISITOR and counts.rate(one) == 0 for one in counters)
    return Judged(codes, 4 * subject.is_known + 2 * is_fresh + is_solved)


def _about_us(subject: Subject) -> dict[Reason, bool]:
    return {Reason.COUNTRY: subject.is_foreign, Reason.DRY_RUN: subject.is_dry_run}


def _about_signs(ask: Ask, is_solved: bool) -> list[Reason]:
    """What does not look like a person at a page. A form without JavaScript can show neither token nor proof."""
    signs = ask.signs
    found = [Reason.TRAPPED] if signs.trapped else []
    if ask.source is Source.FORM:
        return [*found, Reason.NO_SCRIPT]
    if signs.page_age_s is None:
        found.append(Reason.NO_PAGE)
    elif signs.page_age_s < SOONEST_S:
        found.append(Reason.TOO_FAST)
    if not is_solved:
        found.append(Reason.PROOF_USED if signs.proof else Reason.NO_PROOF)
    return found


async def _is_new_proof(connection: AsyncConnection, proof: Proof | None) -> bool:
    """Whether there is a proof of work that nobody handed in before; it is used up by this."""
    if proof is None:
        return False
    use = INSERTS[connection.dialect.name].on_conflict_do_nothing()
    used = await connection.execute(use, {"signature": proof.signature, "expires_at": proof.expires_at})
    return used.rowcount == 1


def _counters(subject: Subject, caps: CallbackLimits) -> list[Counter]:
    """The limits this ask is under; colleagues are under none."""
    visit = subject.ask.visit
    if subject.is_public:
        found = limits.of_public(subject.number, visit.address, subject.visitor, caps)
    elif subject.ask.source is Source.AGENT:
        found = []
    else:
        found = [limits.of_number(subject.number, caps)]
    return [one for one in found if one.of_source or subject.is_more]


def _pairs(subject: Subject) -> list[Tally]:
    if not subject.is_public or subject.visitor is None:
        return []
    return [limits.pair(subject.visitor, subject.number_hash)]


def _sources(subject: Subject) -> list[str]:
    return sources_of(subject.ask.visit.address, subject.visitor) if subject.is_public else []


def sources_of(address: str | None, visitor: str | None) -> list[str]:
    """Who asked, as a penalty names them."""
    return [one for one in (address, visitor) if one is not None]
