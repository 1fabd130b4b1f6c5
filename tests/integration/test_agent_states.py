"""Agents' states and the queues of a simulated PBX over a stop, a kill and a restart of the server: nobody stays paused
for a wrap-up that nothing would end, and what people said of themselves holds again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update

from config.settings import Settings
from core.accounts import list_users
from core.clock import system_clock
from core.facts import PbxConnected
from pbx_bridge.simulator import DIAL_USER, EVENTS_USER, Simulator
from server.desk.parts import AGENTS
from server.live.agent_pauses import WRAP_UP_REASON
from server.live.agent_states import AgentState
from server.live.socket import LIVE
from server.tables import AgentStateRow
from server.web.keys import BUS
from tests.site import Site, eventually, running, settings_for

PHONE = "PJSIP/101"


@pytest.fixture
async def pbx() -> AsyncIterator[Simulator]:
    async with Simulator() as pbx:
        yield pbx


@pytest.fixture
def settings(pbx: Simulator, tmp_path: Path) -> Settings:
    return settings_for(
        (pbx.host, pbx.port), EVENTS_USER.secret, tmp_path, dial_secret=DIAL_USER.secret, wrap_up_s=3600
    )


def paused(pbx: Simulator) -> set[str | None]:
    """Why the phone is paused in the queues it is in; empty when it is in none."""
    members = [queue.member(PHONE) for queue in pbx.world.queues.values()]
    return {member.pause_reason for member in members if member is not None and member.paused}


async def until_paused(pbx: Simulator, *reasons: str) -> None:
    async def now() -> set[str | None]:
        return paused(pbx)

    await eventually(now, lambda found: found == set(reasons))


async def anna_wraps_up(site: Site, pbx: Simulator) -> int:
    """Anna has talked to somebody and has the note still to write; returns her id."""
    await site.add_person("anna", "101")
    await site.sees_the_pbx()
    await site.app[LIVE].reload_people()
    async with site.database.read() as connection:
        (anna,) = [user.id for user in await list_users(connection)]
    site.app[AGENTS].wrap_up_changed(anna, True)
    await until_paused(pbx, WRAP_UP_REASON)
    return anna


async def test_a_stopping_server_leaves_nobody_paused_for_a_wrap_up(
    pbx: Simulator, settings: Settings
) -> None:
    async with running(settings) as site:
        anna = await anna_wraps_up(site, pbx)
    assert paused(pbx) == set()
    async with running(settings) as again:
        await until_paused(pbx, WRAP_UP_REASON)
        assert again.app[AGENTS].of(anna) is AgentState.WRAP_UP
        await again.app[AGENTS].set(anna, AgentState.AVAILABLE, None)
        assert paused(pbx) == set()


async def test_a_note_saved_while_the_pbx_is_told_of_the_pause_for_it_ends_that_pause(
    pbx: Simulator, settings: Settings
) -> None:
    async with running(settings) as site:
        anna = await anna_wraps_up(site, pbx)
        states = site.app[AGENTS]
        await states.set(anna, AgentState.AVAILABLE, None)
        states.wrap_up_changed(anna, True)
        states.wrap_up_changed(anna, False)
        told = [one for one in asyncio.all_tasks() if one.get_name() == "agent state after a call"]
        assert len(told) == 2
        await asyncio.gather(*told)
        assert states.of(anna) is AgentState.AVAILABLE
        assert paused(pbx) == set()


async def test_who_paused_themselves_stays_paused_and_a_forgetful_pbx_is_told_again(
    pbx: Simulator, settings: Settings
) -> None:
    async with running(settings) as site:
        anna = await anna_wraps_up(site, pbx)
        await site.app[AGENTS].set(anna, AgentState.PAUSED, "Lunch")
    assert paused(pbx) == {"Lunch"}
    pbx.world.pause(PHONE, False)
    async with running(settings) as again:
        await until_paused(pbx, "Lunch")
        assert again.app[AGENTS].of(anna) is AgentState.PAUSED


async def test_a_pause_made_at_the_pbx_is_not_taken_away(pbx: Simulator, settings: Settings) -> None:
    async with running(settings) as site:
        anna = await anna_wraps_up(site, pbx)
        pbx.world.pause(PHONE, True, "Fire drill")
        board = site.app[LIVE].board

        async def told() -> set[str | None]:
            return {queue.pause_reason for queue in board.view(anna).queues}

        await eventually(told, lambda reasons: reasons == {"Fire drill"})
    assert paused(pbx) == {"Fire drill"}


async def test_a_wrap_up_that_ended_while_the_pbx_was_away_is_ended_there_too(
    pbx: Simulator, settings: Settings
) -> None:
    async with running(settings) as site:
        anna = await anna_wraps_up(site, pbx)
        # A killed server leaves the pause behind; meanwhile the state ended without the PBX being told.
        await site.app[AGENTS].set(anna, AgentState.AVAILABLE, None)
    pbx.world.pause(PHONE, True, WRAP_UP_REASON)
    async with running(settings) as again:
        await until_paused(pbx)
        assert again.app[AGENTS].of(anna) is AgentState.AVAILABLE


async def test_a_pbx_that_does_not_answer_does_not_keep_the_server_from_stopping(
    pbx: Simulator, settings: Settings
) -> None:
    async with running(settings) as site:
        await anna_wraps_up(site, pbx)
        await pbx.stop()
    assert paused(pbx) == {WRAP_UP_REASON}


async def test_what_another_server_stored_counts_when_the_pbx_is_taken_over(
    pbx: Simulator, settings: Settings
) -> None:
    async with running(settings) as site:
        anna = await anna_wraps_up(site, pbx)
        elsewhere = update(AgentStateRow).values(state=AgentState.PAUSED.value, reason="Lunch")
        async with site.database.write() as connection:
            await connection.execute(elsewhere)
        pbx.world.pause(PHONE, False)
        await site.app[BUS].publish(PbxConnected("main", system_clock()))
        await until_paused(pbx, "Lunch")
        assert site.app[AGENTS].of(anna) is AgentState.PAUSED
