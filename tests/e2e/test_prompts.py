"""Uploaded prompts on a real telephone: the recording notice that a caller hears before the queue, the announcement and
the greeting of a callback. What was played is a fact of the call."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from core.accounts import Role
from core.api_keys import create_key
from pbx_bridge.tables import Call, CallMoment
from server.views.call_story import read_story
from server.views.prompts import Notice, read_notice
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.asterisk.stories.story import pause
from tests.e2e.test_recordings import ANNA_HZ, CUSTOMER_HZ, kept, sides
from tests.site import PASSWORD, Site, eventually, running, settings_for
from tests.sounds import as_file, sound

pytestmark = [pytest.mark.asterisk]

NOTICE_HZ, AGENT_HZ, GREETING_HZ = 700, 500, 1100
CUSTOMER = "48226019999"


@pytest.fixture
async def site(pbx: Pbx, tmp_path: Path) -> AsyncIterator[Site]:
    """A server beside the shared PBX that sees its recordings and puts prompts where its dialplan looks for them."""
    settings = settings_for(
        pbx.ami,
        AMI_SECRETS["ringback-events"],
        tmp_path,
        recordings=pbx.folder / "spool" / "ringback",
        sounds=pbx.folder / "sounds",
    )
    async with pbx.edited("${ASTDATADIR}/sounds/ringback", "/mnt/sounds"), running(settings) as site:
        await site.sees_the_pbx()
        yield site
    shutil.rmtree(pbx.folder / "sounds")


async def upload(site: Site, **hertz: int) -> None:
    """Tones of three seconds under these names, until the PBX has them."""
    async with site.database.write() as connection:
        _, key = await create_key(connection, "test", ["prompts:read", "prompts:write"], 0.0)
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(site.url, headers=headers) as session:
        for name, tone in hertz.items():
            path = f"/api/v1/prompts/{name.replace('_', '-')}?file=tone.mp3"
            answer = await session.put(path, data=as_file(sound(tone, 3), "mp3"))
            assert answer.status == 204, await answer.text()

        async def stands() -> set[str]:
            told = (await (await session.get("/api/v1/prompts")).json())["prompts"]
            return {one["on"][0]["stands"] for one in told}

        await eventually(stands, lambda told: told == {"there"})


async def notice_of(site: Site) -> tuple[str, Notice]:
    """The one call in which somebody was told."""

    async def told() -> tuple[str, Notice] | None:
        async with site.database.read() as connection:
            for call_id in await connection.scalars(select(Call.id)):
                if (notice := await read_notice(connection, call_id)) is not None:
                    return str(call_id), notice
        return None

    found = await eventually(told)
    assert found is not None
    return found


async def page_of(site: Site, call_id: str) -> str:
    """The call's page as a manager sees it."""
    await site.add_person("boss", role=Role.MANAGER)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(site.url, cookie_jar=jar, headers={"Origin": site.url}) as session:
        await session.post("/login", data={"login": "boss", "password": PASSWORD})
        return await (await session.get(f"/calls/{call_id}")).text()


async def test_a_caller_hears_the_notice_of_the_queue_before_anybody_answers(lab: Lab, site: Site) -> None:
    await upload(site, notice_desk=NOTICE_HZ)
    agent = await lab.phone("101")
    customer = await lab.trunk.dial("48221000940", caller="+48226011111")
    await customer.hears_tone(NOTICE_HZ)
    assert not agent.rang(), "first they are told"
    ringing = await agent.rings()
    await ringing.answer()
    customer.plays(CUSTOMER_HZ)
    ringing.plays(ANNA_HZ)
    await customer.hears_tone(ANNA_HZ)
    await pause(1)
    await customer.hangup()

    recording = await kept(site)
    left, right = await sides(site, recording)
    assert left.share_of(CUSTOMER_HZ) > 0.9
    assert right.share_of(ANNA_HZ) > 0.9
    assert right.share_of(NOTICE_HZ) < 0.01
    call_id, notice = await notice_of(site)
    assert (call_id, notice.prompt, notice.whole) == (recording.call_id, "notice-desk", True)
    async with site.database.read() as connection:
        story = await read_story(connection, call_id, notice.at)
    texts = [line.text for line in story.lines]
    told = texts.index("The recording notice of the queue desk was played to its end")
    assert told < texts.index("Entered the queue desk")
    assert "Notice played" in await page_of(site, call_id)


async def test_without_a_notice_the_caller_goes_straight_to_the_queue(lab: Lab, site: Site) -> None:
    await upload(site, notice_other=NOTICE_HZ)
    agent = await lab.phone("101")
    customer = await lab.trunk.dial("48221000940", caller="+48226011111")
    await agent.rings()
    assert customer.answered_at is None, "to be told anything they would have been answered"
    await customer.cancel()


async def test_a_generated_queue_has_its_notice_in_front_of_it(lab: Lab, site: Site) -> None:
    """As on FreePBX, whose own contexts nobody edits."""
    await upload(site, notice_900=NOTICE_HZ)
    agent = await lab.phone("201")
    customer = await lab.second_trunk.dial("48229000902", caller="+48226011111")
    await customer.hears_tone(NOTICE_HZ)
    assert not agent.rang()
    await agent.rings()
    await customer.hangup()


async def test_the_agent_and_the_customer_of_a_callback_hear_what_was_uploaded(lab: Lab, site: Site) -> None:
    await upload(site, callback_agent=AGENT_HZ, callback_customer=GREETING_HZ)
    agent = await lab.phone("101")
    await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await at_agent.answer()
    await at_agent.hears_tone(AGENT_HZ)
    assert lab.trunk.calls == []
    await at_agent.press("1")
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    await at_customer.hears_tone(GREETING_HZ)
    at_agent.plays(ANNA_HZ)
    await at_customer.hears_tone(ANNA_HZ)
    await at_customer.hangup()
    _, notice = await notice_of(site)
    assert (notice.prompt, notice.whole) == ("callback-customer", True)
    async with site.database.read() as connection:
        moments = (await connection.execute(select(CallMoment.kind))).scalars().all()
    assert moments.count("notice") == 1
