"""`ringback check-pbx` against a real Asterisk: the shipped set-up passes, each thing that can be wrong is found, and
the lines it prints, put where it says, make it right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.clock import system_clock
from pbx_bridge.ami.session import Credentials
from pbx_bridge.ami.target import AmiTarget, LinkRole
from pbx_bridge.check.pbx import check_pbx
from pbx_bridge.check.rules import Finding, Mark
from tests.asterisk.conftest import own_pbx, pbx
from tests.asterisk.pbx import AMI_SECRETS, Pbx

__all__ = ["own_pbx", "pbx"]
pytestmark = pytest.mark.asterisk

TRUNKS = ("PJSIP/trunk", "PJSIP/trunk2")
OWN_SECRETS = {"ringback-events": "quiet-otter-71", "ringback-dial": "loud-heron-18"}
RELOADS = ("manager reload", "module reload cdr_manager.so", "module reload cdr", "dialplan reload")


async def look(
    pbx: Pbx,
    secrets: dict[str, str] = OWN_SECRETS,
    trunks: tuple[str, ...] = TRUNKS,
    sounds: str | None = None,
) -> list[Finding]:
    events = AmiTarget("main", *pbx.ami, Credentials("ringback-events", secrets["ringback-events"]))
    dial = AmiTarget("main", *pbx.ami, Credentials("ringback-dial", secrets["ringback-dial"]), LinkRole.DIAL)
    return await check_pbx(events, dial, trunks, clock=system_clock, sounds=sounds)


def missing(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if finding.mark is Mark.MISSING]


def change(pbx: Pbx, name: str, *changes: tuple[str, str]) -> None:
    """Replace texts in one file of the PBX; each must be there."""
    path = pbx.folder / "etc" / name
    text = path.read_text()
    for old, new in changes:
        assert old in text, (name, old)
        text = text.replace(old, new)
    path.write_text(text)


async def reload(pbx: Pbx) -> None:
    for command in RELOADS:
        await pbx.cli(command)


async def own_secrets(pbx: Pbx) -> None:
    change(
        pbx, "manager_ringback.conf", *((AMI_SECRETS[user], secret) for user, secret in OWN_SECRETS.items())
    )
    await reload(pbx)


async def test_the_shipped_set_up_lacks_nothing_but_secrets_of_its_own(own_pbx: Pbx) -> None:
    told = missing(await look(own_pbx, AMI_SECRETS))
    assert [text.split(" has ")[1] for text in told] == [
        "the secret of the example, which everybody knows"
    ] * 2
    await own_secrets(own_pbx)
    findings = await look(own_pbx)
    assert missing(findings) == []
    assert missing(await look(own_pbx, sounds="/usr/share/asterisk/sounds/ringback/")) == []
    assert missing(await look(own_pbx, sounds="/mnt/sounds")) == [
        "prompts are put into /mnt/sounds, and the PBX plays them out of /usr/share/asterisk/sounds/ringback"
    ]
    assert findings[0].text.startswith(
        f"reached {own_pbx.place.pbx}:5038, Asterisk {await own_pbx.release()}"
    )
    # Debian's Asterisk 22 is built with that patch: `pbx_bridge/check/needs.py`.
    assert {finding.mark for finding in findings if "patched for Opus" not in finding.text} == {Mark.OK}


async def test_what_is_wrong_is_found_and_the_printed_lines_mend_it(own_pbx: Pbx) -> None:
    await own_secrets(own_pbx)
    change(
        own_pbx,
        "manager_ringback.conf",
        ("read = call,agent,user,cdr", "read = call,agent,dialplan"),
        ("write = reporting", "write = reporting,system"),
        ("write = originate,call,agent", "write = call,agent"),
        ("writetimeout = 5000\n", ""),
        ("eventfilter = Event: OriginateResponse\n", ""),
        ("permit = 127.0.0.1/255.255.255.255\n", ""),
        ("deny = 0.0.0.0/0.0.0.0\n", ""),
    )
    change(own_pbx, "manager.conf", ("timestampevents = yes", "timestampevents = no"))
    change(own_pbx, "cdr_manager.conf", ("enabled = yes", "enabled = no"))
    change(own_pbx, "extensions.conf", ("#include extensions_ringback.conf", ""))
    await reload(own_pbx)
    findings = await look(own_pbx)
    assert missing(findings) == [
        "events user ringback-events may do more than it needs: write has system; a stolen secret would command "
        "the PBX",
        "events user ringback-events does not hear enough: read lacks cdr, user",
        "events user ringback-events hears more than it needs: read has dialplan",
        "events user ringback-events may log in from anywhere: it has no permit line",
        "the PBX would cut us off in the first burst (writetimeout)",
        "events do not carry the PBX's own time: seconds in the log would be ours",
        "Cdr events are off: calls that end in a mailbox would look missed",
        "the shipped dialplan is not there: none of its contexts exists",
        "dial user ringback-dial may not do enough: write lacks originate",
        "dial user ringback-dial may log in from anywhere: it has no permit line",
        "the dial user is sent every call event, and needs one",
    ]
    for finding in findings:
        mend(own_pbx.folder / "etc", finding.lines)
    await reload(own_pbx)
    assert missing(await look(own_pbx)) == []


def mend(folder: Path, lines: tuple[str, ...]) -> None:
    """Do what the lines say, as an administrator would: each `name = value` into the section they name."""
    if not lines:
        return
    named = re.findall(r"\b(manager|cdr_manager|extensions)\.conf", lines[0] + lines[1])
    file, section = named[-1], "general"
    for line in lines:
        if found := re.search(r"\[([\w-]+)\]", line):
            section = found[1]
        if line.startswith("#include"):
            with (folder / f"{file}.conf").open("a") as conf:
                conf.write(f"\n{line}\n")
        elif " = " in line and not line.startswith(("in ", "and ", "then", "(")):
            name, value = line.split(" = ")
            put(folder, file, section, name, value.replace("<address of this server>", "127.0.0.1"))


def put(folder: Path, file: str, section: str, name: str, value: str) -> None:
    holders = [path for path in (folder / f"{file}.conf", folder / "manager_ringback.conf") if path.exists()]
    path = next(path for path in holders if f"[{section}]" in path.read_text())
    head, body = path.read_text().split(f"[{section}]\n", 1)
    body, *rest = re.split(r"(?m)^(?=\[)", body, maxsplit=1)
    body = re.sub(rf"(?m)^{name} = .*\n", "", body).rstrip("\n")
    # At the end: of deny and permit the later one wins.
    path.write_text(f"{head}[{section}]\n{body}\n{name} = {value}\n\n{''.join(rest)}")


async def test_a_trunk_that_is_not_there(pbx: Pbx) -> None:
    findings = await look(pbx, AMI_SECRETS, trunks=("PJSIP/trunk", "PJSIP/trnk", "DAHDI/i1"))
    told = {finding.text: finding for finding in findings if "trunk" in finding.text or "/" in finding.text}
    assert "trunk PJSIP/trunk exists" in told
    absent = told["there is no PJSIP/trnk: calls from outside would look internal"]
    assert "PJSIP/trunk" in absent.lines[1]
    assert any("DAHDI/i1" in text and told[text].mark is Mark.NOTE for text in told)


async def test_a_wrong_secret_does_not_hide_the_other_user(pbx: Pbx) -> None:
    findings = await look(pbx, AMI_SECRETS | {"ringback-events": "wrong"})
    refused, *others = findings
    assert refused.text.startswith(f"Asterisk at {pbx.place.pbx}:5038 refused the login of 'ringback-events'")
    assert refused.lines[1:3] == ("[ringback-events]", "secret = <as in the settings>")
    assert any(finding.text.startswith("dial user ringback-dial is logged in") for finding in others)


async def test_a_pbx_that_does_not_show_its_files_is_still_judged(own_pbx: Pbx) -> None:
    await own_secrets(own_pbx)
    await own_pbx.cli("module unload func_config.so")
    findings = await look(own_pbx)
    assert missing(findings) == []
    notes = [finding.text for finding in findings if finding.mark is Mark.NOTE]
    assert any("[ringback-events] says read = call,agent,user,cdr" in text for text in notes)
    assert any("timestampevents = yes" in text for text in notes)


async def test_a_dialplan_of_an_earlier_release_and_a_module_that_is_not_loaded(own_pbx: Pbx) -> None:
    await own_secrets(own_pbx)
    await own_pbx.cli("dialplan remove context ringback-place")
    await own_pbx.cli("module unload app_senddtmf.so")
    assert missing(await look(own_pbx)) == [
        "the shipped dialplan is not all there, or of an earlier release: no context ringback-place",
        "callbacks need modules that are not loaded: app_senddtmf",
    ]


async def test_without_queues_nobody_lacks_the_right_to_pause(own_pbx: Pbx) -> None:
    await own_secrets(own_pbx)
    await own_pbx.cli("module unload app_queue.so")
    assert missing(await look(own_pbx)) == []
