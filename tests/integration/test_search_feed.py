"""The index follows what is said, written, renamed, picked and erased; filters mean what they mean in the call log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from sqlalchemy import delete, func, select, text, update

from config.recordings import RecordingSettings
from core.accounts import User
from core.bus import Bus
from core.db import Database
from core.facts import CallMatched, Direction, MatchKind, RecordingChanged, Verdict
from crm_link.annotations import Annotations
from crm_link.customers import CustomerEdit, Customers
from crm_link.deals.customer import Buyer
from crm_link.deals.edit import DealEdit, Deals, PutDeal
from crm_link.deals.kinds import DealKind
from crm_link.merging.merge import Merges
from crm_link.merging.merge import Wanted as Between
from crm_link.tables import CallCustomer, Customer
from crm_link.tasks.edit import NewTask, TaskEdit, Tasks
from pbx_bridge.tables import CallWrapUp
from recordings.access import Asker
from recordings.search.index import DocumentKind
from recordings.search.tables import SearchDocument
from recordings.tables import Recording, Transcript
from server.live.wrap_ups import WrapUps
from server.search.feed import SearchFeed
from server.views.call_filter import CallFilter, When
from server.views.calls import read_calls
from server.views.search import SearchPage, Wanted, read_search
from tests.said import announce_everything, calls_began, index, say
from tests.seed import NOW, Site, seed_site
from tests.site import eventually

EVER = CallFilter(When.ALL)
EVERYTHING = Asker("api", None, frozenset({"recordings:read", "calls:read", "customers:read"}))


@dataclass
class Office:
    """A seeded site with an index."""

    database: Database
    site: Site
    bus: Bus = field(default_factory=Bus)

    async def search(
        self,
        typed: str,
        wanted: CallFilter = EVER,
        asker: Asker = EVERYTHING,
        settings: RecordingSettings | None = None,
        limit: int = 200,
    ) -> SearchPage:
        async with self.database.read() as connection:
            return await read_search(
                connection,
                Wanted(typed, wanted),
                asker,
                settings or RecordingSettings(),
                region="PL",
                limit=limit,
            )

    async def calls(self, typed: str, wanted: CallFilter = EVER) -> list[str | None]:
        return [one.call_id for one in (await self.search(typed, wanted)).found]

    def call(self, number: int) -> str:
        return self.site.calls[number]

    async def customer_of(self, call_id: str) -> int:
        async with self.database.read() as connection:
            found = await connection.scalar(
                select(CallCustomer.customer_id).where(CallCustomer.call_id == call_id)
            )
            assert found is not None
            return found

    async def call_of(self, customer_id: int) -> str:
        async with self.database.read() as connection:
            found = await connection.scalar(
                select(CallCustomer.call_id).where(CallCustomer.customer_id == customer_id).limit(1)
            )
            assert found is not None
            return found

    @property
    def customers(self) -> Customers:
        return Customers(self.database, self.bus, lambda: NOW, "PL")


@pytest.fixture
async def office(database: Database) -> Office:
    return Office(database, await seed_site(database, calls=60))


async def test_notes_and_what_agents_wrote_are_found(office: Office) -> None:
    await announce_everything(office.database)
    await index(office.database)
    (note,) = (await office.search("invoice noon")).found
    assert (note.kind, note.call) == (DocumentKind.NOTE, None)
    assert note.customer is not None
    assert note.customer.title == "Jan Malinowski"
    written = (await office.search('"photos follow"')).found
    assert written
    assert {one.kind for one in written} == {DocumentKind.WRAP_UP}
    assert all(one.call is not None and one.writer for one in written)
    assert [one.at for one in written] == sorted((one.at for one in written), reverse=True)
    assert all(any(piece.is_hit for piece in one.pieces) for one in written)


async def test_facts_heard_twice_or_late_change_nothing(office: Office) -> None:
    await say(office.database, office.call(1), "the refund was promised")
    await announce_everything(office.database)
    await index(office.database)
    async with office.database.write() as connection:
        before = await connection.execute(select(*SearchDocument.__table__.c).order_by(SearchDocument.id))
        rows = before.all()
        await connection.execute(text("DELETE FROM fact_cursors"))
    await index(office.database)
    async with office.database.read() as connection:
        after = await connection.execute(select(*SearchDocument.__table__.c).order_by(SearchDocument.id))
        assert after.all() == rows


async def test_a_new_version_takes_the_place_of_the_old(office: Office) -> None:
    await say(office.database, office.call(1), "the refund was promised")
    await index(office.database)
    await say(office.database, office.call(1), "the reef and was promised")
    await index(office.database)
    assert await office.calls("refund") == []
    assert await office.calls("reef") == [office.call(1)]


async def test_another_name_is_found_and_the_old_one_no_more(office: Office) -> None:
    customer_id = office.site.customers[1]
    call_id = await office.call_of(customer_id)
    await say(office.database, call_id, "about the delivery")
    await index(office.database)
    assert await office.calls("delivery zaneta") == [call_id]
    edit = CustomerEdit(name="Olga Nowa")
    await office.customers.edit(customer_id, edit, None, expected_version=1)
    await index(office.database)
    assert await office.calls("delivery zaneta") == []
    assert await office.calls("delivery olga") == [call_id]


async def test_the_customers_number_finds_what_was_said(office: Office) -> None:
    customer_id = office.site.customers[2]
    call_id = await office.call_of(customer_id)
    await say(office.database, call_id, "about the delivery")
    await index(office.database)
    assert await office.calls("22 6000 002") == [call_id]


async def test_an_edited_and_a_deleted_note(office: Office) -> None:
    notes = Annotations(office.database, office.bus, lambda: NOW)
    made = await notes.add_note(office.site.customers[1], "likes tulips", None)
    await index(office.database)
    assert len((await office.search("tulips")).found) == 1
    await notes.edit_note(made.id, None, text="likes roses")
    await index(office.database)
    assert (await office.search("tulips")).found == ()
    assert len((await office.search("roses cwiek")).found) == 1
    await notes.delete_note(made.id, None)
    assert (await office.search("roses")).found == ()


async def test_tasks_deals_and_orders_are_found_as_they_stand(office: Office) -> None:
    jan, other = office.site.customers[1], office.site.customers[4]
    tasks = Tasks(office.database, office.bus, lambda: NOW)
    deals = Deals(office.database, office.bus, lambda: NOW, "PL")
    anna = office.site.users["anna"]
    task = await tasks.add(
        NewTask(jan, "Send tulips", NOW + 60, "the yellow ones", call_id=office.call(1)), anna.id
    )
    wanted = DealEdit(title="Two chairs", amount="129.90", currency="EUR")
    order, _ = await deals.put(
        PutDeal("shop", "A-1001", DealKind.ORDER, wanted, Buyer(customer_id=jan)), None
    )
    await index(office.database)
    (found,) = (await office.search("tulips yellow cwiek")).found
    assert (found.kind, found.writer, found.call_id) == (DocumentKind.TASK, anna.name, office.call(1))
    assert (found.task, found.customer and found.customer.id) == (task, jan)
    (found,) = (await office.search("a-1001", CallFilter(When.ALL))).found
    assert (found.kind, found.deal and found.deal.money) == (DocumentKind.DEAL, order.money)
    await Merges(office.database, office.bus, lambda: NOW).merge(Between(jan, other, keep=other), None)
    await index(office.database)
    (found,) = (await office.search("chairs kancelaria")).found
    assert found.customer is not None
    assert (found.customer.id, (await office.search("chairs cwiek")).found) == (other, ())
    await tasks.edit(task.id, TaskEdit(text=""), None)
    await deals.remove(order.id, None)
    await index(office.database)
    assert (await office.search("chairs")).found == (await office.search("yellow")).found == ()
    async with office.database.write() as connection:
        for one in (jan, other):
            await connection.execute(delete(Customer).where(Customer.id == one))
    assert (await office.search("tulips")).found == ()


async def test_what_an_agent_saves_is_found_and_what_they_clear_is_not(office: Office) -> None:
    wrap_ups, user = WrapUps(office.database, lambda: NOW, lambda _fact: None), office.site.users["anna"]
    call_id = office.call(3)
    await wrap_ups.save(call_id, user.id, note="still writ", disposition=None, close=False)
    await index(office.database)
    assert await office.calls("writ") == []
    await wrap_ups.save(call_id, user.id, note="written to the end", disposition="Complaint", close=True)
    await index(office.database)
    assert await office.calls('"to the end" complaint') == [call_id]
    await wrap_ups.save(call_id, user.id, note="", disposition=None, close=True)
    await index(office.database)
    assert await office.calls("end") == []


async def test_a_pick_is_heard_from_the_bus(office: Office) -> None:
    feed = SearchFeed(office.database, office.bus)
    feed.subscribe()
    call_id = await office.call_of(office.site.customers[1])
    await say(office.database, call_id, "about the delivery")
    await index(office.database)
    async with office.database.write() as connection:
        mine = update(CallCustomer).where(CallCustomer.call_id == call_id)
        await connection.execute(mine.values(customer_id=office.site.customers[4]))
    running = asyncio.create_task(feed.run())
    await office.bus.publish(CallMatched(call_id, NOW, MatchKind.EXACT, (office.site.customers[4],), False))

    async def found() -> list[str | None]:
        return await office.calls("delivery kancelaria")

    assert await eventually(found) == [call_id]
    running.cancel()


async def test_a_recording_that_finds_its_call_later(office: Office) -> None:
    feed = SearchFeed(office.database, office.bus)
    recording_id = await say(office.database, None, "whose call is this", at=NOW - 50)
    await index(office.database)
    (lonely,) = (await office.search("whose")).found
    assert (lonely.call_id, lonely.at) == (None, NOW - 50)
    async with office.database.write() as connection:
        found = update(Recording).where(Recording.id == recording_id)
        await connection.execute(found.values(call_id=office.call(5)))
    feed.subscribe()
    await office.bus.publish(RecordingChanged(recording_id, NOW, office.call(5)))
    running = asyncio.create_task(feed.run())

    async def calls() -> list[str | None]:
        return [one for one in await office.calls("whose") if one]

    assert await eventually(calls) == [office.call(5)]
    running.cancel()


@pytest.mark.parametrize("erased", ["transcript", "recording", "customer", "wrap-up"])
async def test_nothing_erased_stays_in_the_index(office: Office, erased: str) -> None:
    customer_id = office.site.customers[0]
    call_id = await office.call_of(customer_id)
    recording_id = await say(office.database, call_id, "tulipomania was spoken of")
    await announce_everything(office.database)
    await index(office.database)
    assert await office.calls("tulipomania malinowski") == [call_id]
    word = {"customer": "invoice", "wrap-up": "photos"}.get(erased, "tulipomania")
    assert (await office.search(word)).found
    async with office.database.write() as connection:
        if erased == "customer":
            await connection.execute(delete(CallCustomer).where(CallCustomer.customer_id == customer_id))
            await connection.execute(delete(Customer).where(Customer.id == customer_id))
        elif erased == "wrap-up":
            await connection.execute(delete(CallWrapUp))
        elif erased == "recording":
            await connection.execute(delete(Recording).where(Recording.id == recording_id))
        else:
            await connection.execute(delete(Transcript).where(Transcript.recording_id == recording_id))
    assert (await office.search(word)).found == ()
    async with office.database.read() as connection:
        kept = await connection.scalar(
            select(func.count()).where(SearchDocument.folded.contains(f" {word} "))
        )
        assert kept == 0


FILTERS = (
    EVER,
    CallFilter(When.ALL, direction=Direction.OUTBOUND),
    CallFilter(When.ALL, verdict=Verdict.ANSWERED),
    CallFilter(When.ALL, queue="support"),
    CallFilter(When.ALL, number="22 6000 003"),
    CallFilter(When.ALL, number="102"),
    CallFilter(When.CUSTOM, since=NOW - 5 * 86_400, until=NOW - 86_400),
    CallFilter(When.CUSTOM, until=NOW - 86_400, direction=Direction.INBOUND, verdict=Verdict.MISSED),
    CallFilter(When.ALL, agent=3),
    CallFilter(When.ALL, agent=999),
)


async def test_filters_are_those_of_the_call_log(office: Office) -> None:
    for call_id, began in (await calls_began(office.database)).items():
        await say(office.database, call_id, "hello hello", at=began)
    await index(office.database)
    lengths = set()
    for wanted in FILTERS:
        async with office.database.read() as connection:
            logged = await read_calls(connection, wanted, region="PL", limit=200)
        assert await office.calls("hello", wanted) == [call.id for call in logged.calls], wanted
        lengths.add(len(logged.calls))
    assert len(lengths) > 5


def asker(user: User) -> Asker:
    return Asker(user.login, user)


async def test_who_reads_transcripts(office: Office) -> None:
    anna = office.site.users["anna"]
    for call_id, began in (await calls_began(office.database)).items():
        await say(office.database, call_id, "hello hello", at=began)
    await announce_everything(office.database)
    await index(office.database)
    everything = (await office.search("hello")).found
    for login in ("admin", "maria"):
        assert (await office.search("hello", asker=asker(office.site.users[login]))).found == everything
    own = (await office.search("hello", asker=asker(anna))).found
    assert 0 < len(own) < len(everything)
    for one in own:
        assert one.call is not None
        assert anna.id in {person.user_id for person in one.call.talked}
    nobody = RecordingSettings(agents_hear_own=False, hear=("administrator",))
    for login in ("anna", "maria"):
        page = await office.search("hello", asker=asker(office.site.users[login]), settings=nobody)
        assert page.found == ()
    assert (await office.search("photos", asker=asker(anna), settings=nobody)).found


async def test_a_phone_that_changed_hands_opens_nothing(office: Office) -> None:
    """The index knows whose call it was; the phone has another owner now."""
    anna = office.site.users["anna"]
    for call_id, began in (await calls_began(office.database)).items():
        await say(office.database, call_id, "hello hello", at=began)
    await index(office.database)
    assert (await office.search("hello", asker=asker(anna))).found
    bare = User(**{name: getattr(anna, name) for name in User.__dataclass_fields__} | {"devices": ()})
    assert (await office.search("hello", asker=asker(bare))).found == ()


@pytest.mark.parametrize(
    ("scopes", "kinds"),
    [
        ({"recordings:read"}, {"transcript"}),
        ({"calls:read"}, {"wrap_up"}),
        ({"recordings:read", "customers:read"}, {"transcript", "note"}),
        (set(), set()),
    ],
)
async def test_a_key_sees_what_its_scopes_say(office: Office, scopes: set[str], kinds: set[str]) -> None:
    await say(office.database, office.call(1), "wants the offer by e-mail before noon")
    await announce_everything(office.database)
    await index(office.database)
    found = set()
    for word in ("offer", "noon"):
        page = await office.search(word, asker=Asker("api:x", None, frozenset(scopes)))
        found |= {one.kind.value for one in page.found}
    assert found == kinds
