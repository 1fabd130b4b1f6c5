"""Editing deals and orders: what people and programs say in, rows, history and the durable `CustomerChanged` out. A
program that keeps them elsewhere (a shop) puts each by its own id, as often as it likes: `put` makes or changes one
row. `by` is the id of the user, None for a program. Reading is `read.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, StaleError
from core.facts import CustomerChanged
from core.folding import clean_line
from crm_link.changes import Change, Edit, What, announce, journal, row_of
from crm_link.customers import UNCHANGED, Unchanged
from crm_link.deals.customer import Buyer, customer_of
from crm_link.deals.kinds import STATES, DealKind, DealState
from crm_link.deals.money import currency_of, money_text, units_of
from crm_link.deals.read import DealView, find_deal, read_deal
from crm_link.deals.tables import Deal, DealCall
from crm_link.records import hold_customer

LONGEST_TITLE = 200
LONGEST_LINK = 2000
LONGEST_SOURCE = 40
LONGEST_EXTERNAL_ID = 120
MOST_OF_ONE = 5000
"""Deals and orders of one customer: a firm that orders daily for years has fewer."""

MOST_CALLS_LINKED = 200

Done = tuple[DealView, CustomerChanged | None]
"""A deal as it now stands, and what is to be told of it; None when nothing has changed."""

WEB = re.compile(r"https?://[^\s/?#@]+(?:[/?#][^\s]*)?", re.IGNORECASE)
SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class DealEdit:
    """What to set; the rest stays. `amount` as people write it; with `currency` None there is none."""

    title: str | Unchanged = UNCHANGED
    state: DealState | Unchanged = UNCHANGED
    amount: str | Unchanged | None = UNCHANGED
    currency: str | Unchanged | None = UNCHANGED
    link: str | Unchanged = UNCHANGED


@dataclass(frozen=True, slots=True)
class NewDeal:
    """A deal to make by hand: of a customer we know."""

    customer_id: int
    kind: DealKind
    title: str
    state: DealState = DealState.OPEN
    amount: str | None = None
    currency: str | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class PutDeal:
    """A deal as the program that keeps it has it. `buyer` may be None for one we have already; `at` is when it was
    opened there, now when None."""

    source: str
    external_id: str
    kind: DealKind
    edit: DealEdit
    buyer: Buyer | None = None
    at: float | None = None


class Deals:
    """All writes of deals. One instance serves the whole process."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, region: str) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._region = region

    async def add(self, new: NewDeal, by: int | None) -> DealView:
        """Raises NotFoundError for an unknown customer, InvalidInputError."""
        edit = Edit(self._clock(), by)
        wanted = DealEdit(new.title, new.state, new.amount, new.currency, new.link)
        async with self._database.write() as connection:
            current = await hold_customer(connection, new.customer_id)
            deal_id = await _insert(connection, current, new.kind, _values(wanted, new.kind, None), edit)
            deal = await read_deal(connection, deal_id)
            changed = await announce(connection, current, edit.at)
        await self._bus.publish(changed)
        return deal

    async def edit(
        self, deal_id: int, wanted: DealEdit, by: int | None, expected_version: int | None = None
    ) -> DealView:
        """Raises NotFoundError, InvalidInputError, and StaleError when `expected_version` is no longer current."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            before = await _hold(connection, deal_id, expected_version)
            deal, changed = await _apply(connection, before, wanted, edit)
        await self._tell(changed)
        return deal

    async def put(self, new: PutDeal, by: int | None) -> tuple[DealView, bool]:
        """The deal as it now stands, and whether it was made. The same put twice changes nothing the second time.

        Raises InvalidInputError, and ConflictError when the buyer's number belongs to several customers.
        """
        edit = Edit(self._clock(), by)
        named = clean_source(new.source), clean_external_id(new.external_id)
        async with self._database.write() as connection:
            (deal, changed), is_new = await self._put(connection, new, named, edit)
        await self._tell(changed)
        return deal, is_new

    async def _put(
        self, connection: AsyncConnection, new: PutDeal, named: tuple[str, str], edit: Edit
    ) -> tuple[Done, bool]:
        known = await find_deal(connection, *named)
        if known is None:
            current = await self._whose(connection, new, edit)
            # Another put may have made it while this one waited for the customer.
            known = await find_deal(connection, *named)
            if known is None:
                return await _make(connection, current, new, named, edit), True
        return await _change(connection, known, new, edit), False

    async def link(self, deal_id: int, call_id: str, by: int | None) -> DealView:
        """This call was about this deal; saying so twice changes nothing. Raises NotFoundError, InvalidInputError."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            deal = await read_deal(connection, deal_id)
            changed = None
            if call_id not in deal.call_ids and await _link(connection, deal.id, call_id, edit):
                changed = await announce(connection, deal.customer_id, edit.at)
            deal = await read_deal(connection, deal_id)
        await self._tell(changed)
        return deal

    async def unlink(self, deal_id: int, call_id: str, by: int | None) -> DealView:
        """This call was not about this deal after all. Raises NotFoundError for an unknown deal."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            deal = await read_deal(connection, deal_id)
            mine = (DealCall.deal_id == deal_id) & (DealCall.call_id == call_id)
            gone = await connection.execute(delete(DealCall).where(mine))
            changed = await announce(connection, deal.customer_id, edit.at) if gone.rowcount else None
            deal = await read_deal(connection, deal_id)
        await self._tell(changed)
        return deal

    async def remove(self, deal_id: int, by: int | None) -> DealView:
        """Take it away, as it was; that it was there stays in the customer's history. Raises NotFoundError."""
        edit = Edit(self._clock(), by)
        async with self._database.write() as connection:
            deal = await _hold(connection, deal_id, None)
            await connection.execute(delete(Deal).where(Deal.id == deal_id))
            change = Change(What.DEAL_REMOVED, before=_said(deal), about=_row(deal))
            await journal(connection, deal.customer_id, edit, change)
            changed = await announce(connection, deal.customer_id, edit.at)
        await self._tell(changed)
        return deal

    async def _whose(self, connection: AsyncConnection, new: PutDeal, edit: Edit) -> int:
        if new.buyer is None:
            raise InvalidInputError("say whose it is: customer_id, number or email", field="customer_id")
        _values(new.edit, new.kind, None)  # What cannot be kept must not make a customer either.
        return await customer_of(connection, new.buyer, self._region, edit)

    async def _tell(self, changed: CustomerChanged | None) -> None:
        if changed is not None:
            await self._bus.publish(changed)


