"""Somebody picked the wrong one of several customers with a number, and says so: the call and what came with it are the
right one's, and nothing of the mistake is left with the other."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from core.db import Database
from core.errors import ConflictError, NotFoundError
from core.facts import CustomerChanged
from crm_link.call_links import read_links
from crm_link.connectors.tables import ConnectorPick, LogState
from crm_link.customers import NewCustomer
from crm_link.deals.edit import Deals, NewDeal
from crm_link.deals.kinds import DealKind
from crm_link.deals.tables import DealCall
from crm_link.directory import CustomerView, read_customer, read_notes
from crm_link.kinds import IdentityKind
from crm_link.tables import IdentityKey
from crm_link.tasks.edit import NewTask, Tasks
from crm_link.tasks.tables import Task
from pbx_bridge import call_log
from recordings.search.tables import SearchDocument
from server.views.timeline import TIMELINE
from server.web.keys import CUSTOMERS
from tests.customers import NUMBER, OTHER, Office, ended
from tests.integration.test_connectors import beside
from tests.said import index
from tests.scripted_odoo import scripted_odoo
from tests.site import eventually

CONTACT = "odoo:42"


class Shared:
    """Anna and Jan have one number; Zenon has another. Calls `c1` and so on are theirs."""

    def __init__(self, database: Database) -> None:
        self.office = Office(database)
        self.database = database
        self.told: list[CustomerChanged] = self.office.desk.changed

    async def open(self) -> None:
        customers = self.office.customers
        self.anna = (await customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)).id
        self.jan = (await customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)).id
        self.zenon = (await customers.create(NewCustomer("Zenon", numbers=(OTHER,)), None)).id

    async def call(self, call_id: str, at: float) -> tuple[int, ...]:
        """Whose it may be."""
        matched = await self.office.desk.call(call_id, at=at)
        async with self.database.write() as connection:
            await call_log.record(connection, [ended(call_id, NUMBER)])
        return matched.customer_ids

    async def pick(self, call_id: str, customer_id: int, *, as_default: bool = True) -> None:
        pick = self.office.customers.pick
        await pick(call_id, customer_id, None, as_default=as_default, candidates_only=True)

    async def read(self, customer_id: int) -> CustomerView:
        async with self.database.read() as connection:
            return await read_customer(connection, customer_id)

    async def timeline(self, customer_id: int) -> list[str | int]:
        async with self.database.read() as connection:
            page = await TIMELINE.page(connection, customer_id, kinds=("call",))
        return [entry.ref for entry in page.entries]

    async def default(self) -> int | None:
        async with self.database.read() as connection:
            picked = select(IdentityKey.picked_customer_id).where(IdentityKey.value == NUMBER)
            found: int | None = await connection.scalar(picked)
        return found


@pytest.fixture
async def shared(database: Database) -> Shared:
    shared = Shared(database)
    await shared.open()
    return shared


async def test_the_call_and_the_default_are_the_right_ones(shared: Shared) -> None:
    await shared.call("c1", 1100.0)
    await shared.pick("c1", shared.anna)
    assert (await shared.timeline(shared.anna), await shared.default()) == (["c1"], shared.anna)
    shared.told.clear()
    await shared.pick("c1", shared.jan)
    assert (await shared.timeline(shared.anna), await shared.timeline(shared.jan)) == ([], ["c1"])
    said = shared.office.desk.matched[-1]
    assert (said.customer_ids, said.is_picked) == ((shared.jan,), True)
    assert [fact.customer_id for fact in shared.told] == sorted((shared.anna, shared.jan))
    assert await shared.default() == shared.jan
    assert await shared.call("c2", 1200.0) == (shared.jan, shared.anna)


async def test_who_was_not_called_was_not_in_contact(shared: Shared) -> None:
    await shared.call("c1", 1100.0)
    await shared.pick("c1", shared.anna)
    await shared.call("c2", 1300.0)
    before = await shared.read(shared.anna)
    await shared.pick("c2", shared.anna, as_default=False)
    assert (await shared.read(shared.anna)).last_contact_at == 1300.0
    await shared.pick("c2", shared.jan, as_default=False)
    after, jan = await shared.read(shared.anna), await shared.read(shared.jan)
    assert (after.last_contact_at, jan.last_contact_at) == (1100.0, 1300.0)
    assert after.identities[0].last_seen == before.identities[0].last_seen
    assert await shared.default() == shared.anna, "she was picked for the other call"


async def test_a_correction_for_this_call_alone_suggests_nobody(shared: Shared) -> None:
    await shared.call("c1", 1100.0)
    await shared.pick("c1", shared.anna)
    await shared.pick("c1", shared.jan, as_default=False)
    assert await shared.default() is None
    assert (await shared.read(shared.anna)).last_contact_at is None


async def test_what_was_written_about_the_call_goes_along(shared: Shared) -> None:
    office = shared.office
    tasks = Tasks(shared.database, office.desk.bus, lambda: office.now)
    deals = Deals(shared.database, office.desk.bus, lambda: office.now, "PL")
    await shared.call("c1", 1100.0)
    await shared.pick("c1", shared.anna)
    await office.notes.add_note(shared.anna, "wants two", None, call_id="c1")
    await office.notes.add_note(shared.anna, "likes tea", None)
    await index(shared.database)
    await tasks.add(NewTask(shared.anna, "send an offer", 2000.0, call_id="c1"), None)
    deal = await deals.add(NewDeal(shared.anna, DealKind.ORDER, "Two chairs"), None)
    await deals.link(deal.id, "c1", None)
    await shared.pick("c1", shared.jan)
    async with shared.database.read() as connection:
        notes = {one: await read_notes(connection, one) for one in (shared.anna, shared.jan)}
        assert list(await connection.scalars(select(Task.customer_id))) == [shared.jan]
        assert list(await connection.scalars(select(DealCall.call_id))) == []
    await index(shared.database)
    async with shared.database.read() as connection:
        found = select(SearchDocument.kind).where(SearchDocument.customer_id == shared.jan)
        assert sorted(await connection.scalars(found)) == ["note", "task"]
    assert [note.text for note in notes[shared.anna]] == ["likes tea"]
    assert [note.text for note in notes[shared.jan]] == ["wants two"]


async def test_a_contacts_id_that_came_with_the_mistake_goes_along(shared: Shared) -> None:
    await shared.call("c1", 1100.0)
    await shared.pick("c1", shared.anna)
    await shared.office.customers.add_identity(shared.anna, IdentityKind.EXTERNAL, CONTACT, None)
    row = {"connector": "odoo", "call_id": "c1", "contact_id": "42", "name": "Jan", "url": ""}
    async with shared.database.write() as connection:
        await connection.execute(insert(ConnectorPick).values(**row, made_claim=True, picked_at=1.0))
    await shared.pick("c1", shared.jan)
    values = {
        one: [two.value for two in (await shared.read(one)).identities] for one in (shared.anna, shared.jan)
    }
    assert values == {shared.anna: [NUMBER], shared.jan: [NUMBER, CONTACT]}
    # Somebody takes it away: it does not come back with the next correction, and its key is nobody's.
    jan = await shared.read(shared.jan)
    (given,) = (one.id for one in jan.identities if one.value == CONTACT)
    await shared.office.customers.remove_identity(shared.jan, given, None)
    await shared.pick("c1", shared.anna)
    async with shared.database.read() as connection:
        assert CONTACT not in list(await connection.scalars(select(IdentityKey.value)))


async def test_who_has_the_number_is_a_candidate_and_nobody_else(shared: Shared) -> None:
    await shared.call("c1", 1100.0)
    await shared.pick("c1", shared.anna)
    offered = await shared.office.customers.candidates("c1")
    assert [one.id for one in offered] == [shared.anna, shared.jan]
    with pytest.raises(NotFoundError, match="candidates"):
        await shared.pick("c1", shared.zenon)
    await shared.office.desk.call("c2", OTHER, at=1200.0)
    assert [one.id for one in await shared.office.customers.candidates("c2")] == [shared.zenon]
    with pytest.raises(ConflictError, match="known already"):
        await shared.pick("c2", shared.jan)
    async with shared.database.read() as connection:
        links = await read_links(connection, "c2")
    assert links is not None
    assert links.customer_ids == (shared.zenon,)
    with pytest.raises(NotFoundError):
        await shared.office.customers.candidates("c9")


async def test_what_another_crm_has_by_then_stays_there(database: Database) -> None:
    book, peer = scripted_odoo()
    jan, maria = (book.add(name, phone=NUMBER) for name in ("Jan Nowak", "Maria Nowak"))
    async with peer, beside(database, peer) as desk:
        customers = desk.site.app[CUSTOMERS]
        made = {}
        for contact, name in ((jan, "Jan"), (maria, "Maria")):
            made[contact] = await customers.create(NewCustomer(name, numbers=(NUMBER,)), None)
            external = (IdentityKind.EXTERNAL, f"odoo:{contact}")
            await customers.add_identity(made[contact].id, *external, None)
        await desk.rings(number=NUMBER)
        await desk.talks()
        await customers.pick("c1", made[jan].id, None)
        await desk.ends()
        await desk.becomes(LogState.DONE)
        await customers.pick("c1", made[maria].id, None, candidates_only=True)
        await desk.wraps_up("Wants two")
        await eventually(desk.row, lambda row: row.written == 2)
    assert {note["res_id"] for note in book.notes.values()} == {jan}
