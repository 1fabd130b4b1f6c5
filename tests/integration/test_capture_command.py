"""`ringback capture` and `ringback replay` as commands, one after the other, beside the simulated PBX."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from tests.process import ROOT, SETTINGS
from tests.site import eventually


async def run(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", *words,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_what_is_recorded_can_be_replayed(tmp_path: Path) -> None:
    out = tmp_path / "monday.ami"
    async with Simulator() as pbx:
        settings = tmp_path / "ringback.toml"
        settings.write_text(
            SETTINGS.format(
                port=8080, database="sqlite://", host=pbx.host, pbx_port=pbx.port, secret=EVENTS_USER.secret
            )
        )
        recording = await run("capture", str(out), "--anonymise", "--config", str(settings))

        async def has(what: bytes) -> bool:
            return await asyncio.to_thread(out.exists) and what in await asyncio.to_thread(out.read_bytes)

        await eventually(lambda: has(b"Asterisk Call Manager"))
        call = pbx.rings_phone(Party("+48221110101", "Jan Testowy"), "101")
        call.answers("101")
        call.caller_hangs_up()
        await eventually(lambda: has(b"Event: Hangup"))
        recording.send_signal(signal.SIGINT)
        said, complaints = await recording.communicate()
    assert (recording.returncode, complaints) == (0, b"")
    assert f"ringback replay {out} --trunk PJSIP/trunk".encode() in said
    assert b"Testowy" not in out.read_bytes()
    replaying = await run("replay", str(out), "--json", "--trunk", "PJSIP/trunk")
    printed, _ = await replaying.communicate()
    (found,) = json.loads(printed)["calls"]
    assert (found["result"], found["talked"]) == ("answered", ["101"])
    assert found["caller"] not in (None, "+48221110101")


async def test_a_pbx_that_is_not_in_the_settings(tmp_path: Path) -> None:
    settings = tmp_path / "ringback.toml"
    settings.write_text(SETTINGS.format(port=8080, database="sqlite://", host="h", pbx_port=1, secret="s"))
    refused = await run("capture", str(tmp_path / "x"), "--pbx", "branch", "--config", str(settings))
    _, said = await refused.communicate()
    assert refused.returncode == 1
    assert said.decode() == "ringback: say which PBX with --pbx NAME (in the settings: main)\n"
