"""Promises on a real Asterisk by a clock that goes when the test says so: the ladder after no answer, closing time and
the next morning, a place kept in a queue, a customer who did not ask. The agent's desk is open without a browser; what
became of a promise is read from the database, what reached a phone at the phone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from callback.ask import Accepted, Ask, Held
from callback.kinds import Source
from callback.tables import Callback, Suppression
from config.callbacks import Department
from core.accounts import list_users
from core.clock import from_iso, system_clock
from server.callbacks.parts import SCHEDULER
from server.desk.callback_parts import REQUESTS
from server.live.socket import LIVE
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import PATIENT_GREETING, Pbx
from tests.asterisk.phone import Phone
from tests.asterisk.stories.story import JAN, MARIA, OLA, ring_in
from tests.asterisk.truth import Customer
from tests.e2e.conftest import dialling_settings
from tests.e2e.test_callbacks import CALLER, DIGITS, NO_QUIET_TIME, ask, attempts, callbacks, settled
from tests.faults.people import keep_desk_open
from tests.site import Site, eventually, running

pytestmark = pytest.mark.asterisk

MONDAY_NOON = from_iso("2026-11-23T12:00:00+01:00")
HALF_A_MINUTE_BEFORE_CLOSING = from_iso("2026-11-23T16:58:30+01:00")
CLOSED = from_iso("2026-11-23T17:00:00+01:00")
TUESDAY_NOT_YET = from_iso("2026-11-24T08:59:30+01:00")
TUESDAY_NINE = from_iso("2026-11-24T09:00:00+01:00")

LADDER_S = 60.0
QUEUE = "48221000419"
HELD = "Local/q-callme@ringback-place"

HOURS = ("mon-fri 09:00-17:00",)
SALES = Department(queue="desk", hours=HOURS, retry_minutes=(1, 60))
COUNTER = Department(queue="q-callme", hours=HOURS)

SHORT_RING = ("RINGBACK_CUSTOMER_SECONDS=45", "RINGBACK_CUSTOMER_SECONDS=2")


class Time:
    """Goes on like everybody's clock, from where it was set last."""

    def __init__(self, now: float = MONDAY_NOON) -> None:
        self.set(now)

    def set(self, now: float) -> None:
        self._ahead = now - system_clock()

    def __call__(self) -> float:
        return system_clock() + self._ahead


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
async def site(pbx: Pbx, tmp_path: Path, clock: Time) -> AsyncIterator[Site]:
    """A server for two queues, and Anna at her desk."""
    settings = dialling_settings(pbx, tmp_path).model_copy(
        update={"department": {"sales": SALES, "counter": COUNTER}, "callback": NO_QUIET_TIME},
    )
    async with running(settings, clock) as site:
        await site.add_person("anna", "101")
        await site.sees_the_pbx()
        async with site.database.read() as connection:
            (anna,) = await list_users(connection)
        desk = asyncio.create_task(keep_desk_open(site.database, anna.id, site.url, clock))

        async def is_open() -> bool:
            return site.app[LIVE].is_open(anna.id)

        await eventually(is_open)
        yield site
        desk.cancel()
        with suppress(asyncio.CancelledError):
            await desk


async def dialled(lab: Lab, phone: Phone, digits: str = DIGITS) -> tuple[Call, Call]:
    """The agent's phone rings, they take it and go on; returns their call and the one that rings the customer."""
    at_agent = await phone.rings()
    await at_agent.answer()
    await asyncio.sleep(0.4)  # the announcement has to begin before a key counts
    await at_agent.press("1")
    return at_agent, await lab.trunk.rings(digits)


async def talk(at_agent: Call, at_customer: Call) -> None:
    """Both hear each other, then the customer hangs up."""
    await at_customer.answer()
    at_agent.plays(1000)
    at_customer.plays(600)
    await at_agent.hears_tone(600)
    await at_customer.hears_tone(1000)
    await at_customer.hangup()
    await at_agent.ended()


async def closed(site: Site) -> Any:
    async def over() -> list[Any]:
        return [one for one in await callbacks(site) if one.closed_at is not None]

    (callback,) = await eventually(over)
    return callback


def dialled_out(lab: Lab) -> list[Call]:
    """INVITEs that reached customers."""
    return [call for call in lab.trunk.calls if call.incoming]


async def test_a_customer_who_does_not_answer_is_dialled_again_at_the_next_rung(
    pbx: Pbx, site: Site, lab: Lab, clock: Time
) -> None:
    phone = await lab.phone("101")
    async with pbx.edited(*SHORT_RING):
        await ask(site)
        at_agent, unanswered = await dialled(lab, phone)
        await unanswered.ended()
        assert unanswered.ended_by == "them"
        await at_agent.ended()
    callback = await settled(site)
    assert (callback.state, callback.rung, callback.offers) == ("waiting", 1, 0)
    assert 0 < callback.due_at - clock() <= LADDER_S
    await site.app[SCHEDULER].turn()
    assert len(await attempts(site)) == 1
    clock.set(callback.due_at)
    await talk(*await dialled(lab, phone))
    assert (await closed(site)).outcome == "reached"
    assert [one.result for one in await attempts(site)] == ["no_answer", "reached"]
    assert len(dialled_out(lab)) == 2


