"""An agent says which of the contacts that a CRM named for a call's number it is: the call is written on that one, and
the customer keeps the contact's id for the next calls. A pick can be corrected as long as the call is known here; what
the CRM was told by then stays there. Whether somebody may pick is decided by the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.equivalences import spellings
from core.errors import ConflictError, NotFoundError
from core.facts import CallMatched, CallsJoined, ContactsFound, Fact, OutsideContact
from crm_link.call_links import hold_links, read_links
from crm_link.changes import Change, Edit, What, announce, journal
from crm_link.connectors import logs
from crm_link.connectors.cache import read_said
from crm_link.connectors.log_worker import LogWorker
from crm_link.connectors.lookups import Lookups
from crm_link.connectors.picks import Pick, chosen, external_id, read_pick, sole_customer
from crm_link.connectors.protocol import Contact
from crm_link.connectors.tables import ConnectorPick
from crm_link.identities import Claim, give, hold_keys, take
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.records import bump, hold_customer


class ContactPicks:
    """`workers` write calls, by the names of their CRMs; `lookups` say what is known of calls that go on."""

    def __init__(
        self, database: Database, bus: Bus, clock: Clock, lookups: Lookups, workers: Mapping[str, LogWorker]
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._lookups = lookups
        self._workers = workers
        bus.subscribe(CallMatched, self._matched, name="contacts picked")
        bus.subscribe(CallsJoined, self._joined, name="contacts picked")

    async def of_call(self, call_id: str) -> Sequence[OutsideContact]:
        """Everybody whom a CRM has named for the number of this call. Raises NotFoundError."""
        async with self._database.read() as connection:
            links = await read_links(connection, call_id)
            if links is None:
                raise NotFoundError(f"there is no call {call_id} with somebody outside")
            found: list[OutsideContact] = []
            for name in self._lookups.crms if links.number else ():
                found += await _named(connection, name, call_id, links.number or "")
            return found

    async def pick(self, call_id: str, connector: str, contact_id: str, by: int | None) -> None:
        """Raises NotFoundError for a call or contact that is none, ConflictError while it is open whose call it is."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            links = await hold_links(connection, call_id)
            named = await _named(connection, connector, call_id, (links and links.number) or "")
            contact = next(
                (Contact(one.id, one.name, url=one.url) for one in named if one.id == contact_id), None
            )
            if contact is None:
                raise NotFoundError(f"{connector} has named no such contact for this call")
            customer_id = sole_customer(links)
            if customer_id is None:
                raise ConflictError("choose first which customer this is")
            await logs.hold(connection, connector, call_id)
            facts = await _keep(connection, (connector, call_id), contact, customer_id, edit)
        for fact in facts:
            await self._bus.publish(fact)
        await self._say(call_id, [connector])
        if connector in self._workers:
            self._workers[connector].wake()

    async def _say(self, call_id: str, connectors: Iterable[str]) -> None:
        """Who it is, to the screens; also of a call that is over, whose card may still be open."""
        async with self._database.read() as connection:
            links = await read_links(connection, call_id)
            number = (links and links.number) or ""
            named = {one: await _named(connection, one, call_id, number) for one in connectors}
        for name, found in named.items():
            if found:
                await self._bus.publish(ContactsFound(call_id, self._clock(), name, tuple(found)))

    async def _matched(self, fact: CallMatched) -> None:
        """Whose call it was is said after its end: that may tell which contact it was with. While it goes on,
        `lookups.py` tells the screens, and nothing is written yet."""
        if self._lookups.is_heard(fact.call_id) or len(fact.customer_ids) != 1:
            return
        async with self._database.write() as connection:
            for name in self._workers:
                await logs.ask_skipped(connection, name, fact.call_id, self._clock())
        await self._say(fact.call_id, self._lookups.crms)
        for worker in self._workers.values():
            worker.wake()

    async def _joined(self, fact: CallsJoined) -> None:
        """What was picked for a call that is part of another one now was picked for that one."""
        row = ConnectorPick
        async with self._database.write() as connection:
            kept = select(row.connector).where(row.call_id == fact.call_id)
            moving = (row.call_id == fact.absorbed_id) & row.connector.not_in(kept)
            await connection.execute(update(row).where(moving).values(call_id=fact.call_id))
            await connection.execute(delete(row).where(row.call_id == fact.absorbed_id))


async def _named(
    connection: AsyncConnection, connector: str, call_id: str, number: str
) -> Sequence[OutsideContact]:
    for spelling in spellings(number) if number else ():
        said = await read_said(connection, connector, spelling)
        if said is not None:
            one = await chosen(connection, connector, call_id, [contact.id for contact in said.contacts])
            return said.outside(one)
    return ()


async def _keep(
    connection: AsyncConnection, place: tuple[str, str], contact: Contact, customer_id: int, edit: Edit
) -> list[Fact]:
    """`place` is the connector and the call, whose customer is `customer_id`."""
    connector, call_id = place
    before = await read_pick(connection, connector, call_id)
    if before is not None and before.contact.id == contact.id:
        return []
    new, old = _claim(connector, contact), _claim(connector, before.contact) if before else None
    await hold_keys(connection, [new, *([old] if old else [])])
    current = await hold_customer(connection, customer_id)
    await bump(connection, current)
    if old is not None and before is not None and before.made_claim:
        await _take_back(connection, current, old, edit)
    given = await give(connection, current, new, edit)
    await _store(connection, place, Pick(contact, given), edit)
    await logs.ask_skipped(connection, connector, call_id, edit.at)
    return [await announce(connection, current, edit.at)]


async def _take_back(connection: AsyncConnection, customer_id: int, claim: Claim, edit: Edit) -> None:
    if await take(connection, customer_id, claim.kind, claim.value):
        await journal(
            connection, customer_id, edit, Change(What.IDENTITY_REMOVED, claim.shown, about=claim.row)
        )


async def _store(connection: AsyncConnection, place: tuple[str, str], pick: Pick, edit: Edit) -> None:
    values = {
        "contact_id": pick.contact.id,
        "name": pick.contact.name,
        "url": pick.contact.url,
        "made_claim": pick.made_claim,
        "picked_by": edit.user_id,
        "picked_at": edit.at,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = dialect.insert(ConnectorPick).values(connector=place[0], call_id=place[1], **values)
    await connection.execute(row.on_conflict_do_update(index_elements=["connector", "call_id"], set_=values))


def _claim(connector: str, contact: Contact) -> Claim:
    value = external_id(connector, contact.id)
    return Claim(IdentityKind.EXTERNAL, value, Source.PERSON, Confidence.STATED)
