"""An Odoo with JSON-2, as version 19 has it, beside a desk; and one that is brought to that version."""

from __future__ import annotations

from core.db import Database
from crm_link.connectors.tables import LogState
from tests.integration.test_connectors import beside, contacts
from tests.live_client import LiveClient
from tests.live_story import CUSTOMER
from tests.scripted_odoo import KEY, scripted_odoo
from tests.site import eventually


async def test_odoo_19_is_spoken_to_in_json_2(database: Database) -> None:
    """Its version says so; no user is named, and there is one field for numbers."""
    book, peer = scripted_odoo(version=19)
    partner = book.add("Jan Nowak", phone="(22) 123-45-67")
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: bool(contacts(one)))
        await desk.ends()
        await desk.becomes(LogState.DONE)
        await desk.wraps_up("Wants two")
        await eventually(desk.row, lambda one: one.written == 2)
    [note] = book.notes.values()
    assert (note["res_id"], "Wants two" in note["body"]) == (partner, True)
    assert not [one for one in peer.asked if one.path == "/jsonrpc"]


async def test_what_odoo_19_refuses_is_said_without_its_traceback(database: Database) -> None:
    book, peer = scripted_odoo(version=19)
    book.key = "another"
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        await desk.ends()
        row = await desk.tried()
    assert row.error == "it does not accept our key: Invalid apikey"


async def test_an_unknown_number_becomes_a_contact_of_odoo_19(database: Database) -> None:
    book, peer = scripted_odoo(version=19)
    async with peer, beside(database, peer, create_contacts=True) as desk:
        await desk.rings()
        await desk.ends()
        await desk.becomes(LogState.DONE)
    assert [(one["name"], one["phone"]) for one in book.partners.values()] == [(CUSTOMER, CUSTOMER)]


async def test_a_crm_that_was_brought_to_another_version_is_asked_anew(database: Database) -> None:
    book, peer = scripted_odoo(version=18)
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        await desk.ends()
        await desk.becomes(LogState.DONE)
        book.version = 19
        book.key = "another"
        await desk.rings("c2")
        await desk.ends("c2")
        await desk.tried("c2")
        book.key = KEY
        await desk.later(20)
        await desk.becomes(LogState.DONE, "c2")
    assert len(book.notes) == 2
