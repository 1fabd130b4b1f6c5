"""Another CRM's own card of a call, for our people while they ring or talk: facts go in, requests to show and hide it
come out, of each call in order and each once. What is wanted is kept as a state, not as a list of events: what nobody
has been told yet and is over is never told. A call waits for none of it; a CRM that does not answer loses the card of
that call, and its end is told all the same (`log_worker.py`), which closes what is open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import structlog

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import (
    AgentLeft,
    CallAnswered,
    CallDescribed,
    CallEnded,
    CallsJoined,
    CallStarted,
    ContactsFound,
    Direction,
    Parties,
    Phone,
    PhoneRinging,
    PhoneStopped,
)
from core.outside import OutsideError
from crm_link.connectors.begun import Beginner
from crm_link.connectors.cache import read_said
from crm_link.connectors.described import Described
from crm_link.connectors.picks import chosen
from crm_link.connectors.protocol import Beginning, ConnectorError, Contact
from crm_link.connectors.trace import without

log = structlog.get_logger(__name__)


QUIET_S = 60.0
"""A CRM that gave no answer is shown nothing for so long: what it perhaps took of a call, a person must look for."""

FRESH_S = 60.0
"""What it said so lately is believed, however seldom the settings would have it believed without asking."""


@dataclass(frozen=True, slots=True)
class CardRules:
    """`fresh_s`: its word of who has a number is believed so long; `secrets` are kept out of what is said of its
    faults."""

    crm: Described
    fresh_s: float
    secrets: tuple[str, ...] = ()


@dataclass(slots=True)
class CallCard:
    """One call that goes on. `phones` ring or talk, each with the CRM's id of its person; `shown` are people whose card
    is open, `refused` those whose the CRM does not open. `has_news`: the CRM said who the call is with, and nobody has
    looked yet; `is_lost`: it did not answer, and is asked no more."""

    beginning: Beginning
    is_outside: bool
    has_news: bool = False
    phones: dict[Phone, str] = field(default_factory=dict)
    reference: str = ""
    shown: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    is_lost: bool = False

    def to_hide(self) -> str | None:
        return min(self.shown - set(self.phones.values()), default=None)

    def to_show(self) -> str | None:
        """Nobody, while it is not known whom the call is with."""
        if not self.is_outside or not (self.reference or self.has_news):
            return None
        known = self.shown | self.refused
        return next((one for one in self.phones.values() if one not in known), None)

    def owes(self) -> bool:
        return not self.is_lost and (self.to_hide() is not None or self.to_show() is not None)


class CallCards:
    """One per CRM that shows cards. `run` until cancelled; hearing of a call only changes what is wanted."""

    def __init__(self, name: str, rules: CardRules, database: Database, bus: Bus, clock: Clock) -> None:
        self._name = name
        self._rules = rules
        self._crm = rules.crm
        self._database = database
        self._bus = bus
        self._clock = clock
        self._beginner = Beginner(name, rules.crm, database, clock)
        self._quiet_until = 0.0
        self._cards: dict[str, CallCard] = {}
        self._parts: dict[str, CallCard] = {}
        self._news = asyncio.Event()

    def subscribe(self) -> None:
        self._bus.subscribe(CallStarted, self._started, name="cards elsewhere")
        self._bus.subscribe(CallDescribed, self._described, name="cards elsewhere")
        self._bus.subscribe(ContactsFound, self._found, name="cards elsewhere")
        self._bus.subscribe(PhoneRinging, self._has_phone, name="cards elsewhere")
        self._bus.subscribe(CallAnswered, self._has_phone, name="cards elsewhere")
        self._bus.subscribe(PhoneStopped, self._lost_phone, name="cards elsewhere")
        self._bus.subscribe(AgentLeft, self._lost_phone, name="cards elsewhere")
        self._bus.subscribe(CallsJoined, self._joined, name="cards elsewhere")
        self._bus.subscribe(CallEnded, self._ended, name="cards elsewhere")

    async def run(self) -> None:
        while True:
            self._news.clear()
            while (card := self._next()) is not None:
                await self._step(card)
            await self._news.wait()

    async def _started(self, fact: CallStarted) -> None:
        beginning, is_outside = _read(fact.call_id, fact.at, fact.parties)
        self._cards.setdefault(fact.call_id, CallCard(beginning, is_outside))

    async def _described(self, fact: CallDescribed) -> None:
        card = self._cards.get(fact.call_id)
        if card is not None and not card.reference:
            card.beginning, card.is_outside = _read(fact.call_id, card.beginning.started_at, fact.parties)
            self._news.set()

    async def _found(self, fact: ContactsFound) -> None:
        card = self._cards.get(fact.call_id)
        if card is not None and fact.connector == self._name:
            card.has_news = True
            self._news.set()

    async def _has_phone(self, fact: PhoneRinging | CallAnswered) -> None:
        card, person = self._cards.get(fact.call_id), self._crm.person_of(_names(fact.phone))
        if card is not None and person:
            card.phones[fact.phone] = person
            self._news.set()

    async def _lost_phone(self, fact: PhoneStopped | AgentLeft) -> None:
        card = self._cards.get(fact.call_id)
        if card is not None and card.phones.pop(fact.phone, None) is not None:
            self._news.set()

    async def _joined(self, fact: CallsJoined) -> None:
        """Whoever was in the absorbed call is in the other one now; the card of the absorbed one is closed."""
        part, whole = self._cards.pop(fact.absorbed_id, None), self._cards.get(fact.call_id)
        if part is None:
            return
        if whole is not None:
            whole.phones = part.phones | whole.phones
        part.phones = {}
        self._parts[fact.absorbed_id] = part
        self._news.set()

    async def _ended(self, fact: CallEnded) -> None:
        self._cards.pop(fact.call_id, None)

    def _next(self) -> CallCard | None:
        """A card of which something is to be told; a joined call is forgotten when nothing is."""
        self._parts = {call_id: one for call_id, one in self._parts.items() if one.owes()}
        return next((one for one in (*self._cards.values(), *self._parts.values()) if one.owes()), None)

    async def _step(self, card: CallCard) -> None:
        if self._clock() < self._quiet_until:
            card.is_lost = True
            return
        try:
            await self._tell(card)
        except (ConnectorError, OutsideError) as error:
            card.is_lost = True
            if isinstance(error, OutsideError):
                self._quiet_until = self._clock() + QUIET_S
            call_id, why = card.beginning.call_id, without(str(error), self._rules.secrets)
            log.warning("a card was not shown elsewhere", connector=self._name, call_id=call_id, why=why)

    async def _tell(self, card: CallCard) -> None:
        """One request. Raises ConnectorError and OutsideError."""
        number = card.beginning.number
        if (person := card.to_hide()) is not None:
            card.shown.discard(person)
            await self._crm.hide_card(card.reference, number, person)
        elif not card.reference:
            await self._begin(card)
        elif (person := card.to_show()) is not None:
            await self._show(card, person)

    async def _begin(self, card: CallCard) -> None:
        card.has_news = False
        phones = tuple(name for phone in card.phones for name in _names(phone))
        beginning = replace(card.beginning, phones=phones)
        contact = await self._contact(beginning)
        goes_on = self._cards.get(beginning.call_id) is card
        if contact is not None and goes_on:
            card.reference = (await self._beginner.begin(contact, beginning)).reference

    async def _contact(self, call: Beginning) -> Contact | None:
        """The one whom the call is with: nobody of several, and nobody by an answer that may be out of date. Asked of
        what is kept of the number, for the fact may be about one that the call does not have any more."""
        async with self._database.read() as connection:
            said = await read_said(connection, self._name, call.number)
            if said is None or said.seen_at < self._clock() - max(self._rules.fresh_s, FRESH_S):
                return None
            found = {one.id: one for one in said.contacts}
            if len(found) == 1:
                return said.contacts[0]
            one = await chosen(connection, self._name, call.call_id, found)
        return found[one] if one is not None else None

    async def _show(self, card: CallCard, person: str) -> None:
        """What is perhaps open is closed like what is."""
        card.shown.add(person)
        try:
            await self._crm.show_card(card.reference, card.beginning.number, person)
        except ConnectorError as error:
            if error.perhaps_done:
                raise
            # An id that the CRM does not know: the others' cards are none the worse for it.
            card.shown.discard(person)
            card.refused.add(person)


def _read(call_id: str, started_at: float, parties: Parties) -> tuple[Beginning, bool]:
    """The beginning, and whether it is a call with somebody outside whose number is known."""
    inbound = parties.direction is Direction.INBOUND
    ours = (parties.callee if inbound else parties.caller) or ""
    number = parties.customer_number or ""
    is_outside = bool(number) and parties.direction is not Direction.INTERNAL
    return Beginning(call_id, number, parties.direction, started_at, ours), is_outside


def _names(phone: Phone) -> tuple[str, str]:
    return phone.extension, phone.device
