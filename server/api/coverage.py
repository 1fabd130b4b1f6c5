"""What is kept of answered calls, for programs: coverage by day and queue, and what the auditor found wrong. Both are
what its last runs wrote; asking compares nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError
from recordings.coverage.findings import Closed, FindingKind, Why
from recordings.kinds import AudioState, NoAudio
from server.api.operation import operation
from server.api.shapes import Day, Given, Instant, Page, Paging, Taken
from server.views.coverage import FindingFilter, Standing, read_coverage, read_findings, read_run
from server.web.keys import CLOCK, DATABASE, ZONE

MOST_DAYS = 366
DAYS = 7


class CoverageQuery(Taken):
    """Days of the site, both included."""

    since: Day | None = Field(None, description="Else six days before `until`.")
    until: Day | None = Field(None, description="Else today.")
    queue: str | None = Field(None, min_length=1, max_length=80)


class CoverageReason(Given):
    """Why some calls are not simply kept."""

    state: AudioState
    reason: NoAudio | Why
    calls: int


class CoverageDay(Given):
    """The answered calls of a day and a queue, by how their audio stands."""

    day: date
    queue: str | None = Field(description="Null for calls of no queue.")
    coverage: float | None = Field(
        description="Kept ÷ (kept + partly + missing); null where nothing was to be kept."
    )
    kept: int
    partly: int
    missing: int
    awaited: int
    off: int = Field(description="Not recorded, on purpose.")
    erased: int
    reasons: list[CoverageReason]


class CoverageAnswer(Given):
    compared_at: Instant | None = Field(description="When the last comparison ended; null before the first.")
    running: bool = Field(description="Whether one goes on.")
    coverage: float | None = Field(description="Over all these days and queues.")
    days: list[CoverageDay] = Field(description="Days without answered calls are left out.")


class FindingQuery(Paging):
    """Which findings; all given conditions must hold."""

    kind: FindingKind | None = None
    open: bool = Field(True, description="False: those that are settled.")
    queue: str | None = Field(None, min_length=1, max_length=80)
    call_id: str | None = Field(None, min_length=1, max_length=255)


class Finding(Given):
    """Something that is wrong, or was."""

    id: int
    kind: FindingKind
    subject: str = Field(description="A call, a recording, a key of the store, or a file of a PBX's folder.")
    reason: NoAudio | Why
    detail: str = Field(description="Figures, for people.")
    call_id: str | None
    recording_id: str | None
    pbx: str
    queue: str | None
    at: Instant = Field(description="Of the call, the recording or the file.")
    found_at: Instant
    closed_at: Instant | None
    closed_how: Closed | None


class FindingPage(Page):
    findings: list[Finding] = Field(description="Newest first.")


@operation("How much of what was said is kept", tag="Recordings")
async def read_kept(request: web.Request, query: CoverageQuery) -> CoverageAnswer:
    """As the last comparison found it, by day and queue. At most 366 days at once."""
    today = datetime.fromtimestamp(request.app[CLOCK](), UTC).astimezone(request.app[ZONE]).date()
    last = query.until or today
    first = query.since or last - timedelta(days=DAYS - 1)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise InvalidInputError(f"since is at most {MOST_DAYS - 1} days before until", field="since")
    async with request.app[DATABASE].read() as connection:
        coverage = await read_coverage(connection, first, last, query.queue)
        running = await read_run(connection, is_running=True)
        ended = await read_run(connection, is_running=False)
    return CoverageAnswer(
        compared_at=ended.ended_at if ended else None,
        running=running is not None,
        coverage=coverage.total.coverage,
        days=[_day(day, queue, standing) for (day, queue), standing in coverage.each.items()],
    )


@operation("What is wrong with recordings", tag="Recordings")
async def list_findings(request: web.Request, query: FindingQuery) -> FindingPage:
    """A finding settles itself when a later comparison does not see it any more."""
    wanted = FindingFilter(query.kind, query.open, query.queue, query.call_id)
    async with request.app[DATABASE].read() as connection:
        rows, after = await read_findings(connection, wanted, after=query.after, limit=query.limit)
    return FindingPage(findings=[Finding.model_validate(row) for row in rows], next=after)


def _day(day: date, queue: str, standing: Standing) -> CoverageDay:
    reasons = [
        CoverageReason(state=state, reason=_reason(reason), calls=calls)
        for (state, reason), calls in standing.reasons.items()
    ]
    return CoverageDay(
        day=day,
        queue=queue or None,
        coverage=standing.coverage,
        reasons=reasons,
        kept=standing.states[AudioState.KEPT],
        partly=standing.states[AudioState.PARTLY],
        missing=standing.states[AudioState.MISSING],
        awaited=standing.states[AudioState.AWAITED],
        off=standing.states[AudioState.OFF],
        erased=standing.states[AudioState.ERASED],
    )


def _reason(text: str) -> NoAudio | Why:
    return NoAudio(text) if text in set(NoAudio) else Why(text)
