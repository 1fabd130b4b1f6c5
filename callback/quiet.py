"""When a customer may be rung, by the clock on *their* wall: a number and an instant in, yes, no or the next time out.

*Pure.* Where a number lives comes from the number plan (`phonenumbers.timezone`): a geographic number has one zone or a
few, a mobile or toll-free number those of its whole country. The customer may be in any of them, so a call must be
allowed in all. A number that belongs to no country counts as living where the site is. Our own hours are not looked at
here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from callback.hours import DAY_MINUTES, OpeningHours, Span, minutes_of
from config.callbacks import CallbackSettings

SEARCH_S = 4 * 86400.0
"""Zones that share no allowed minute within four days, clock changes included, share none at all."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nobody is rung between `quiet_from` and `quiet_until` ("20:00", "08:00"; over midnight when the second is
    earlier; equal: there is no quiet time). `site_zone` is the IANA zone for numbers of no country."""

    quiet_from: str
    quiet_until: str
    site_zone: str

    @classmethod
    def of(cls, settings: CallbackSettings, site_zone: str) -> Quiet:
        """The quiet hours of the settings."""
        return cls(settings.quiet_from, settings.quiet_until, site_zone)

    def allows(self, number: str, at: float) -> bool:
        """Whether this number (E.164) may be rung at this instant, in every zone it may live in."""
        return all(day.is_open(at) for day in self._days(number))

    def next_allowed(self, number: str, at: float) -> float | None:
        """`at` itself when allowed, else the first later instant that is; None when its zones share no such time."""
        days = self._days(number)
        moment = at
        while moment <= at + SEARCH_S:
            later = [day.next_opening(moment) for day in days]
            if any(opening is None for opening in later):
                return None
            latest = max((opening for opening in later if opening is not None), default=moment)
            if latest == moment:
                return moment
            moment = latest
        return None

    def _days(self, number: str) -> tuple[OpeningHours, ...]:
        return _loud_hours(zones_of(number) or (self.site_zone,), self.quiet_from, self.quiet_until)


@lru_cache(maxsize=8192)
def zones_of(number: str) -> tuple[str, ...]:
    """IANA zones in which this number (E.164) may live; none when it belongs to no country."""
    parsed = phonenumbers.parse(number)
    for names in (
        timezone.time_zones_for_number(parsed),
        timezone.time_zones_for_geographical_number(parsed),
    ):
        if known := tuple(name for name in names if name != timezone.UNKNOWN_TIMEZONE):
            return known
    return ()


def _allowed(begin: int, until: int) -> tuple[Span, ...]:
    """The day less its quiet minutes."""
    if begin == until:
        return ((0, DAY_MINUTES),)
    if until < begin:
        return ((until, begin),)
    return tuple(span for span in ((0, begin), (until, DAY_MINUTES)) if span[0] < span[1])


@lru_cache(maxsize=1024)
def _loud_hours(zones: tuple[str, ...], quiet_from: str, quiet_until: str) -> tuple[OpeningHours, ...]:
    week = (_allowed(minutes_of(quiet_from), minutes_of(quiet_until)),) * 7
    return tuple(OpeningHours(ZoneInfo(zone), week, {}) for zone in zones)
