"""Webhooks against scripted receivers on real sockets, on both databases: what is sent and how it is signed, and that
with receivers that fail, hang, redirect, are gone or drip, the order of a call holds, nothing is lost, and nobody waits
for another."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web
from sqlalchemy import update
from standardwebhooks import Webhook

from core.alarms import list_alarms
from core.db import Database
from core.fact_log import FactCursor
from core.facts import CallEnded
from crm_link.webhooks import endpoints
from crm_link.webhooks.book import forget, replay
from crm_link.webhooks.dispatcher import AT_ONCE
from crm_link.webhooks.endpoints import FORMER_S
from crm_link.webhooks.kinds import EndpointState
from crm_link.webhooks.ladder import LADDER_S
from crm_link.webhooks.tables import WebhookDelivery
from server.api.events import write
from server.webhooks.parts import changed
from tests.integration.api_server import CUSTOMER, answered_call
from tests.receiver import QUICK, Got, Receiver, Sending, receiver, sending
from tests.site import eventually

DAY_S = 86_400.0


def signed_by(secret: str, got: Got) -> bool:
    moment = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC)
    return Webhook(secret).sign(got.id, moment, got.text) in got.headers["webhook-signature"].split(" ")


async def open_alarms(database: Database) -> list[str]:
    async with database.read() as connection:
        return [one.code for one in await list_alarms(connection) if one.closed_at is None]


async def attempted(site: Sending, count: int) -> None:
    """Wait until so many attempts are written down."""
    await eventually(site.attempts, lambda attempts: len(attempts) == count)


async def delivered(site: Sending, count: int) -> None:
    await eventually(site.states, lambda states: states.count("delivered") == count)


async def climb(site: Sending, crm: Receiver, wanted: int) -> None:
    """Push the clock over one rung after the other until so many requests have come."""
    while True:
        await eventually(site.attempts, lambda attempts: len(attempts) == len(crm.got))
        if len(crm.got) >= wanted:
            return
        site.ahead += 2 * DAY_S
        # What follows a request that was settled comes by itself, perhaps before the clock was pushed.
        await eventually(crm.has(len(crm.got) + 1))


async def test_what_is_sent_is_the_live_streams_event_signed(database: Database) -> None:
    async with receiver() as crm, sending(database) as site:
        await site.end_call("before")
        await site.noted()
        _, secret = await site.add(crm.url)
        await site.end_call("c1")
        await site.stand("delivered")
        (got,) = crm.got
    assert Webhook(secret).verify(got.text, got.headers)["type"] == "call.ended"
    ended = next(fact for fact in answered_call("c1") if isinstance(fact, CallEnded))
    live = json.loads(write(ended, "x:1").split("data: ", 1)[1])
    assert got.body["data"].keys() == live.keys()
    assert got.body["data"]["record"].keys() == live["record"].keys()
    assert got.body["data"]["type"] == "CallEnded"
    assert got.body["timestamp"] == got.body["data"]["at"]
    assert got.headers["content-type"] == "application/json"


async def test_only_what_is_wanted_is_sent(database: Database) -> None:
    async with receiver() as crm, sending(database) as site:
        await site.add(crm.url, "transcript.ready")
        await site.end_call("c1")
        await site.transcribe("c1")
        await site.stand("delivered")
        assert [(got.event, got.body["data"]["transcript_id"]) for got in crm.got] == [
            ("transcript.ready", 1)
        ]


async def test_a_calls_next_event_waits_for_the_one_before_and_no_other_call_does(database: Database) -> None:
    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        return web.Response(status=500) if got.call == "bad" and fails else None

    fails = True
    async with receiver(script) as crm, sending(database) as site:
        await site.add(crm.url)
        await site.end_call("bad")
        await site.transcribe("bad")
        for number in range(6):
            await site.end_call(f"good-{number}")
            await site.transcribe(f"good-{number}")
        await site.noted()
        await delivered(site, 12)
        await climb(site, crm, 12 + 4)
        assert {got.event for got in crm.got if got.call == "bad"} == {"call.ended"}
        fails = False
        await climb(site, crm, len(crm.got) + 2)
        await delivered(site, 14)
    for call in {got.call for got in crm.got}:
        events = [got.event for got in crm.got if got.call == call]
        assert events[-1] == "transcript.ready"
        assert set(events[:-1]) == {"call.ended"}
    tries = [got.id for got in crm.got if got.call == "bad" and got.event == "call.ended"]
    assert len(set(tries)) == 1, "the same webhook-id each time"


async def test_what_nobody_takes_is_given_up_with_an_alarm_and_can_be_sent_again(database: Database) -> None:
    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        return (
            web.Response(status=500, text=f"no {CUSTOMER}\x07")
            if got.event == "call.ended" and fails
            else None
        )

    fails = True
    async with receiver(script) as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        await site.end_call("c1")
        await site.transcribe("c1")
        await climb(site, crm, len(LADDER_S) + 2)
        await site.stand("dead", "delivered")
        assert [got.event for got in crm.got] == ["call.ended"] * (len(LADDER_S) + 1) + ["transcript.ready"]
        assert await open_alarms(database) == ["webhook-dead"]  # what followed was delivered, this was not
        fails = False
        async with database.write() as connection:
            await replay(connection, 1, endpoint_id, site.clock())
        changed(site.app, endpoint_id)
        await site.stand("delivered", "delivered")
        assert crm.got[-1].id == crm.got[0].id
        assert await open_alarms(database) == []
        attempts = await site.attempts()
    assert attempts[0].answer == "no +4822*****67 "
    assert "v1,…" in attempts[0].request_headers
    signature = crm.got[0].headers["webhook-signature"].removeprefix("v1,")
    assert all(signature not in one.request_headers for one in attempts)


async def test_an_event_that_was_thrown_away_alarms_nobody_any_more(database: Database) -> None:
    async def script(_request: web.Request, _got: Got) -> web.StreamResponse:
        return web.Response(status=500)

    async with receiver(script) as crm, sending(database) as site:
        await site.add(crm.url)
        await site.end_call("c1")
        await climb(site, crm, len(LADDER_S) + 1)
        await site.stand("dead")
    async with database.write() as connection:
        await connection.execute(update(WebhookDelivery).values(at=0.0, settled_at=0.0))
    async with sending(database):

        async def quiet() -> bool:
            return await open_alarms(database) == []

        await eventually(quiet)


async def test_a_receiver_that_hangs_slows_nobody_and_is_not_crowded(database: Database) -> None:
    over = asyncio.Event()

    async def hang(_request: web.Request, _got: Got) -> None:
        await over.wait()

    calls = [f"c{number}" for number in range(15)]
    async with receiver(hang) as bad, receiver() as good, sending(database) as site:
        await site.add(bad.url, name="bad")
        await site.add(good.url, name="good")
        await site.end_call(*calls)
        await eventually(good.has(len(calls)))
        await eventually(bad.has(AT_ONCE))
        assert bad.most == AT_ONCE
        over.set()
        await eventually(bad.has(len(calls)))
        await delivered(site, 2 * len(calls))
    assert bad.most == AT_ONCE
    assert sorted(got.call for got in good.got) == sorted(calls)
    assert {got.call for got in bad.got} == set(calls)


async def test_a_receiver_that_never_answers_is_tried_again(database: Database) -> None:
    async def script(_request: web.Request, got: Got) -> None:
        if got.number == 1:
            await asyncio.sleep(600)

    quick = replace(QUICK, request=0.2)
    async with receiver(script) as crm, sending(database, times=quick) as site:
        await site.add(crm.url)
        await site.end_call("c1")
        await attempted(site, 1)
        site.ahead += 60
        await site.stand("delivered")
        first, second = await site.attempts()
    assert (first.outcome, first.status) == ("no_answer", None)
    assert "did not answer within 0.2 s" in first.error
    assert second.outcome == "delivered"


async def test_answers_out_of_order_break_no_order(database: Database) -> None:
    """The first of each call is answered last: what follows in it was not sent meanwhile."""

    async def script(_request: web.Request, got: Got) -> None:
        if got.event == "call.ended":
            await asyncio.sleep(0.3 - 0.07 * int(got.call[1:]))

    async with receiver(script) as crm, sending(database) as site:
        await site.add(crm.url)
        for number in range(4):
            await site.end_call(f"c{number}")
            for version in (1, 2):
                await site.transcribe(f"c{number}", version)
        await site.stand(*["delivered"] * 12)
    for number in range(4):
        mine = [got for got in crm.got if got.call == f"c{number}"]
        assert [got.event for got in mine] == ["call.ended", "transcript.ready", "transcript.ready"]
        assert [got.body["data"]["transcript_id"] for got in mine[1:]] == [1, 2]


async def test_no_redirect_is_followed(database: Database) -> None:
    async def script(request: web.Request, _got: Got) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": str(request.url.with_path("/elsewhere"))})

    async with receiver(script) as crm, sending(database) as site:
        await site.add(crm.url)
        await site.end_call("c1")
        await attempted(site, 1)
        assert [one.outcome for one in await site.attempts()] == ["redirected"]
        assert [got.path for got in crm.got] == ["/hook"]
        await site.stand("waiting")


async def test_a_body_that_drips_for_ever_is_not_read_to_its_end(database: Database) -> None:
    async def script(request: web.Request, got: Got) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        piece = b"x" * 100_000 if got.call == "huge" else b"x"
        while True:
            await response.write(piece)
            await asyncio.sleep(0.01)

    quick = replace(QUICK, request=1.0)
    async with receiver(script) as crm, sending(database, times=quick) as site:
        await site.add(crm.url)
        await site.end_call("huge", "drip")
        await site.stand("delivered", "delivered")
        assert all(len(one.answer) <= 2002 for one in await site.attempts())
    assert len(crm.got) == 2


async def test_a_receiver_that_is_gone_is_told_nothing_more_until_somebody_enables_it(
    database: Database,
) -> None:
    async def script(_request: web.Request, _got: Got) -> web.StreamResponse | None:
        return web.Response(status=410) if gone else None

    gone = True
    async with receiver(script) as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        await site.end_call("c1")
        await site.stand("dead")
        assert await open_alarms(database) == ["webhook-disabled"]
        await site.end_call("c2")
        await site.noted()
        gone = False
        async with database.write() as connection:
            await endpoints.set_state(connection, endpoint_id, EndpointState.ACTIVE, site.clock())
        changed(site.app, endpoint_id)
        await site.end_call("c3")
        await site.stand("dead", "delivered")
        assert await open_alarms(database) == []
    assert [got.call for got in crm.got] == ["c1", "c3"]


async def test_a_paused_one_gets_everything_later(database: Database) -> None:
    async with receiver() as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        async with database.write() as connection:
            await endpoints.set_state(connection, endpoint_id, EndpointState.PAUSED, site.clock())
        changed(site.app, endpoint_id)
        await site.end_call("c1", "c2")
        await site.stand("waiting", "waiting")
        assert crm.got == []
        async with database.write() as connection:
            await endpoints.set_state(connection, endpoint_id, EndpointState.ACTIVE, site.clock())
        changed(site.app, endpoint_id)
        await site.stand("delivered", "delivered")


async def test_two_secrets_sign_for_a_day(database: Database) -> None:
    async with receiver() as crm, sending(database) as site:
        endpoint_id, old = await site.add(crm.url)
        await site.end_call("c1")
        await eventually(crm.has(1))
        async with database.write() as connection:
            new = await endpoints.rotate(connection, endpoint_id, site.clock())
        await site.end_call("c2")
        await eventually(crm.has(2))
        site.ahead += FORMER_S + 1
        await site.end_call("c3")
        await eventually(crm.has(3))
    signers = [(signed_by(old, got), signed_by(new, got)) for got in crm.got]
    assert signers == [(True, False), (True, True), (False, True)]


async def test_an_overloaded_receiver_may_say_when(database: Database) -> None:
    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        return web.Response(status=503, headers={"Retry-After": "3600"}) if got.number == 1 else None

    async with receiver(script) as crm, sending(database) as site:
        await site.add(crm.url)
        await site.end_call("c1")
        await attempted(site, 1)
        site.ahead += 3000
        await asyncio.sleep(0.3)
        assert len(crm.got) == 1
        site.ahead += 700
        await site.stand("delivered")


async def test_a_fact_that_comes_twice_is_owed_once(database: Database) -> None:
    """As after a crash between the rows and the consumer's cursor."""
    async with receiver() as crm:
        async with sending(database) as site:
            await site.add(crm.url)
            await site.end_call("c1", "c2")
            await site.stand("delivered", "delivered")
        async with database.write() as connection:
            await connection.execute(
                update(FactCursor).where(FactCursor.consumer == "webhooks").values(last_id=0)
            )
        async with sending(database) as site:
            await site.noted()
            await site.end_call("c3")
            await site.stand("delivered", "delivered", "delivered")
    assert [got.call for got in crm.got] == ["c1", "c2", "c3"]


async def test_two_servers_share_the_work_and_keep_the_order(database: Database) -> None:
    async with receiver() as crm, sending(database) as one, sending(database) as other:
        await one.add(crm.url)
        for number in range(8):
            await one.end_call(f"c{number}")
            for version in range(1, 4):
                await other.transcribe(f"c{number}", version)
        await one.stand(*["delivered"] * 32)
    assert len({got.id for got in crm.got}) == len(crm.got) == 32, "each once"
    for number in range(8):
        mine = [got.body["data"].get("transcript_id", 0) for got in crm.got if got.call == f"c{number}"]
        assert mine == [0, 1, 2, 3]


async def test_old_deliveries_are_thrown_away_and_waiting_ones_are_not(database: Database) -> None:
    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        return web.Response(status=500) if got.call == "c2" else None

    async with receiver(script) as crm, sending(database) as site:
        await site.add(crm.url)
        await site.end_call("c1", "c2")
        await site.stand("delivered", "waiting")
        await eventually(crm.has(2))
        async with database.write() as connection:
            assert await forget(connection, before=site.clock() + 60) == 1
            assert await forget(connection, before=site.clock() + 60) == 0
        await site.stand("waiting")
