"""Zammad's generic CTI from a desk's calls, against a scripted server that keeps a caller log as Zammad does; and the
template for 3CX against our own look-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from aiohttp import ClientSession, CookieJar

from core.accounts import UserDevice
from core.db import Database
from core.facts import CallAnswered, CallEnded, CallsJoined, Verdict
from core.ports import DialOrder
from crm_link.connectors.protocol import marker_of
from crm_link.connectors.tables import LogState
from server.api.lookup import Lookup
from server.connectors.caller_ids import AskedCallerIds
from server.connectors.threecx import VARIABLES, template
from tests.desk_site import DeskSite, desk_site
from tests.integration.test_connectors import Beside, Clock
from tests.live_client import LiveClient
from tests.live_story import CUSTOMER, PBX, ended, outbound, phone, started
from tests.scripted import Asked, Scripted
from tests.site import eventually


class CallerLog:
    """Zammad's `cti_logs`: a call by its id, with the events it got."""

    def __init__(self, shows: str = "48221") -> None:
        self.shows = shows
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.blocked: set[str] = set()

    def __call__(self, asked: Asked) -> Any:
        assert (asked.method, asked.path) == ("POST", "/api/v1/cti/t0ken")
        event = asked.json
        if event["event"] == "newCall":
            assert event["callId"] not in self.calls
            self.calls[event["callId"]] = [event]
            if event["from"] in self.blocked:
                return {"action": "reject", "reason": "busy"}
            return (
                {"action": "dial", "caller_id": self.shows, "number": "1"}
                if event["direction"] == "out"
                else {}
            )
        if event["callId"] not in self.calls:
            return 422, {"error": f"No such call_id {event['callId']}"}
        self.calls[event["callId"]].append(event)
        return {}

    def events(self, call_id: str) -> list[str]:
        return [one["event"] for one in self.calls.get(marker_of(call_id), [])]


def sections(peer: Scripted, **more: Any) -> dict[str, Any]:
    zammad = {"kind": "zammad", "url": f"{peer.url}/api/v1/cti/t0ken", **more}
    return {"connector": {"zammad": zammad}, "outside": {"allow_networks": ["127.0.0.1"]}}


async def test_a_call_is_told_as_it_goes_on(database: Database) -> None:
    book, clock = CallerLog(), Clock()
    async with Scripted(book) as peer, desk_site(database, clock=clock, sections=sections(peer)) as site:
        desk = Beside(site, clock)
        await desk.rings()
        await eventually(lambda: _async(book.events("c1")), lambda said: said == ["newCall"])
        await site.tell(CallAnswered("c1", 5.0, phone("101")))
        await eventually(lambda: _async(book.events("c1")), lambda said: said == ["newCall", "answer"])
        await desk.ends()
        await desk.becomes(LogState.DONE)
    new, answer, hangup = book.calls[marker_of("c1")]
    assert (new["from"], new["to"], new["direction"]) == (CUSTOMER[1:], "500", "in")
    assert answer["answeringNumber"] == "101"
    assert (hangup["event"], hangup["cause"]) == ("hangup", "normalClearing")


async def test_a_zammad_that_was_away_hears_the_whole_call_later_once(database: Database) -> None:
    book, clock = CallerLog(), Clock()
    async with Scripted(book) as peer, desk_site(database, clock=clock, sections=sections(peer)) as site:
        desk = Beside(site, clock)
        await peer.stop()
        await desk.rings()
        await site.tell(CallAnswered("c1", 5.0, phone("101")))
        await desk.ends()
        await desk.tried()
        await peer.start()
        await desk.later(20)
        await desk.becomes(LogState.DONE)
    assert book.events("c1") == ["newCall", "answer", "hangup"]
    assert book.calls[marker_of("c1")][1]["user"] == ["Anna Kowalska"]


async def test_a_blocked_caller_is_said_on_the_card(database: Database) -> None:
    book, clock = CallerLog(), Clock()
    book.blocked.add(CUSTOMER[1:])
    async with (
        Scripted(book) as peer,
        desk_site(database, clock=clock, sections=sections(peer)) as site,
        LiveClient(site, "anna") as anna,
    ):
        await Beside(site, clock).rings()
        await anna.until(lambda one: bool(one.cards.get("c1", {}).get("blocked")))
        assert anna.cards["c1"]["blocked"] == "zammad has this number blocked (busy)"


