"""`ringback recordings audit`: one comparison now, beside a running server or without one, and what it found in lines
or as JSON. The work is `recordings/coverage/auditor.py`'s."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from config.logging import set_up
from config.settings import Settings
from core.bus import Bus
from core.clock import iso, system_clock
from core.db import Database
from core.errors import InvalidInputError
from recordings.coverage.book import STEPS, Step
from recordings.coverage.findings import FindingKind
from recordings.intake import Intake
from recordings.kinds import AudioState
from server.people.command import open_database
from server.recordings import coverage_words
from server.recordings.audit import make_auditor
from server.recordings.parts import make_store
from server.recordings.words import STATES
from server.views.coverage import (
    Coverage,
    FindingFilter,
    FindingLine,
    RunLine,
    Standing,
    count_open,
    read_coverage,
    read_findings,
    read_this_run,
)

BY_COMMAND = "command line"
SHOWN = 200
"""Findings printed; the page has all of them."""


async def audit(settings: Settings, since: str | None, *, as_json: bool) -> None:
    """Raises InvalidInputError for a day that is none, ConflictError while another run goes on, StoreError."""
    # What is printed is the answer: the log goes to standard error, and says no more than what is wrong.
    set_up(settings.log.model_copy(update={"level": "WARNING"}))
    first = _day(since)
    async with open_database(settings) as database:
        bus, store = Bus(), make_store(settings, database)
        transcribes = settings.recordings.transcription.engine != "none"
        intake = Intake(database, store, bus, system_clock, transcribes=transcribes)
        auditor = make_auditor(settings, database, store, intake, bus, system_clock)
        try:
            run_id = await auditor.audit(BY_COMMAND, first, _tell)
        finally:
            await store.close()
            if sys.stderr.isatty():
                print("\r\x1b[K", end="", file=sys.stderr)
        run, coverage, counts, findings = await _read(settings, database, run_id)
    if as_json:
        print(json.dumps(_as_json(run, coverage, counts, findings), indent=2, ensure_ascii=False))
    else:
        _print(run, coverage, counts, findings)


async def _read(
    settings: Settings, database: Database, run_id: int
) -> tuple[RunLine, Coverage, Mapping[FindingKind, int], list[FindingLine]]:
    zone = ZoneInfo(settings.site.time_zone)
    async with database.read() as connection:
        run = await read_this_run(connection, run_id)
        last = datetime.fromtimestamp(run.started_at, UTC).astimezone(zone).date()
        first = min(last, datetime.fromtimestamp(run.since, UTC).astimezone(zone).date())
        coverage = await read_coverage(connection, first, last)
        findings, _ = await read_findings(connection, FindingFilter(), limit=SHOWN)
        return run, coverage, await count_open(connection), list(findings)


def _print(
    run: RunLine, coverage: Coverage, counts: Mapping[FindingKind, int], findings: list[FindingLine]
) -> None:
    print(f"{run.calls} answered calls, {run.recordings} recordings, {run.objects} files in the store")
    for day, standing in coverage.days.items():
        print(f"  {day}  {_percent(standing):>8}  {_states(standing)}")
    for one in findings:
        what = one.call_id or one.subject
        detail = f" ({one.detail})" if one.detail else ""
        print(f"{coverage_words.KINDS[one.kind]}: {what}: {coverage_words.why(one.reason)}{detail}")
    if (open_now := sum(counts.values())) > len(findings):
        print(f"… and {open_now - len(findings)} more: see /recordings/coverage")
    print(f"{open_now} open findings, {run.mended} set right, {run.closed} settled by themselves")


def _percent(standing: Standing) -> str:
    return "–" if standing.coverage is None else f"{100 * standing.coverage:.1f} %"


def _states(standing: Standing) -> str:
    there = ((STATES[state].lower(), standing.states[state]) for state in AudioState)
    return ", ".join(f"{number} {name}" for name, number in there if number) or "no answered calls"


def _as_json(
    run: RunLine, coverage: Coverage, counts: Mapping[FindingKind, int], findings: list[FindingLine]
) -> dict[str, Any]:
    return {
        "calls": run.calls,
        "recordings": run.recordings,
        "objects": run.objects,
        "bytes_read": run.bytes_read,
        "mended": run.mended,
        "settled": run.closed,
        "coverage": coverage.total.coverage,
        "days": [
            {"day": day.isoformat(), "coverage": one.coverage, "states": dict(one.states)}
            for day, one in coverage.days.items()
        ],
        "open": dict(counts),
        "findings": [_finding(one) for one in findings],
    }


def _finding(one: FindingLine) -> dict[str, Any]:
    names = ("kind", "subject", "reason", "detail", "call_id", "recording_id", "pbx", "queue")
    return {name: getattr(one, name) for name in names} | {"at": iso(one.at), "found_at": iso(one.found_at)}


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{text!r} is no day: write it as 2026-11-21") from None


def _tell(step: Step, part: float) -> None:
    if sys.stderr.isatty():
        whole = 100 * (STEPS.index(step) + part) / len(STEPS)
        print(f"\r{coverage_words.STEPS[step]} … {whole:.0f} %\x1b[K", end="", file=sys.stderr, flush=True)
