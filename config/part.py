"""What every section of the settings is: frozen, and without keys that nobody knows; and what several of them check."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def known_zone(name: str) -> str:
    """The IANA name of a time zone as it came. Raises ValueError, for a person, when there is no such zone."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError with an odd text
        raise ValueError("write an IANA time zone such as Europe/Warsaw") from error
    return name
