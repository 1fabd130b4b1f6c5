"""What an agent says at the desk is what the PBX's queues do: pausing and wrap-up on a real Asterisk."""

from __future__ import annotations

import pytest

from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.e2e.conftest import Desk
from tests.site import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.browser]


@pytest.fixture
def wrap_up_s() -> int:
    """Longer than any test: only saving ends a wrap-up here."""
    return 600


async def anna_in_queue(pbx: Pbx) -> str:
    """How the queue `desk` shows 101."""
    shown = await pbx.cli("queue show desk")
    return next(line for line in shown.splitlines() if "PJSIP/101" in line)


async def test_a_paused_agent_gets_no_calls_from_the_queues(pbx: Pbx, lab: Lab, anna: Desk) -> None:
    await lab.phone("101")
    await anna.page.get_by_role("button", name="Pause").click()
    await anna.page.get_by_role("button", name="Lunch").click()
    line = await eventually(lambda: anna_in_queue(pbx), lambda line: "paused:Lunch" in line.replace(" ", ""))
    assert "paused" in line
    await anna.page.get_by_role("button", name="Available").click()
    await eventually(lambda: anna_in_queue(pbx), lambda line: "paused" not in line)


async def test_whoever_writes_a_note_is_not_rung_again_by_the_queue(pbx: Pbx, lab: Lab, anna: Desk) -> None:
    phone = await lab.phone("101")
    customer = await lab.trunk.dial("48221000901", caller="+48226011111")
    ringing = await phone.rings()
    await ringing.answer()
    await anna.shows("talking")
    await customer.hangup()
    await anna.shows("wrap_up")
    await eventually(lambda: anna_in_queue(pbx), lambda line: "paused" in line)
    await anna.page.get_by_role("textbox", name="Note").fill("Wants a new bell")
    await anna.page.get_by_role("button", name="Save and close").click()
    await anna.is_empty()
    await eventually(lambda: anna_in_queue(pbx), lambda line: "paused" not in line)