async def test_whom_zammad_blocks_the_pbx_may_refuse_until_zammad_thinks_otherwise(
    database: Database,
) -> None:
    book, clock = CallerLog(), Clock()
    book.blocked.add(CUSTOMER[1:])
    async with (
        Scripted(book) as peer,
        desk_site(database, clock=clock, sections=sections(peer)) as site,
        ClientSession(cookie_jar=CookieJar(unsafe=True), cookies=await site.cookie("anna")) as pbx,
    ):
        desk = Beside(site, clock)

        async def refusal(number: str = CUSTOMER) -> str | None:
            async with pbx.get(site.url("/api/v1/blocked/check"), params={"number": number}) as answer:
                said: dict[str, Any] = await answer.json()
                assert said["blocked"] is (said["reason"] is not None)
                reason: str | None = said["reason"]
                return reason

        assert await refusal() is None
        await desk.rings()
        assert await eventually(refusal) == "Blocked in zammad (busy)"
        assert await refusal("+48601000111") is None
        book.blocked.clear()
        await desk.ends("c1")
        await desk.rings("c2")  # refused by the PBX, and told to Zammad all the same
        await eventually(refusal, lambda said: said is None)


async def test_an_outgoing_call_is_told_from_our_side(database: Database) -> None:
    book, clock = CallerLog(), Clock()
    async with Scripted(book) as peer, desk_site(database, clock=clock, sections=sections(peer)) as site:
        parties = outbound("101")
        await site.tell(started("c1", clock(), parties))
        await site.tell(ended("c1", parties=parties, result=Verdict.BUSY))
        await Beside(site, clock).becomes(LogState.DONE)
    first, last = book.calls[marker_of("c1")][0], book.calls[marker_of("c1")][-1]
    assert (first["from"], first["to"], first["direction"]) == ("101", CUSTOMER[1:], "out")
    assert (last["event"], last["cause"]) == ("hangup", "busy")


FIRST, SECOND = "office-1.1", "office-2.1"


async def consults(site: DeskSite, heard: CallerLog | None = None) -> None:
    """Somebody rings in, Anna asks an outside mobile about it, and both turn out to be one conversation."""
    await site.tell(started(FIRST, 1.0), CallAnswered(FIRST, 5.0, phone("101")))
    await site.tell(started(SECOND, 10.0, outbound("101", "+48601000111")))
    if heard is not None:
        await eventually(lambda: _async(heard.events(SECOND)), bool)
    await site.tell(CallsJoined(FIRST, SECOND, 20.0))


def whole(fact: CallEnded) -> CallEnded:
    """The end of the conversation, whose PBX has two ids for it."""
    return replace(fact, record=replace(fact.record, linkedids=("1.1", "2.1")))


async def test_a_call_that_is_part_of_another_is_over(database: Database) -> None:
    book, clock = CallerLog(), Clock()
    async with Scripted(book) as peer, desk_site(database, clock=clock, sections=sections(peer)) as site:
        await consults(site, book)
        await eventually(lambda: _async(book.events(SECOND)), lambda said: said == ["newCall", "hangup"])
        await site.tell(whole(ended(FIRST)))
        await Beside(site, clock).becomes(LogState.DONE, FIRST)
    assert book.events(FIRST) == ["newCall", "answer", "hangup"]
    assert book.events(SECOND) == ["newCall", "hangup"]
    assert book.calls[marker_of(SECOND)][1]["cause"] == "forwarded"


async def test_a_zammad_that_was_away_when_two_calls_became_one_has_none_open_in_the_end(
    database: Database,
) -> None:
    book, clock = CallerLog(), Clock()
    async with Scripted(book) as peer, desk_site(database, clock=clock, sections=sections(peer)) as site:
        desk = Beside(site, clock)
        await site.tell(started(SECOND, 10.0, outbound("101", "+48601000111")))
        await eventually(lambda: _async(book.events(SECOND)), lambda said: said == ["newCall"])
        await peer.stop()
        await consults(site)
        await site.tell(whole(ended(FIRST)))
        await desk.tried(FIRST)
        await peer.start()
        await desk.later(20)
        await desk.becomes(LogState.DONE, FIRST)
    assert book.events(FIRST) == ["newCall", "answer", "hangup"]
    assert book.events(SECOND) == ["newCall", "hangup"]


