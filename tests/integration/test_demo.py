"""`ringback demo`: its past is believable and whole, its script rings and ends what it began, and the command itself
starts, lets people in, shows a card and goes without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select

from core.clock import system_clock
from core.db import Database
from core.errors import SettingsError
from core.facts import CallEnded, CallStarted, Fact, Verdict
from crm_link.deals.tables import Deal
from crm_link.kinds import LinkHow
from crm_link.merging.tables import DuplicatePair
from crm_link.tables import CallCustomer, Customer
from crm_link.tasks.tables import Task
from pbx_bridge.calls import CallBook
from pbx_bridge.simulator import EVENTS_USER, Simulator
from pbx_bridge.simulator.world import Emission
from pbx_bridge.tables import BlindWindow, Call, CallMoment, CallTransfer, CallWrapUp
from recordings.tables import Recording, Transcript
from server.demo.cast import layout
from server.demo.people import CUSTOMERS, PEOPLE
from server.demo.script import Script
from server.demo.start import demo_settings, fill
from server.views.call_filter import CallFilter, When
from server.views.pop_figures import read_pop_figures
from tests.site import free_port

DEADLINE_S = 120.0
"""For the whole command on a busy machine."""


# ---- what it refuses


@pytest.mark.parametrize("name", ["RINGBACK_DATABASE__URL", "RINGBACK_SERVER__HOST"])
def test_it_refuses_what_belongs_to_the_real_thing(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"unset {name}"):
        demo_settings(tmp_path, 5038, {name: "0.0.0.0" if name.endswith("HOST") else "postgresql://real/one"})


def test_it_listens_on_loopback_with_a_database_of_its_own(tmp_path: Path) -> None:
    environment = {"RINGBACK_SERVER__PORT": "8123", "RINGBACK_PBX__MAIN__HOST": "192.0.2.1"}
    settings = demo_settings(tmp_path, 5038, environment)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8123)
    assert [pbx.host for pbx in settings.pbx.values()] == ["127.0.0.1"]
    assert str(tmp_path) in settings.database.url


def test_a_port_that_is_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="RINGBACK_SERVER__PORT is 'eighty'"):
        demo_settings(tmp_path, 5038, {"RINGBACK_SERVER__PORT": "eighty"})


# ---- the past


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a demo database; made once, only read."""
    settings = demo_settings(tmp_path_factory.mktemp("demo"), 5038, {})
    asyncio.run(fill(settings, "a demo password"))
    return settings.database.url


@pytest.fixture
async def past(filled: str) -> AsyncIterator[Database]:
    database = Database(filled)
    yield database
    await database.close()


async def rows(database: Database, statement: Any) -> list[Any]:
    async with database.read() as connection:
        return list((await connection.execute(statement)).all())


async def test_two_weeks_of_calls_with_every_verdict(past: Database) -> None:
    calls = await rows(past, select(Call.__table__))
    assert 150 <= len(calls) <= 260
    assert {call.result for call in calls} == {verdict.value for verdict in Verdict}
    assert all(call.ended_at and call.why for call in calls)
    now = system_clock()
    assert all(now - 16 * 86_400 < call.started_at < call.ended_at < now for call in calls)
    assert {kind for (kind,) in await rows(past, select(CallTransfer.kind))} == {"blind", "attended"}
    moments = await rows(past, select(CallMoment.call_id).distinct())
    assert len(moments) == len(calls)


async def test_every_caller_is_somebody(past: Database) -> None:
    """Known callers are matched, shared numbers stay open to a pick, strangers became provisional customers."""
    nobody = (
        select(Call.caller)
        .where(Call.direction != "internal", Call.customer_number.is_not(None))
        .where(Call.id.not_in(select(CallCustomer.call_id)))
    )
    assert await rows(past, nobody) == []
    open_to_a_pick = (
        select(Call.id)
        .join(CallCustomer, Call.id == CallCustomer.call_id)
        .group_by(Call.id)
        .having(func.count() > 1)
    )
    picked = select(CallCustomer.call_id).where(CallCustomer.how == LinkHow.PICKED.value)
    assert len(await rows(past, open_to_a_pick)) <= 12, "few enough to believe in"
    assert await rows(past, picked)
    customers = await rows(past, select(Customer.id))
    assert len(CUSTOMERS) < len(customers) < len(CUSTOMERS) + 20


async def test_two_conversations_can_be_heard(past: Database) -> None:
    """Each belongs to a call that took about as long, by the person who is heard in it."""
    heard = await rows(
        past,
        select(Recording.original_key, Recording.duration_s, Call.talk_s, Transcript.text)
        .join(Call, Call.id == Recording.call_id)
        .join(Transcript, Transcript.recording_id == Recording.id),
    )
    assert len(heard) == 2
    for one in heard:
        assert abs(one.talk_s - one.duration_s) < 1, one
        assert "Lumen garden lamps" in one.text
    folder = Path(past.url.database or "").parent / "recordings"
    stored = {path.relative_to(folder).as_posix().partition("/")[2] for path in folder.rglob("*.mp3")}
    assert stored == {one.original_key for one in heard}


async def test_there_is_something_to_do_to_sell_and_to_merge(past: Database) -> None:
    tasks = await rows(past, select(Task.due_at, Task.done_at))
    assert any(task.done_at is None and task.due_at < system_clock() for task in tasks)
    assert any(task.done_at is not None for task in tasks)
    assert {deal.kind for deal in await rows(past, select(Deal.kind))} == {"deal", "order"}
    names = select(Customer.name).where(
        Customer.id.in_(select(DuplicatePair.first_id)) | Customer.id.in_(select(DuplicatePair.second_id))
    )
    assert {one.name for one in await rows(past, names)} >= {"Tadeusz Szprycha", "Tadeusz Szprych"}


