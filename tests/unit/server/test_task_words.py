"""When a task is due, in forms and on screens, by the site's clock and across the change of the clocks."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from core.clock import from_iso
from core.errors import InvalidInputError
from server.customers.task_words import due_of, due_words, form_day, form_time

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = from_iso("2026-11-21T23:30:00+01:00")


@pytest.mark.parametrize(
    ("due", "words"),
    [
        ("2026-11-21T23:59:00+01:00", "today"),
        ("2026-11-21T15:00:00+01:00", "today 15:00"),
        ("2026-11-22T09:05:00+01:00", "tomorrow 09:05"),
        ("2026-11-20T23:59:00+01:00", "yesterday"),
        ("2026-11-24T23:59:00+01:00", "Tuesday"),
        ("2026-12-03T23:59:00+01:00", "3 Dec"),
        ("2027-01-03T10:00:00+01:00", "3 Jan 2027 10:00"),
    ],
)
def test_due_dates_are_said_as_people_say_them(due: str, words: str) -> None:
    assert due_words(from_iso(due), NOW, WARSAW) == words


@pytest.mark.parametrize(("day", "clock"), [("2026-11-24", ""), ("2026-11-24", "15:00"), ("2026-10-25", "")])
def test_a_form_gets_back_what_was_written_into_it(day: str, clock: str) -> None:
    due = due_of(day, clock, WARSAW)
    assert (form_day(due, WARSAW), form_time(due, WARSAW)) == (day, clock)


@pytest.mark.parametrize(
    ("day", "clock"), [("", ""), ("24.11.2026", ""), ("2026-02-30", ""), ("2026-11-24", "25:00")]
)
def test_what_is_no_day_is_refused(day: str, clock: str) -> None:
    with pytest.raises(InvalidInputError):
        due_of(day, clock, WARSAW)
