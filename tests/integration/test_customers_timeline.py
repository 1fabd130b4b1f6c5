"""One list per customer: calls, notes and changes, newest first, whole over any page size; later channels register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.tables import Callback, Submission
from config.recordings import RecordingSettings
from core.accounts import NewUser, Role, UserDevice, create_user
from core.db import Database
from core.errors import InvalidInputError
from core.facts import CallEnded, Direction
from crm_link.customers import NewCustomer
from crm_link.timeline import Body, Entry, NoteSource, Position, Timeline
from pbx_bridge import call_log
from pbx_bridge.tables import CallWrapUp
from recordings.access import Asker
from recordings.tables import Recording, Transcript
from server.views.timeline import GROUPS, TIMELINE, CallBody, Group, WrapUp, hearable
from server.views.timeline_asked import CallbackBody, VisitBody
from tests.customers import NUMBER, Office, ended, started


async def walk(database: Database, customer_id: int, page_size: int) -> list[Entry]:
    """All pages, one after the other."""
    entries: list[Entry] = []
    before = None
    async with database.read() as connection:
        while True:
            page = await TIMELINE.page(connection, customer_id, before=before, limit=page_size)
            entries += page.entries
            if page.next is None:
                return entries
            assert len(page.entries) == page_size
            before = page.next


async def logged_call(database: Database, office: Office, call_id: str, at: float) -> None:
    """A whole call: told to the screens, kept in the log."""
    async with database.write() as connection:
        await call_log.record(connection, [started(call_id, NUMBER, at=at)])
    await office.desk.call(call_id, NUMBER, at=at)


async def test_everything_of_a_customer_is_one_list_over_any_page_size(database: Database) -> None:
    office = Office(database)
    office.now = 10.0
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    for number in range(1, 6):
        office.now = 100.0 * (number // 2)  # some things happen at the same instant
        await logged_call(database, office, f"c{number}", office.now)
        await office.notes.add_note(anna.id, f"note {number}", None)
        await office.notes.add_tag(anna.id, f"tag {number}", None)
    whole = await walk(database, anna.id, 200)
    assert len(whole) == 5 + 5 + 5 + 2, "calls, notes, tags; created and number added"
    assert [entry.at for entry in whole] == sorted((entry.at for entry in whole), reverse=True)
    for page_size in (1, 2, 3, 7):
        assert await walk(database, anna.id, page_size) == whole


async def test_a_call_says_how_it_ended_who_talked_and_what_they_noted(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    await logged_call(database, office, "c1", 100.0)
    async with database.write() as connection:
        phone = UserDevice(pbx="main", device="PJSIP/101", extension="101")
        ewa = await create_user(
            connection,
            NewUser(login="ewa", name="Ewa", role=Role.AGENT, password_hash="x", devices=(phone,)),
            1.0,
        )
        await call_log.record(connection, [ended("c1", NUMBER, talked=("101",))])
        wrap_up = insert(CallWrapUp).values(
            call_id="c1", user_id=ewa.id, disposition="sold", note="wants two", opened_at=130.0
        )
        await connection.execute(wrap_up)
    (call,) = [entry for entry in await walk(database, anna.id, 50) if entry.kind == "call"]
    assert isinstance(call.body, CallBody)
    assert (call.at, call.body.direction, call.body.is_certain) == (100.0, Direction.INBOUND, True)
    assert [person.label for person in call.body.talked] == ["Ewa"]
    assert call.body.wrap_ups == (WrapUp(ewa.id, "sold", "wants two"),)


async def test_a_call_of_a_shared_number_is_marked_until_somebody_picks(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    jan = await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    await logged_call(database, office, "c1", 100.0)

    async def certain(customer_id: int) -> list[bool]:
        bodies = [entry.body for entry in await walk(database, customer_id, 50)]
        return [body.is_certain for body in bodies if isinstance(body, CallBody)]

    assert (await certain(anna.id), await certain(jan.id)) == ([False], [False])
    await office.customers.pick("c1", jan.id, None)
    assert (await certain(anna.id), await certain(jan.id)) == ([], [True])


@dataclass(frozen=True, slots=True)
class Parcel(Body):
    text: str


class Parcels:
    """A channel that comes later."""

    kind = "parcel"

    async def entries(
        self, connection: AsyncConnection, customer_id: int, before: Position | None, limit: int
    ) -> Sequence[Entry]:
        return [] if before else [Entry(5000.0, self.kind, "p1", None, Parcel("delivered"))]


async def test_a_later_channel_registers_itself(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna"), None)
    await office.notes.add_note(anna.id, "ask about the parcel", None)
    timeline = Timeline(NoteSource())
    timeline.register(Parcels())
    async with database.read() as connection:
        page = await timeline.page(connection, anna.id)
    assert [entry.kind for entry in page.entries] == ["parcel", "note"]
    with pytest.raises(ValueError, match="already"):
        timeline.register(Parcels())


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "WzEsMl0=",
        "WzEuMCwgIm5vdGUiLCAieCJd",
        "WzEuMCwgImNhbGwiLCAxXQ==",
        "W05hTiwgIm5vdGUiLCAxXQ==",
    ],
)
async def test_a_cursor_that_is_not_ours_is_refused(database: Database, cursor: str) -> None:
    async with database.read() as connection:
        with pytest.raises(InvalidInputError):
            await TIMELINE.page(connection, 1, before=cursor)


async def test_an_ended_call_stays_when_the_log_closes_it(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    fact: CallEnded = ended("c1", NUMBER)
    async with database.write() as connection:
        await call_log.record(connection, [fact])
    await office.desk.consume(database)
    kinds = [entry.kind for entry in await walk(database, anna.id, 50)]
    assert kinds.count("call") == 1


async def asked_from_a_page(database: Database, number: str, at: float) -> int:
    """A callback that a form on a website asked for."""
    callback = {
        "number": number,
        "department": "sales",
        "state": "waiting",
        "created_at": at,
        "arrived_at": at,
    }
    asked = {
        "source": "web",
        "at": at,
        "site": "shop",
        "page_url": "https://shop.example.com/chairs",
        "arrived_at": at,
    }
    async with database.write() as connection:
        made = insert(Callback).values(**callback, due_at=at, expires_at=at + 900).returning(Callback.id)
        callback_id: int = (await connection.execute(made)).scalar_one()
        await connection.execute(
            insert(Submission).values(
                callback_id=callback_id,
                known_as=f"request:{callback_id}",
                link_expires_at=at,
                utm='{"utm_source": "letter"}',
                **asked,
            )
        )
    return callback_id


async def test_callbacks_and_visits_stand_with_whoever_holds_the_number(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    callback_id = await asked_from_a_page(database, NUMBER, 50.0)
    await asked_from_a_page(database, "+48601000999", 60.0)
    found = {entry.kind: entry.body for entry in await walk(database, anna.id, 50)}
    assert isinstance(found["callback"], CallbackBody)
    assert (found["callback"].callback_id, found["callback"].is_certain) == (callback_id, True)
    assert isinstance(found["visit"], VisitBody)
    assert (found["visit"].page_link, found["visit"].utm) == (
        "https://shop.example.com/chairs",
        (("utm_source", "letter"),),
    )
    jan = await office.customers.create(NewCustomer("Jan", numbers=(NUMBER,)), None)
    for one in (anna.id, jan.id):
        shared = {entry.kind: entry.body for entry in await walk(database, one, 50)}
        assert isinstance(shared["visit"], VisitBody)
        assert not shared["visit"].is_certain


async def test_one_sort_of_entries_is_paged_like_all(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    for number in range(5):
        office.now += 10
        await office.notes.add_note(anna.id, f"note {number}", None)
        await logged_call(database, office, f"c{number}", office.now)
    seen: list[str] = []
    before = None
    async with database.read() as connection:
        while True:
            page = await TIMELINE.page(connection, anna.id, before=before, limit=2, kinds=GROUPS[Group.NOTES])
            seen += [entry.kind for entry in page.entries]
            if page.next is None:
                break
            before = page.next
    assert seen == ["note"] * 5


def test_every_kind_stands_in_one_group() -> None:
    grouped = [kind for kinds in GROUPS.values() for kind in kinds]
    assert sorted(grouped) == sorted(TIMELINE.kinds)
    assert set(GROUPS) == set(Group)


async def test_how_a_transcript_begins_is_for_those_who_may_hear_the_call(database: Database) -> None:
    office = Office(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=(NUMBER,)), None)
    await logged_call(database, office, "c1", 100.0)
    recording = {"id": "r1", "call_id": "c1", "pbx": "main", "linkedid": "c1", "source": "pbx", "channels": 2}
    said = "Good morning, where are my chairs? " * 20
    async with database.write() as connection:
        times = {"started_at": 101.0, "duration_s": 60.0, "stored_at": 200.0}
        await connection.execute(insert(Recording).values(**recording, **times))
        transcript = {
            "recording_id": "r1",
            "version": 1,
            "is_current": True,
            "engine": "vosk",
            "language": "en",
        }
        await connection.execute(
            insert(Transcript).values(**transcript, made_at=200.0, text=said, words="[]")
        )
    settings = RecordingSettings()
    async with database.read() as connection:
        page = await TIMELINE.page(connection, anna.id, kinds=("call",))
        heard = [
            await hearable(connection, Asker("api", None, frozenset(scopes)), settings, page.entries)
            for scopes in ((), ("recordings:read",))
        ]
    (call,) = [entry.body for entry in page.entries]
    assert isinstance(call, CallBody)
    assert (call.recordings, call.said[0].is_whole, len(call.said[0].snippet) <= 220) == (1, False, True)
    assert call.said[0].snippet.startswith("Good morning, where are my chairs?")
    assert heard == [frozenset(), frozenset({"c1"})]
