"""`ringback check-pbx`: prints one line for each thing that was looked at on each PBX of the settings, and under what
is missing the lines to add. The looking is done in `pbx_bridge/check/pbx.py`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from config.settings import Pbx, Settings
from core.clock import system_clock
from core.db import Database
from core.errors import SettingsError
from pbx_bridge.ami.target import LinkRole, target_of
from pbx_bridge.check.pbx import check_pbx
from pbx_bridge.check.rules import Finding, Mark
from recordings.folder import DONE, PART
from server.views.prompts import read_places

SIGNS = {Mark.OK: "✓", Mark.MISSING: "✗", Mark.NOTE: "•"}


async def check(settings: Settings) -> bool:
    """Look at every PBX and print. True when nothing is missing. Raises SettingsError without a PBX."""
    if not settings.pbx:
        raise SettingsError("no PBX is set: add a section [pbx.main] (see config/example.toml)")
    missing = 0
    for name, pbx in settings.pbx.items():
        events = target_of(name, pbx, pbx.events, LinkRole.EVENTS)
        dial = target_of(name, pbx, pbx.dial, LinkRole.DIAL) if pbx.dial is not None else None
        findings = await check_pbx(
            events, dial, pbx.trunks, clock=system_clock, sounds=str(pbx.sounds) if pbx.sounds else None
        )
        findings += await asyncio.to_thread(recording_findings, name, pbx)
        findings += await prompt_findings(settings, name, pbx)
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


async def prompt_findings(settings: Settings, name: str, pbx: Pbx) -> list[Finding]:
    """Whether uploaded prompts can reach this PBX, and which have not."""
    told: list[Finding] = []
    if pbx.sounds is not None:
        problem = await asyncio.to_thread(_problem_with, pbx.sounds, os.R_OK | os.W_OK | os.X_OK)
        lines = (
            "on the machine of the PBX, with a group that both users are in:",
            f"install -d -o asterisk -g ringback -m 2775 {pbx.sounds}",
        )
        told.append(
            Finding(name, Mark.MISSING, f"prompts cannot be put into {pbx.sounds}: {problem}", lines)
            if problem
            else Finding(name, Mark.OK, f"prompts can be put into {pbx.sounds}")
        )
    lacking = await _lacking_prompts(settings, name)
    if lacking:
        lines = (
            f"set pbx.{name}.sounds to a folder that both machines see,",
            "or install ringback-prompts.sh on the PBX (docs/recordings.md)",
        )
        text = f"prompts that were uploaded are not on the PBX: {', '.join(lacking)}"
        told.append(Finding(name, Mark.MISSING, text, () if pbx.sounds else lines))
    return told


async def _lacking_prompts(settings: Settings, name: str) -> list[str]:
    """None where there is no database yet: whoever sets a PBX up may not have begun."""
    database = Database(settings.database.url)
    file = Path(database.url.database or "")
    try:
        if database.is_sqlite and not await asyncio.to_thread(file.is_file):
            return []
        async with database.read() as connection:
            places = await read_places(connection, (name,))
    except DBAPIError:
        return []
    finally:
        await database.close()
    return [str(place.name) for place in places if not place.is_everywhere]


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
