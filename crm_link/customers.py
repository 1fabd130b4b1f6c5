"""Editing customers: people's decisions in, rows, history and facts out. Every method is one transaction that ends
with the durable `CustomerChanged`; afterwards the same fact goes to the bus for the screens. `by` is the id of the user
who decided, None for the server or an API key; whether they may is decided by the caller.

Reading is `directory.py`, notes and tags are `annotations.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import find_user
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import InvalidInputError, NotFoundError
from core.facts import CallMatched, Fact
from core.folding import clean_line
from crm_link.call_links import read_links_since
from crm_link.call_picks import Pick, keep, read_candidates
from crm_link.changes import Change, Edit, What, announce, journal
from crm_link.directory import CustomerView, read_customer, read_customers
from crm_link.identities import (
    Claim,
    count_identities,
    hold_keys,
    read_claim,
    take,
)
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.records import (
    NewRecord,
    bump,
    hold_customer,
    insert_customer,
    resolve,
    store_words,
)
from crm_link.relabel import give_and_relabel
from crm_link.spelling import normal_value, spelling_beside
from crm_link.tables import Customer

MOST_IDENTITIES = 100
"""Per customer. A firm with more numbers has number blocks, which are not listed one by one."""

ON_A_SCREEN_S = 24 * 3600.0
"""Calls older than this are on nobody's card any more: relabelling them is not said on the bus."""


class Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer to create. `numbers` and `emails` as people write them; `owner_id` is a user."""

    name: str = ""
    company: str = ""
    numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    owner_id: int | None = None
    source: Source = Source.PERSON


@dataclass(frozen=True, slots=True)
class CustomerEdit:
    """What to change; the rest stays."""

    name: str | Unchanged = UNCHANGED
    company: str | Unchanged = UNCHANGED
    owner_id: int | Unchanged | None = UNCHANGED


class Customers:
    """All edits of customers. One instance serves the whole process."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, region: str) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._region = region

    async def create(self, new: NewCustomer, by: int | None) -> CustomerView:
        """A new, identified customer with its numbers; old calls of those numbers come along (P10).

        Raises InvalidInputError when there is neither a name nor a company, or a number cannot be read.
        """
        edit = self._edit(by)
        claims = [self.claim(IdentityKind.PHONE, text, new.source) for text in new.numbers]
        claims += [self.claim(IdentityKind.EMAIL, text, new.source) for text in new.emails]
        if not (clean_line(new.name) or clean_line(new.company)):
            raise InvalidInputError("a customer needs a name or a company", field="name")
        record = NewRecord(new.source, name=new.name, company=new.company, owner_id=new.owner_id)
        async with self._database.write() as connection:
            await _check_owner(connection, new.owner_id)
            await hold_keys(connection, claims)
            customer_id = await insert_customer(connection, record, edit)
            facts = await self._give_all(connection, customer_id, claims, edit)
        await self._publish(facts)
        return await self._read(customer_id)

    async def edit(
        self, customer_id: int, changes: CustomerEdit, by: int | None, expected_version: int | None = None
    ) -> CustomerView:
        """Rename, set the company or the owner. A provisional customer who gets a name or company is identified.

        Raises NotFoundError, InvalidInputError, and StaleError when `expected_version` is no longer current.
        """
        edit = self._edit(by)
        async with self._database.write() as connection:
            current = await hold_customer(connection, customer_id)
            await bump(connection, current, expected_version)
            done = await _apply(connection, current, changes)
            await journal(connection, current, edit, *done)
            facts = [await announce(connection, current, edit.at)] if done else []
        await self._publish(facts)
        return await self._read(current)

    async def add_identity(
        self,
        customer_id: int,
        kind: IdentityKind,
        text: str,
        by: int | None,
        *,
        confidence: Confidence = Confidence.STATED,
        source: Source = Source.PERSON,
    ) -> CustomerView:
        """Give the customer a number, address or id. The old calls of a number come along, and a provisional
        customer who held nothing else becomes part of this one (P10). Giving what is held already changes nothing.

        Raises NotFoundError, and InvalidInputError for text that cannot be read.
        """
        edit = self._edit(by)
        claim = self.claim(kind, text, source, confidence)
        async with self._database.write() as connection:
            await hold_keys(connection, [claim])
            current = await hold_customer(connection, customer_id)
            facts = await self._give_all(connection, current, [claim], edit)
        await self._publish(facts)
        return await self._read(current)

    async def remove_identity(self, customer_id: int, identity_id: int, by: int | None) -> CustomerView:
        """Take a claim away. Calls stay with the customer they stand with: they did happen.

        Raises NotFoundError when the customer has no such claim.
        """
        edit = self._edit(by)
        async with self._database.write() as connection:
            claim = await read_claim(connection, await resolve(connection, customer_id), identity_id)
            await hold_keys(connection, [claim])
            current = await hold_customer(connection, customer_id)
            if not await take(connection, current, claim.kind, claim.value):
                raise NotFoundError(f"customer {current} has no identity {identity_id}")
            await bump(connection, current)
            await journal(
                connection, current, edit, Change(What.IDENTITY_REMOVED, claim.shown, about=claim.row)
            )
            facts = [await announce(connection, current, edit.at)]
        await self._publish(facts)
        return await self._read(current)

    async def pick(
        self,
        call_id: str,
        customer_id: int,
        by: int | None,
        *,
        as_default: bool = True,
        candidates_only: bool = False,
    ) -> CallMatched:
        """Somebody says whose call it is. That holds for this call, and `as_default` the customer is suggested first
        for the next calls of the number when they hold it (P8). `candidates_only`: one of those whose
        call it may be, nobody else. Said again, the new word counts.

        Raises NotFoundError for a call or customer we do not know, or no candidate; ConflictError when it is known
        to be another one's and nobody had to pick.
        """
        wish = Pick(call_id, customer_id, as_default, candidates_only)
        async with self._database.write() as connection:
            matched, changed = await keep(connection, wish, self._edit(by))
        await self._publish([matched, *changed])
        return matched

    async def candidates(self, call_id: str) -> list[CustomerView]:
        """Whose call it may be, the likeliest first; also when somebody has picked. Raises NotFoundError."""
        async with self._database.read() as connection:
            ids = await read_candidates(connection, call_id)
            found = {one.id: one for one in await read_customers(connection, ids)}
        return [found[one] for one in ids]

    def claim(
        self,
        kind: IdentityKind,
        text: str,
        source: Source,
        confidence: Confidence = Confidence.STATED,
    ) -> Claim:
        """What somebody typed as a claim: E.164, a lower-case address, or an id as it is.

        Raises InvalidInputError (field `value`) when it is not one.
        """
        value = normal_value(kind, text, self._region)
        return Claim(kind, value, source, confidence, spelling_beside(kind, text, self._region))

    def _edit(self, by: int | None) -> Edit:
        return Edit(self._clock(), by)

    async def _read(self, customer_id: int) -> CustomerView:
        async with self._database.read() as connection:
            return await read_customer(connection, customer_id)

    async def _give_all(
        self, connection: AsyncConnection, customer_id: int, claims: Sequence[Claim], edit: Edit
    ) -> list[Fact]:
        """Attach the claims, whose keys are held, and let old calls follow; the transaction's last step."""
        if await count_identities(connection, customer_id) + len(claims) > MOST_IDENTITIES:
            raise InvalidInputError(f"a customer has at most {MOST_IDENTITIES} numbers and addresses")
        changed = {customer_id}
        facts: list[Fact] = []
        for claim in claims:
            moved = await give_and_relabel(connection, customer_id, claim, edit)
            changed.update(moved.provisional_ids)
            if moved.calls:
                lately = await read_links_since(connection, claim.value, edit.at - ON_A_SCREEN_S)
                facts += [links.fact(edit.at) for links in lately]
        for one in sorted(changed):
            facts.append(await announce(connection, one, edit.at))
        return facts

    async def _publish(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            await self._bus.publish(fact)


async def _check_owner(connection: AsyncConnection, owner_id: int | None) -> None:
    if owner_id is None:
        return
    user = await find_user(connection, owner_id)
    if user is None or user.disabled:
        raise InvalidInputError(f"there is no user {owner_id} who could be responsible", field="owner_id")


async def _apply(connection: AsyncConnection, customer_id: int, changes: CustomerEdit) -> list[Change]:
    """Write what differs from the row; returns it as history."""
    row = (
        await connection.execute(
            select(Customer.name, Customer.company, Customer.owner_id, Customer.is_provisional).where(
                Customer.id == customer_id
            )
        )
    ).one()
    name = row.name if changes.name is UNCHANGED else clean_line(changes.name)
    company = row.company if changes.company is UNCHANGED else clean_line(changes.company)
    owner_id = row.owner_id if changes.owner_id is UNCHANGED else changes.owner_id
    renamed = (name, company) != (row.name, row.company)
    if renamed and not (name or company):
        raise InvalidInputError("a customer needs a name or a company", field="name")
    if owner_id != row.owner_id:
        await _check_owner(connection, owner_id)
    values = {"name": name, "company": company, "owner_id": owner_id}
    if renamed:
        values["is_provisional"] = False
        await store_words(connection, customer_id, name, company)
    await connection.execute(update(Customer).where(Customer.id == customer_id).values(**values))
    identified = [Change(What.IDENTIFIED)] if renamed and row.is_provisional else []
    return identified + [
        Change(what, before=_text(before), after=_text(after))
        for what, before, after in (
            (What.NAME, row.name, name),
            (What.COMPANY, row.company, company),
            (What.OWNER, row.owner_id, owner_id),
        )
        if before != after
    ]


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
