"""*Pure.* When a task is due, as people write it in a form and read it on a screen. A task due at some time of a day
is due at the last minute of that day by the site's clock, and shown as the day alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import InvalidInputError

LAST_MINUTE = time(23, 59)


def due_of(day: str, clock: str, zone: ZoneInfo) -> float:
    """`2026-11-24` and `15:00`, or no time, to an instant. Raises InvalidInputError (field `due`)."""
    try:
        wall = datetime.combine(
            date.fromisoformat(day), time.fromisoformat(clock) if clock else LAST_MINUTE, zone
        )
        return wall.timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidInputError("say by which day it is to be done", field="due") from error


def due_words(due_at: float, now: float, zone: ZoneInfo) -> str:
    """today, tomorrow 15:00, Tue 24 Nov, 3 Jan 2027."""
    due, today = _local(due_at, zone), _local(now, zone).date()
    clock = "" if is_whole_day(due_at, zone) else f" {due:%H:%M}"
    return f"{_day(due.date(), today)}{clock}"


def is_whole_day(due_at: float, zone: ZoneInfo) -> bool:
    return _local(due_at, zone).time().replace(second=0, microsecond=0) == LAST_MINUTE


def form_day(at: float, zone: ZoneInfo) -> str:
    return _local(at, zone).date().isoformat()


def form_time(at: float, zone: ZoneInfo) -> str:
    return "" if is_whole_day(at, zone) else f"{_local(at, zone):%H:%M}"


def _day(day: date, today: date) -> str:
    near = {today - timedelta(1): "yesterday", today: "today", today + timedelta(1): "tomorrow"}
    if day in near:
        return near[day]
    if timedelta(0) < day - today < timedelta(7):
        return f"{day:%A}"
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


def _local(at: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)
