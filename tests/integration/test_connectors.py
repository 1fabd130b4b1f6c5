"""Other CRMs beside a desk, on real sockets and databases: who calls comes from there without the call waiting, and
each finished call is written there once, whatever happens to the CRM or to us meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from core import fact_log
from core.alarms import Alarm, list_alarms
from core.db import Database
from core.facts import CallAnswered, CallEnded, CallsJoined, PhoneRinging, WrapUpSaved
from crm_link.connectors.tables import ConnectorContacts, ConnectorLog, LogState
from pbx_bridge.tables import CallWrapUp
from server.connectors.parts import CONNECTORS
from tests.desk_site import DeskSite, desk_site
from tests.live_client import LiveClient
from tests.live_story import CUSTOMER, ended, inbound, internal, outbound, phone, started
from tests.scripted import Asked, Scripted
from tests.scripted_odoo import DATABASE, KEY, USER, methods, scripted_odoo
from tests.site import eventually

START = 1_700_000_000.0


@dataclass(slots=True)
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Beside:
    """A desk with one Odoo beside it."""

    site: DeskSite
    clock: Clock

    async def rings(self, call_id: str = "c1", number: str | None = CUSTOMER) -> None:
        parties = inbound(number)
        at = self.clock()
        await self.site.tell(started(call_id, at, parties), PhoneRinging(call_id, at + 0.1, phone("101")))

    async def talks(self, call_id: str = "c1") -> None:
        await self.site.tell(CallAnswered(call_id, self.clock() + 1.0, phone("101")))

    async def ends(self, call_id: str = "c1", fact: CallEnded | None = None) -> None:
        await self.site.tell(fact or ended(call_id, talked=("101",), rang=("101",)))

    async def wraps_up(self, note: str, call_id: str = "c1") -> None:
        saved = WrapUpSaved(call_id, self.clock(), self.site.users["anna"].id)
        values = {"disposition": "Solved", "note": note, "saved_at": self.clock()}
        async with self.site.database.write() as connection:
            mine = CallWrapUp.call_id == call_id, CallWrapUp.user_id == saved.user_id
            done = await connection.execute(update(CallWrapUp).where(*mine).values(values))
            if not done.rowcount:
                keys = {"call_id": call_id, "user_id": saved.user_id, "opened_at": 1.0}
                await connection.execute(insert(CallWrapUp).values(**keys, **values))
            await fact_log.append(connection, saved, subject=call_id, at=saved.at)
        await self.site.bus.publish(saved)

    async def later(self, seconds: float) -> None:
        """The clock goes on, and whoever slept looks at it."""
        self.clock.now += seconds
        for worker in self.site.app[CONNECTORS].workers.values():
            worker.wake()

    async def row(self, call_id: str = "c1") -> Any:
        async with self.site.database.read() as connection:
            rows = await connection.execute(
                select(*ConnectorLog.__table__.c).where(ConnectorLog.call_id == call_id)
            )
            return rows.one_or_none()

    async def becomes(self, state: LogState, call_id: str = "c1") -> Any:
        return await eventually(lambda: self.row(call_id), lambda row: row is not None and row.state == state)

    async def tried(self, call_id: str = "c1", tries: int = 1) -> Any:
        """So many tries have failed, and another is to come."""

        def waits(row: Any) -> bool:
            return row is not None and row.tries == tries and row.state == LogState.WAITING

        return await eventually(lambda: self.row(call_id), waits)


@asynccontextmanager
async def beside(database: Database, peer: Scripted, **more: Any) -> AsyncIterator[Beside]:
    clock = Clock()
    odoo = {"kind": "odoo", "url": peer.url, "database": DATABASE, "user": USER, "secret": KEY, **more}
    sections = {"connector": {"odoo": odoo}, "outside": {"allow_networks": ["127.0.0.1"]}}
    async with desk_site(database, clock=clock, sections=sections) as site:
        yield Beside(site, clock)


def contacts(client: LiveClient, call_id: str = "c1") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.cards.get(call_id, {}).get("contacts", [])
    return found


def post(asked: Asked) -> bool:
    return bool(methods([asked]) == ["res.partner.message_post"])


async def test_the_card_gets_the_name_and_the_page(database: Database) -> None:
    book, peer = scripted_odoo()
    partner = book.add("Jan Nowak", mobile="(22) 123-45-67", company="Example Ltd")
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: bool(contacts(one)))
    [contact] = contacts(anna)
    assert contact["url"] == f"{peer.url}/web#id={partner}&model=res.partner&view_type=form"
    assert (contact["connector"], contact["name"], contact["company"]) == ("odoo", "Jan Nowak", "Example Ltd")
    assert contact["seen_at"] == START


async def test_a_second_call_is_answered_from_what_was_kept(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone="+48 22 123 45 67")
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: bool(contacts(one)))
        asked = len(peer.asked)
        desk.clock.now += 1800
        await desk.rings("c2")
        await anna.until(lambda one: bool(contacts(one, "c2")))
        assert contacts(anna, "c2")[0]["seen_at"] == START
        assert len(peer.asked) == asked


async def test_old_knowledge_is_shown_at_once_and_asked_for_again(database: Database) -> None:
    book, peer = scripted_odoo()
    partner = book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: bool(contacts(one)))
        book.partners[partner]["name"] = "Jan Nowak-Kowalski"
        desk.clock.now += 7200
        await desk.rings("c2")
        await anna.until(lambda one: bool(contacts(one, "c2")))
        assert contacts(anna, "c2")[0]["name"] == "Jan Nowak"
        await anna.until(lambda one: contacts(one, "c2")[0]["name"] == "Jan Nowak-Kowalski")


async def test_what_was_said_of_a_number_long_silent_is_not_kept(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: bool(contacts(one)))
        desk.clock.now += 91 * 86_400
        crm = desk.site.app[CONNECTORS].lookups["odoo"]
        assert await crm.refresh("+48601000111") is not None
        async with database.read() as connection:
            kept = (await connection.scalars(select(ConnectorContacts.number))).all()
    assert list(kept) == ["+48601000111"]


async def test_several_contacts_are_all_shown_and_none_is_written_on(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone="022 123 45 67")
    book.add("Example Ltd", phone="tel:+48221234567")
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: len(contacts(one)) == 2)
        await desk.ends()
        row = await desk.becomes(LogState.SKIPPED)
    assert "2 contacts there have this number" in row.error
    assert book.notes == {}


async def test_nobody_is_asked_about_colleagues_and_withheld_numbers(database: Database) -> None:
    _book, peer = scripted_odoo()
    async with peer, beside(database, peer) as desk:
        await desk.site.tell(started("c1", 1.0, internal("101", "102")))
        await desk.site.tell(ended("c1", parties=internal("101", "102")))
        await desk.rings("c2", None)
        await desk.ends(fact=ended("c2", parties=inbound(None)))
        await desk.rings("c3")
        await desk.ends("c3")
        await desk.becomes(LogState.SKIPPED, "c3")
        assert await desk.row("c1") is None
        assert await desk.row("c2") is None
    about = [one.json["params"]["args"][6]["domain"] for one in peer.asked if methods([one])]
    assert {str(one) for one in about} == {str(about[0])}


async def test_a_call_is_written_once_and_written_over_after_the_wrap_up(database: Database) -> None:
    book, peer = scripted_odoo()
    partner = book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        fact = ended(talked=("101",))
        await desk.ends(fact=fact)
        row = await desk.becomes(LogState.DONE)
        [(number, note)] = book.notes.items()
        assert (note["res_id"], row.reference, row.contact_name) == (partner, str(number), "Jan Nowak")
        assert f"Inbound call from {CUSTOMER}: answered, talked 0:55, with Anna Kowalska" in note["body"]
        await desk.site.tell(fact)  # told again, as after a crash
        await desk.wraps_up("Wants <b>two</b> & a lift")
        await eventually(desk.row, lambda one: one.written == 2)
    assert list(book.notes) == [number]
    assert "Solved: Wants &lt;b&gt;two&lt;/b&gt; &amp; a lift" in book.notes[number]["body"]


async def test_two_calls_that_are_one_are_written_once(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        await desk.site.tell(started("c2", 10.0, outbound("101")), CallsJoined("c1", "c2", 20.0))
        await desk.ends()
        await desk.becomes(LogState.DONE)
        assert await desk.row("c2") is None
    assert len(book.notes) == 1


async def test_notes_stay_here_where_the_settings_say_so(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer, send_notes=False) as desk:
        await desk.rings()
        await desk.ends()
        await desk.becomes(LogState.DONE)
        await desk.wraps_up("Nobody's business")
        await eventually(desk.row, lambda one: one.written == 2)
    assert "business" not in str(book.notes)


async def test_an_unknown_number_becomes_a_contact_where_the_settings_say_so(database: Database) -> None:
    book, peer = scripted_odoo(version=17)
    async with peer, beside(database, peer, create_contacts=True) as desk:
        for call_id in ("c1", "c2"):
            await desk.rings(call_id)
            await desk.ends(call_id)
            await desk.becomes(LogState.DONE, call_id)
    [partner] = book.partners.values()
    assert (partner["name"], partner["phone"]) == (CUSTOMER, CUSTOMER)
    assert len(book.notes) == 2


async def test_a_crm_that_goes_away_in_mid_call_is_told_later_once(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: bool(contacts(one)))
        await peer.stop()
        await desk.ends()
        await anna.until(lambda one: one.state_of("c1") in ("wrap_up", None))
        row = await desk.tried()
        assert "cannot connect" in row.error
        await desk.rings("c2")  # the next call is not kept waiting
        await anna.until(lambda one: one.state_of("c2") == "ringing")
        await peer.start()
        await desk.later(20)
        await desk.becomes(LogState.DONE)
    assert len(book.notes) == 1


async def test_a_crm_that_is_away_for_an_hour_is_an_alarm_until_it_is_back(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk:
        await peer.stop()
        await desk.rings()
        await desk.ends()
        await desk.tried()
        assert await alarms(database) == []
        await desk.later(3601)
        await desk.tried(tries=2)
        [alarm] = await eventually(lambda: alarms(database))
        assert (alarm.code, alarm.subject, alarm.closed_at) == ("crm-away", "odoo", None)
        assert "cannot connect" in alarm.text
        await peer.start()
        await desk.later(60)
        await desk.becomes(LogState.DONE)
        [alarm] = await eventually(lambda: alarms(database), lambda one: one[0].closed_at is not None)


async def alarms(database: Database) -> list[Alarm]:
    async with database.read() as connection:
        return list(await list_alarms(connection))


async def test_a_crm_that_never_answers_keeps_no_call_waiting(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    peer.hangs = True
    async with peer, beside(database, peer, seconds=0.5) as desk, LiveClient(desk.site, "anna") as anna:
        await desk.rings()
        await anna.until(lambda one: one.state_of("c1") == "ringing")
        await desk.ends()
        row = await desk.tried()
        assert "did not answer within 0.5 s" in row.error
        peer.hangs = False
        await desk.later(20)
        await desk.becomes(LogState.DONE)
    assert len(book.notes) == 1


async def test_a_note_whose_answer_got_lost_is_not_written_twice(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    peer.drops = post
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        await desk.ends()
        row = await desk.tried()
        assert row.maybe_sent
        await desk.later(20)
        row = await desk.becomes(LogState.DONE)
    assert [str(number) for number in book.notes] == [row.reference]


async def test_we_die_between_sending_and_writing_it_down(database: Database) -> None:
    """The row is as a killed process leaves it: the note is there, the lease runs out."""
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        await desk.ends()
        await desk.becomes(LogState.DONE)
        dead = {"state": LogState.RUNNING, "leased_until": START + 300, "maybe_sent": True}
        async with database.write() as connection:
            await connection.execute(update(ConnectorLog).values(**dead, reference="", written=0))
        await desk.later(301)
        row = await desk.becomes(LogState.DONE)
    assert [str(number) for number in book.notes] == [row.reference]


async def test_a_refused_key_is_said_and_the_call_waits_for_a_better_one(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    book.key = "another"
    async with peer, beside(database, peer) as desk:
        await desk.rings()
        await desk.ends()
        row = await desk.tried()
        assert row.error == "Odoo does not accept this user and key"
        crm = desk.site.app[CONNECTORS].lookups["odoo"]
        await eventually(lambda: asyncio.sleep(0, crm.last_error), lambda said: "does not accept" in said)
        book.key = KEY
        await desk.later(20)
        await desk.becomes(LogState.DONE)


async def test_private_addresses_are_refused_unless_the_settings_list_them(database: Database) -> None:
    _book, peer = scripted_odoo()
    odoo = {"kind": "odoo", "url": peer.url, "database": DATABASE, "user": USER, "secret": KEY}
    async with peer:
        odoo["url"] = peer.url
        async with desk_site(database, clock=Clock(), sections={"connector": {"odoo": odoo}}) as site:
            desk = Beside(site, Clock())
            await desk.rings()
            await desk.ends()
            row = await desk.tried()
    assert "outside.allow_networks does not list it" in row.error
    assert peer.asked == []


async def test_a_crm_hears_of_no_call_from_before_it_came_into_the_settings(database: Database) -> None:
    book, peer = scripted_odoo()
    book.add("Jan Nowak", phone=CUSTOMER)
    async with desk_site(database, clock=Clock()) as without:
        await Beside(without, Clock()).ends("before")
    async with peer, beside(database, peer) as desk:
        await desk.ends("since")
        await desk.becomes(LogState.DONE, "since")
        assert await desk.row("before") is None
    async with peer, beside(database, peer) as desk:
        await desk.ends("later")
        await desk.becomes(LogState.DONE, "later")
        assert await desk.row("before") is None
    async with desk_site(database, clock=Clock()) as without:
        await Beside(without, Clock()).ends("meanwhile")
    async with peer, beside(database, peer) as desk:
        await desk.ends("again")
        await desk.becomes(LogState.DONE, "again")
        assert await desk.row("meanwhile") is None
