"""/live over real sockets: cards appear, go and move on several desks at once; a browser that was away has the same
screen again; who may not listen any more is cut off, and so is who does not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientError, ClientSession, CookieJar, WSServerHandshakeError, web

from core.clock import system_clock
from core.db import Database
from core.facts import (
    CallAnswered,
    CallQueued,
    PhoneRinging,
    PhoneStopped,
    SessionsEnded,
    StopReason,
)
from core.sessions import end_user_sessions
from server.live import hub as live
from server.live import tab as live_tab
from server.live.snapshot import UserView
from server.live.wire import snapshot
from tests.desk_site import DeskSite, desk_site
from tests.live_client import LiveClient
from tests.live_story import ended, inbound, member, phone, started


@pytest.fixture
async def site(database: Database) -> AsyncIterator[DeskSite]:
    async with desk_site(database) as site:
        yield site


async def ring(site: DeskSite, call_id: str = "c1", *extensions: str) -> None:
    at = system_clock()
    await site.tell(started(call_id, at), CallQueued(call_id, at, "support"))
    await site.tell(*(PhoneRinging(call_id, at, phone(one)) for one in extensions or ("101", "102")))


async def test_one_answers_and_the_others_card_goes(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna, LiveClient(site, "bartek") as bartek:
        await ring(site)
        for desk in (anna, bartek):
            await desk.until(lambda one: one.state_of("c1") == "ringing")
        at = system_clock()
        await site.tell(
            CallAnswered("c1", at, phone("101")),
            PhoneStopped("c1", at, phone("102"), StopReason.ANSWERED_ELSEWHERE),
        )
        await bartek.until(lambda one: not one.cards)
        assert [(one["reason"], one["by"]) for one in bartek.gone] == [
            ("answered_elsewhere", "Anna Kowalska")
        ]
        await anna.until(lambda one: one.state_of("c1") == "talking")


async def test_an_unknown_caller_becomes_a_customer_on_the_card(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna:
        await ring(site)
        await anna.until(lambda one: bool(one.cards and one.cards["c1"]["customers"]))
        card = anna.cards["c1"]
        assert card["number_text"] == "+48 22 123 45 67"
        assert card["customers"][0]["provisional"] is True
        assert card["customers"][0]["past"] == []


async def test_a_second_tab_and_a_refresh_show_the_same(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as first:
        await ring(site)
        await first.until(lambda one: bool(one.cards and one.cards["c1"]["customers"]))
        async with LiveClient(site, "anna") as second:
            assert (second.cards, second.parts) == (first.cards, first.parts)
        await first.open()
        assert first.state_of("c1") == "ringing"


async def test_a_dropped_network_resumes_without_missing_anything(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna, LiveClient(site, "anna") as witness:
        await ring(site)
        await anna.until(lambda one: bool(one.cards))
        await anna.vanish()
        await site.tell(CallAnswered("c1", system_clock(), phone("101")))
        await witness.until(
            lambda one: one.state_of("c1") == "talking" and bool(one.cards["c1"]["customers"])
        )
        await anna.open(resume=True)
        assert anna.heard[0]["t"] == "resumed"
        await anna.until(lambda one: one.seq == witness.seq)
        assert (anna.cards, anna.parts) == (witness.cards, witness.parts)


async def test_who_was_away_too_long_gets_a_new_snapshot(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna:
        await anna.vanish()
        for number in range(live.RING + 1):
            at = system_clock()
            await site.tell(member("support", "101", at, paused=number % 2 == 0))
        await anna.open(resume=True)
        assert anna.heard[0]["t"] == "snapshot"
        assert anna.seq >= live.RING + 1


@pytest.mark.parametrize("position", ["other:0", "x", ":", "a:-1", "a:99999999999999999999", "a:１"])
async def test_an_odd_position_gets_a_snapshot(site: DeskSite, position: str) -> None:
    async with LiveClient(site, "anna") as anna:
        anna.epoch, _, anna.seq = position.partition(":")  # type: ignore[assignment]
        await anna.open(resume=True)
        assert anna.heard[0]["t"] == "snapshot"


async def test_a_position_from_the_future_gets_a_snapshot(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna:
        anna.seq += 5
        await anna.open(resume=True)
        assert anna.heard[0]["t"] == "snapshot"


async def test_a_tab_that_does_not_read_is_cut_off_and_the_others_go_on(site: DeskSite) -> None:
    async with LiveClient(site, "bartek") as slow, LiveClient(site, "anna") as anna:
        tab = next(iter(site.hub._feeds[site.users["bartek"].id].tabs))
        long = "x" * 200_000
        sent = 0
        while tab.send(long):
            sent += 1
            assert sent < 10_000
            await asyncio.sleep(0)
        assert sent >= live_tab.WAITING
        await slow.closed()
        await ring(site, "c1", "101", "102")
        await anna.until(lambda one: one.state_of("c1") == "ringing")
        await slow.open(resume=True)
        await slow.until(lambda one: one.state_of("c1") == "ringing")


async def test_without_a_session_there_is_no_line(site: DeskSite) -> None:
    async with ClientSession() as stranger:
        with pytest.raises(WSServerHandshakeError) as refused:
            await stranger.ws_connect(site.url("/live"), headers={"Origin": site.url("/").rstrip("/")})
        assert refused.value.status == 401


async def test_a_browser_that_leaves_while_it_is_let_in_makes_no_noise(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    met: list[str] = []

    async def leave(request: web.Request, _response: web.StreamResponse) -> None:
        if request.path == "/live" and request.transport is not None:
            met.append(request.path)
            request.transport.abort()

    async with desk_site(database, on_response=leave) as site:
        headers = {"Origin": site.url("/").rstrip("/")}
        jar = CookieJar(unsafe=True)
        async with ClientSession(cookie_jar=jar, cookies=await site.cookie("anna")) as session:
            with pytest.raises(ClientError):
                await session.ws_connect(site.url("/live"), headers=headers)
            async with session.get(site.url("/desk")) as answer:
                assert answer.status == 200, "the server goes on"
    assert met
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_another_origin_is_refused(site: DeskSite) -> None:
    async with ClientSession(cookies=await site.cookie("anna")) as client:
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(site.url("/live"), headers={"Origin": "https://evil.example"})
        assert refused.value.status == 403


async def test_a_disabled_persons_tabs_close_at_once(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna, LiveClient(site, "bartek") as bartek:
        user_id = site.users["anna"].id
        async with site.database.write() as connection:
            await end_user_sessions(connection, user_id)
        await site.bus.publish(SessionsEnded(user_id, system_clock(), None))
        assert await anna.closed() == 4401
        await ring(site)
        await bartek.until(lambda one: one.state_of("c1") == "ringing")


async def test_a_session_that_ended_elsewhere_is_noticed(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna:
        async with site.database.write() as connection:
            await end_user_sessions(connection, site.users["anna"].id)
        await site.hub._check_sessions()
        assert await anna.closed() == 4401


async def test_what_a_browser_says_is_not_trusted(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna:
        for text in ("", "{", "[]", "null", '{"t":"shown"}', '{"t":"shown","call_id":7}', "[" * 4000):
            await anna._socket.send_str(text)
        await ring(site)
        await anna.until(lambda one: one.state_of("c1") == "ringing")
        await anna._socket.send_str("x" * (live_tab.LONGEST_WORD + 1))
        assert await anna.closed() == 1009


async def test_the_oldest_tab_gives_way_when_there_are_too_many(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as first:
        others = [LiveClient(site, "anna") for _ in range(live.TABS_PER_USER)]
        for one in others:
            await one.__aenter__()
        assert await first.closed() == 4409
        await ring(site)
        await others[-1].until(lambda one: one.state_of("c1") == "ringing")
        for one in others:
            await one.__aexit__(None, None, None)


async def test_a_beat_says_the_line_is_alive(site: DeskSite) -> None:
    async with LiveClient(site, "anna") as anna:
        site.hub.beat()
        said = await anna.hear()
        assert (said["t"], said["seq"]) == ("beat", anna.seq)


async def test_streams_nobody_listens_to_are_dropped_after_a_while(database: Database) -> None:
    now = system_clock()
    async with desk_site(database, clock=lambda: now) as site, LiveClient(site, "anna") as anna:
        await anna.vanish()
        while site.hub.is_open(site.users["anna"].id):
            await asyncio.sleep(0.01)
        now += live.LINGER_S - 1
        site.hub._drop_idle()
        await anna.open(resume=True)
        assert anna.heard[0]["t"] == "resumed"
        await anna.vanish()
        while site.hub.is_open(site.users["anna"].id):
            await asyncio.sleep(0.01)
        now += live.LINGER_S + 1
        site.hub._drop_idle()
        await anna.open(resume=True)
        assert anna.heard[0]["t"] == "snapshot"


async def test_a_call_leaves_recent_lines_and_a_restarted_server_has_the_same(database: Database) -> None:
    async with desk_site(database) as site, LiveClient(site, "bartek") as bartek:
        await ring(site)
        at = system_clock()
        await site.tell(
            CallAnswered("c1", at, phone("101")),
            PhoneStopped("c1", at, phone("102"), StopReason.ANSWERED_ELSEWHERE),
            ended("c1", at + 30, rang=("101", "102"), talked=("101",), queue="support"),
        )
        await bartek.until(lambda one: bool(one.parts["recent"]))
        before = bartek.parts["recent"]
        assert [(one["outcome"], one["by"]) for one in before] == [("elsewhere", "Anna Kowalska")]
    async with desk_site(database) as site, LiveClient(site, "bartek") as bartek:
        await bartek.until(lambda one: bool(one.parts["recent"]))
        assert bartek.parts["recent"] == before


def test_names_on_the_wire_are_text() -> None:
    text = snapshot(UserView(), "e", 0, 1.0)
    assert text.startswith('{"t":"snapshot","v":1,"epoch":"e","seq":0,"now":1.0')
    assert inbound().caller == "+48221234567"
