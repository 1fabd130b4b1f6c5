"""What happens to webhooks while a request is under way, on both databases: its receiver is gone, somebody sends an
older event again, pauses it, rotates its secret or edits it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from core.db import Database
from core.errors import ConflictError
from crm_link.webhooks import endpoints
from crm_link.webhooks.book import replay, send_now
from crm_link.webhooks.endpoints import FORMER_S, MOST_FORMER, Changes
from crm_link.webhooks.kinds import EndpointState
from server.webhooks.parts import changed
from tests.integration.api_server import ApiServer
from tests.locks import until_wait
from tests.receiver import QUICK, Got, Sending, receiver, sending
from tests.site import eventually


async def sent_again(site: Sending, endpoint_id: int, delivery_id: int) -> None:
    async with site.database.write() as connection:
        await replay(connection, delivery_id, endpoint_id, site.clock())
    changed(site.app, endpoint_id)


async def test_what_was_delivered_is_even_if_another_answer_was_that_the_receiver_is_gone(
    database: Database,
) -> None:
    over = asyncio.Event()

    async def script(_request: web.Request, got: Got) -> web.StreamResponse | None:
        if got.call == "gone":
            await eventually(crm.has(4))
            return web.Response(status=410)
        await over.wait()
        return web.Response(status=500) if got.call == "bad" else None

    async with receiver(script) as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        await site.end_call("gone", "bad", "good", "well")
        await site.stand(*["dead"] * 4)
        with pytest.raises(ConflictError, match="under way"):
            await sent_again(site, endpoint_id, 3)
        await asyncio.sleep(4 * QUICK.idle)  # nobody cuts off what is under way
        over.set()
        await site.stand("dead", "dead", "delivered", "delivered")
        assert [one.status for one in await site.attempts()].count(204) == 2
        await eventually(site.attempts, lambda attempts: len(attempts) == 4)
    assert len(crm.got) == 4


async def test_an_older_event_sent_again_waits_for_the_one_under_way(database: Database) -> None:
    over = asyncio.Event()

    async def script(_request: web.Request, got: Got) -> None:
        if got.event == "transcript.ready":
            await over.wait()

    async with receiver(script) as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        await site.end_call("c1")
        await site.stand("delivered")
        await site.transcribe("c1")
        await eventually(crm.has(2))
        await sent_again(site, endpoint_id, 1)
        await asyncio.sleep(4 * QUICK.idle)
        assert len(crm.got) == 2
        over.set()
        await site.stand("delivered", "delivered")
    assert [got.event for got in crm.got] == ["call.ended", "transcript.ready", "call.ended"]


async def test_a_pause_lets_what_is_under_way_come_to_its_end(database: Database) -> None:
    over = asyncio.Event()

    async def script(_request: web.Request, _got: Got) -> None:
        await over.wait()

    async with receiver(script) as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        await site.end_call("c1")
        await eventually(crm.has(1))
        async with database.write() as connection:
            await endpoints.set_state(connection, endpoint_id, EndpointState.PAUSED, site.clock())
        changed(site.app, endpoint_id)
        await asyncio.sleep(4 * QUICK.idle)
        over.set()
        await site.stand("delivered")


@pytest.mark.parametrize("all_of_them", [True, False])
async def test_a_receiver_that_was_mended_need_not_wait_for_the_next_try(
    database: Database, all_of_them: bool
) -> None:
    async def script(_request: web.Request, _got: Got) -> web.StreamResponse | None:
        return web.Response(status=500) if fails else None

    fails = True
    async with receiver(script) as crm, sending(database) as site:
        endpoint_id, _ = await site.add(crm.url)
        await site.end_call("c1")
        await site.transcribe("c1")
        await site.noted()
        await eventually(site.attempts, lambda attempts: len(attempts) == 1)
        assert await fault(site, endpoint_id) == "it answered 500"
        fails = False
        if all_of_them:
            async with database.write() as connection:
                await send_now(connection, endpoint_id, site.clock())
            changed(site.app, endpoint_id)
        else:
            await sent_again(site, endpoint_id, 2)  # the later one takes the earlier along
        await site.stand("delivered", "delivered")
        assert await fault(site, endpoint_id) is None
    assert [got.event for got in crm.got] == ["call.ended", "call.ended", "transcript.ready"]


async def fault(site: Sending, endpoint_id: int) -> str | None:
    async with site.database.read() as connection:
        endpoint = await endpoints.read(connection, endpoint_id, site.clock())
    assert (endpoint.fault is None) == (endpoint.failing_since is None)
    return endpoint.fault


async def test_each_secret_signs_its_day_however_often_it_is_rotated(database: Database) -> None:
    """Which of them the receiver has nobody knows: whoever lost an answer rotates again."""
    async with receiver() as crm, sending(database) as site:
        endpoint_id, first = await site.add(crm.url)

        async def rotated() -> str:
            async with database.write() as connection:
                return await endpoints.rotate(connection, endpoint_id, site.clock())

        async def signing() -> list[str]:
            async with database.read() as connection:
                return list((await endpoints.secrets_of(connection, endpoint_id, site.clock()))[1])

        second = await rotated()
        site.ahead += FORMER_S / 2
        third = await rotated()
        assert await signing() == [third, second, first]
        site.ahead += FORMER_S / 2 + 1
        assert await signing() == [third, second]
        for _ in range(MOST_FORMER - 1):
            last = await rotated()
        with pytest.raises(ConflictError, match="within a day"):
            await rotated()
        site.ahead += FORMER_S
        assert await signing() == [last]


async def test_an_edit_writes_what_was_given_and_nothing_else(database: Database) -> None:
    async with sending(database) as site:
        endpoint_id, _ = await site.add("https://crm.example.com/", "call.ended")
        async with database.write() as connection:
            await endpoints.edit(connection, endpoint_id, Changes(url="https://new.example.com/"))
            await endpoints.edit(connection, endpoint_id, Changes(name="Shop"))
            one = await endpoints.read(connection, endpoint_id, site.clock())
    assert (one.name, one.url, one.events) == ("Shop", "https://new.example.com/", ("call.ended",))


@pytest.mark.postgres
async def test_of_two_edits_on_top_of_the_same_one_is_refused(postgres: Database) -> None:
    async with sending(postgres) as site:
        endpoint_id, _ = await site.add("https://crm.example.com/")
        api = ApiServer(site.app, postgres, site.bus, TestClient(site.server))
        api.key = await api.make_key("webhooks:read", "webhooks:write")
        path = f"/api/v1/webhooks/{endpoint_id}"
        headers = {"If-Match": (await api.ask("GET", path)).headers["ETag"]}
        async with postgres.write() as holder:
            await endpoints.hold(holder, endpoint_id)
            edits = [{"name": "Shop"}, {"url": "https://new.example.com/"}]
            both = [asyncio.create_task(api.ask("PATCH", path, json=edit, headers=headers)) for edit in edits]
            await until_wait(holder, 2)
        assert sorted([(await one).status for one in both]) == [200, 412]
        await api.client.close()
