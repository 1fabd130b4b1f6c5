"""A year by the clock on the wall, written down without `callback/hours.py`: what the tests of hours and policy hold
against it. Public holidays are the published dates of 2026."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from config.callbacks import Department

WARSAW = "Europe/Warsaw"
NEW_YORK = "America/New_York"
STEP_S = 300


def instant(text: str, zone: str, fold: int = 0) -> float:
    """`"2026-10-25 02:30"` on the wall there; fold 1 is the second time of a repeated hour."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def wall(at: float, zone: str) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(zone))


@dataclass(frozen=True)
class Place:
    """A department somewhere, its customer somewhere else, and the truth about both as tables: `week` is weekday →
    (first minute, last minute + 1) pairs."""

    zone: str
    customer: str
    customer_zone: str
    department: Department
    week: dict[int, list[tuple[int, int]]]
    closed: frozenset[date]

    def is_open(self, at: float) -> bool:
        here = wall(at, self.zone)
        minute = here.hour * 60 + here.minute
        spans = self.week.get(here.weekday(), [])
        return here.date() not in self.closed and any(begin <= minute < end for begin, end in spans)

    def may_ring(self, at: float) -> bool:
        """Open here, and between 8 and 20 o'clock where the customer is."""
        return self.is_open(at) and 8 <= wall(at, self.customer_zone).hour < 20


def _days(*texts: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(f"2026-{text}") for text in texts)


PLACES = {
    "Warsaw": Place(
        zone=WARSAW,
        customer="+48221234567",
        customer_zone=WARSAW,
        department=Department(
            queue="sales", hours=("mon-fri 09:00-17:00", "sat 10:00-13:00,14:00-16:00"), holidays="PL"
        ),
        week={**{day: [(540, 1020)] for day in range(5)}, 5: [(600, 780), (840, 960)]},
        closed=_days(
            "01-01", "01-06", "04-05", "04-06", "05-01", "05-03", "05-24", "06-04", "08-15", "11-01", "11-11", "12-24",
            "12-25", "12-26",
        ),
    ),
    "New York": Place(
        zone=NEW_YORK,
        customer="+12135551234",
        customer_zone="America/Los_Angeles",
        department=Department(
            queue="sales",
            hours=("mon-sat 08:00-24:00", "sun 00:00-02:30,10:00-23:00"),
            exceptions=("2026-05-30 closed",),
            holidays="US",
        ),
        week={**{day: [(480, 1440)] for day in range(6)}, 6: [(0, 150), (600, 1380)]},
        closed=_days(
            "01-01", "01-19", "02-16", "05-25", "05-30", "06-19", "07-03", "07-04", "09-07", "10-12", "11-11", "11-26",
            "12-25",
        ),
    ),
}  # fmt: skip


any_instant = st.integers(int(utc("2025-01-01")) * 1000, int(utc("2028-01-01")) * 1000).map(
    lambda ms: ms / 1000
)
"""What hypothesis tries: milliseconds, as facts carry them."""


def instants_of_2026(zone: str, step_s: float = STEP_S) -> Iterator[float]:
    at, end = instant("2026-01-01 00:00", zone), instant("2026-12-31 00:00", zone)
    while at < end:
        yield at
        at += step_s


def following_days(at: float, zone: str, days: int) -> list[date]:
    return [wall(at, zone).date() + timedelta(days=day) for day in range(days + 1)]
