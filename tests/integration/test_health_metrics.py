"""`/metrics` on both databases: what is counted, what is looked up, and who may see it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.db import Database
from core.fact_log import FactConsumer, LoggedFact
from core.facts import BlindWindowClosed, CallEnded, Fact, Verdict
from pbx_bridge import blindness
from server.web.keys import CONSUMERS
from tests.integration.api_server import NOW, ApiServer, answered_call, api_server, record

Samples = Mapping[tuple[str, frozenset[str]], float]


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        server.key = ""
        yield server


async def scrape(api: ApiServer) -> Samples:
    """Samples by name and label values."""
    response = await api.ask("GET", "/metrics")
    text = await response.text()
    assert response.status == 200, text
    assert response.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labels(*values: str) -> frozenset[str]:
    return frozenset(values)


async def test_calls_are_counted_by_verdict(api: ApiServer) -> None:
    await api.tell(*answered_call("c1"), *answered_call("c2"))
    await api.tell(CallEnded("c3", NOW, record("c3", NOW - 60, result=Verdict.MISSED)))
    found = await scrape(api)
    assert found["ringback_calls_total", labels("main", "inbound", "answered")] == 2
    assert found["ringback_calls_total", labels("main", "inbound", "missed")] == 1


async def test_each_application_counts_for_itself(api: ApiServer, database: Database) -> None:
    await api.tell(*answered_call("c1"))
    async with api_server(database) as other:
        other.key = ""
        assert ("ringback_calls_total", labels("main", "inbound", "answered")) not in await scrape(other)


async def test_blind_time_grows_while_it_lasts(api: ApiServer) -> None:
    async with api.database.write() as connection:
        await blindness.open_window(connection, "main", NOW - 500, "cut")
        await blindness.close_window(
            connection, BlindWindowClosed("main", NOW - 500, NOW - 480, "cut", 0, 0, 0)
        )
        await blindness.open_window(connection, "main", NOW - 5, "cut again")
    assert (await scrape(api))["ringback_pbx_blind_seconds_total", labels("main")] == pytest.approx(25)


async def test_what_a_consumer_has_not_worked_off_is_its_backlog(api: ApiServer) -> None:
    async def work(_fact: LoggedFact) -> None:
        return

    slow = FactConsumer(api.database, "slow", (CallEnded,), work)
    api.app[CONSUMERS].append(slow)
    await api.tell(*answered_call("c1"), *answered_call("c2"))
    assert (await scrape(api))["ringback_fact_backlog", labels("slow")] == 2
    await slow.deliver_batch()
    assert (await scrape(api))["ringback_fact_backlog", labels("slow")] == 0


async def test_a_failing_listener_is_seen(api: ApiServer) -> None:
    async def fail(_fact: Fact) -> None:
        raise RuntimeError("on purpose")

    api.bus.subscribe(BlindWindowClosed, fail, name="broken")
    await api.bus.publish(BlindWindowClosed("main", NOW, NOW, "x", 0, 0, 0))
    found = await scrape(api)
    assert found["ringback_handler_failures_total", labels("broken")] == 1
    assert found["ringback_database_up", labels()] == 1
    assert found["ringback_database_seconds", labels()] > 0


async def test_strangers_and_other_keys_see_nothing(api: ApiServer) -> None:
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert (await api.get("/metrics", 403, headers=proxied))["code"] == "forbidden"
    wrong = await api.ask("GET", "/metrics", headers=proxied, key=await api.make_key("calls:read"))
    assert wrong.status == 403
    right = await api.ask("GET", "/metrics", headers=proxied, key=await api.make_key("metrics:read"))
    assert right.status == 200


async def test_every_metric_of_ours_is_explained(api: ApiServer) -> None:
    await api.tell(*answered_call("c1"))
    text = await (await api.ask("GET", "/metrics")).text()
    ours = {
        name for name in re.findall(r"^# TYPE (ringback_\w+)", text, re.MULTILINE) if name != "ringback_info"
    }
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    shortened = {name for name in ours if name.startswith("ringback_ami_messages_")}
    assert {name for name in ours - shortened if name not in page and f"{name}_total" not in page} == set()
    assert all(
        name.removeprefix("ringback_ami_messages").removesuffix("_total") in page for name in shortened
    )
