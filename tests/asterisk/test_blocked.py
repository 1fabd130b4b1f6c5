"""The PBX asks Ringback whether a caller is on the block list before a phone rings; without an answer it rings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.db import Database
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import NewBlock
from server.customers.blocked_parts import BLOCK_LIST
from server.schema import prepare
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.integration.api_server import ApiServer, api_server

pytestmark = pytest.mark.asterisk

ASKING, DEAF = "48221000190", "48221000191"
"""Extension 101 behind the question, and behind one that nobody answers."""

UNWANTED, WELCOME = "+48226011111", "+48226012222"
BUSY = 486


@pytest.fixture
async def ringback(tmp_path: Path) -> AsyncIterator[ApiServer]:
    database = Database(f"sqlite:///{tmp_path / 'ringback.db'}")
    await prepare(database)
    async with api_server(database) as server:
        yield server
    await database.close()


@pytest.fixture
async def asking(own_pbx: Pbx) -> AsyncIterator[Lab]:
    async with Lab(own_pbx) as lab:
        yield lab


async def route(lab: Lab, number: str, address: str, key: str) -> None:
    """Calls for `number` ask at `address` and go on to 101."""
    path = lab.pbx.folder / "etc" / "extensions_plain.conf"
    lines = (
        f"exten => {number},1,Gosub(ringback-blocked,s,1({address},{key}))",
        " same => n,Dial(PJSIP/101,10)",
        " same => n,Hangup()",
    )
    kept = path.read_text().split("; -- of this test --\n")[0]
    path.write_text(kept + "\n".join(("; -- of this test --", "[plain-in](+)", *lines, "")))
    await lab.pbx.cli("dialplan reload")
    assert "ringback-blocked" in await lab.pbx.cli(f"dialplan show {number}@plain-in")


async def test_a_blocked_caller_hears_busy_and_no_phone_rings(asking: Lab, ringback: ApiServer) -> None:
    lab = asking
    agent = await lab.phone("101")
    key = await ringback.make_key("blocked:check")
    await route(lab, ASKING, str(ringback.client.make_url("")).rstrip("/"), key)
    entry = await ringback.app[BLOCK_LIST].add(
        NewBlock(BlockKind.NUMBER, UNWANTED, 'rude, "very" (loud)'), None
    )
    before = len(agent.calls)
    refused = await lab.trunk.dial(ASKING, caller=UNWANTED)
    await refused.ended()
    assert (refused.status, len(agent.calls)) == (BUSY, before)
    await _gets_through(lab, ASKING, WELCOME)
    await ringback.app[BLOCK_LIST].end(entry.id, None)
    await _gets_through(lab, ASKING, UNWANTED)


async def test_without_an_answer_the_phone_rings(asking: Lab, ringback: ApiServer) -> None:
    lab = asking
    await lab.phone("101")
    await ringback.app[BLOCK_LIST].add(NewBlock(BlockKind.NUMBER, UNWANTED, "rude"), None)
    await route(lab, DEAF, "http://127.0.0.1:9", "rb_wrong")
    await _gets_through(lab, DEAF, UNWANTED)
    await route(lab, DEAF, str(ringback.client.make_url("")).rstrip("/"), "rb_wrong")
    await _gets_through(lab, DEAF, UNWANTED)


async def _gets_through(lab: Lab, number: str, caller: str) -> None:
    agent = await lab.phone("101")
    customer: Call = await lab.trunk.dial(number, caller=caller)
    ringing = await agent.rings()
    await customer.cancel()
    await ringing.ended()
