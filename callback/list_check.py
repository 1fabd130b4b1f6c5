"""What would become of a list, before anything is promised: lines and a department in, the fate of each out, with the
reason and what to do about it. The same questions as `intake.py` asks, many lines at a time, and nothing is written or
counted: between this look and the sending the world may move, and then the sending is right."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import phonenumbers
from sqlalchemy import select

from callback import guard, intake, limits
from callback.guard import Refusal
from callback.kinds import Limit, Reason, State
from callback.lists import Line
from callback.requests import Requests
from callback.tables import Callback
from config.settings import Settings
from core.db import Database
from core.errors import InvalidInputError
from core.phone import parse_number

AT_ONCE = 50
"""Lines whose numbers are read before others get a turn: some milliseconds."""

WRONG_NUMBERS = {
    Refusal.NUMBER_INVALID: "{number!r} is no number that can be dialled: write it with its area code, or with + and "
    "its country's code",
    Refusal.NUMBER_KIND: "{number!r} costs somebody dearly or reaches nobody (premium, shared cost, satellite …): "
    "give a fixed line or a mobile",
    Refusal.COUNTRY: "{number!r} is a number of {country}, and only {countries} is called back: add {country} to "
    "`countries` of a [website.…] in the settings, or take the line out",
}


class Fate(StrEnum):
    """ACCEPTED opens a callback, JOINS adds to an open one, HELD waits for a manager's word, REFUSED is not taken."""

    ACCEPTED = "accepted"
    JOINS = "joins"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`number` in E.164, as written when it is none. `why`: a sentence when refused, the guard's codes when held."""

    line: Line
    fate: Fate
    number: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class ListCheck:
    requests: Requests
    database: Database
    settings: Settings

    async def foresee(self, lines: Sequence[Line], department: str, now: float) -> list[Foreseen]:
        """Raises InvalidInputError for an unknown department."""
        countries = self.requests.countries_of(department)
        found: list[Foreseen] = []
        promised: set[str] = set()
        remaining = iter(lines)
        while some := list(islice(remaining, AT_ONCE)):
            read = [self._read(line, countries, now) for line in some]
            found += await self._judge(read, department, promised, now)
            await asyncio.sleep(0)
        return found

    def refusal(self, number: str, refusal: Refusal, countries: Collection[str]) -> str:
        """The sentence for a number that is not dialled."""
        e164 = parse_number(number, self.settings.site.region).e164
        country = phonenumbers.region_code_for_number(phonenumbers.parse(e164)) if e164 else None
        return WRONG_NUMBERS[refusal].format(
            number=number, country=country or "another country", countries=", ".join(sorted(countries))
        )

    def _read(self, line: Line, countries: Collection[str], now: float) -> Foreseen:
        """What the line itself says; ACCEPTED is not the last word."""
        if line.fault:
            return Foreseen(line, Fate.REFUSED, line.number, line.fault)
        number, refusal = guard.read_number(line.number, self.settings.site.region, countries)
        if refusal is not None:
            return Foreseen(line, Fate.REFUSED, line.number, self.refusal(line.number, refusal, countries))
        try:
            if line.wished_at is not None:
                intake.check_instant(line.wished_at, now, "when")
        except InvalidInputError as error:
            return Foreseen(line, Fate.REFUSED, number, str(error))
        return Foreseen(line, Fate.ACCEPTED, number)

    async def _judge(
        self, read: Sequence[Foreseen], department: str, promised: set[str], now: float
    ) -> list[Foreseen]:
        """`promised` are numbers that earlier lines of the list have an open callback for by then."""
        numbers = {one.number for one in read if one.fate is Fate.ACCEPTED}
        suppressed = await self.requests.suppressions.among(numbers)
        caps = self.settings.callback.limits
        counters = {number: limits.of_number(number, caps) for number in numbers}
        async with self.database.read() as connection:
            rows = await connection.execute(
                select(Callback.number, Callback.state).where(
                    Callback.department == department,
                    Callback.number.in_(numbers),
                    Callback.closed_at.is_(None),
                    Callback.state != State.HELD.value,
                )
            )
            found = {row.number: row.state for row in rows}
            promised.update(found)
            asleep = {number for number, state in found.items() if state == State.INBOX}
            counts = await limits.read(connection, [one.key for one in counters.values()], now)
        judged = []
        for one in read:
            if one.fate is Fate.ACCEPTED:
                codes = [Reason.SUPPRESSED.value] if one.number in suppressed else []
                is_more = one.number not in promised
                if (is_more or one.number in asleep) and not counts.has_room(counters[one.number]):
                    codes.append(Limit.NUMBER.value)
                fate = Fate.HELD if codes else Fate.ACCEPTED if is_more else Fate.JOINS
                if not codes:
                    promised.add(one.number)
                one = Foreseen(one.line, fate, one.number, " ".join(codes))
            judged.append(one)
        return judged
