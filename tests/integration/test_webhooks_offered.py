"""Webhooks as administrators and programs handle them, over real HTTP on both databases: made, tested, paused, rotated,
read, sent again and removed, and by nobody else."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from core.db import Database
from crm_link.webhooks.kinds import EVENTS
from server.webhooks.page import EVENT_WORDS
from tests.integration.api_server import ApiServer
from tests.receiver import ALL, HOME, Got, Receiver, Sending, receiver, sending
from tests.seed import seed_people
from tests.site import eventually
from tests.web import Site, Visitor, visit

HOSTILE = "</pre><script>alert(1)</script> +48221234567"


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    """Refuses transcripts, in hostile words."""

    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        return web.Response(status=410, text=HOSTILE) if got.event == "transcript.ready" else None

    async with receiver(script) as one:
        yield one


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Sending]:
    async with sending(database, HOME) as one:
        yield one


@pytest.fixture
async def site(running: Sending) -> Site:
    await seed_people(running.database)
    return Site(running.database, running.server, now=time.time())


@pytest.fixture
async def admin(site: Site) -> AsyncIterator[Visitor]:
    async with visit(site) as visitor:
        await visitor.enter("admin")
        yield visitor


@pytest.fixture
async def api(running: Sending) -> ApiServer:
    server = ApiServer(running.app, running.database, running.bus, TestClient(running.server))
    server.key = await server.make_key("webhooks:read", "webhooks:write")
    return server


async def text_of(visitor: Visitor, path: str) -> str:
    return await (await visitor.get(path)).text()


def test_every_event_is_explained() -> None:
    assert tuple(EVENT_WORDS) == tuple(EVENTS.values())


async def test_an_administrator_makes_tests_pauses_rotates_and_removes_one(
    running: Sending, admin: Visitor, crm: Receiver
) -> None:
    form = {"name": "CRM <b>", "url": crm.url, "event": list(ALL)}
    page = await admin.post_on("/admin/webhooks", form)
    made = await page.text()
    secret = re.search(r'id="fresh-secret">(whsec_[^<]+)<', made)
    assert secret is not None, made
    again = await text_of(admin, page.url.path)
    assert "was shown once" in again
    assert "whsec_" not in again
    assert (await text_of(admin, "/admin/webhooks")).count("row-link") == 1
    tested = await (await admin.post("/admin/webhooks/1/test")).text()
    assert "ringback.test" in tested
    assert "Delivered · 204" in tested
    assert "webhook-signature: v1,…" in tested
    assert crm.got[0].event == "ringback.test"
    await admin.post("/admin/webhooks/1/pause")
    assert "Paused" in await text_of(admin, "/admin/webhooks")
    await running.end_call("c1")
    await running.stand("waiting")
    assert (await admin.post("/admin/webhooks/1/resume")).status == 303
    await running.stand("delivered")
    rotated = await (await admin.post_on("/admin/webhooks/1/rotate")).text()
    assert "whsec_" in rotated
    assert secret[1] not in rotated
    assert "carry the signature of the secret before too" in rotated
    shown = await text_of(admin, "/admin/webhooks/1")
    assert "CRM &lt;b&gt;" in shown
    assert "whsec_" not in shown + await text_of(admin, "/admin/webhooks")
    assert (await admin.post("/admin/webhooks/1/remove")).status == 303
    assert "No webhooks yet" in await text_of(admin, "/admin/webhooks")
    assert await running.states() == []


async def test_a_delivery_shows_what_was_asked_and_answered_and_is_sent_again(
    running: Sending, admin: Visitor, crm: Receiver
) -> None:
    await running.add(crm.url)
    await running.transcribe("c1")
    await running.stand("dead")
    assert "answered 410" in await text_of(admin, "/admin/webhooks/1")
    assert "/admin/webhooks/1/deliveries/1" in await text_of(admin, "/admin/webhooks/1?state=dead")
    assert "/admin/webhooks/1/deliveries/1" not in await text_of(admin, "/admin/webhooks/1?state=waiting")
    shown = await text_of(admin, "/admin/webhooks/1/deliveries/1")
    assert "Gone for good · 410" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; +4822*****67" in shown
    assert "<script>alert" not in shown
    await admin.post("/admin/webhooks/1/resume")
    assert (await admin.post("/admin/webhooks/1/deliveries/1/replay")).status == 303
    await eventually(crm.has(2))
    assert crm.got[1].id == crm.got[0].id
    assert (await admin.get("/admin/webhooks/1/deliveries/7")).status == 404


async def test_one_that_takes_nothing_is_seen_and_sent_to_when_it_was_mended(
    running: Sending, admin: Visitor
) -> None:
    async def script(_request: web.Request, _got: Got) -> web.StreamResponse | None:
        return web.Response(status=500) if fails else None

    fails = True
    async with receiver(script) as shop:
        await running.add(shop.url)
        await running.end_call("c1")
        await eventually(running.attempts, lambda attempts: len(attempts) == 1)
        assert "Failing" in (listed := await text_of(admin, "/admin/webhooks"))
        assert "it answered 500" in listed
        assert "It has taken nothing since" in (shown := await text_of(admin, "/admin/webhooks/1"))
        assert "/admin/webhooks/1/send-now" in shown
        assert "Send now" in await text_of(admin, "/admin/webhooks/1/deliveries/1")
        fails = False
        assert (await admin.post("/admin/webhooks/1/send-now")).status == 303
        await running.stand("delivered")
    assert "send-now" not in (mended := await text_of(admin, "/admin/webhooks/1"))
    assert "taken nothing" not in mended
    assert "Active" in await text_of(admin, "/admin/webhooks")


async def test_a_form_that_is_not_enough_says_where(admin: Visitor) -> None:
    for change, field, words in (
        ({"url": "http://10.0.0.1/"}, "url", "must list it in outside.allow_networks"),
        ({"url": "crm"}, "url", "must begin with https://"),
        ({"url": "https://exa mple/x"}, "url", "no spaces"),
        ({"event": []}, "events", "Choose at least one event"),
        ({"event": "everything"}, "events", "Events are one or more of"),
        ({"name": " "}, "name", "A name has 1 to"),
    ):
        form = {"name": "CRM", "url": "https://crm.example.com/", "event": list(ALL), **change}
        answer = await admin.post("/admin/webhooks", form)
        text = await answer.text()
        assert answer.status == 422
        assert f'id="{field}-error"' in text
        assert words in text
    assert "No webhooks yet" in await text_of(admin, "/admin/webhooks")


async def test_only_administrators_and_keys_with_the_scope_come_near(site: Site, api: ApiServer) -> None:
    async with visit(site) as maria:
        await maria.enter("maria")
        assert (await maria.get("/admin/webhooks")).status == 403
        assert (await maria.post("/admin/webhooks/1/test")).status == 403
    reader = await api.make_key("webhooks:read")
    await api.get("/api/v1/webhooks", key=reader)
    await api.send("POST", "/api/v1/webhooks/1/test", status=403, key=reader)
    await api.get("/api/v1/webhooks", status=403, key=await api.make_key("live:read", "calls:read"))


async def test_a_program_makes_one_follows_its_deliveries_and_sends_again(
    running: Sending, api: ApiServer, crm: Receiver
) -> None:
    new = {"name": "CRM", "url": crm.url, "events": ["call.ended", "transcript.ready"]}
    made = await api.send("POST", "/api/v1/webhooks", new, status=201)
    assert made["secret"].startswith("whsec_")
    one = f"/api/v1/webhooks/{made['id']}"
    assert "secret" not in await api.get(one)
    test = await api.send("POST", f"{one}/test")
    assert (test["attempt"]["outcome"], test["attempt"]["status"]) == ("delivered", 204)
    await running.end_call("c1", "c2", "c3")
    await running.stand("delivered", "delivered", "delivered")
    first = await api.get(f"{one}/deliveries?limit=2&state=delivered")
    rest = await api.get(f"{one}/deliveries?limit=2&after={first['next']}")
    assert [row["event"] for row in first["deliveries"] + rest["deliveries"]] == ["call.ended"] * 3
    assert rest["next"] is None
    delivery = f"{one}/deliveries/{rest['deliveries'][0]['id']}"
    whole = await api.get(delivery)
    assert whole["body"] == crm.got[1].text
    assert whole["message_id"] == crm.got[1].id
    assert [attempt["status"] for attempt in whole["log"]] == [204]
    await api.send("POST", f"{delivery}/replay", status=204)
    await eventually(crm.has(5))
    rotated = await api.send("POST", f"{one}/rotate")
    assert rotated["secret"] != made["secret"]
    assert rotated["former_until"] == (await api.get(one))["former_until"]
    changed = await api.send("PATCH", one, {"state": "paused", "events": ["call.ended"]})
    assert (changed["state"], changed["events"], changed["name"]) == ("paused", ["call.ended"], "CRM")
    await api.send("PATCH", one, {"url": "http://192.168.0.9/"}, status=422)
    await api.send("PATCH", one, {"name": "\0"}, status=422)
    await api.send("DELETE", one, status=204)
    await api.get(one, status=404)
    await api.get(f"{one}/deliveries", status=404)


async def test_what_waits_is_not_sent_twice(running: Sending, api: ApiServer, crm: Receiver) -> None:
    await running.add(crm.url)
    await api.send("PATCH", "/api/v1/webhooks/1", {"state": "paused"})
    await running.end_call("c1")
    await running.stand("waiting")
    await api.send("POST", "/api/v1/webhooks/1/deliveries/1/replay", status=204)
    await api.send("POST", "/api/v1/webhooks/1/deliveries/2/replay", status=404)
    await api.send("PATCH", "/api/v1/webhooks/1", {"state": "active"})
    await running.stand("delivered")
    assert len(crm.got) == 1
