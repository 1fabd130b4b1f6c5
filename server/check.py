"""`ringback check-pbx`: prints one line for each thing that was looked at on each PBX of the settings, and under what
is missing the lines to add. The looking is done in `pbx_bridge/check_pbx.py`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from config.settings import Pbx, Settings
from core.clock import system_clock
from core.errors import SettingsError
from pbx_bridge.ami_target import LinkRole, target_of
from pbx_bridge.check_pbx import check_pbx
from pbx_bridge.check_rules import Finding, Mark
from recordings.folder import DONE, PART

SIGNS = {Mark.OK: "✓", Mark.MISSING: "✗", Mark.NOTE: "•"}


async def check(settings: Settings) -> bool:
    """Look at every PBX and print. True when nothing is missing. Raises SettingsError without a PBX."""
    if not settings.pbx:
        raise SettingsError("no PBX is set: add a section [pbx.main] (see config/example.toml)")
    missing = 0
    for name, pbx in settings.pbx.items():
        events = target_of(name, pbx, pbx.events, LinkRole.EVENTS)
        dial = target_of(name, pbx, pbx.dial, LinkRole.DIAL) if pbx.dial is not None else None
        findings = await check_pbx(events, dial, pbx.trunks, clock=system_clock)
        findings += await asyncio.to_thread(recording_findings, name, pbx)
        print("\n".join(lines_of(findings)))
        missing += sum(finding.mark is Mark.MISSING for finding in findings)
    print(f"{missing} missing" if missing else "nothing is missing")
    return missing == 0


def recording_findings(name: str, pbx: Pbx) -> list[Finding]:
    """Whether this server can take recordings out of the folders of the settings."""
    told: list[Finding] = []
    if pbx.recordings is not None:
        wrong = [
            f"{pbx.recordings / part}: {problem}"
            for part in (PART, DONE)
            if (problem := _problem_with(pbx.recordings / part, os.R_OK | os.W_OK | os.X_OK)) is not None
        ]
        lines = (
            "on the machine of the PBX, with a group that both users are in:",
            f"install -d -o asterisk -g ringback -m 2770 {pbx.recordings / PART} {pbx.recordings / DONE}",
        )
        text = "; ".join(wrong)
        told.append(
            Finding(name, Mark.MISSING, f"recordings cannot be taken from {text}", lines)
            if wrong
            else Finding(name, Mark.OK, f"recordings can be taken from {pbx.recordings}")
        )
    if pbx.own_recordings is not None:
        problem = _problem_with(pbx.own_recordings, os.R_OK | os.X_OK)
        told.append(
            Finding(name, Mark.MISSING, f"the PBX's own recordings in {pbx.own_recordings}: {problem}")
            if problem
            else Finding(name, Mark.OK, f"the PBX's own recordings can be read in {pbx.own_recordings}")
        )
    return told


def _problem_with(folder: Path, access: int) -> str | None:
    if not folder.is_dir():
        return "there is no such folder"
    return None if os.access(folder, access) else "this user has no right to it"


def lines_of(findings: Iterable[Finding]) -> list[str]:
    """As they are printed: a sign, the PBX, a sentence; what to add stands below, indented."""
    told: list[str] = []
    for finding in findings:
        told.append(f"{SIGNS[finding.mark]} {finding.pbx}: {finding.text}")
        told += [f"      {line}" for line in finding.lines]
    return told
