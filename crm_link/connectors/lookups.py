"""A call begins: its number goes to every CRM that may be asked, and what they know comes back as `ContactsFound`. The
call never waits: hearing of it only puts a line into a queue, the database and the network are asked by tasks of their
own. What is fresh in the cache is said at once and asks nobody; what is old is said at once too, and again when the CRM
answered. A CRM that is away costs its own queue a time limit, and a call its name."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import RingbackError
from core.facts import (
    CallDescribed,
    CallEnded,
    CallMatched,
    CallsJoined,
    CallStarted,
    ContactsFound,
    Direction,
)
from core.phone import mask
from crm_link.connectors.cache import Said, forget_said, read_said, store_said
from crm_link.connectors.picks import chosen
from crm_link.connectors.protocol import MOST_CONTACTS, Connector
from crm_link.connectors.trace import without

log = structlog.get_logger(__name__)

AT_ONCE = 3
"""Look-ups per CRM that run at a time: enough for calls in the same second, few enough for a small CRM."""

WAITING = 200
"""Look-ups waiting per CRM. Beyond it the oldest is given up: that call was answered long ago."""


@dataclass(frozen=True, slots=True)
class LookupRules:
    """Of one CRM: `seconds` it may take, `fresh_s` its word is believed without asking, `secrets` are kept
    out of what is said of its faults."""

    connector: Connector
    seconds: float
    fresh_s: float
    secrets: tuple[str, ...] = ()


class CrmLookups:
    """One per CRM. `ask` never waits; `run` works until cancelled."""

    def __init__(self, name: str, rules: LookupRules, database: Database, bus: Bus, clock: Clock) -> None:
        self.name = name
        self.last_ok_at: float | None = None
        self.last_error = ""
        self._rules = rules
        self._database = database
        self._bus = bus
        self._clock = clock
        self._waiting: OrderedDict[str, str] = OrderedDict()
        self._again: OrderedDict[str, str] = OrderedDict()
        self._news = asyncio.Event()

    def ask(self, call_id: str, number: str) -> None:
        self._waiting[call_id] = number
        if len(self._waiting) > WAITING:
            self._waiting.popitem(last=False)
        self._news.set()

    def say_again(self, call_id: str, number: str) -> None:
        """Whose call it is was decided meanwhile, and so perhaps which contact it is. The CRM is not asked."""
        self._again[call_id] = number
        if len(self._again) > WAITING:
            self._again.popitem(last=False)
        self._news.set()

    def forget(self, call_id: str) -> None:
        """The call is over: nobody looks at its card for a name any more."""
        self._waiting.pop(call_id, None)

    async def run(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(AT_ONCE)))

    async def _work(self) -> None:
        while True:
            while self._waiting or self._again:
                if self._waiting:
                    await self.look(*self._waiting.popitem(last=False))
                else:
                    await self._say_known(*self._again.popitem(last=False))
            self._news.clear()
            await self._news.wait()

    async def look(self, call_id: str, number: str) -> None:
        """Say what is known of `number`, and ask for what is not, or not any more."""
        said = await self._say_known(call_id, number)
        if said is not None and self._clock() - said.seen_at < self._rules.fresh_s:
            return
        heard = await self.refresh(number)
        if heard is not None:
            await self._say(call_id, heard)

    async def refresh(self, number: str) -> Said | None:
        """Ask the CRM now and keep what it says; None when it did not answer."""
        try:
            async with asyncio.timeout(self._rules.seconds):
                found = await self._rules.connector.find_contact(number)
        except (RingbackError, TimeoutError) as error:
            why = str(error) or f"no answer within {self._rules.seconds:g} s"
            self.last_error = without(why, self._rules.secrets)
            log.warning("look-up failed", connector=self.name, number=mask(number), why=self.last_error)
            return None
        self.last_ok_at, self.last_error = self._clock(), ""
        said = Said(self.name, tuple(one.presentable() for one in found[:MOST_CONTACTS]), self._clock())
        async with self._database.write() as connection:
            await store_said(connection, number, said)
            await forget_said(connection, self._clock())
        return said

    async def _say_known(self, call_id: str, number: str) -> Said | None:
        async with self._database.read() as connection:
            said = await read_said(connection, self.name, number)
        if said is not None:
            await self._say(call_id, said)
        return said

    async def _say(self, call_id: str, said: Said) -> None:
        async with self._database.read() as connection:
            one = await chosen(connection, self.name, call_id, [contact.id for contact in said.contacts])
        await self._bus.publish(ContactsFound(call_id, self._clock(), self.name, said.outside(one)))


class Lookups:
    """Hears of calls and hands their numbers on, once per call and number."""

    def __init__(self, crms: Mapping[str, CrmLookups]) -> None:
        self.crms = crms
        self._asked: dict[str, str] = {}

    def subscribe(self, bus: Bus) -> None:
        bus.subscribe(CallStarted, self._described, name="contacts elsewhere")
        bus.subscribe(CallDescribed, self._described, name="contacts elsewhere")
        bus.subscribe(CallMatched, self._matched, name="contacts elsewhere")
        bus.subscribe(CallsJoined, self._joined, name="contacts elsewhere")
        bus.subscribe(CallEnded, self._ended, name="contacts elsewhere")

    async def _described(self, fact: CallStarted | CallDescribed) -> None:
        number = fact.parties.customer_number
        if fact.parties.direction is Direction.INTERNAL or number is None:
            return
        if self._asked.get(fact.call_id) == number:
            return
        self._asked[fact.call_id] = number
        for crm in self.crms.values():
            crm.ask(fact.call_id, number)

    def is_heard(self, call_id: str) -> bool:
        """Whether this call goes on, and its number was handed on."""
        return call_id in self._asked

    async def _matched(self, fact: CallMatched) -> None:
        if (number := self._asked.get(fact.call_id)) is not None:
            for crm in self.crms.values():
                crm.say_again(fact.call_id, number)

    async def _joined(self, fact: CallsJoined) -> None:
        number = self._asked.pop(fact.absorbed_id, None)
        for crm in self.crms.values():
            crm.forget(fact.absorbed_id)
            if number is not None and fact.call_id not in self._asked:
                crm.ask(fact.call_id, number)
        if number is not None:
            self._asked.setdefault(fact.call_id, number)

    async def _ended(self, fact: CallEnded) -> None:
        self._asked.pop(fact.call_id, None)
        for crm in self.crms.values():
            crm.forget(fact.call_id)
