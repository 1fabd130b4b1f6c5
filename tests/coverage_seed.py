"""What runs of the auditor leave behind, for pages to show: a month of days with three queues, findings of every kind
about the calls of `seed.py`, and a run that is done. Deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert, select

from core.db import Database
from pbx_bridge.tables import Call
from recordings.coverage.findings import Closed, FindingKind, Why
from recordings.coverage.tables import AuditDay, AuditFinding, AuditRun
from recordings.kinds import NoAudio
from tests.seed import NOW, PBX

TODAY = date(2026, 11, 21)
QUEUES = ("sales", "support", '<b>"complaints"</b>', "")
REASONS: dict[FindingKind, NoAudio | Why] = {
    FindingKind.MISSING: NoAudio.NO_FILE_CAME,
    FindingKind.TRUNCATED: NoAudio.SHORTER_THAN_TALK,
    FindingKind.LOST: Why.ORIGINAL,
    FindingKind.WRONG_LENGTH: Why.BYTES,
    FindingKind.CHECKSUM: Why.CONTENT,
    FindingKind.SILENT_SIDE: Why.CUSTOMER,
    FindingKind.NO_CALL: Why.UNKNOWN_CALL,
    FindingKind.STRAY: Why.NO_ROW,
    FindingKind.LEFT_BEHIND: Why.IN_DONE,
}
WITHOUT_CALL = {FindingKind.NO_CALL, FindingKind.STRAY, FindingKind.LEFT_BEHIND}


async def seed_coverage(database: Database, *, findings: int = 60, days: int = 30) -> None:
    async with database.read() as connection:
        calls = (
            await connection.execute(
                select(Call.id, Call.started_at, Call.queue)
                .where(Call.result == "answered")
                .order_by(Call.started_at.desc())
                .limit(40)
            )
        ).all()
    async with database.write() as connection:
        await connection.execute(insert(AuditDay), _days(days))
        if findings:
            await connection.execute(insert(AuditFinding), [_finding(one, calls) for one in range(findings)])
        await connection.execute(insert(AuditRun).values(run(is_running=None, outcome="done")))


def run(**changes: Any) -> dict[str, Any]:
    begun = NOW - 3600
    row = {
        "asked_by": "night", "started_at": begun, "beat_at": NOW, "ended_at": begun + 40,
        "since": NOW - 7 * 86_400, "step": "folders", "progress": 1.0, "calls": 812, "recordings": 790,
        "objects": 3160, "found": 4, "mended": 2,
    }  # fmt: skip
    return row | changes


def _days(days: int) -> list[dict[str, Any]]:
    rows = []
    for back in range(days):
        day = (TODAY - timedelta(days=back)).isoformat()
        for number, queue in enumerate(QUEUES):
            busy = 0 if back % 7 == 6 else 40 - 9 * number + (back * 7) % 11
            counts = (
                ("kept", "", busy),
                ("missing", "no_file_came", (back + number) % 5 == 0 and 3),
                ("partly", "shorter_than_talk", (back + number) % 9 == 0 and 2),
                ("off", "queue_off", number == 1 and 4),
                ("erased", "retention", back > 20 and 5),
                ("awaited", "", back == 0 and 1),
            )
            rows += [
                {"day": day, "queue": queue, "state": state, "reason": reason, "calls": calls}
                for state, reason, calls in counts
                if calls
            ]
    return rows


def _finding(number: int, calls: Sequence[Any]) -> dict[str, Any]:
    kind = tuple(FindingKind)[number % len(FindingKind)]
    call = calls[number % len(calls)]
    has_call = kind not in WITHOUT_CALL
    is_closed = number % 6 == 5
    subject = {
        FindingKind.STRAY: f"{number:032x}/original.wav",
        FindingKind.LEFT_BEHIND: f"{PBX}:done/rb~1790000000.{number}~1790000000.{number}~1790000000~c.rx.wav",
    }.get(kind, f"{number:032x}")
    return {
        "kind": kind, "subject": call.id + f"#{number}" if kind is FindingKind.MISSING else subject,
        "reason": REASONS[kind], "detail": "12 of 240 seconds" if kind is FindingKind.TRUNCATED else "",
        "call_id": call.id if has_call else None, "recording_id": f"{number:032x}" if has_call else None,
        "pbx": PBX, "queue": call.queue, "at": call.started_at - number, "found_at": NOW - 3600, "run_id": 1,
        "closed_at": NOW - 60 if is_closed else None, "closed_how": Closed.RELINKED if is_closed else None,
    }  # fmt: skip
