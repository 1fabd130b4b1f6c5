"""An unknown number becomes a contact of the CRM once, although the CRM makes it and says nothing, is slow to show it
in its search, or we die before we know."""

from __future__ import annotations

from sqlalchemy import select, update

from core.db import Database
from crm_link.connectors.tables import ConnectorContacts, ConnectorLog, LogState
from tests.integration.test_connectors import START, Beside, beside
from tests.live_story import CUSTOMER
from tests.scripted import Asked, Scripted
from tests.scripted_odoo import OdooBook, methods, scripted_odoo


def create(asked: Asked) -> bool:
    return methods([asked]) == ["res.partner.create"]


def made(book: OdooBook) -> list[str]:
    return [one["phone"] for one in book.partners.values()]


async def calls(desk: Beside, call_id: str = "c1") -> None:
    await desk.rings(call_id)
    await desk.ends(call_id)


class Lost:
    """A CRM that makes the contact and loses its first answer; nobody is in its search yet."""

    def __init__(self) -> None:
        self.book, self.peer = scripted_odoo()
        self.lost = False
        self.peer.drops = self._drops

    def _drops(self, asked: Asked) -> bool:
        if self.lost or not create(asked):
            return False
        self.book.unseen.update(self.book.partners)
        self.lost = True
        return True


async def test_a_contact_whose_answer_got_lost_is_found_again(database: Database) -> None:
    crm = Lost()
    async with crm.peer, beside(database, crm.peer, create_contacts=True) as desk:
        await calls(desk)
        await desk.tried()
        crm.book.unseen.clear()
        await desk.later(20)
        await desk.becomes(LogState.DONE)
    assert made(crm.book) == [CUSTOMER]
    assert len(crm.book.notes) == 1


async def test_a_contact_that_is_not_in_the_search_yet_is_waited_for(database: Database) -> None:
    crm = Lost()
    async with crm.peer, beside(database, crm.peer, create_contacts=True) as desk:
        await calls(desk)
        await desk.tried()
        await desk.later(20)
        row = await desk.tried(tries=2)
        assert "perhaps made there a moment ago" in row.error
        crm.book.unseen.clear()
        await desk.later(60)
        await desk.becomes(LogState.DONE)
    assert made(crm.book) == [CUSTOMER]


async def test_another_call_of_the_number_makes_no_second_one_meanwhile(database: Database) -> None:
    crm = Lost()
    async with crm.peer, beside(database, crm.peer, create_contacts=True) as desk:
        await calls(desk)
        await desk.tried()
        await calls(desk, "c2")
        await desk.tried("c2")
        crm.book.unseen.clear()
        await desk.later(60)
        await desk.becomes(LogState.DONE, "c1")
        await desk.becomes(LogState.DONE, "c2")
    assert made(crm.book) == [CUSTOMER]
    assert len(crm.book.notes) == 2


async def test_whom_we_made_is_known_by_our_id_whatever_became_of_the_number(database: Database) -> None:
    crm = Lost()
    async with crm.peer, beside(database, crm.peer, create_contacts=True) as desk:
        await calls(desk)
        await desk.tried()
        crm.book.unseen.clear()
        [partner] = crm.book.partners
        crm.book.partners[partner]["phone"] = "see the card index"
        await desk.later(20)
        await desk.becomes(LogState.DONE)
    assert list(crm.book.partners) == [partner]
    assert [note["res_id"] for note in crm.book.notes.values()] == [partner]


async def test_whom_the_crm_did_not_make_after_all_is_made_later(database: Database) -> None:
    crm = Lost()
    async with crm.peer, beside(database, crm.peer, create_contacts=True) as desk:
        await calls(desk)
        await desk.tried()
        crm.book.partners.clear()
        await desk.later(121)
        await desk.becomes(LogState.DONE)
    assert made(crm.book) == [CUSTOMER]


async def test_we_die_while_a_contact_is_made(database: Database) -> None:
    """The rows are as a killed process leaves them: the contact is there, the lease runs out."""
    book, peer = scripted_odoo()
    async with peer, beside(database, peer, create_contacts=True) as desk:
        await calls(desk)
        await desk.becomes(LogState.DONE)
        book.notes.clear()
        dead = {"state": LogState.RUNNING, "leased_until": START + 300, "maybe_sent": False}
        async with database.write() as connection:
            await connection.execute(update(ConnectorLog).values(**dead, reference="", written=0))
            await connection.execute(update(ConnectorContacts).values(making_since=START, contacts="[]"))
        await desk.later(301)
        await desk.becomes(LogState.DONE)
    assert made(book) == [CUSTOMER]


async def test_a_refused_making_is_no_uncertain_one(database: Database) -> None:
    book = OdooBook(version=19)
    refusing = Scripted(lambda asked: (400, {"message": "no"}) if create(asked) else book(asked))
    async with refusing, beside(database, refusing, create_contacts=True) as desk:
        await calls(desk)
        await desk.tried()
        async with database.read() as connection:
            assert await connection.scalar(select(ConnectorContacts.making_since)) is None
    assert made(book) == []
