"""Erases a person: the customer with everything people wrote of them, what was recorded, their number and name in
calls, callbacks, facts and what other servers were told. Calls stay in the log as anonymous facts. What is on legal
hold stays with its call. A certificate comes out that says what went, how much, when and by whom, and holds nothing of
the person.

Saying it again after a crash goes on: everything is found by what is still there. Goes in steps of a few hundred rows,
so that no ringing call waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callback import ledger
from callback.kinds import Outcome
from callback.tables import Attempt, Callback, CallbackStep, InboxDismissal, Submission
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import CallbackChanged, CustomerChanged, CustomerRemoved, RemovalReason
from crm_link.changes import announce, announce_removed
from crm_link.connectors.tables import ConnectorBegun, ConnectorContacts, ConnectorLog, ConnectorPick
from crm_link.imports.new import free_keys
from crm_link.merging.tables import CustomerMerge
from crm_link.records import store_words
from crm_link.tables import CallCustomer, CallMatch, Customer, CustomerTag, Note
from pbx_bridge.tables import Call, CallMoment, CallTransfer
from recordings.access import Asker
from recordings.removal import Remover
from recordings.search.forget import forget_words
from recordings.search.tables import SearchDocument
from server.privacy.access_request_parts import PARTS, Of
from server.privacy.erase_answers import forget_answers_about
from server.privacy.erase_certificates import Certificate, certify
from server.privacy.erase_guard import hold_person, refuse_going
from server.privacy.erase_kept import STAYS, Kept, count_part, list_kept, read_staying
from server.privacy.erase_lines import find_lines, forget_lines
from server.privacy.erase_person import Person, leave_out, parts_of, read_person
from server.privacy.erase_tally import Tally, forget_tally, read_tally, save_tally
from server.privacy.erase_told import (
    DELIVERIES,
    ERASED_NUMBER,
    FACTS,
    clean_again,
    clean_facts,
    delete_deliveries,
    read_reached,
)
from server.privacy.erasing import Erased, PersonErasure

COUNTED = (
    "identities",
    "number_blocks",
    "customer_fields",
    "customer_tags",
    "notes",
    "tasks",
    "deals",
    "customer_changes",
)
"""Parts of the register that go with the customer's row and are named in the certificate."""

NOTHING_LEFT: Mapping[str, str | None] = {
    "name": "",
    "message": "",
    "page_url": None,
    "referrer": None,
    "utm": "{}",
    "language": None,
    "address": None,
    "visitor": None,
    "idempotency_key": None,
    "body_hash": None,
}
"""Of a request that was made anonymous."""

