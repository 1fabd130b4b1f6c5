"""From an ask to its answer: who is to be called by whom, what the guard says, whether the wish can be kept, and then
the rows, all in one transaction. Nothing is dialled here, and nothing published: `requests.py` does that after the
commit."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import guard, ledger, limits, policy, promises, repeats
from callback.ask import Accepted, Answer, Ask, Correctable, Held
from callback.guard import Judged, Refusal, Subject
from callback.kinds import PROVEN, Source
from callback.links import Links
from callback.policy import Rules
from callback.promises import Wish
from callback.secret_keys import SecretKeys
from callback.suppressions import Suppressions
from callback.tables import Submission
from config.settings import Settings
from core.db import Database
from core.errors import ConflictError, InvalidInputError
from core.facts import REQUEST_PREFIX

log = structlog.get_logger(__name__)

DAY_S = 86400.0

EARLIEST_S = 300.0
"""A clock that goes a little wrong still means now."""

FARTHEST_S = 60 * DAY_S
"""The settings offer slots no farther ahead; a later time is a slip."""

LONGEST_KEY = 200

Knows = Callable[[AsyncConnection, str], Awaitable[bool]]
"""Whether a number (E.164) is a customer's that we know; asked inside the transaction."""

Tie = Callable[[AsyncConnection, str, str, float], Awaitable[None]]
"""Writes down whose a request is that came without a call, as its number (E.164) says at this instant: the number may
be another's later. Its first argument is `Submission.known_as`; works inside the transaction."""


Stands = Callable[[AsyncConnection], Awaitable[bool]]
"""Whether what asks still says so, looked at inside the transaction: a call's caller may be erased meanwhile."""

ERASED = "erased"
"""The code of an ask that nobody is behind any more."""


async def stands_always(_connection: AsyncConnection) -> bool:
    """Where who asks is there in person."""
    return True


async def knows_nobody(_connection: AsyncConnection, _number: str) -> bool:
    """Where there is no list of customers."""
    return False


async def tie_nobody(_connection: AsyncConnection, _known_as: str, _number: str, _at: float) -> None:
    """The same."""


@dataclass(frozen=True, slots=True)
class Read:
    """An ask whose number and department are known, and all hashes that need a key."""

    ask: Ask
    number: str
    department: str
    number_hash: str
    visitor: str | None
    is_foreign: bool


