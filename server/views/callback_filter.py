"""*Pure.* The question of the callbacks page: query parameters in, a `CallbackFilter` out, and back into a query, so
that every figure links to its rows. The time asked for narrows closed callbacks and figures only: what is open is owed
whenever it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from callback.kinds import Source, State
from core.errors import InvalidInputError
from server.views.call_filter import CallFilter, read_filter

TEXT_LIMIT = 80

E = TypeVar("E", bound=StrEnum)


class Tab(StrEnum):
    WAITING = "waiting"
    HELD = "held"
    PROGRESS = "progress"
    INBOX = "inbox"
    CLOSED = "closed"
    ALL = "all"


TAB_STATES: Mapping[Tab, State] = {
    Tab.WAITING: State.WAITING,
    Tab.HELD: State.HELD,
    Tab.PROGRESS: State.DIALLING,
    Tab.INBOX: State.INBOX,
    Tab.CLOSED: State.CLOSED,
}


class Stage(StrEnum):
    """How far callbacks came. Each stage but the last two holds those behind it."""

    REQUESTED = "requested"
    PROMISED = "promised"
    ATTEMPTED = "attempted"
    REACHED = "reached"
    BRIDGED = "bridged"
    ON_TIME = "on_time"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class CallbackFilter:
    """`time` carries the range of days; a `stage` is asked over all states."""

    tab: Tab
    time: CallFilter
    stage: Stage | None = None
    department: str | None = None
    source: Source | None = None
    number: str | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether more than tab and time is asked for."""
        return any((self.department, self.source, self.number))

    @property
    def is_timed(self) -> bool:
        return self.stage is not None or self.tab in (Tab.CLOSED, Tab.ALL)

    def query(self, **changes: object) -> str:
        """As a query string, with some parts changed (None removes one)."""
        values = {
            "show": self.tab.value,
            "when": self.time.when.value,
            "from": self.time.first_day.isoformat() if self.time.first_day else None,
            "to": self.time.last_day.isoformat() if self.time.last_day else None,
            "stage": self.stage,
            "department": self.department,
            "source": self.source,
            "number": self.number,
        }
        if changes.get("when"):
            values |= {"from": None, "to": None}
        return urlencode({name: value for name, value in (values | changes).items() if value is not None})


def read_callback_filter(query: Mapping[str, str], now: float, zone: ZoneInfo) -> CallbackFilter:
    """Empty parameters count as absent. Raises InvalidInputError naming the parameter it cannot use."""
    given = {name: value.strip()[:TEXT_LIMIT] for name, value in query.items() if value.strip()}
    time = read_filter({name: given[name] for name in ("when", "from", "to") if name in given}, now, zone)
    stage = _choice(given, "stage", Stage)
    tab = Tab.ALL if stage else _choice(given, "show", Tab) or Tab.WAITING
    return CallbackFilter(
        tab=tab,
        time=time,
        stage=stage,
        department=given.get("department"),
        source=_choice(given, "source", Source),
        number=given.get("number"),
    )


def _choice(given: Mapping[str, str], name: str, kind: type[E]) -> E | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise InvalidInputError(f"{name} is one of {', '.join(kind)}", field=name) from None
