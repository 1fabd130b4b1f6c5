"""The managers' page of what is kept: coverage by day and queue, what the auditor found wrong, and "compare now".
What it shows was written by the auditor's last runs; looking at it compares nothing."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from core.errors import ConflictError
from recordings.coverage.findings import FindingKind
from recordings.kinds import AudioState
from server.recordings import coverage_words
from server.recordings import words as recording_words
from server.recordings.audit import AUDITOR
from server.views.coverage import (
    FindingFilter,
    count_open,
    read_audited_queues,
    read_coverage,
    read_findings,
    read_run,
)
from server.views.coverage_filter import LABELS, CoverageFilter, Show, read_coverage_filter
from server.views.coverage_picture import draw
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, ZONE
from server.web.pages import render, see_other

PAGE, SHOWN, ROWS = "recordings/coverage.html", "recordings/_coverage.html", "recordings/_findings.html"
HOME = "/recordings/coverage"


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx what changed: figures and findings, or the rows that follow a cursor."""
    wanted, after = _filter(request), request.query.get("after")
    template = _template(request, after)
    finding = FindingFilter(wanted.kind, wanted.show is Show.OPEN, wanted.queue)
    async with request.app[DATABASE].read() as connection:
        findings, following = await read_findings(connection, finding, after=after)
        shown: dict[str, Any] = {"filter": wanted, "findings": findings, "next": following, **_words()}
        if template == ROWS:
            return render(request, template, **shown)
        coverage = await read_coverage(connection, wanted.first, wanted.last, wanted.queue)
        counts = await count_open(connection)
        queues = await read_audited_queues(connection, wanted.first)
        running = await read_run(connection, is_running=True)
        last = await read_run(connection, is_running=False)
    return render(
        request,
        template,
        **shown,
        coverage=coverage,
        picture=draw(coverage.days),
        counts=counts,
        queues=sorted({*queues, wanted.queue} - {None}, key=str),
        run=running,
        is_asked=_is_asked(request),
        last=last,
        can_run=AUDITOR in request.app,
    )


async def show_run(request: web.Request) -> web.StreamResponse:
    """How far the run is; when it is over, the page is to be read again."""
    async with request.app[DATABASE].read() as connection:
        running = await read_run(connection, is_running=True)
    if running is None and not _is_asked(request):
        return web.Response(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
    return render(request, "recordings/_coverage_run.html", run=running, **_words())


async def compare_now(request: web.Request) -> web.StreamResponse:
    """Begin a run; one that goes on is shown instead."""
    auditor = request.app.get(AUDITOR)
    if auditor is None:
        raise ConflictError("nothing is recorded here that could be compared")
    auditor.ask(current_user(request).login)
    raise see_other(HOME)


def _is_asked(request: web.Request) -> bool:
    auditor = request.app.get(AUDITOR)
    return auditor is not None and auditor.is_asked


def _filter(request: web.Request) -> CoverageFilter:
    return read_coverage_filter(request.query, request.app[CLOCK](), request.app[ZONE])


def _words() -> dict[str, Any]:
    return {
        "words": coverage_words,
        "sound_words": recording_words,
        "kinds": list(FindingKind),
        "spans": LABELS,
        "State": AudioState,
    }


def _template(request: web.Request, after: str | None) -> str:
    if "HX-Request" not in request.headers:
        return PAGE
    return ROWS if after else SHOWN