async def test_screen_pops_were_measured(past: Database) -> None:
    async with past.read() as connection:
        figures = await read_pop_figures(connection, CallFilter(When.ALL), region="PL")
    assert figures.pops > 150
    assert 0.9 < (figures.shown_before_answer or 0) <= 1
    assert 20 < (figures.p95_ms or 0) < 1000


async def test_what_was_written_is_saved_and_the_blind_time_is_over(past: Database) -> None:
    wrap_ups = await rows(past, select(CallWrapUp.__table__))
    assert len(wrap_ups) > 80
    assert all(wrap_up.saved_at and wrap_up.disposition for wrap_up in wrap_ups)
    assert any(wrap_up.note for wrap_up in wrap_ups)
    (window,) = await rows(past, select(BlindWindow.__table__))
    assert window.until > window.since


# ---- the script


class Listener:
    """Puts what the PBX says into a call book, and keeps the facts."""

    def __init__(self, pbx: Simulator) -> None:
        self.facts: list[Fact] = []
        self._book = CallBook(pbx="office", trunks=(pbx.layout.trunk,), region="PL")
        self._clock = pbx.clock
        pbx.world.listen(self._hear)

    def _hear(self, emission: Emission) -> None:
        if EVENTS_USER.hears(emission.message.event, emission.right):
            self.facts += self._book.apply(emission.message, self._clock())

    def still_open(self) -> list[str]:
        self.facts += self._book.tick(self._clock() + 60)
        return [call.call_id for call in self._book.open_calls()]


async def test_the_script_goes_on_and_ends_what_it_began() -> None:
    pbx = Simulator(layout(), speed=200.0)
    listener = Listener(pbx)
    playing = asyncio.create_task(Script(pbx, Random(3)).run())
    began = pbx.clock()
    async with asyncio.timeout(DEADLINE_S):
        while sum(isinstance(fact, CallEnded) for fact in listener.facts) < 25:
            await asyncio.sleep(0.05)
            assert not playing.done()
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert not pbx.world.channels
    assert listener.still_open() == []
    starts = [fact.at - began for fact in listener.facts if isinstance(fact, CallStarted)]
    # The clock runs at 200 times its speed here: a busy machine's 10 ms are 2 s of the PBX's.
    assert starts[0] < 30
    records = [fact.record for fact in listener.facts if isinstance(fact, CallEnded)]
    assert len({record.call_id for record in records}) == len(records)
    assert len({record.result for record in records}) >= 2
    assert any("101" in record.talked for record in records)


async def test_a_paused_agent_is_left_alone() -> None:
    pbx = Simulator(layout(), speed=200.0)
    pbx.world.pause("PJSIP/101", True, "Lunch")
    listener = Listener(pbx)
    playing = asyncio.create_task(Script(pbx, Random(5)).run())
    async with asyncio.timeout(DEADLINE_S):
        while sum(isinstance(fact, CallEnded) for fact in listener.facts) < 8:
            await asyncio.sleep(0.05)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    ended = [fact.record for fact in listener.facts if isinstance(fact, CallEnded)]
    rung_by_customers = {one for record in ended if not record.transfers for one in record.rang}
    assert "101" not in rung_by_customers


# ---- the command


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A clean one, with a folder for temporary files of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RINGBACK_")}
    return {**kept, "TMPDIR": str(tmp_path), "RINGBACK_SERVER__PORT": str(free_port())}


@asynccontextmanager
async def command(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from server.cli import main; main()", "demo",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def welcome(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    text = ""
    async with asyncio.timeout(DEADLINE_S):
        while "thrown away" not in text:
            line = (await process.stdout.readline()).decode()
            assert line, text
            text += line
    return text


async def rung_by_a_sample_customer(session: aiohttp.ClientSession, url: str) -> None:
    """Strangers ring as well, now and then first."""
    samples = {customer.name for customer in CUSTOMERS}
    async with asyncio.timeout(DEADLINE_S), session.ws_connect(f"{url}/live") as socket:
        async for message in socket:
            for change in _changes(json.loads(message.data)):
                if change.get("c") != "card":
                    continue
                if samples & {customer["name"] for customer in change["card"]["customers"]}:
                    return
    raise AssertionError("the live connection ended without such a card")


def _changes(told: dict[str, Any]) -> list[dict[str, Any]]:
    if told["t"] == "snapshot":
        return [{"c": "card", "card": card} for card in told["cards"]]
    changes: list[dict[str, Any]] = told.get("changes", [])
    return changes


async def test_the_command_from_start_to_stop(environment: dict[str, str], tmp_path: Path) -> None:
    async with command(environment) as process:
        text = await welcome(process)
        url = f"http://127.0.0.1:{environment['RINGBACK_SERVER__PORT']}"
        assert url in text
        assert all(person.login in text for person in PEOPLE)
        password = re.search(r"password {2}(\S+)", text)
        assert password is not None
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": url}) as session:
            answer = await session.post(f"{url}/login", data={"login": "demo", "password": password[1]})
            page = await answer.text()
            assert answer.url.path == "/desk"
            assert "DEMO" in page
            await rung_by_a_sample_customer(session, url)
            log = await session.get(f"{url}/calls")
            assert log.status == 200
        assert list(tmp_path.glob("ringback-demo-*"))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            assert await process.wait() == 0
        assert not list(tmp_path.glob("ringback-demo-*"))


async def test_a_port_in_use_is_said_at_once(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["RINGBACK_SERVER__PORT"]))):
        async with command(environment) as process:
            async with asyncio.timeout(DEADLINE_S):
                out, err = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    (sentence,) = err.decode().splitlines()
    assert "cannot listen on 127.0.0.1" in sentence
    assert "RINGBACK_SERVER__PORT" in sentence
