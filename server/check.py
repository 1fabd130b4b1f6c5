"""`ringback check-pbx`: prints one line for each thing that was looked at on each PBX of the settings, and under what
is missing the lines to add. The looking is done in `pbx_bridge/check_pbx.py`."""

from __future__ import annotations

from collections.abc import Iterable

from config.settings import Settings
from core.clock import system_clock
from core.errors import SettingsError
from pbx_bridge.ami_target import LinkRole, target_of
from pbx_bridge.check_pbx import check_pbx
from pbx_bridge.check_rules import Finding, Mark

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
        print("\n".join(lines_of(findings)))
        missing += sum(finding.mark is Mark.MISSING for finding in findings)
    print(f"{missing} missing" if missing else "nothing is missing")
    return missing == 0


def lines_of(findings: Iterable[Finding]) -> list[str]:
    """As they are printed: a sign, the PBX, a sentence; what to add stands below, indented."""
    told: list[str] = []
    for finding in findings:
        told.append(f"{SIGNS[finding.mark]} {finding.pbx}: {finding.text}")
        told += [f"      {line}" for line in finding.lines]
    return told
