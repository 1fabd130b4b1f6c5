"""When a department works: its settings' text in, instants out.

*Pure.* A department is open whenever the clock on its own wall shows a time within its hours. On the two nights of a
clock change that settles everything: an hour that is skipped is not open, an hour that comes twice is open twice.
Rules of clock changes come from `zoneinfo`, public holidays from the package `holidays`; neither is written here.
Lines of `exceptions` win over holidays, holidays over the week. Who may be dialled when (`callback/quiet.py`) and what
follows from it (`callback/policy.py`) is not decided here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from config.callbacks import EXCEPTION, HOURS, WEEKDAYS, Department

HORIZON_DAYS = 400
"""How far an opening or a closing is looked for: a year and some holidays. Beyond it there is none."""

DAY_MINUTES = 24 * 60

Span = tuple[int, int]
"""Minutes of a wall clock's day, begin and end (at most 1440); the end is not part of it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of open time that can be promised: instants, the end is not part of it."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Open and closed times of one department, or of anything else that keeps a week. `week` has seven entries,
    Monday first; `exceptions` replaces single days; `holiday_code` is a country (PL) or region (DE-BY), "" for none."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    exceptions: Mapping[date, tuple[Span, ...]]
    holiday_code: str = ""

    @classmethod
    def of(cls, department: Department, site_zone: str) -> OpeningHours:
        """Read a department's hours; `site_zone` (IANA) holds where it names none.

        Raises ValueError for text that `config.callbacks` would not have let through."""
        zone = ZoneInfo(department.time_zone or site_zone)
        return cls(zone, _week(department.hours), _exceptions(department.exceptions), department.holidays)

    def is_open(self, at: float) -> bool:
        """Whether the department is open at this instant."""
        return any(begin <= at < end for begin, end in self._pieces_of(self._local_date(at)))

    def next_opening(self, at: float) -> float | None:
        """`at` itself while open, else the next instant when it opens; None when it does not within the horizon."""
        return next((max(begin, at) for begin, _ in self._pieces_from(at)), None)

    def closes_at(self, at: float) -> float | None:
        """When the opening around `at` ends, or the next one when closed; None when it never does (24/7) or never
        opens. Midnight is not an end where the next day goes on."""
        if self._never_closes():
            return None
        end: float | None = None
        for begin, until in self._pieces_from(at):
            if end is not None and begin > end:
                return end
            end = until
        return end if end is not None and end < at + (HORIZON_DAYS - 2) * 86400 else None

    def slots(self, now: float, days: int, minutes: int) -> tuple[Slot, ...]:
        """Slots of `minutes` that begin at or after `now`, today and on the `days` days that follow, in order. They
        start with each opening and lie wholly within it."""
        length = minutes * 60.0
        today = self._local_date(now)
        return tuple(
            slot
            for day in range(days + 1)
            for piece in self._pieces_of(today + timedelta(days=day))
            for slot in _cut(piece, length)
            if slot.begin >= now
        )

    def why_closed(self, at: float) -> str | None:
        """Why the department is closed at this instant, in a few words for staff; None while it is open."""
        if self.is_open(at):
            return None
        day = self._local_date(at)
        if day in self.exceptions:
            return f"special hours on {day}" if self.exceptions[day] else f"closed on {day}"
        if name := self._holiday(day):
            return f"public holiday: {name}"
        return "outside opening hours"

    def _local_date(self, at: float) -> date:
        return datetime.fromtimestamp(at, self.zone).date()

    def _never_closes(self) -> bool:
        whole = ((0, DAY_MINUTES),)
        return not self.holiday_code and not self.exceptions and all(spans == whole for spans in self.week)

    def _holiday(self, day: date) -> str | None:
        return _calendar(self.holiday_code).get(day) if self.holiday_code else None

    def _spans_of(self, day: date) -> tuple[Span, ...]:
        if day in self.exceptions:
            return self.exceptions[day]
        return () if self._holiday(day) else self.week[day.weekday()]

    def _pieces_of(self, day: date) -> Iterator[tuple[float, float]]:
        for span in self._spans_of(day):
            yield from _instants(self.zone, day, span)

    def _pieces_from(self, at: float) -> Iterator[tuple[float, float]]:
        """Open pieces that end after `at`, in order, up to the horizon."""
        today = self._local_date(at)
        for day in range(HORIZON_DAYS):
            yield from (piece for piece in self._pieces_of(today + timedelta(days=day)) if piece[1] > at)


