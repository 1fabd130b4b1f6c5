"""Pure. Who may log in to the simulated PBX and what each may read and do: the two least-privilege users that we ship
(`config/asterisk/manager_ringback.conf`), with the rights a real Asterisk 22 gives each action."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManagerUser:
    """`only_event` is an `eventfilter`: of all events this user may read it gets just that one."""

    name: str
    secret: str
    read: frozenset[str]
    write: frozenset[str]
    only_event: str | None = None

    def hears(self, event: str | None, right: str) -> bool:
        return right in self.read and self.only_event in (None, event)


EVENTS_USER = ManagerUser(
    "ringback-events",
    "change-me-events",
    frozenset({"call", "agent", "user", "cdr"}),
    frozenset({"reporting"}),
)
DIAL_USER = ManagerUser(
    "ringback-dial",
    "change-me-dial",
    frozenset({"call"}),
    frozenset({"originate", "call", "agent"}),
    "OriginateResponse",
)
USERS = (EVENTS_USER, DIAL_USER)


def may(user: ManagerUser, rights: Collection[str]) -> bool:
    """An action that needs no right may be done by everybody; else one of its rights is enough."""
    return not rights or not user.write.isdisjoint(rights)
