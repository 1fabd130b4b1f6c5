"""*Pure.* The question of the coverage page: query parameters in, days, queue and kind of findings out, and back into a
query, so that every figure links to what it counts. Days are the site's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from recordings.coverage.findings import FindingKind
from server.views.call_filter import choice, given_in, query_string


class Span(StrEnum):
    """How far back."""

    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"


DAYS: Mapping[Span, int] = {Span.WEEK: 7, Span.MONTH: 30, Span.QUARTER: 90}
LABELS: Mapping[Span, str] = {Span.WEEK: "7 days", Span.MONTH: "30 days", Span.QUARTER: "90 days"}


class Show(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CoverageFilter:
    """`first` and `last` are days, both included."""

    span: Span
    first: date
    last: date
    queue: str | None = None
    kind: FindingKind | None = None
    show: Show = Show.OPEN

    def query(self, **changes: object) -> str:
        """As a query string, with some parts changed (None removes one)."""
        values = {
            "when": self.span.value,
            "queue": self.queue,
            "kind": self.kind,
            "show": self.show if self.show is not Show.OPEN else None,
        }
        return query_string(values, changes)

    def calls_of(self, day: date) -> str:
        """The query of the call log for the answered calls of a day."""
        values = {"from": day.isoformat(), "to": day.isoformat(), "verdict": "answered", "queue": self.queue}
        return query_string(values, {})


def read_coverage_filter(query: Mapping[str, str], now: float, zone: ZoneInfo) -> CoverageFilter:
    """Empty parameters count as absent. Raises InvalidInputError naming the parameter it cannot use."""
    given = given_in(query)
    span = choice(given, "when", Span) or Span.WEEK
    last = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    return CoverageFilter(
        span=span,
        first=last - timedelta(days=DAYS[span] - 1),
        last=last,
        queue=given.get("queue"),
        kind=choice(given, "kind", FindingKind),
        show=choice(given, "show", Show) or Show.OPEN,
    )
