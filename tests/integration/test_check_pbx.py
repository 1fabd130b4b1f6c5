"""`ringback check-pbx` without a real Asterisk: what cannot be reached or is something else, a PBX that answers little
(the simulated one), the rules by themselves, and what the command prints and returns."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.clock import system_clock
from pbx_bridge.ami.session import Credentials
from pbx_bridge.ami.target import AmiTarget, LinkRole
from pbx_bridge.check.needs import (
    CONTEXTS,
    DIAL_READ,
    DIAL_WRITE,
    EVENTS_READ,
    EVENTS_WRITE,
    PATCHED_FOR_OPUS,
    RECORDER,
)
from pbx_bridge.check.pbx import check_pbx
from pbx_bridge.check.rules import Finding, Mark, PbxSeen, UserSeen, judge
from pbx_bridge.simulator import Simulator
from server.check import recording_findings
from tests.site import settings_for

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "asterisk"

EVENTS = UserSeen(
    "ringback-events",
    may={"CoreStatus": frozenset({"system", "reporting"}), "QueueStatus": frozenset()},
    options={"read": "call, agent,user,cdr", "permit": "10.0.0.5/255.255.255.255", "writetimeout": "5000"},
)
DIAL = UserSeen(
    "ringback-dial",
    may={
        "Originate": frozenset({"originate"}),
        "Atxfer": frozenset({"call"}),
        "QueuePause": frozenset({"agent"}),
        "QueueStatus": frozenset(),
    },
    options={"read": "call", "permit": "10.0.0.5/255.255.255.255", "eventfilter": "Event: OriginateResponse"},
)
GOOD = PbxSeen(
    "main",
    "10.0.0.9:5038",
    is_local=False,
    tls=True,
    events=EVENTS,
    dial=DIAL,
    has_dial=True,
    version="22.10.1",
    timestamps=True,
    cdr=True,
    cdr_manager=True,
    contexts=frozenset(CONTEXTS),
    trunks={"PJSIP/trunk": True},
    skew_s=0.01,
)


def target(
    host: str, port: int, user: str = "ringback-events", role: LinkRole = LinkRole.EVENTS
) -> AmiTarget:
    return AmiTarget("main", host, port, Credentials(user, f"change-me-{role}"), role)


async def look(host: str, port: int) -> list[Finding]:
    dial = target(host, port, "ringback-dial", LinkRole.DIAL)
    return await check_pbx(target(host, port), dial, ("PJSIP/trunk",), clock=system_clock)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if finding.mark is Mark.MISSING]


@asynccontextmanager
async def listener(greeting: bytes) -> AsyncIterator[int]:
    """Something that is no Asterisk: says one thing and closes."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_an_address_where_nothing_listens_is_one_finding() -> None:
    (finding,) = await look("127.0.0.1", free_port())
    assert finding.mark is Mark.MISSING
    assert "cannot reach Asterisk" in finding.text
    assert "enabled = yes" in finding.lines


async def test_a_port_that_is_not_ami_is_one_finding() -> None:
    async with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        (finding,) = await look("127.0.0.1", port)
    assert finding.mark is Mark.MISSING
    assert "not as an Asterisk Manager" in finding.text


async def test_a_pbx_that_answers_little_is_judged_by_what_it_says() -> None:
    async with Simulator() as pbx:
        findings = await look(pbx.host, pbx.port)
        asked = {action.get("Action") for action in pbx.actions}
    told = missing(findings)
    assert told == [
        "events user ringback-events has the secret of the example, which everybody knows",
        "dial user ringback-dial has the secret of the example, which everybody knows",
    ]
    assert any("the shipped dialplan is there" in finding.text for finding in findings)
    assert asked <= {
        "Login", "Logoff", "Ping", "ListCommands", "Getvar", "CoreSettings", "ShowDialPlan", "DeviceStateList"
    }, "it only looks"  # fmt: skip