async def _make(
    connection: AsyncConnection, customer_id: int, new: PutDeal, named: tuple[str, str], edit: Edit
) -> Done:
    values = _values(new.edit, new.kind, None) | {"source": named[0], "external_id": named[1]}
    if new.at is not None:
        values["opened_at"] = new.at
    deal_id = await _insert(connection, customer_id, new.kind, values, edit)
    return await read_deal(connection, deal_id), await announce(connection, customer_id, edit.at)


async def _change(connection: AsyncConnection, known: DealView, new: PutDeal, edit: Edit) -> Done:
    if known.kind is not new.kind:
        raise ConflictError(f"{new.source} {new.external_id} is no {new.kind.value}: its kind stays")
    return await _apply(connection, await _hold(connection, known.id, None), new.edit, edit)


async def _insert(
    connection: AsyncConnection, customer_id: int, kind: DealKind, values: dict[str, Any], edit: Edit
) -> int:
    held = select(func.count()).where(Deal.customer_id == customer_id)
    if (await connection.execute(held)).scalar_one() >= MOST_OF_ONE:
        raise InvalidInputError(f"a customer has at most {MOST_OF_ONE} deals and orders")
    row = {
        "customer_id": customer_id,
        "kind": kind.value,
        "state": DealState.OPEN.value,
        "opened_at": edit.at,
        "opened_by": edit.user_id,
        "updated_at": edit.at,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Deal).values(row | values).on_conflict_do_nothing().returning(Deal.id)
    made: int | None = (await connection.execute(statement)).scalar_one_or_none()
    if made is None:
        raise ConflictError("the same deal is being put at this very moment: put it again")
    return made


async def _apply(connection: AsyncConnection, before: DealView, wanted: DealEdit, edit: Edit) -> Done:
    """Write what differs from the row, whose customer is held; nothing is told when nothing does."""
    values = _values(wanted, before.kind, before)
    stored = {"title": before.title, "state": before.state.value, "amount": before.units}
    stored |= {"currency": before.currency, "link": before.link}
    if all(stored[name] == value for name, value in values.items()):
        return before, None
    values |= {"updated_at": edit.at, "version": before.version + 1}
    await connection.execute(update(Deal).where(Deal.id == before.id).values(**values))
    deal = await read_deal(connection, before.id)
    if _said(deal) != _said(before):
        change = Change(What.DEAL_CHANGED, _said(before), _said(deal), _row(deal))
        await journal(connection, deal.customer_id, edit, change)
    return deal, await announce(connection, deal.customer_id, edit.at)