async def test_p15_a_failure_just_before_closing_is_tried_again_next_morning(
    site: Site, lab: Lab, clock: Time
) -> None:
    clock.set(HALF_A_MINUTE_BEFORE_CLOSING)
    phone = await lab.phone("101")
    await ask(site)
    at_agent, busy = await dialled(lab, phone)
    busy.refuse(486)
    await at_agent.ended()
    callback = await settled(site)
    assert (callback.state, callback.rung, callback.due_at) == ("waiting", 1, TUESDAY_NINE)
    clock.set(TUESDAY_NOT_YET)
    await site.app[SCHEDULER].turn()
    assert len(await attempts(site)) == 1
    clock.set(TUESDAY_NINE)
    await talk(*await dialled(lab, phone))
    assert (await closed(site)).outcome == "reached"
    assert [one.result for one in await attempts(site)] == ["busy", "reached"]


async def test_closing_time_passes_while_a_promise_waits_and_it_is_kept_next_morning(
    site: Site, lab: Lab, clock: Time
) -> None:
    clock.set(HALF_A_MINUTE_BEFORE_CLOSING)
    await ask(site)

    async def why_not() -> str | None:
        (callback,) = await callbacks(site)
        return str(callback.why_not)

    await eventually(why_not, lambda reason: reason == "no_agent")
    clock.set(CLOSED)
    await eventually(why_not, lambda reason: reason == "closed")
    # An agent is there all night, and is not rung.
    phone = await lab.phone("101")
    clock.set(TUESDAY_NOT_YET)
    await site.app[SCHEDULER].turn()
    assert (await why_not(), await attempts(site)) == ("closed", [])
    clock.set(TUESDAY_NINE)
    await talk(*await dialled(lab, phone))
    assert (await closed(site)).outcome == "reached"
    assert [one.result for one in await attempts(site)] == ["reached"]
    assert len(dialled_out(lab)) == 1


async def test_p16_a_caller_who_leaves_by_key_keeps_their_place_among_three(
    pbx: Pbx, site: Site, lab: Lab
) -> None:
    jan, maria, ola = [await waiting(pbx, lab, who, place) for place, who in enumerate((JAN, MARIA, OLA), 1)]
    await maria.press("1")
    await maria.ended()
    await eventually(lambda: in_queue(pbx), lambda lines: len(lines) == 3 and HELD in lines[1])
    phone = await lab.phone("101")
    await served(phone, jan)
    assert dialled_out(lab) == []
    await talk(*await dialled(lab, phone, MARIA.number.lstrip("+")))
    await served(phone, ola)
    callback = await closed(site)
    assert (callback.number, callback.outcome, callback.place) == (MARIA.number, "reached", 2)
    (attempt,) = await attempts(site)
    assert (attempt.kind, attempt.queue, attempt.result) == ("queue", "q-callme", "reached")
    assert len(dialled_out(lab)) == 1


async def waiting(pbx: Pbx, lab: Lab, who: Customer, place: int) -> Call:
    """A customer who stands at that place of the queue."""
    caller = await ring_in(lab, QUEUE, who)
    await caller.answered()
    await eventually(lambda: in_queue(pbx), lambda lines: len(lines) == place)
    return caller


async def in_queue(pbx: Pbx) -> list[str]:
    """Who waits, in order, as the PBX shows it."""
    lines = (await pbx.cli("queue show q-callme")).splitlines()
    return [line for line in lines if re.match(r"\s+\d+\. ", line)]


async def served(phone: Phone, caller: Call) -> None:
    """The next call at the agent is this waiting caller's."""
    at_agent = await phone.rings()
    await at_agent.answer()
    at_agent.plays(1000)
    await caller.hears_tone(1000)
    await caller.hangup()
    await at_agent.ended()


async def test_a_customer_who_presses_9_is_not_called_again(pbx: Pbx, site: Site, lab: Lab) -> None:
    phone = await lab.phone("101")
    async with pbx.edited(*PATIENT_GREETING):
        await ask(site)
        at_agent, at_customer = await dialled(lab, phone)
        await at_customer.answer()
        await asyncio.sleep(0.3)  # the greeting has to begin before a key counts
        await at_customer.press("9")
        await at_customer.ended()
        await at_agent.ended()
    callback = await closed(site)
    assert callback.outcome == "suppressed"
    async with site.database.read() as connection:
        (reason,) = (await connection.execute(select(Suppression.reason))).scalars()
    assert "pressed 9" in reason
    again = await site.app[REQUESTS].submit(Ask(Source.API, CALLER, department="sales"))
    assert isinstance(again, Held)
    other = await site.app[REQUESTS].submit(Ask(Source.API, "+48226019999", department="counter"))
    assert isinstance(other, Accepted)
    async with site.database.read() as connection:
        asked = select(Callback.state, Callback.reasons).where(Callback.id == again.callback_id)
        row = (await connection.execute(asked)).one()
    assert (row.state, row.reasons) == ("held", "suppressed")
    await site.app[SCHEDULER].turn()
    assert len(dialled_out(lab)) == 1