def test_a_pbx_as_it_should_be_lacks_nothing() -> None:
    findings = judge(GOOD)
    assert {finding.mark for finding in findings} == {Mark.OK}


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (replace(GOOD, version="13.38.3"), "Asterisk 13.38.3 is older than Ringback understands"),
        (replace(GOOD, cdr=False), "call detail records are switched off"),
        (replace(GOOD, cdr_manager=False), "Cdr events are off"),
        (replace(GOOD, timestamps=False), "events do not carry the PBX's own time"),
        (replace(GOOD, contexts=frozenset(CONTEXTS) - {"ringback-agent"}), "no context ringback-agent"),
        (replace(GOOD, events=replace(EVENTS, may={})), "write lacks reporting"),
        (
            replace(GOOD, dial=replace(DIAL, problem="the login was refused", refused=True)),
            "the login was refused",
        ),
        (
            replace(GOOD, dial=replace(DIAL, may={**DIAL.may, "Command": frozenset({"command"})})),
            "write has command; a stolen secret would command the PBX",
        ),
        (
            replace(
                GOOD, events=replace(EVENTS, options={"read": "all", "permit": "x", "writetimeout": "5000"})
            ),
            "hears more than it needs: read has all",
        ),
    ],
)
def test_one_fault_is_one_finding(seen: PbxSeen, said: str) -> None:
    (found,) = (finding for finding in judge(seen) if finding.mark is Mark.MISSING)
    assert said in found.text
    assert found.lines


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (replace(GOOD, skew_s=-90.4), "90 s behind ours"),
        (replace(GOOD, tls=False), "unencrypted"),
        (replace(GOOD, dial=None, has_dial=False), "no dial user is set"),
        (replace(GOOD, trunks={"DAHDI/i1": None}), "DAHDI/i1"),
        (replace(GOOD, timestamps=None), "timestampevents"),
        (replace(GOOD, cdr_manager=None), "cdr_manager.conf"),
        (replace(GOOD, contexts=None), "dialplan could not be seen"),
    ],
)
def test_what_is_only_worth_knowing_is_not_missing(seen: PbxSeen, said: str) -> None:
    (note,) = (finding for finding in judge(seen) if finding.mark is not Mark.OK)
    assert note.mark is Mark.NOTE
    assert said in note.text


def test_the_rules_are_those_of_the_shipped_files() -> None:
    manager = (SHIPPED / "manager_ringback.conf").read_text()
    for user, read, write in (
        ("ringback-events", EVENTS_READ, EVENTS_WRITE),
        ("ringback-dial", DIAL_READ, DIAL_WRITE),
    ):
        section = manager.split(f"[{user}]")[1].split("\n[")[0]
        settings = dict(line.split(" = ", 1) for line in section.splitlines() if " = " in line)
        assert frozenset(settings["read"].split(",")) == read
        assert frozenset(settings["write"].split(",")) == write
    dialplan = (SHIPPED / "extensions_ringback.conf").read_text()
    contexts = {line.strip("[]") for line in dialplan.splitlines() if line.startswith("[")}
    assert contexts == set(CONTEXTS)


def test_folders_of_recordings_are_looked_at(tmp_path: Path) -> None:
    pbx = settings_for(("127.0.0.1", 1), "x", tmp_path, recordings=tmp_path / "ringback").pbx["main"]
    (missing,) = recording_findings("main", pbx)
    assert missing.mark is Mark.MISSING
    assert "no such folder" in missing.text
    assert "2770" in missing.lines[-1]
    for name in ("part", "done"):
        (tmp_path / "ringback" / name).mkdir(parents=True)
    (there,) = recording_findings("main", pbx)
    assert there.mark is Mark.OK
    (own,) = recording_findings(
        "main", pbx.model_copy(update={"recordings": None, "own_recordings": tmp_path})
    )
    assert own.mark is Mark.OK


def test_a_build_that_loses_voices_is_said() -> None:
    (note,) = [
        one
        for one in judge(replace(GOOD, modules={PATCHED_FOR_OPUS: True, RECORDER: True}))
        if "Opus" in one.text
    ]
    assert note.mark is Mark.NOTE
    assert "cannot record" in "".join(one.text for one in judge(replace(GOOD, modules={RECORDER: False})))


def run(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    settings = folder / "ringback.toml"
    settings.write_text(
        f'[pbx.main]\nhost = "127.0.0.1"\nport = {port}\ntrunks = ["PJSIP/trunk"]\n'
        'events = { user = "ringback-events", secret = "no such" }\n'
    )
    command = [str(Path(sys.executable).with_name("ringback")), "check-pbx", "--config", str(settings)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_the_command_says_what_is_missing_and_fails(tmp_path: Path) -> None:
    done = run(tmp_path, free_port())
    assert done.returncode == 1
    first, *lines = done.stdout.splitlines()
    assert first.startswith("✗ main: cannot reach Asterisk at 127.0.0.1:")
    assert "      enabled = yes" in lines
    assert lines[-1] == "1 missing"
    assert "Traceback" not in done.stderr
