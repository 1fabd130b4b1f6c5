"""Several contacts of a CRM have the number: an agent picks one on the card or a program does, the call is written on
that one, and the customer keeps its id. Without a pick nothing is written on anybody."""

from __future__ import annotations

from typing import Any

import aiohttp
from sqlalchemy import select

from core.accounts import Role, rename_user
from core.db import Database
from core.facts import CallsJoined, PhoneRinging
from crm_link.connectors.tables import ConnectorPick, LogState
from crm_link.customers import NewCustomer
from crm_link.kinds import IdentityKind
from crm_link.tables import Identity
from server.web.keys import CUSTOMERS
from tests.integration.test_connectors import Beside, beside, contacts
from tests.live_client import LiveClient
from tests.live_story import CUSTOMER, inbound, phone, started
from tests.scripted import Scripted
from tests.scripted_odoo import OdooBook, methods, scripted_odoo
from tests.site import eventually


def family() -> tuple[OdooBook, Scripted, int, int]:
    book, peer = scripted_odoo()
    jan = book.add("Jan Nowak", phone="022 123 45 67", owner="Ewa Lis")
    maria = book.add("Maria Nowak", phone="tel:+48221234567")
    return book, peer, jan, maria


def notes_on(book: OdooBook) -> list[int]:
    return [note["res_id"] for note in book.notes.values()]


def picked(client: LiveClient, call_id: str = "c1") -> list[str]:
    return [one["name"] for one in contacts(client, call_id) if one["is_picked"]]