class Intake:
    """One per application; `requests.py` owns it."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        rules: Mapping[str, Rules],
        keys: SecretKeys,
        links: Links,
        suppressions: Suppressions,
        knows: Knows,
        tie: Tie,
    ) -> None:
        self._database = database
        self._settings = settings
        self._rules = rules
        self._keys = keys
        self._links = links
        self._suppressions = suppressions
        self._knows = knows
        self._tie = tie

    async def take(self, ask: Ask, now: float, stands: Stands = stands_always) -> Answer:
        """Answer an ask. Raises what `Requests.submit` raises."""
        department, countries = self._place(ask)
        if len(ask.idempotency_key or "") > LONGEST_KEY or not (ask.idempotency_key or "").isprintable():
            raise InvalidInputError("an Idempotency-Key has at most 180 printable characters")
        region = (ask.country or self._settings.site.region).upper()
        number, refusal = guard.read_number(ask.number, region, countries)
        # Nobody can correct the number a call came from: a manager decides about calling abroad.
        is_foreign = refusal is Refusal.COUNTRY and ask.source in PROVEN
        if refusal is not None and not is_foreign:
            return await self._refuse(ask, refusal, "number", now)
        read = Read(
            ask=ask,
            number=number,
            department=department,
            number_hash=await self._suppressions.hash(number),
            visitor=await self._hashed(ask.visit.visitor),
            is_foreign=is_foreign,
        )
        await self._links.prepare()
        async with self._database.write() as connection:
            await promises.in_turn(connection)
            if not await stands(connection):
                return Correctable(ERASED, "number")
            return await self._repeated(connection, ask) or await self._answer(connection, read, now)

    def _place(self, ask: Ask) -> tuple[str, Collection[str]]:
        """Whose promise it is, and the countries that may be called."""
        own = (self._settings.site.region,)
        if ask.site is not None:
            site = self._settings.website.get(ask.site)
            if site is None:
                raise InvalidInputError(f"there is no [website.{ask.site}] in the settings", field="site")
            return site.department, site.countries or own
        department = ask.department or ""
        return department, self.countries_of(department)

    def countries_of(self, department: str) -> Collection[str]:
        """Whom its colleagues and programs may promise a call: customers of any of its websites may be theirs. Raises
        InvalidInputError for an unknown department."""
        if department not in self._settings.department:
            known = ", ".join(self._settings.department) or "there is none yet"
            raise InvalidInputError(
                f"{department!r} is no department of the settings: {known}", field="department"
            )
        served = {country for site in self._settings.website.values() for country in site.countries}
        return served | {self._settings.site.region}

    async def _hashed(self, visitor: str | None) -> str | None:
        return None if visitor is None else await self._keys.hash("visitors", visitor)

    async def _refuse(self, ask: Ask, refusal: Refusal, field: str, now: float) -> Correctable:
        async with self._database.write() as connection:
            await limits.add(connection, [limits.outcome(refusal.value)], now)
        log.info("callback refused", source=ask.source, code=refusal)
        return Correctable(refusal.value, field)

    async def _repeated(self, connection: AsyncConnection, ask: Ask) -> Answer | None:
        """The answer that this call or this idempotency key got before."""
        same = []
        if ask.idempotency_key is not None:
            same.append(Submission.idempotency_key == ask.idempotency_key)
        if ask.call_id is not None:
            same.append(Submission.call_id == ask.call_id)
        if not same:
            return None
        row = (await connection.execute(select(Submission).where(or_(*same)))).first()
        if row is None:
            return None
        if ask.idempotency_key is not None and row.body_hash != body_hash(ask):
            raise ConflictError(
                "this Idempotency-Key was used for another request: use a new key for each request"
            )
        return await self._said(row.id, row.callback_id, row.link_expires_at, is_held=row.held)

    async def _answer(self, connection: AsyncConnection, read: Read, now: float) -> Answer:
        row = await promises.find_open(connection, read.number, read.department)
        fault = await self._fault_of_wish(connection, read, row, now)
        if fault is not None:
            await limits.add(connection, [limits.outcome(fault.value)], now)
            return Correctable(fault.value, "wish")
        trusted = read.ask.source in PROVEN or await promises.is_of(connection, row, read.visitor)
        due_at = now if row is None else self._due_at(read, now)
        subject = Subject(
            ask=read.ask,
            number=read.number,
            number_hash=read.number_hash,
            visitor=read.visitor,
            is_more=promises.dials_more(row, due_at, trusted),
            is_known=await self._knows(connection, read.number),
            is_dry_run=self._is_dry_run(read.ask.site),
            is_foreign=read.is_foreign,
        )
        judged = await guard.judge(connection, subject, self._settings.callback.limits, now)
        return await self._promise(connection, read, judged, row, trusted, now)

    def _due_at(self, read: Read, now: float) -> float:
        """When it would be dialled if nobody else had asked."""
        times = promises.promised(read.number, read.ask.wished_at, self._rules[read.department], now)
        return float(times["due_at"])

    def _is_dry_run(self, site: str | None) -> bool:
        return site is not None and self._settings.website[site].dry_run

    async def _fault_of_wish(
        self, connection: AsyncConnection, read: Read, row: Any, now: float
    ) -> Refusal | None:
        """Why what the visitor chose cannot be had any more; programs and colleagues may wish for any time."""
        ask, rules = read.ask, self._rules[read.department]
        if ask.only_now and not rules.callable_at(read.number, now):
            return Refusal.CLOSED
        if ask.wished_at is None:
            return None
        if ask.source not in guard.PUBLIC:
            check_instant(ask.wished_at, now, "wished_at")
            return None
        is_free = await is_slot_free(
            connection, read.number, read.department, ask.wished_at, rules, now, row.id if row else None
        )
        return None if is_free else Refusal.SLOT_GONE

    async def _promise(
        self, connection: AsyncConnection, read: Read, judged: Judged, row: Any, trusted: bool, now: float
    ) -> Accepted | Held:
        ask = read.ask
        wish = Wish(
            number=read.number,
            department=read.department,
            arrived_at=min(ask.arrived_at or now, now),
            wished_at=ask.wished_at,
            proven=ask.source in PROVEN,
            owner_id=ask.user_id if ask.source is Source.AGENT else None,
            place=ask.position,
            trusted=trusted,
            reasons=judged.reasons,
            rank=judged.rank,
            is_repeat=row is not None
            and await repeats.is_repeat(connection, row.id, ask, bool(judged.reasons)),
        )
        callback_id = await promises.promise(connection, row, wish, self._rules[read.department], now)
        expires_at = now + self._settings.callback.link_days * DAY_S
        values: dict[str, Any] = {"at": now, "visitor": read.visitor, "link_expires_at": expires_at}
        if wish.is_repeat:
            submission_id = await repeats.count(connection, callback_id, ask, wish, **values)
        else:
            submission_id = await self._store(connection, callback_id, ask, wish, **values)
        await ledger.tell_others(connection, row, callback_id, now)
        log.info("callback asked for", callback=callback_id, source=ask.source, reasons=judged.reasons)
        return await self._said(submission_id, callback_id, expires_at, is_held=bool(judged.reasons))

    async def _store(
        self, connection: AsyncConnection, callback_id: int, ask: Ask, wish: Wish, *, at: float, **values: Any
    ) -> int:
        """Write the request, and whose it is. A call's customers are known, or will be, by the call."""
        known_as = ask.call_id or f"{REQUEST_PREFIX}{secrets.token_hex(16)}"
        if ask.call_id is None:
            await self._tie(connection, known_as, wish.number, at)
        hashed = body_hash(ask) if ask.idempotency_key else None
        return await promises.store(
            connection, callback_id, ask, wish, at=at, known_as=known_as, body_hash=hashed, **values
        )

    async def _said(
        self, submission_id: int, callback_id: int, expires_at: float, *, is_held: bool
    ) -> Accepted | Held:
        link = await self._links.token(submission_id, expires_at)
        return (Held if is_held else Accepted)(submission_id, callback_id, link)


def check_instant(at: float, now: float, field: str) -> None:
    """Raises InvalidInputError for an instant that no promise can be meant for."""
    if not now - EARLIEST_S < at <= now + FARTHEST_S:
        raise InvalidInputError("choose a time within the next 60 days", field=field)


async def is_slot_free(
    connection: AsyncConnection,
    number: str,
    department: str,
    begin: float,
    rules: Rules,
    now: float,
    but: int | None,
) -> bool:
    """Whether one more can be promised the slot that begins then; `but` is a callback that gives up its own."""
    taken = await promises.taken_slots(connection, department, now, but)
    return any(left.slot.begin == begin for left in policy.slots_left(rules, taken, now, number))


def body_hash(ask: Ask) -> str:
    """What was asked for, without where and when: the same request sent again has the same hash."""
    visit = ask.visit
    body = [
        ask.source.value, ask.number, ask.department, ask.site, ask.country, ask.wished_at, ask.name, ask.message,
        visit.page_url, visit.referrer, sorted(visit.utm.items()), visit.language, visit.consent, ask.user_id,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()
