"""*Pure.* The question of the callbacks page: query parameters in, a `CallbackFilter` out, and back into a query, so
that every figure links to its rows. The time asked for narrows closed callbacks and figures only: what is open is owed
whenever it was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from callback.kinds import Source, State
from server.views.call_filter import CallFilter, choice, given_in, query_string, read_filter


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

    def query(self, **changes: object) -> str:
        """As a query string, with some parts changed (None removes one)."""
        values = {
            "show": self.tab.value,
            **self.time.days(),
            "stage": self.stage,
            "department": self.department,
            "source": self.source,
            "number": self.number,
        }
        return query_string(values, changes)


def read_callback_filter(query: Mapping[str, str], now: float, zone: ZoneInfo) -> CallbackFilter:
    """Empty parameters count as absent. Raises InvalidInputError naming the parameter it cannot use."""
    given = given_in(query)
    time = read_filter({name: given[name] for name in ("when", "from", "to") if name in given}, now, zone)
    stage = choice(given, "stage", Stage)
    tab = Tab.ALL if stage else choice(given, "show", Tab) or Tab.WAITING
    return CallbackFilter(
        tab=tab,
        time=time,
        stage=stage,
        department=given.get("department"),
        source=choice(given, "source", Source),
        number=given.get("number"),
    )