async def ask(desk: Beside, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """As Anna."""
    site = desk.site
    async with (
        aiohttp.ClientSession(cookies=await site.cookie("anna")) as session,
        session.request(method, site.url(path), json=body, headers={"Origin": site.url("/")[:-1]}) as answer,
    ):
        return answer.status, (await answer.json() if answer.status != 204 else None)


async def pick(desk: Beside, contact: int, call_id: str = "c1") -> int:
    body = {"connector": "odoo", "contact_id": str(contact)}
    return (await ask(desk, "POST", f"/desk/calls/{call_id}/contact", body))[0]


async def claims(database: Database) -> list[str]:
    async with database.read() as connection:
        of = Identity.kind == IdentityKind.EXTERNAL.value
        return list(await connection.scalars(select(Identity.value).where(of).order_by(Identity.value)))


async def test_a_pick_is_shown_kept_and_written_on(database: Database) -> None:
    book, peer, _jan, maria = family()
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        assert [one["owner"] for one in contacts(anna)] == ["Ewa Lis", ""]
        assert await pick(desk, maria) == 204
        await anna.until(lambda one: picked(one) == ["Maria Nowak"])
        assert await claims(database) == [f"odoo:{maria}"]
        await desk.ends()
        row = await desk.becomes(LogState.DONE)
        assert row.contact_name == "Maria Nowak"
        await desk.rings("c2")  # she is known from now on
        await anna.until(lambda one: picked(one, "c2") == ["Maria Nowak"])
        await desk.ends("c2")
        await desk.becomes(LogState.DONE, "c2")
    assert notes_on(book) == [maria, maria]


async def test_a_pick_after_the_call_writes_what_was_on_nobody(database: Database) -> None:
    book, peer, jan, _maria = family()
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        await desk.talks()
        await desk.ends()
        await desk.becomes(LogState.SKIPPED)
        assert notes_on(book) == []
        assert await pick(desk, jan) == 204
        await anna.until(lambda one: picked(one) == ["Jan Nowak"])
        await desk.becomes(LogState.DONE)
    assert notes_on(book) == [jan]


async def test_whose_call_it_was_may_tell_which_contact_it_is(database: Database) -> None:
    """Two of our customers share the number, and one of them was with a contact before."""
    book, peer, _jan, maria = family()
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        customers, users = desk.site.app[CUSTOMERS], desk.site.users
        for name in ("Jan", "Maria"):
            new = NewCustomer(name, numbers=(CUSTOMER,))
            last = await customers.create(new, users["anna"].id)
        await customers.add_identity(last.id, IdentityKind.EXTERNAL, f"odoo:{maria}", users["anna"].id)
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        assert await pick(desk, maria) == 409
        await desk.talks()
        await desk.ends()
        await desk.becomes(LogState.SKIPPED)
        await customers.pick("c1", last.id, users["anna"].id)
        await anna.until(lambda one: picked(one) == ["Maria Nowak"])
        await desk.becomes(LogState.DONE)
    assert notes_on(book) == [maria]


async def test_a_corrected_pick_leaves_no_id_behind(database: Database) -> None:
    book, peer, jan, maria = family()
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        await pick(desk, jan)
        await pick(desk, maria)
        await anna.until(lambda one: picked(one) == ["Maria Nowak"])
        assert await claims(database) == [f"odoo:{maria}"]
        await desk.ends()
        await desk.becomes(LogState.DONE)
        await desk.rings("c2")  # and once it was him: from then on somebody says which one
        await anna.until(lambda one: picked(one, "c2") == ["Maria Nowak"])
        await pick(desk, jan, "c2")
        await anna.until(lambda one: picked(one, "c2") == ["Jan Nowak"])
        await desk.ends("c2")
        await desk.becomes(LogState.DONE, "c2")
        await desk.rings("c3")
        await anna.until(lambda one: len(contacts(one, "c3")) == 2)
        await desk.ends("c3")
        await desk.becomes(LogState.SKIPPED, "c3")
    assert notes_on(book) == [maria, jan]


async def test_who_is_responsible_there_is_shown_and_stays(database: Database) -> None:
    """Also when another of our people talks, picks and writes the note."""
    book, peer, jan, _maria = family()
    async with (
        peer,
        beside(database, peer, create_contacts=True) as desk,
        LiveClient(desk.site, "anna") as anna,
    ):
        await desk.rings()
        await anna.until(lambda one: [owner["owner"] for owner in contacts(one)] == ["Ewa Lis", ""])
        await pick(desk, jan)
        await desk.ends()
        await desk.becomes(LogState.DONE)
        await desk.wraps_up("Wants two")
        await eventually(desk.row, lambda row: row.written == 2)
    assert book.partners[jan]["user_id"] == [7, "Ewa Lis"]
    done = {one for one in methods(peer.asked) if one.startswith("res.partner.")}
    assert done == {"res.partner.search_read", "res.partner.message_post"}


async def test_what_is_no_contact_of_the_call_is_not_picked(database: Database) -> None:
    book, peer, _jan, _maria = family()
    other = book.add("Somebody Else", phone="+48601000111")
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        assert await pick(desk, other) == 404
        assert await pick(desk, other, "c9") == 404
    assert await claims(database) == []


async def test_a_pick_follows_a_call_into_the_one_it_is_part_of(database: Database) -> None:
    book, peer, _jan, maria = family()
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        await pick(desk, maria)
        await desk.site.tell(started("c0", 1.0, inbound()), PhoneRinging("c0", 1.0, phone("101")))
        await desk.site.tell(CallsJoined("c0", "c1", 5.0))
        await desk.ends("c0")
        await desk.becomes(LogState.DONE, "c0")
        async with database.read() as connection:
            assert list(await connection.scalars(select(ConnectorPick.call_id))) == ["c0"]
    assert notes_on(book) == [maria]


async def test_programs_pick_too(database: Database) -> None:
    book, peer, _jan, maria = family()
    path = "/api/v1/calls/c1/contacts"
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        async with database.write() as connection:
            await rename_user(connection, desk.site.users["anna"].id, "Anna Kowalska", Role.MANAGER)
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        status, said = await ask(desk, "GET", path)
        assert (status, [one["is_picked"] for one in said["contacts"]]) == (200, [False, False])
        status, said = await ask(desk, "POST", path, {"connector": "odoo", "id": str(maria)})
        assert (status, [one["name"] for one in said["contacts"] if one["is_picked"]]) == (
            200,
            ["Maria Nowak"],
        )
        assert (await ask(desk, "POST", path, {"connector": "odoo", "id": "1"}))[0] == 404
        assert (await ask(desk, "GET", "/api/v1/calls/c9/contacts"))[0] == 404
        await desk.ends()
        await desk.becomes(LogState.DONE)
    assert notes_on(book) == [maria]
    assert await claims(database) == [f"odoo:{maria}"]