CALL_WAS = (Call.caller, Call.callee, Call.caller_name, Call.customer_number)
CALL = (
    update(Call)
    .where(Call.id == bindparam("of"))
    .values(
        caller=bindparam("new_caller"), callee=bindparam("new_callee"), caller_name=None, customer_number=None
    )
)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an erasure would take. `counts` are titles of parts with their rows; `held` calls stay, and what
    is `staying` does."""

    person: Person
    counts: tuple[tuple[str, int], ...]
    held: int
    staying: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class WholeErasure:
    database: Database
    bus: Bus
    clock: Clock
    remover: Remover

    async def foresee(self, customer_id: int) -> Foreseen:
        """What would go; nothing is changed. Raises NotFoundError."""
        async with self.database.read() as connection:
            person = await read_person(connection, customer_id)
        person = replace(person, lines=await find_lines(self.database, person))
        async with self.database.read() as connection:
            going = [part for part in PARTS if part.name not in STAYS]
            counted = [(part.title, await count_part(connection, part, person)) for part in going]
            staying = await read_staying(connection, person)
        lines = await self._recordings().find(person.calls)
        held = {line.call_id for line in lines if line.why_kept is not None}
        counts = tuple(one for one in counted if one[1])
        return Foreseen(person, counts, len(held), tuple(staying))

    async def erase(self, asker: Asker, customer_id: int) -> Certificate:
        """Raises NotFoundError, and ConflictError while a call of theirs goes on, or when they became somebody else
        meanwhile (merged, called): then the customer is there still, to be erased again."""
        async with self.database.read() as connection:
            person = await read_person(connection, customer_id)
            await refuse_going(connection, person)
            staying = await read_staying(connection, person)
            tally = await read_tally(connection, person.ids)
        held = await self._recorded(asker, person, tally)
        async with self.database.read() as connection:
            free = await leave_out(connection, person, held)
            reached = await read_reached(connection)
        for step in (self._callbacks, self._calls, self._told, self._numbers):
            await self._save(person, tally)
            await step(asker, free, tally.gone)
        await self._save(person, tally)
        kept = [*list_kept(person, tally.on_pbx, len(held)), *staying]
        async with self.database.write() as connection:
            keys = await hold_person(connection, person)
            await clean_again(connection, free, reached, tally.gone)
            await _forget_customer(connection, person, held, tally.gone)
            await free_keys(connection, keys)
            await forget_tally(connection, person.ids)
            certificate = await certify(connection, asker, customer_id, self.clock(), tally.gone, kept)
            facts = await _announce(connection, person, held, self.clock())
        await forget_words(self.database)
        for fact in facts:
            await self.bus.publish(fact)
        return certificate

    async def _save(self, person: Person, tally: Tally) -> None:
        async with self.database.write() as connection:
            await save_tally(connection, person.ids, tally)

    async def _recorded(self, asker: Asker, person: Person, tally: Tally) -> frozenset[str]:
        """Calls of which something is on hold stay whole, with all their recordings; returns them."""
        lines = await self._recordings().find(person.calls)
        held = {line.call_id for line in lines if line.why_kept is not None}
        going = tuple(one for one in person.calls if one not in held)
        recorded = await self._recordings().erase_calls(asker, person.id, going)
        _count_recorded(tally, recorded)
        return frozenset(held | {line.call_id for line in recorded.report.kept})

    def _recordings(self) -> PersonErasure:
        return PersonErasure(self.database, self.remover)

    async def _callbacks(self, asker: Asker, person: Person, gone: Counter[str]) -> None:
        by = asker.user.id if asker.user is not None else None
        for callback_id in person.callbacks:
            now = self.clock()
            async with self.database.write() as connection:
                closed = await ledger.close(connection, callback_id, now, Outcome.WITHDRAWN, user_id=by)
                await _forget_callback(connection, callback_id, gone)
            gone["Open callbacks, closed"] += int(closed)
            gone["Callbacks, made anonymous"] += 1
            await self.bus.publish(CallbackChanged(callback_id, now))
        others = Submission.callback_id.in_(select(Callback.id).where(Callback.number != ERASED_NUMBER))
        for theirs in parts_of(person.requests):
            async with self.database.write() as connection:
                await _forget_requests(connection, Submission.id.in_(theirs) & others, gone)
        for some in parts_of(person.attempts):
            async with self.database.write() as connection:
                await connection.execute(
                    update(Attempt).where(Attempt.id.in_(some)).values(number=ERASED_NUMBER)
                )

    async def _calls(self, _asker: Asker, person: Person, gone: Counter[str]) -> None:
        for some in parts_of(person.calls):
            async with self.database.write() as connection:
                rows = (
                    await connection.execute(
                        select(*CALL_WAS, Call.id, Call.direction).where(Call.id.in_(some))
                    )
                ).all()
                changed = [new for row in rows if (new := _anonymous(person, row))]
                if changed:
                    await connection.execute(CALL, changed)
                gone["Calls, made anonymous"] += len(changed)
                await _clean_moments(connection, person, some)
                await connection.execute(
                    update(CallMatch).where(CallMatch.call_id.in_(some)).values(number=None)
                )
                found = await connection.execute(
                    delete(SearchDocument).where(SearchDocument.call_id.in_(some))
                )
                gone["Places in the search index"] += found.rowcount

    async def _told(self, _asker: Asker, person: Person, gone: Counter[str]) -> None:
        """What facts, webhooks and connectors hold."""
        for some in parts_of(person.subjects):
            async with self.database.write() as connection:
                gone[FACTS] += await clean_facts(connection, person, some)
        for some in parts_of(person.delivery_subjects):
            async with self.database.write() as connection:
                gone[DELIVERIES] += await delete_deliveries(connection, some)
        for some in parts_of(person.calls):
            async with self.database.write() as connection:
                logs = delete(ConnectorLog).where(ConnectorLog.call_id.in_(some))
                gone["What other CRMs were told"] += (await connection.execute(logs)).rowcount
                for kept in (ConnectorPick, ConnectorBegun):
                    await connection.execute(delete(kept).where(kept.call_id.in_(some)))

    async def _numbers(self, _asker: Asker, person: Person, gone: Counter[str]) -> None:
        """What is kept by number, and lines of imported files."""
        async with self.database.write() as connection:
            for some in parts_of(person.numbers):
                contacts = delete(ConnectorContacts).where(ConnectorContacts.number.in_(some))
                gone["What other CRMs said"] += (await connection.execute(contacts)).rowcount
                dismissed = delete(InboxDismissal).where(InboxDismissal.number.in_(some))
                gone["Words that nothing is owed"] += (await connection.execute(dismissed)).rowcount
        gone["Lines of imported files"] += await forget_lines(self.database, person)
        gone["Answers to programs"] += await forget_answers_about(self.database, person)


def _count_recorded(tally: Tally, recorded: Erased) -> None:
    removed, gone = recorded.report.removed, tally.gone
    tally.on_pbx += removed.on_pbx
    gone["Recordings"] += removed.recordings
    gone["Audio files, with copies"] += removed.audio_files
    gone["Transcripts"] += removed.transcripts
    gone["Comments on recordings"] += removed.comments
    gone["Places in the search index"] += removed.documents
    gone["Agents’ notes on calls"] += recorded.notes


def _anonymous(person: Person, row: Any) -> dict[str, Any] | None:
    """None for a call in which nothing of them is left."""
    outside_is_caller = row.direction == "inbound"
    caller = None if outside_is_caller or person.is_named_in(row.caller) else row.caller
    callee = row.callee if outside_is_caller and not person.is_named_in(row.callee) else None
    if (caller, callee, None, None) == tuple(row[: len(CALL_WAS)]):
        return None
    return {"of": row.id, "new_caller": caller, "new_callee": callee}


async def _clean_moments(connection: AsyncConnection, person: Person, calls: Sequence[str]) -> None:
    rows = await connection.execute(
        select(CallMoment.id, CallMoment.detail).where(
            CallMoment.call_id.in_(calls), CallMoment.detail.is_not(None)
        )
    )
    named = [row.id for row in rows if person.is_named_in(row.detail)]
    for some in parts_of(named):
        await connection.execute(update(CallMoment).where(CallMoment.id.in_(some)).values(detail=None))
    transfers = (await connection.execute(select(CallTransfer).where(CallTransfer.call_id.in_(calls)))).all()
    for row in transfers:
        if person.is_named_in(row.to):
            mine = (CallTransfer.call_id == row.call_id, CallTransfer.position == row.position)
            await connection.execute(update(CallTransfer).where(*mine).values(to=""))


async def _forget_callback(connection: AsyncConnection, callback_id: int, gone: Counter[str]) -> None:
    """The promise stays as a figure; who asked for it, with which words and from where, goes."""
    await connection.execute(update(Callback).where(Callback.id == callback_id).values(number=ERASED_NUMBER))
    await _forget_requests(connection, Submission.callback_id == callback_id, gone)
    await connection.execute(
        update(CallbackStep).where(CallbackStep.callback_id == callback_id).values(detail=None)
    )


async def _forget_requests(
    connection: AsyncConnection, which: ColumnElement[bool], gone: Counter[str]
) -> None:
    requests = await connection.execute(update(Submission).where(which).values(known_as=None, **NOTHING_LEFT))
    gone["Requests for callbacks, made anonymous"] += requests.rowcount


async def _forget_customer(
    connection: AsyncConnection, person: Person, held: Set[str], gone: Counter[str]
) -> None:
    """The row and all that goes with it; with calls on hold an empty row stays, for them to stand with."""
    for part in PARTS:
        if part.name in COUNTED and part.of is Of.CUSTOMER:
            gone[part.title] += await count_part(connection, part, person)
    documents = delete(SearchDocument).where(SearchDocument.customer_id.in_(person.ids))
    gone["Places in the search index"] += (await connection.execute(documents)).rowcount
    gone["Customer records"] += len(person.ids)
    if held:
        await _empty(connection, person, held)
    await _remove(connection, _going(person, held))


def _going(person: Person, held: Set[str]) -> list[int]:
    """Which of their ids go; with calls on hold their own stays."""
    return [one for one in person.ids if not (held and one == person.id)]


async def _announce(
    connection: AsyncConnection, person: Person, held: Set[str], at: float
) -> list[CustomerChanged | CustomerRemoved]:
    removed = await announce_removed(connection, _going(person, held), RemovalReason.ERASED, at)
    return [*removed, await announce(connection, person.id, at)] if held else [*removed]


async def _empty(connection: AsyncConnection, person: Person, held: Set[str]) -> None:
    """Leave of the customer an empty row, with nothing but the calls that are on hold and their notes."""
    mine = person.ids
    await connection.execute(
        update(CallCustomer)
        .where(CallCustomer.customer_id.in_(mine), CallCustomer.call_id.in_(held))
        .values(customer_id=person.id)
    )
    await connection.execute(
        update(Note).where(Note.customer_id.in_(mine), Note.call_id.in_(held)).values(customer_id=person.id)
    )
    await connection.execute(
        delete(CallCustomer).where(CallCustomer.customer_id == person.id, CallCustomer.call_id.not_in(held))
    )
    away = or_(Note.call_id.is_(None), Note.call_id.not_in(held))
    await connection.execute(delete(Note).where(Note.customer_id == person.id, away))
    for part in PARTS:
        if part.of is Of.CUSTOMER and part.name not in KEPT_TABLES:
            await connection.execute(delete(part.table).where(part.where([person.id])))
    undone = or_(CustomerMerge.kept_id == person.id, CustomerMerge.merged_id == person.id)
    await connection.execute(delete(CustomerMerge).where(undone))
    await connection.execute(delete(CustomerTag).where(CustomerTag.customer_id == person.id))
    await store_words(connection, person.id)
    await connection.execute(
        update(Customer)
        .where(Customer.id == person.id)
        .values(
            name="",
            company="",
            owner_id=None,
            is_provisional=False,
            last_contact_at=0.0,
            version=Customer.version + 1,
        )
    )


KEPT_TABLES = frozenset(
    {"customers", "notes", "customer_import_rows", "data_requests", "erasure_certificates"}
)


async def _remove(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """The rows; foreign keys take along what people wrote of them."""
    if ids:
        await connection.execute(update(Customer).where(Customer.id.in_(ids)).values(merged_into_id=None))
        await connection.execute(delete(Customer).where(Customer.id.in_(ids)))
