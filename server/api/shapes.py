"""What every resource's models are made of: instants as ISO 8601 UTC, seconds, pages and their limits, and the shape
of an error. Models are the contract: their field names and descriptions are the API's documentation."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
)

from core.clock import from_iso, iso

PAGE = 50
MOST_PER_PAGE = 200
"""Rows per page: about 100 kB of JSON; a program that wants more follows `next`."""

CURSOR_LENGTH = 300


def _read_instant(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return from_iso(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            "write ISO 8601 with an offset, such as 2026-11-21T14:05:00Z (a + in a URL is %2B)"
        ) from error


Instant = Annotated[
    float,
    BeforeValidator(_read_instant),
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T14:05:00.000Z"]}),
]
"""Float seconds inside, ISO 8601 UTC with milliseconds outside."""


def _read_day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
        raise ValueError("write a day as 2026-11-21")
    return value


Day = Annotated[date, BeforeValidator(_read_day)]
"""A number is no day, though it could be read as one."""

Seconds = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float)]


SHOWN_ONCE = object()
"""Marks a field that is a secret."""

Secret = Annotated[str | None, SHOWN_ONCE]
"""Answered to the first request alone: null when its answer is given again."""


class Taken(BaseModel):
    """Base of what is sent to us: a misspelt name is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _no_zero_byte(cls, value: Any) -> Any:
        # PostgreSQL stores every character but this one.
        if any(
            isinstance(part, str) and "\0" in part
            for part in (value if isinstance(value, tuple) else (value,))
        ):
            raise ValueError("a text must not contain a zero byte")
        return value


class Given(BaseModel):
    """Base of what we answer."""

    model_config = ConfigDict(frozen=True, from_attributes=True, populate_by_name=True)

    def to_keep(self) -> Self:
        """What may lie in the database for the same request sent again: this, without what is shown once."""
        secret = [name for name, about in type(self).model_fields.items() if SHOWN_ONCE in about.metadata]
        return self.model_copy(update=dict.fromkeys(secret)) if secret else self


class Paging(Taken):
    """Query parameters of every list."""

    limit: int = Field(PAGE, ge=1, le=MOST_PER_PAGE, description="Rows per page.")
    after: str | None = Field(
        None,
        min_length=1,
        max_length=CURSOR_LENGTH,
        description="The `next` of the page before. Cursors are opaque and stay valid.",
    )


class Page(Given):
    """Base of every list's answer."""

    next: str | None = Field(
        description="Pass it as `after` to get the following page; null on the last one."
    )


class Problem(Given):
    """Every error, as RFC 9457 (`application/problem+json`)."""

    type: str = Field(description="`urn:ringback:problem:<code>`")
    title: str
    status: int
    detail: str = Field(description="One sentence for a person: what is wrong, and what to do about it.")
    code: str = Field(description="Stable: branch on this one.", examples=["invalid-input"])
    request_id: str = Field(description="Stands in the server's log and in the header X-Request-Id.")
    field: str | None = Field(None, description="The parameter or field that was not understood, if one was.")