def minutes_of(clock: str) -> int:
    """`"09:30"` as minutes since midnight."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _week(lines: Sequence[str]) -> tuple[tuple[Span, ...], ...]:
    week: list[list[Span]] = [[] for _ in WEEKDAYS]
    for line in lines:
        match = _read(HOURS, line)
        for day in _days(match["days"]):
            week[day] += _spans(match["spans"])
    return tuple(_joined(spans) for spans in week)


def _exceptions(lines: Sequence[str]) -> dict[date, tuple[Span, ...]]:
    found: dict[date, tuple[Span, ...]] = {}
    for line in lines:
        match = _read(EXCEPTION, line)
        day = date.fromisoformat(match["date"])
        found[day] = _joined([*found.get(day, ()), *_spans(match["spans"])])
    return found


def _read(pattern: re.Pattern[str], line: str) -> re.Match[str]:
    match = pattern.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} are no opening hours")
    return match


def _days(text: str) -> list[int]:
    """`fri-mon` goes round the weekend."""
    first, _, last = text.partition("-")
    begin = WEEKDAYS.index(first)
    count = (WEEKDAYS.index(last or first) - begin) % 7
    return [(begin + step) % 7 for step in range(count + 1)]


def _spans(text: str) -> list[Span]:
    if text == "closed":
        return []
    if text == "24h":
        return [(0, DAY_MINUTES)]
    pairs = (pair.split("-") for pair in text.split(","))
    return [(minutes_of(begin), minutes_of(end)) for begin, end in pairs]


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """In order, and spans that touch or overlap made one."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


@lru_cache(maxsize=64)
def _calendar(code: str) -> holidays.HolidayBase:
    country, _, region = code.partition("-")
    return holidays.country_holidays(country, subdiv=region or None, language="en_US")


@lru_cache(maxsize=16384)
def _instants(zone: ZoneInfo, day: date, span: Span) -> tuple[tuple[float, float], ...]:
    """The instants at which the clock on the wall shows a time of this span on this day: one piece, or on the day of
    a clock change none (the hour is skipped) or two (it comes twice, and a part of it is open)."""
    midnight = datetime.combine(day, time(), UTC).timestamp()
    wall_begin, wall_end = midnight + span[0] * 60, midnight + span[1] * 60
    before, after, change = _offsets(zone, midnight)
    pieces = [
        (wall_begin - before, min(wall_end - before, change)),
        (max(wall_begin - after, change), wall_end - after),
    ]
    kept = [piece for piece in pieces if piece[0] < piece[1]]
    if len(kept) == 2 and kept[0][1] == kept[1][0]:
        return ((kept[0][0], kept[1][1]),)
    return tuple(kept)


@lru_cache(maxsize=4096)
def _offsets(zone: ZoneInfo, midnight: float) -> tuple[float, float, float]:
    """Seconds east of UTC before and after the clock change near this day, and its instant; without one the offsets
    are the same. `midnight` is the day's as if the place were at UTC: offsets stay below a day."""
    low, high = midnight - 86400, midnight + 2 * 86400
    before, after = _offset(zone, low), _offset(zone, high)
    if before == after:
        return before, after, high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return before, after, high


def _offset(zone: ZoneInfo, at: float) -> float:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _cut(piece: tuple[float, float], length: float) -> Iterator[Slot]:
    count = int((piece[1] - piece[0]) // length)
    return (Slot(piece[0] + n * length, piece[0] + (n + 1) * length) for n in range(count))