async def test_a_call_that_nobody_told_of_before_it_was_joined_stays_untold(database: Database) -> None:
    book, clock = CallerLog(), Clock()
    async with Scripted(book) as peer:
        peer.hangs = True
        async with desk_site(database, clock=clock, sections=sections(peer, seconds=0.5)) as site:
            await consults(site)
            peer.hangs = False
            await site.tell(whole(ended(FIRST)))
            await Beside(site, clock).becomes(LogState.DONE, FIRST)
    assert book.events(SECOND) == []
    assert book.events(FIRST)[-1] == "hangup"


def test_the_3cx_template_asks_our_look_up() -> None:
    crm = fromstring(template())
    request = crm.find("Scenarios/Scenario/Request")
    assert request is not None
    assert request.get("Url") == "[ServerUrl]/api/v1/lookup?number=[Number]"
    answer = Lookup.model_json_schema()
    fields = answer["$defs"]["Customer"]["properties"]
    for _name, path in VARIABLES:
        part, _, field = path.partition(".")
        assert part in answer["properties"]
        assert field in fields


async def _async(value: list[str]) -> list[str]:
    return value


ATTEMPT = "0123456789abcdef0123"
CALLBACK = f"{PBX}-cb-{ATTEMPT}"
ORDER = DialOrder(ATTEMPT, PBX, CUSTOMER, agent=UserDevice(PBX, "PJSIP/101", "101"))


@asynccontextmanager
async def asking(
    database: Database, peer: Scripted, *, caller_ids: bool = True
) -> AsyncIterator[tuple[Beside, AskedCallerIds]]:
    clock = Clock()
    async with peer:
        settings = sections(peer, caller_ids=caller_ids)
        async with desk_site(database, clock=clock, sections=settings) as site:
            yield Beside(site, clock), AskedCallerIds(site.app)


async def test_of_a_callback_it_is_asked_before_which_number_is_seen(database: Database) -> None:
    book = CallerLog(shows="48221000150")
    async with asking(database, Scripted(book)) as (desk, caller_ids):
        assert await caller_ids.to_show(ORDER, CALLBACK) == "48221000150"
        [new] = book.calls[marker_of(CALLBACK)]
        assert (new["from"], new["to"], new["direction"]) == ("101", CUSTOMER[1:], "out")
        parties = outbound("101")
        await desk.site.tell(started(CALLBACK, 1.0, parties), CallAnswered(CALLBACK, 5.0, phone("101")))
        await eventually(lambda: _async(book.events(CALLBACK)), lambda said: "answer" in said)
        await desk.ends(CALLBACK, ended(CALLBACK, parties=parties, talked=("101",)))
        await desk.becomes(LogState.DONE, CALLBACK)
    assert book.events(CALLBACK) == ["newCall", "answer", "hangup"], "its beginning is told once"


async def test_what_was_not_dialled_is_over_there(database: Database) -> None:
    book = CallerLog()
    async with asking(database, Scripted(book)) as (_desk, caller_ids):
        await caller_ids.to_show(ORDER, CALLBACK)
        await caller_ids.not_dialled(ORDER, CALLBACK)
    assert book.events(CALLBACK) == ["newCall", "hangup"]


@pytest.mark.parametrize("shows", ["", "1", "48 22; drop", "anonymous"])
async def test_a_proposal_that_is_no_number_is_none(database: Database, shows: str) -> None:
    async with asking(database, Scripted(CallerLog(shows=shows))) as (_desk, caller_ids):
        assert await caller_ids.to_show(ORDER, CALLBACK) is None


async def test_a_zammad_that_hangs_keeps_no_call_waiting(database: Database) -> None:
    peer = Scripted(CallerLog(), hangs=True)
    async with asking(database, peer) as (_desk, caller_ids):
        assert await caller_ids.to_show(ORDER, CALLBACK) is None
    assert len(peer.asked) == 1


async def test_a_zammad_that_is_not_to_be_asked_is_not(database: Database) -> None:
    peer = Scripted(CallerLog())
    async with asking(database, peer, caller_ids=False) as (_desk, caller_ids):
        assert await caller_ids.to_show(ORDER, CALLBACK) is None
        await caller_ids.not_dialled(ORDER, CALLBACK)
    assert peer.asked == []
