"""Callbacks over the API: asked for once whatever is sent twice, read, withdrawn, closed; click-to-call rings once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import insert, update

from callback.tables import Attempt
from core.accounts import UserDevice, set_devices
from core.api_keys import SCOPES, create_key
from core.clock import system_clock
from core.db import Database
from core.facts import DeviceChanged
from server.live.socket import LIVE
from tests.callback_site import CallbackSite, callback_site
from tests.live_story import CUSTOMER, PBX, ended, started
from tests.site import eventually


@dataclass
class Api:
    site: CallbackSite
    client: ClientSession
    key: str

    async def send(
        self, method: str, path: str, body: object = None, status: int = 200, key: str | None = None
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Idempotency-Key": key} if key else {})
        url = self.site.url(f"/api/v1/{path}")
        async with self.client.request(method, url, json=body, headers=headers) as response:
            text = await response.text()
            assert response.status == status, f"{response.status}: {text}"
            return await response.json(content_type=None) if text else None


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    async with callback_site(database) as site, ClientSession() as client:
        async with database.write() as connection:
            _, key = await create_key(connection, "test", SCOPES, 1.0)
        yield Api(site, client, key)


NEW = {"number": "022 123 45 67", "department": "sales", "name": "Ewa", "utm": {"utm_source": "mail"}}


async def test_asked_for_once_whatever_is_sent_twice(api: Api) -> None:
    first = await api.send("POST", "callbacks", NEW, 201, "k1")
    assert first == await api.send("POST", "callbacks", NEW, 201, "k1")
    await api.send("POST", "callbacks", NEW | {"name": "Jan"}, 409, "k1")
    await api.send("POST", "callbacks", NEW, 422)
    await api.send("POST", "callbacks", NEW | {"number": "12"}, 422, "k2")
    await api.send("POST", "callbacks", NEW | {"department": "none"}, 422, "k3")
    second = await api.send("POST", "callbacks", NEW | {"message": "again"}, 201, "k4")
    assert second["callback_id"] == first["callback_id"]
    assert second["link"] != first["link"]
    detail = await api.send("GET", f"callbacks/{first['callback_id']}")
    assert [one["message"] for one in detail["requests"]] == ["", "again"]
    assert detail["requests"][0]["utm"] == {"utm_source": "mail"}
    assert (detail["number"], detail["state"], detail["source"]) == (CUSTOMER, "waiting", "api")


async def test_the_callback_ends_with_its_last_request(api: Api) -> None:
    first = await api.send("POST", "callbacks", NEW, 201, "k1")
    second = await api.send("POST", "callbacks", NEW | {"message": "again"}, 201, "k2")
    await api.send("POST", "callbacks/withdraw", {"link": first["link"]}, 204)
    path = f"callbacks/{first['callback_id']}"
    assert (await api.send("GET", path))["state"] == "waiting"
    await api.send("POST", "callbacks/withdraw", {"link": second["link"]}, 204)
    assert (await api.send("GET", path))["outcome"] == "withdrawn"
    await api.send("POST", "callbacks/withdraw", {"link": "x"}, 404)
    await api.send("POST", f"{path}/close", {}, 409)


async def test_lists_and_closing(api: Api) -> None:
    ids = [(await api.site.ask(f"+4822123456{number}")) for number in range(5)]
    page = await api.send("GET", "callbacks?state=waiting&limit=2")
    found = [one["id"] for one in page["callbacks"]]
    while page["next"]:
        page = await api.send("GET", f"callbacks?state=waiting&limit=2&after={page['next']}")
        found += [one["id"] for one in page["callbacks"]]
    assert sorted(found) == ids
    await api.send("POST", f"callbacks/{ids[0]}/close", {"reason": "by mail"}, 204)
    closed = (await api.send("GET", "callbacks?state=closed"))["callbacks"]
    assert [(one["id"], one["outcome"]) for one in closed] == [(ids[0], "done_by_hand")]
    assert len((await api.send("GET", "callbacks"))["callbacks"]) == 5
    await api.send("GET", "callbacks?after=x", status=422)


async def test_click_to_call_rings_once(api: Api) -> None:
    anna = api.site.users["anna"].id
    body = {"number": "22 123 45 67", "agent_id": anna}
    first = await api.send("POST", "calls", body, 202, "k1")
    assert await api.send("POST", "calls", body, 202, "k1") == first
    await api.send("POST", "calls", body | {"number": "22 123 45 68"}, 409, "k1")
    await api.send("POST", "calls", body, 409, "k2")
    await api.send("POST", "calls", body, 422)
    (order,) = api.site.dialer.orders
    assert (order.attempt_id, order.number, order.customer_first) == (first["attempt_id"], CUSTOMER, False)
    assert order.agent is not None
    assert order.agent.extension == "101"


async def test_a_click_keeps_the_promise_that_waits(api: Api) -> None:
    callback_id = await api.site.ask()
    body = {"number": CUSTOMER, "agent_id": api.site.users["anna"].id}
    await api.send("POST", "calls", body, 202, "k1")

    async def attempts() -> list[Any]:
        found: list[Any] = (await api.send("GET", f"callbacks/{callback_id}"))["attempts"]
        return found

    (attempt,) = await eventually(attempts)
    assert attempt["kind"] == "click"
    other = {"number": CUSTOMER, "agent_id": api.site.users["bartek"].id}
    await api.send("POST", "calls", other, 409, "k2")
    assert len(api.site.dialer.orders) == 1


async def _two_phones(api: Api) -> None:
    async with api.site.database.write() as connection:
        phones = [UserDevice(PBX, f"PJSIP/{one}", one) for one in ("101", "201")]
        await set_devices(connection, api.site.users["anna"].id, phones)
    await api.site.app[LIVE].reload_people()


async def test_of_two_phones_the_one_named_else_the_one_that_is_there(api: Api) -> None:
    await _two_phones(api)
    body = {"number": CUSTOMER, "agent_id": api.site.users["anna"].id}
    await api.send("POST", "calls", body | {"device": "PJSIP/102"}, 422, "k1")
    await api.site.tell(DeviceChanged(PBX, 1.0, "PJSIP/101", "UNAVAILABLE"))
    await api.send("POST", "calls", body, 202, "k2")
    await api.site.tell(DeviceChanged(PBX, 2.0, "PJSIP/201", "UNAVAILABLE"))
    problem = await api.send("POST", "calls", body, 409, "k3")
    assert "PJSIP/101, PJSIP/201 not registered" in problem["detail"]
    assert [order.agent.extension for order in api.site.dialer.orders if order.agent] == ["201"]


@pytest.mark.parametrize("device", ["201", "PJSIP/201"])
async def test_a_program_names_the_phone(api: Api, device: str) -> None:
    await _two_phones(api)
    body = {"number": CUSTOMER, "agent_id": api.site.users["anna"].id, "device": device}
    await api.send("POST", "calls", body, 202, "k1")
    assert [order.agent.extension for order in api.site.dialer.orders if order.agent] == ["201"]


@pytest.mark.parametrize("last", ["101", "201"])
async def test_of_two_phones_the_one_they_talked_on_last(api: Api, last: str) -> None:
    await _two_phones(api)
    now = system_clock()
    for call_id, extension, at in (("c1", "101", 500.0), ("c2", "201", 400.0), ("c3", last, 300.0)):
        over = ended(call_id, now - at + 50, talked=(extension,))
        record = replace(over.record, started_at=now - at)
        await api.site.tell(started(call_id, now - at), replace(over, record=record))
    await api.send("POST", "calls", {"number": CUSTOMER, "agent_id": api.site.users["anna"].id}, 202, "k1")
    assert [order.agent.extension for order in api.site.dialer.orders if order.agent] == [last]


async def test_a_click_waits_for_room_in_the_limits(api: Api) -> None:
    rows = [
        {
            "id": f"a{one}", "kind": "click", "state": "sent", "pbx": PBX, "number": "+48221234599",
            "made_at": system_clock() - 90,
        }
        for one in range(10)
    ]  # fmt: skip
    async with api.site.database.write() as connection:
        await connection.execute(insert(Attempt), rows)
    callback_id = await api.site.ask()
    body = {"number": CUSTOMER, "agent_id": api.site.users["anna"].id}
    problem = await api.send("POST", "calls", body, 429, "k1")
    assert "try again in 5 s" in problem["detail"]
    assert (await api.send("GET", f"callbacks/{callback_id}"))["attempts"] == [], (
        "the promise stays as it was"
    )
    async with api.site.database.write() as connection:
        over = update(Attempt).where(Attempt.id == "a1").values(state="ended", ended_at=system_clock())
        await connection.execute(over)
    first = await api.send("POST", "calls", body, 202, "k1")
    assert await api.send("POST", "calls", body, 202, "k1") == first, (
        "what was placed is told again, room or not"
    )
    assert [one.number for one in api.site.dialer.orders] == [CUSTOMER]


async def test_who_asked_not_to_be_called_is_not(api: Api) -> None:
    line = {"number": CUSTOMER, "reason": "Ewa asked us"}
    await api.send("POST", "suppressions", line, 204)
    body = {"number": CUSTOMER, "agent_id": api.site.users["anna"].id}
    await api.send("POST", "calls", body, 409, "k1")
    (listed,) = (await api.send("GET", "suppressions"))["suppressions"]
    assert listed["reason"] == "Ewa asked us"
    await api.send("DELETE", f"suppressions/{listed['id']}", status=204)
    await api.send("DELETE", f"suppressions/{listed['id']}", status=404)
    await api.send("POST", "calls", body, 202, "k1")
    assert len(api.site.dialer.orders) == 1


async def test_a_pbx_that_is_away_rings_nobody(api: Api) -> None:
    api.site.dialer.away = "the link is down"
    body = {"number": CUSTOMER, "agent_id": api.site.users["anna"].id}
    await api.send("POST", "calls", body, 502, "k1")
    assert api.site.dialer.orders == []
    api.site.dialer.away = None
    await api.send("POST", "calls", body, 202, "k1")