async def _hold(connection: AsyncConnection, deal_id: int, expected: int | None) -> DealView:
    """The deal as it stands; nobody else edits it until the transaction ends."""
    deal = await read_deal(connection, deal_id)
    await hold_customer(connection, deal.customer_id)
    await connection.execute(select(Deal.id).where(Deal.id == deal_id).with_for_update())
    deal = await read_deal(connection, deal_id)
    if expected is not None and deal.version != expected:
        raise StaleError("this deal was changed by somebody else meanwhile: look again, then save")
    return deal


async def _link(connection: AsyncConnection, deal_id: int, call_id: str, edit: Edit) -> bool:
    held = select(func.count()).where(DealCall.deal_id == deal_id)
    if (await connection.execute(held)).scalar_one() >= MOST_CALLS_LINKED:
        raise InvalidInputError(f"a deal is linked to at most {MOST_CALLS_LINKED} calls", field="call_id")
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"deal_id": deal_id, "call_id": call_id, "linked_at": edit.at, "linked_by": edit.user_id}
    return (
        await connection.execute(dialect.insert(DealCall).values(row).on_conflict_do_nothing())
    ).rowcount == 1


def _values(wanted: DealEdit, kind: DealKind, before: DealView | None) -> dict[str, Any]:
    """The columns an edit sets, checked; all that a new deal needs when there is none yet."""
    values: dict[str, Any] = {}
    if wanted.title is not UNCHANGED or before is None:
        values["title"] = clean_title("" if wanted.title is UNCHANGED else wanted.title)
    if wanted.state is not UNCHANGED:
        if wanted.state not in STATES[kind]:
            known = ", ".join(STATES[kind])
            raise InvalidInputError(f"{_a(kind)} is one of: {known}", field="state")
        values["state"] = wanted.state.value
    if wanted.link is not UNCHANGED:
        values["link"] = clean_link(wanted.link)
    return values | _money(wanted, before)


def _money(wanted: DealEdit, before: DealView | None) -> dict[str, Any]:
    if wanted.amount is UNCHANGED and wanted.currency is UNCHANGED:
        return {}
    amount, currency = wanted.amount, wanted.currency
    if currency is UNCHANGED:
        currency = before.currency if before else None
    if amount is UNCHANGED:
        amount = before.amount if before else None
    if not amount:
        return {"amount": None, "currency": None}
    if not currency:
        raise InvalidInputError("say the amount's currency, such as EUR", field="currency")
    code = currency_of(currency)
    return {"amount": units_of(amount, code), "currency": code}


def clean_title(text: str) -> str:
    """One line. Raises InvalidInputError (field `title`) when nothing is left."""
    title = clean_line(text, LONGEST_TITLE)
    if not title:
        raise InvalidInputError("say what it is about", field="title")
    return title


def clean_link(text: str) -> str:
    """A web address or nothing: anything else could run as a script where people click. Raises InvalidInputError."""
    link = text.strip()
    if link and (len(link) > LONGEST_LINK or not link.isprintable() or not WEB.fullmatch(link)):
        raise InvalidInputError("write a web address that begins with https:// or http://", field="link")
    return link


def clean_source(text: str) -> str:
    """Raises InvalidInputError (field `source`)."""
    source = text.strip().lower()
    if len(source) > LONGEST_SOURCE or not SOURCE.fullmatch(source):
        raise InvalidInputError("name the source by a short word, such as shop", field="source")
    return source


def clean_external_id(text: str) -> str:
    """Raises InvalidInputError (field `external_id`)."""
    value = clean_line(text, LONGEST_EXTERNAL_ID + 1)
    if not value or len(value) > LONGEST_EXTERNAL_ID:
        raise InvalidInputError(
            f"an id has between 1 and {LONGEST_EXTERNAL_ID} characters", field="external_id"
        )
    return value


def _row(deal: DealView) -> str:
    return row_of(Deal.__tablename__, deal.id, deal.opened_at)


def _said(deal: DealView) -> str:
    """A deal in one line, for the history."""
    parts = (deal.state.value, money_text(deal.units, deal.currency))
    return f"{deal.title}: {', '.join(part for part in parts if part)}"


def _a(kind: DealKind) -> str:
    return "an order" if kind is DealKind.ORDER else "a deal"
