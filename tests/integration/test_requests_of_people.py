"""A request to be called stands with whoever it came from, also when the number is another's later: on timelines, in
access requests and in erasures. Real databases; the callback room is tied to the customers' as the server ties them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from callback.ask import Accepted
from callback.requests import Requests
from callback.tables import Callback, Submission
from config.recordings import RecordingSettings
from core.bus import Bus
from core.db import Database
from core.facts import REQUEST_PREFIX, Direction
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.kinds import IdentityKind
from crm_link.request_links import tie_request
from recordings.access import Asker
from recordings.removal import Remover
from server.privacy.access_request import read_pages
from server.privacy.access_request_parts import PARTS
from server.privacy.erase_person import read_person
from server.privacy.erase_whole import WholeErasure
from server.views.timeline import TIMELINE
from server.views.timeline_asked import CallbackBody, VisitBody
from tests.integration.callback_room import DAY, MOBILE, Room
from tests.merging import MergingOffice

ADMINISTRATOR = Asker("api", None, frozenset())


@dataclass(slots=True)
class Site:
    database: Database
    folder: Path
    room: Room = field(init=False)
    office: MergingOffice = field(init=False)

    def __post_init__(self) -> None:
        self.room = Room(self.database)
        self.room.requests = Requests(
            self.database, self.room.bus, self.room.clock, self.room.settings, tie=tie_request
        )
        self.office = MergingOffice(self.database)
        self.office.now = self.room.clock.now

    async def person(self, name: str, *numbers: str) -> int:
        return (await self.office.customers.create(NewCustomer(name, numbers=numbers), None)).id

    async def ask(self, message: str, visitor: str = "anna") -> int:
        """A form on the website, with the one number all this is about; the callback's id."""
        answer = await self.room.requests.submit(self.room.web(message=message, visitor=visitor))
        assert isinstance(answer, Accepted)
        return answer.callback_id

    async def hand_over(self, one: int, other: int) -> None:
        """The number is taken from one and given to the other."""
        view = (await self.office.customers.edit(one, CustomerEdit(company="Firm"), None)).identities
        await self.office.customers.remove_identity(one, view[0].id, None)
        await self.office.customers.add_identity(other, IdentityKind.PHONE, MOBILE, None)

    async def words(self, customer_id: int) -> list[tuple[str, str, bool]]:
        """What a timeline shows of requests: callback or visit, the words, whether it is certain."""
        async with self.database.read() as connection:
            page = await TIMELINE.page(connection, customer_id)
        return sorted(
            (entry.kind, entry.body.message, entry.body.is_certain)
            for entry in page.entries
            if isinstance(entry.body, CallbackBody | VisitBody)
        )

    async def archive(self, customer_id: int) -> str:
        """All that an access request of this person would hand out."""
        async with self.database.read() as connection:
            person = await read_person(connection, customer_id)
        pages = [rows for part in PARTS async for rows in read_pages(self.database, part, person)]
        return "\n".join(str(row) for rows in pages for row in rows)

    async def erase(self, customer_id: int) -> None:
        remover = Remover(
            self.database, self.room.bus, self.room.clock, RecordingSettings(folder=self.folder)
        )
        await WholeErasure(self.database, Bus(), self.room.clock, remover).erase(ADMINISTRATOR, customer_id)

    async def stored(self) -> list[str]:
        async with self.database.read() as connection:
            return list(await connection.scalars(select(Submission.message).order_by(Submission.id)))


def both(words: str, *, certain: bool = True) -> list[tuple[str, str, bool]]:
    return [("callback", words, certain), ("visit", words, certain)]


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return Site(database, tmp_path)


async def test_words_stay_with_who_said_them_when_the_number_is_given_to_another(site: Site) -> None:
    anna, bob = await site.person("Anna", MOBILE), await site.person("Bob")
    callback_id = await site.ask("my divorce file")
    await site.hand_over(anna, bob)
    assert (await site.words(anna), await site.words(bob)) == (both("my divorce file"), [])
    assert "my divorce file" in await site.archive(anna)
    assert "my divorce file" not in await site.archive(bob)
    await site.erase(bob)
    assert await site.stored() == ["my divorce file"]
    await site.erase(anna)
    assert await site.stored() == [""]
    async with site.database.read() as connection:
        assert await connection.scalar(select(Callback.number).where(Callback.id == callback_id)) == "+0"


async def test_one_callback_that_two_people_asked_for_in_turn_shows_each_their_own_words(site: Site) -> None:
    anna, bob = await site.person("Anna", MOBILE), await site.person("Bob")
    first = await site.ask("my divorce file")
    await site.hand_over(anna, bob)
    assert await site.ask("a new toaster", "bob") == first
    for one, words in ((anna, "my divorce file"), (bob, "a new toaster")):
        assert await site.words(one) == [("callback", words, False), ("visit", words, True)]
    assert "toaster" not in await site.archive(anna)
    await site.erase(anna)
    assert await site.stored() == ["", "a new toaster"]
    assert await site.words(bob) == both("a new toaster"), "nobody else's words are left"
    await site.erase(bob)
    assert await site.stored() == ["", ""]


async def test_of_several_holders_none_is_certain_until_they_are_merged(site: Site) -> None:
    anna, jan = await site.person("Anna", MOBILE), await site.person("Jan", MOBILE)
    await site.ask("call us")
    shared = both("call us", certain=False)
    assert (await site.words(anna), await site.words(jan)) == (shared, shared)
    merge = await site.office.merge(anna, jan)
    assert await site.words(anna) == both("call us")
    await site.office.merges.undo(merge.id, None)
    assert (await site.words(anna), await site.words(jan)) == (shared, shared)


async def test_a_pick_makes_a_request_one_persons(site: Site) -> None:
    anna, jan = await site.person("Anna", MOBILE), await site.person("Jan", MOBILE)
    await site.ask("call us")
    async with site.database.read() as connection:
        known_as = await connection.scalar(select(Submission.known_as))
    assert known_as is not None
    assert known_as.startswith(REQUEST_PREFIX)
    await site.office.customers.pick(known_as, jan, None)
    assert (await site.words(anna), await site.words(jan)) == ([], both("call us"))


async def test_a_request_before_anybody_knows_the_number_finds_its_person(site: Site) -> None:
    await site.ask("who am I")
    anna = await site.person("Anna", MOBILE)
    bob = await site.person("Bob")
    await site.hand_over(anna, bob)
    assert (await site.words(anna), await site.words(bob)) == (both("who am I"), [])


async def test_an_unnamed_caller_who_is_identified_keeps_the_request(site: Site) -> None:
    matched = await site.office.desk.call("c1", MOBILE, at=site.room.clock.now, direction=Direction.INBOUND)
    await site.ask("about my call")
    (unnamed,) = matched.customer_ids
    assert await site.words(unnamed) == both("about my call")
    anna, bob = await site.person("Anna", MOBILE), await site.person("Bob")
    await site.hand_over(anna, bob)
    site.room.clock.now += DAY
    assert (await site.words(anna), await site.words(bob)) == (both("about my call"), [])
