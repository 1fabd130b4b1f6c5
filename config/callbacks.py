"""The part of the settings that speaks of callbacks: departments that return calls, websites that ask for them, limits.
Only shapes and complaints live here; when a department is open is worked out in `callback/hours.py`."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

import holidays
from pydantic import Field, field_validator, model_validator

from config.part import Part, known_zone

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)"
_SPANS = rf"{_SPAN}(?:,{_SPAN})*"
HOURS = re.compile(
    rf"(?P<days>(?:{'|'.join(WEEKDAYS)})(?:-(?:{'|'.join(WEEKDAYS)}))?) (?P<spans>{_SPANS}|24h)"
)
EXCEPTION = re.compile(rf"(?P<date>\d{{4}}-\d\d-\d\d) (?P<spans>{_SPANS}|24h|closed)")


class Department(Part):
    """Whom a callback is owed by: a queue of the PBX, its hours, and how promises are kept."""

    name: str | None = Field(None, description="as visitors and agents read it; else the section's name")
    queue: str = Field(description="the queue whose members return the calls")
    pbx: str | None = Field(None, description="where that queue is, when there are several PBXs")
    hours: tuple[str, ...] = Field(("mon-fri 09:00-17:00",), min_length=1, max_length=14)
    exceptions: tuple[str, ...] = Field(
        (), max_length=400, description='"2026-12-24 09:00-12:00" or "… closed"'
    )
    holidays: str = Field(
        "", description="closed on the public holidays of this country (PL) or region (DE-BY); empty: none"
    )
    time_zone: str | None = Field(None, description="of the hours; else the site's")
    slot_minutes: int = Field(30, ge=5, le=240)
    slot_capacity: int = Field(3, ge=1, le=1000, description="promises for one slot")
    slot_days: int = Field(5, ge=1, le=60, description="how far ahead slots are offered")
    retry_minutes: tuple[int, ...] = Field(
        (15, 60, 240), max_length=20, description="waits after each attempt that did not reach the customer"
    )
    expire_hours: int = Field(72, ge=1, le=24 * 60)
    return_missed: bool = Field(True, description="a missed or abandoned call to the queue is returned")
    missed_after_seconds: int = Field(
        5, ge=0, le=3600, description="a caller who gave up sooner is not called back"
    )
    customer_first: bool = Field(
        False, description="dial the customer before the agent where the number is proven"
    )

    @field_validator("hours")
    @classmethod
    def _hours(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _matching(
            value, HOURS, 'write "mon-fri 09:00-17:00", "sat 10:00-13:00,14:00-16:00" or "sun 24h"'
        )

    @field_validator("exceptions")
    @classmethod
    def _exceptions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        lines = _matching(value, EXCEPTION, 'write "2026-12-24 09:00-12:00" or "2026-12-27 closed"')
        for line in lines:
            try:
                date.fromisoformat(line[:10])
            except ValueError as error:
                raise ValueError(f"{line!r} names a day that no calendar has") from error
        return lines

    @field_validator("holidays")
    @classmethod
    def _known_holidays(cls, value: str) -> str:
        country, _, region = value.partition("-")
        try:
            if value:
                holidays.country_holidays(country, subdiv=region or None)
        except NotImplementedError as error:
            raise ValueError(
                f"the public holidays of {value!r} are not known: write a country such as PL or a region such "
                'as DE-BY, or "" and list them in exceptions'
            ) from error
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return value if value is None else known_zone(value)

    @field_validator("retry_minutes")
    @classmethod
    def _retries(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= minutes <= 7 * 24 * 60 for minutes in value):
            raise ValueError("each wait is between 1 minute and a week (10080)")
        return value


def _matching(value: tuple[str, ...], pattern: re.Pattern[str], fix: str) -> tuple[str, ...]:
    for line in value:
        if not pattern.fullmatch(line):
            raise ValueError(f"{line!r} cannot be read: {fix}")
        for begin, end in re.findall(r"(\d\d:\d\d)-(\d\d:\d\d)", line):
            if not begin < end <= "24:00":
                raise ValueError(
                    f"{line!r} has {begin}-{end}, which does not end later on the same day, at 24:00 at the latest: "
                    f"write a night as two days' hours, {begin}-24:00 and 00:00-…"
                )
    return value


class Website(Part):
    """A website that may show the callback form."""

    origins: tuple[str, ...] = Field(
        min_length=1,
        max_length=50,
        description='where its pages come from, e.g. ["https://shop.example.com"]',
    )
    department: str
    name: str | None = Field(None, description="as agents read it; else the section's name")
    countries: tuple[str, ...] = Field(
        (), description="ISO codes that may be called back; empty: the site's own"
    )
    consent: str = Field(
        "", max_length=500, description="the sentence a visitor agrees to; empty: ours, in their language"
    )
    privacy_url: str | None = Field(None, description="linked from the consent")
    dry_run: bool = Field(False, description="judge requests and show them, but dial nobody")

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("https", "http")
                or not parts.netloc
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(
                    f"{origin!r} is not an origin: write scheme and host, e.g. https://shop.example.com"
                )
        return value


class CallbackLimits(Part):
    """What the guard lets through to dialling (requests above are held for a manager, not lost), and what dialling
    itself may use."""

    number_a_day: int = Field(3, ge=1, le=1000)
    prefix_an_hour: int = Field(
        10, ge=1, le=100_000, description="numbers that differ in the last four digits only"
    )
    address_an_hour: int = Field(5, ge=1, le=100_000)
    network_an_hour: int = Field(20, ge=1, le=100_000, description="one /24 or, with IPv6, /56")
    visitor_numbers_an_hour: int = Field(
        3, ge=1, le=1000, description="different numbers from one page session"
    )
    calls_a_minute: int = Field(10, ge=1, le=10_000)
    at_once: int = Field(10, ge=1, le=1000)
    minutes_a_day: int = Field(
        1200,
        ge=1,
        le=1_000_000,
        description="on the line with customers within 24 hours; when they are spent dialling stops, with an alarm",
    )
    money_a_day: float | None = Field(
        None, gt=0, le=1e9, description="the same for money, by the prices below; none: no such limit"
    )
    failures_in_a_row: int = Field(
        5,
        ge=2,
        le=100,
        description="calls to so many different numbers: the trunk is taken to be broken, and dialling pauses",
    )
    failures_pause_minutes: int = Field(
        5, ge=1, le=24 * 60, description="then one call tries whether it works again"
    )


class CallbackSettings(Part):
    """What holds for all departments."""

    quiet_from: str = Field(
        "20:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="the customer's local time"
    )
    quiet_until: str = Field("08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    link_days: int = Field(14, ge=1, le=365, description="how long a visitor's link works")
    address_days: int = Field(7, ge=1, le=365, description="how long a visitor's network address is kept")
    currency: str = Field("EUR", max_length=10, description="of all prices; only a word beside the figure")
    price_a_minute: float = Field(
        0.0, ge=0, le=1e6, description="of a call to a number that none of `prices` begins"
    )
    prices: dict[str, float] = Field(
        {}, max_length=1000, description="by how a number begins, e.g. +48; the longest beginning counts"
    )
    limits: CallbackLimits = CallbackLimits()

    @field_validator("prices")
    @classmethod
    def _prefixes(cls, value: dict[str, float]) -> dict[str, float]:
        for prefix, price in value.items():
            if not re.fullmatch(r"\+[1-9]\d{0,14}", prefix):
                raise ValueError(f"{prefix!r} begins no number: write + and digits, such as +48 or +48601")
            if not 0 <= price <= 1e6:
                raise ValueError(f"{price} is no price of a minute: write 0 or more, at most 1000000")
        return value

    @model_validator(mode="after")
    def _priced(self) -> CallbackSettings:
        if self.limits.money_a_day is not None and not self.price_a_minute:
            raise ValueError(
                "limits.money_a_day needs price_a_minute: what a minute costs to a number without a price of "
                "its own, else such calls would cost nothing and never stop"
            )
        return self
