"""Opening hours against the clock on the wall: nights of a clock change, holidays, exceptions, a whole year."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callback.hours import DAY_MINUTES, OpeningHours, Slot, Span
from config.callbacks import Department
from tests.unit.callback.year import (
    NEW_YORK,
    PLACES,
    WARSAW,
    Place,
    any_instant,
    following_days,
    instant,
    instants_of_2026,
    utc,
    wall,
)

ZONES = (
    WARSAW,
    NEW_YORK,
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Santiago",  # changes at midnight
    "Asia/Kathmandu",  # an offset of 5:45
    "Pacific/Kiritimati",
    "Africa/Casablanca",
)


def opening(
    *hours: str, zone: str = WARSAW, exceptions: tuple[str, ...] = (), holidays: str = ""
) -> OpeningHours:
    department = Department(queue="sales", hours=hours, exceptions=exceptions, holidays=holidays)
    return OpeningHours.of(department, zone)


@pytest.mark.parametrize(
    ("hours", "at", "is_open"),
    [
        ("mon-fri 09:00-17:00", "2026-11-23 09:00", True),
        ("mon-fri 09:00-17:00", "2026-11-23 08:59", False),
        ("mon-fri 09:00-17:00", "2026-11-23 16:59", True),
        ("mon-fri 09:00-17:00", "2026-11-23 17:00", False),
        ("mon-fri 09:00-17:00", "2026-11-22 12:00", False),
        ("fri-mon 09:00-17:00", "2026-11-22 12:00", True),
        ("fri-mon 09:00-17:00", "2026-11-24 12:00", False),
        ("sun 24h", "2026-11-22 23:59", True),
        ("sun 00:00-24:00", "2026-11-23 00:00", False),
        ("mon 09:00-12:00,13:00-17:00", "2026-11-23 12:30", False),
    ],
)
def test_hours_of_a_week(hours: str, at: str, is_open: bool) -> None:
    assert opening(hours).is_open(instant(at, WARSAW)) is is_open


def test_a_department_may_keep_the_hours_of_another_zone() -> None:
    department = Department(queue="sales", time_zone=NEW_YORK)
    assert OpeningHours.of(department, WARSAW).next_opening(utc("2026-11-23 00:00")) == utc(
        "2026-11-23 14:00"
    )


@pytest.mark.parametrize(
    ("hours", "day", "pieces"),
    [
        # 2026-03-29: at 02:00 the clock jumps to 03:00, 01:00 UTC.
        ("sun 01:00-04:00", "2026-03-29", [("2026-03-29 00:00", "2026-03-29 02:00")]),
        ("sun 02:30-05:00", "2026-03-29", [("2026-03-29 01:00", "2026-03-29 03:00")]),
        ("sun 01:00-02:30", "2026-03-29", [("2026-03-29 00:00", "2026-03-29 01:00")]),
        ("sun 02:00-03:00", "2026-03-29", [("2026-04-05 00:00", "2026-04-05 01:00")]),
        # 2026-10-25: at 03:00 the clock goes back to 02:00, 01:00 UTC.
        ("sun 01:00-04:00", "2026-10-25", [("2026-10-24 23:00", "2026-10-25 03:00")]),
        ("sun 02:00-03:00", "2026-10-25", [("2026-10-25 00:00", "2026-10-25 02:00")]),
        (
            "sun 02:00-02:30",
            "2026-10-25",
            [("2026-10-25 00:00", "2026-10-25 00:30"), ("2026-10-25 01:00", "2026-10-25 01:30")],
        ),
        (
            "sun 02:30-05:00",
            "2026-10-25",
            [("2026-10-25 00:30", "2026-10-25 01:00"), ("2026-10-25 01:30", "2026-10-25 04:00")],
        ),
    ],
)
def test_nights_of_a_clock_change(hours: str, day: str, pieces: list[tuple[str, str]]) -> None:
    department = opening(hours)
    at: float = instant(f"{day} 00:00", WARSAW)
    for begin, end in pieces:
        assert department.next_opening(at) == utc(begin)
        assert department.closes_at(utc(begin)) == utc(end)
        at = utc(end)


@pytest.mark.parametrize(
    ("day", "minutes", "count"),
    [
        ("2026-03-29", 30, 46),
        ("2026-03-29", 25, 55),  # one of them lies across the change
        ("2026-03-30", 30, 48),
        ("2026-10-25", 30, 50),
    ],
)
def test_slots_of_a_day_without_night(day: str, minutes: int, count: int) -> None:
    slots = opening("mon-sun 24h").slots(instant(f"{day} 00:00", WARSAW), 0, minutes)
    assert len(slots) == count
    assert all(slot.end - slot.begin == minutes * 60 for slot in slots)


def test_slots_begin_with_the_opening_and_end_before_closing() -> None:
    slots = opening("mon 09:00-10:45,13:00-13:20").slots(instant("2026-11-23 09:10", WARSAW), 6, 30)
    assert slots == (
        Slot(instant("2026-11-23 09:30", WARSAW), instant("2026-11-23 10:00", WARSAW)),
        Slot(instant("2026-11-23 10:00", WARSAW), instant("2026-11-23 10:30", WARSAW)),
    )


def test_exceptions_win_over_holidays_and_holidays_over_the_week() -> None:
    department = opening(
        "mon-sun 09:00-17:00",
        holidays="PL",
        exceptions=("2026-11-11 10:00-12:00", "2026-11-12 closed", "2026-12-24 24h"),
    )
    assert department.why_closed(instant("2026-11-11 11:00", WARSAW)) is None
    assert department.why_closed(instant("2026-11-11 12:00", WARSAW)) == "special hours on 2026-11-11"
    assert department.why_closed(instant("2026-11-12 12:00", WARSAW)) == "closed on 2026-11-12"
    assert department.why_closed(instant("2026-11-10 18:00", WARSAW)) == "outside opening hours"
    assert department.why_closed(instant("2026-12-25 12:00", WARSAW)) == "public holiday: Christmas Day"
    assert department.is_open(instant("2026-12-24 03:00", WARSAW))


def test_a_holiday_of_one_region_is_a_working_day_elsewhere() -> None:
    epiphany = instant("2026-01-06 12:00", "Europe/Berlin")
    assert not opening("tue 09:00-17:00", holidays="DE-BY", zone="Europe/Berlin").is_open(epiphany)
    assert opening("tue 09:00-17:00", holidays="DE-HH", zone="Europe/Berlin").is_open(epiphany)


def test_midnight_is_no_closing_where_the_next_day_goes_on() -> None:
    department = opening("fri 20:00-24:00", "sat 00:00-04:00")
    assert department.closes_at(instant("2026-11-20 21:00", WARSAW)) == instant("2026-11-21 04:00", WARSAW)


def test_always_open_never_closes_but_for_holidays() -> None:
    now = instant("2026-11-22 12:00", WARSAW)
    assert opening("mon-sun 24h").closes_at(now) is None
    assert opening("mon-sun 24h", holidays="PL").closes_at(now) == instant("2026-12-24 00:00", WARSAW)
    exceptions = ("2020-01-01 closed",)
    assert opening("mon-sun 24h", exceptions=exceptions).closes_at(now) is None


def test_a_department_that_never_opens_says_so() -> None:
    first = date(2026, 11, 23)
    closed = tuple(f"{first + timedelta(weeks=week)} closed" for week in range(80))
    department = opening("mon 09:00-17:00", exceptions=closed)
    assert department.next_opening(instant("2026-11-22 12:00", WARSAW)) is None
    assert department.closes_at(instant("2026-11-22 12:00", WARSAW)) is None


def test_other_text_is_refused() -> None:
    department = Department(queue="sales").model_copy(update={"hours": ("monday",)})
    with pytest.raises(ValueError, match="no opening hours"):
        OpeningHours.of(department, WARSAW)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_every_five_minutes_of_a_year(place: Place) -> None:
    department = OpeningHours.of(place.department, place.zone)
    opened = 0
    for at in instants_of_2026(place.zone):
        assert department.is_open(at) is place.is_open(at), wall(at, place.zone)
        opened += place.is_open(at)
    assert 20_000 < opened < 80_000


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_every_opening_and_closing_of_a_year_is_where_the_wall_says(place: Place) -> None:
    department = OpeningHours.of(place.department, place.zone)
    at, end = instant("2026-01-01 00:00", place.zone), instant("2026-12-30 00:00", place.zone)
    turns = 0
    while at < end:
        begin = department.next_opening(at)
        assert begin is not None
        closing = department.closes_at(begin)
        assert closing is not None
        assert place.is_open(begin)
        assert not place.is_open(begin - 1)
        assert place.is_open(closing - 1)
        assert not place.is_open(closing)
        at, turns = closing, turns + 1
    assert turns > 250


spans = st.lists(
    st.tuples(st.integers(0, DAY_MINUTES), st.integers(0, DAY_MINUTES)).filter(
        lambda span: span[0] < span[1]
    ),
    max_size=3,
)


def text_of(span: Span) -> str:
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in span)
    return f"{begin}-{end}"


@settings(deadline=None)
@given(st.sampled_from(ZONES), st.lists(spans, min_size=7, max_size=7), any_instant)
def test_any_week_anywhere_is_open_when_the_wall_says_so(
    zone: str, week: list[list[Span]], at: float
) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    lines = tuple(f"{day} {text_of(span)}" for day, spans in zip(days, week, strict=True) for span in spans)
    # More lines than a settings file may have, hence not by way of its checks.
    section = Department(queue="sales", time_zone=zone).model_copy(update={"hours": lines})
    department = OpeningHours.of(section, WARSAW)
    assert department.is_open(at) is on_the_wall(week, at, zone)
    begin = department.next_opening(at)
    if begin is None:
        assert not lines
        return
    assert begin >= at
    assert on_the_wall(week, begin, zone)
    assert begin == at or not on_the_wall(week, begin - 1, zone)
    closing = department.closes_at(begin)
    assert closing is None or (closing > begin and not on_the_wall(week, closing, zone))
    quarter = ((closing or begin + 7 * 86400) - begin) / 4
    assert all(on_the_wall(week, begin + step * quarter, zone) for step in range(4))
    gap = (begin - at) / 4
    assert not any(on_the_wall(week, at + step * gap, zone) for step in range(4) if gap)


@settings(deadline=None)
@given(st.sampled_from(ZONES), spans, any_instant, st.integers(0, 8), st.integers(5, 240))
def test_slots_lie_within_the_hours(zone: str, day: list[Span], now: float, days: int, minutes: int) -> None:
    hours = OpeningHours(ZoneInfo(zone), (tuple(sorted(day)),) * 7, {})
    slots = hours.slots(now, days, minutes)
    dates = following_days(now, zone, days)
    for slot in slots:
        assert slot.begin >= now
        assert slot.end - slot.begin == minutes * 60
        assert hours.is_open(slot.begin)
        assert hours.is_open(slot.end - 1)
        assert wall(slot.begin, zone).date() in dates


def on_the_wall(week: list[list[Span]], at: float, zone: str) -> bool:
    here = wall(at, zone)
    minute = here.hour * 60 + here.minute
    return any(begin <= minute < end for begin, end in week[here.weekday()])
