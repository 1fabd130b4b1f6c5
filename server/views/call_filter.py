"""*Pure.* The call log's question: query parameters in, a `CallFilter` out, and back into a query, so that every
figure can link to its calls. Days are the site's own (a day with a clock change has 23 or 25 hours)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from core.errors import InvalidInputError
from core.facts import Direction, Verdict

TEXT_LIMIT = 80

E = TypeVar("E", bound=StrEnum)


class When(StrEnum):
    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "7d"
    MONTH = "30d"
    ALL = "all"
    CUSTOM = "custom"


class PopOutcome(StrEnum):
    """Whether every ringing desk had the card before the answer (rule P6)."""

    LATE = "late"


WHEN_LABELS = {
    When.TODAY: "Today",
    When.YESTERDAY: "Yesterday",
    When.WEEK: "Last 7 days",
    When.MONTH: "Last 30 days",
    When.ALL: "All time",
    When.CUSTOM: "Between two days",
}


@dataclass(frozen=True, slots=True)
class CallFilter:
    """`since` and `until` are instants, `until` is not included. `first_day` and `last_day` are what was typed."""

    when: When
    since: float | None = None
    until: float | None = None
    first_day: date | None = None
    last_day: date | None = None
    direction: Direction | None = None
    verdict: Verdict | None = None
    agent: int | None = None
    queue: str | None = None
    number: str | None = None
    pop: PopOutcome | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether more than the time is asked for."""
        return any((self.direction, self.verdict, self.agent, self.queue, self.number, self.pop))

    def query(self, **changes: object) -> str:
        """As a query string, with some parts changed (None removes one)."""
        values = {
            **self.days(),
            "direction": self.direction,
            "verdict": self.verdict,
            "agent": self.agent,
            "queue": self.queue,
            "number": self.number,
            "pop": self.pop,
        }
        return query_string(values, changes)

    def days(self) -> dict[str, object]:
        """The time that is asked for, as parameters."""
        return {
            "when": self.when.value,
            "from": self.first_day.isoformat() if self.first_day else None,
            "to": self.last_day.isoformat() if self.last_day else None,
        }

    def without_verdict(self) -> CallFilter:
        return replace(self, verdict=None)


def query_string(values: Mapping[str, object], changes: Mapping[str, object]) -> str:
    """Parameters with some changed (None removes one); another `when` forgets the days that were typed."""
    forgotten = {"from": None, "to": None} if changes.get("when") else {}
    chosen = {**values, **forgotten, **changes}
    return urlencode({name: value for name, value in chosen.items() if value is not None})


def given_in(query: Mapping[str, str]) -> dict[str, str]:
    """The parameters that are not empty, each at most `TEXT_LIMIT` long."""
    return {name: value.strip()[:TEXT_LIMIT] for name, value in query.items() if value.strip()}


def read_filter(query: Mapping[str, str], now: float, zone: ZoneInfo) -> CallFilter:
    """Empty parameters count as absent. Raises InvalidInputError naming the parameter it cannot use."""
    given = given_in(query)
    first, last = _day(given, "from"), _day(given, "to")
    when = choice(given, "when", When) or (When.CUSTOM if first or last else When.WEEK)
    if when is not When.CUSTOM:
        first = last = None
    if first and last and last < first:
        raise InvalidInputError("the last day is before the first one", field="to")
    since, until = _range(when, first, last, now, zone)
    return CallFilter(
        when=when,
        since=since,
        until=until,
        first_day=first,
        last_day=last,
        direction=choice(given, "direction", Direction),
        verdict=choice(given, "verdict", Verdict),
        agent=_number(given, "agent"),
        queue=given.get("queue"),
        number=given.get("number"),
        pop=choice(given, "pop", PopOutcome),
    )


def _range(
    when: When, first: date | None, last: date | None, now: float, zone: ZoneInfo
) -> tuple[float | None, float | None]:
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).date()

    def midnight(day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()

    match when:
        case When.TODAY:
            return midnight(today), None
        case When.YESTERDAY:
            return midnight(today - timedelta(days=1)), midnight(today)
        case When.WEEK:
            return midnight(today - timedelta(days=6)), None
        case When.MONTH:
            return midnight(today - timedelta(days=29)), None
        case When.CUSTOM:
            return (
                midnight(first) if first else None,
                midnight(last + timedelta(days=1)) if last else None,
            )
        case When.ALL:
            return None, None


def choice(given: Mapping[str, str], name: str, kind: type[E]) -> E | None:
    """One of a closed set, None when it is not given. Raises InvalidInputError."""
    text = given.get(name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InvalidInputError(f"{name} is one of {', '.join(kind)}", field=name) from None


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInputError(f"{name} is a number", field=name)
    return int(text)


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{name} is a day such as 2026-11-21", field=name) from None
    if not 1990 <= day.year <= 2200:
        raise InvalidInputError(f"{name} is a day between 1990 and 2200", field=name)
    return day
