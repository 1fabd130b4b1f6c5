"""Quiet time by the customer's own clock: one zone, many zones, none, and the nights of a clock change."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from callback.quiet import Quiet, zones_of
from config.callbacks import CallbackSettings
from tests.unit.callback.year import NEW_YORK, WARSAW, any_instant, instant, instants_of_2026, utc, wall

NIGHT = Quiet("20:00", "08:00", WARSAW)
POLE = "+48601234567"
NEW_YORKER = "+12125551234"
TOLL_FREE = "+18005551234"
RUSSIAN_MOBILE = "+79161234567"
UNASSIGNED = "+15555550100"
SATELLITE = "+881612345678"


def test_settings_make_the_quiet_hours() -> None:
    assert Quiet.of(CallbackSettings(quiet_from="21:30"), NEW_YORK) == Quiet("21:30", "08:00", NEW_YORK)


@pytest.mark.parametrize(
    ("number", "count"),
    [(POLE, 1), (NEW_YORKER, 1), (TOLL_FREE, 42), (UNASSIGNED, 42), (RUSSIAN_MOBILE, 16), (SATELLITE, 0)],
)
def test_where_a_number_may_live(number: str, count: int) -> None:
    assert len(zones_of(number)) == count


def test_every_zone_of_the_number_plan_exists() -> None:
    for name in {name for names in TIMEZONE_DATA.values() for name in names}:
        ZoneInfo(name)


@pytest.mark.parametrize(
    ("number", "at", "allowed"),
    [
        (POLE, "2026-11-23 06:59", False),
        (POLE, "2026-11-23 07:00", True),
        (POLE, "2026-11-23 18:59", True),
        (POLE, "2026-11-23 19:00", False),
        (NEW_YORKER, "2026-11-23 12:59", False),
        (NEW_YORKER, "2026-11-23 13:00", True),
        (NEW_YORKER, "2026-11-24 00:59", True),
        (NEW_YORKER, "2026-11-24 01:00", False),
        (RUSSIAN_MOBILE, "2026-11-23 05:59", False),  # Bucharest sleeps
        (RUSSIAN_MOBILE, "2026-11-23 06:00", True),
        (RUSSIAN_MOBILE, "2026-11-23 08:00", False),  # Kamchatka sleeps
        (SATELLITE, "2026-11-23 07:00", True),  # counts as the site's: Warsaw
        (SATELLITE, "2026-11-23 19:00", False),
    ],
)
def test_all_zones_of_a_number_must_be_awake(number: str, at: str, allowed: bool) -> None:
    assert NIGHT.allows(number, utc(at)) is allowed


def test_a_number_of_the_whole_country_waits_until_all_of_it_is_awake() -> None:
    begin = NIGHT.next_allowed(TOLL_FREE, utc("2026-11-23 13:00"))
    assert begin == utc("2026-11-23 22:00")  # 8:00 on Guam
    assert NIGHT.allows(TOLL_FREE, utc("2026-11-23 23:29"))
    assert not NIGHT.allows(TOLL_FREE, utc("2026-11-23 23:30"))  # 20:00 on Newfoundland


def test_zones_that_share_no_time_are_never_allowed() -> None:
    assert Quiet("18:00", "09:00", WARSAW).next_allowed(TOLL_FREE, utc("2026-11-23 13:00")) is None


def test_without_quiet_time_everybody_may_always_be_rung() -> None:
    always = Quiet("00:00", "00:00", WARSAW)
    assert all(always.allows(TOLL_FREE, at) for at in instants_of_2026(NEW_YORK, 7 * 3600))


@pytest.mark.parametrize(
    ("quiet", "at", "then"),
    [
        # A rest at noon does not go over midnight.
        (Quiet("12:00", "14:00", WARSAW), "2026-11-23 12:30", "2026-11-23 14:00"),
        (Quiet("00:00", "07:00", WARSAW), "2026-11-23 23:59", "2026-11-23 23:59"),
        (Quiet("20:00", "00:00", WARSAW), "2026-11-23 20:00", "2026-11-24 00:00"),
        # Quiet until an hour that is skipped: over when the clock jumps to 03:00.
        (Quiet("20:00", "02:30", WARSAW), "2026-03-29 00:30", "2026-03-29 03:00"),
        (NIGHT, "2026-03-28 21:00", "2026-03-29 08:00"),
        (NIGHT, "2026-10-24 21:00", "2026-10-25 08:00"),
    ],
)
def test_the_next_time_out(quiet: Quiet, at: str, then: str) -> None:
    assert quiet.next_allowed(POLE, instant(at, WARSAW)) == instant(then, WARSAW)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = Quiet("20:00", "02:30", WARSAW)
    assert quiet.next_allowed(POLE, utc("2026-10-24 22:00")) == utc("2026-10-25 00:30")
    assert quiet.next_allowed(POLE, utc("2026-10-25 01:10")) == utc("2026-10-25 01:30")


@pytest.mark.parametrize(("number", "zone"), [(POLE, WARSAW), (NEW_YORKER, NEW_YORK)])
def test_a_year_of_nights(number: str, zone: str) -> None:
    for at in instants_of_2026(zone, 900):
        assert NIGHT.allows(number, at) is (8 <= wall(at, zone).hour < 20), wall(at, zone)


@settings(deadline=None)
@given(
    st.sampled_from((POLE, NEW_YORKER, TOLL_FREE, RUSSIAN_MOBILE, UNASSIGNED)),
    any_instant,
    st.integers(19, 22),
    st.integers(6, 8),
)
def test_the_next_time_is_allowed_everywhere_and_the_first(
    number: str, at: float, begin: int, end: int
) -> None:
    quiet = Quiet(f"{begin}:00", f"{end:02}:30", WARSAW)
    then = quiet.next_allowed(number, at)
    if then is None:
        assert not any(quiet.allows(number, at + step * 600) for step in range(144))
        return
    assert then >= at
    for zone in zones_of(number):
        there = wall(then, zone)
        assert end * 60 + 30 <= there.hour * 60 + there.minute < begin * 60
    assert then == at or not quiet.allows(number, then - 1)
    assert not any(quiet.allows(number, at + (then - at) * step / 8) for step in range(8) if then > at)
