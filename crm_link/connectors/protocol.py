"""What every other CRM is to us: somebody who may know a number, and keeps a log of calls. Each connector implements
`Connector`; whatever it raises is a `ConnectorError` or an `OutsideError`. When it is asked, how long is waited and
what is kept is not decided by connectors (`lookups.py`, `log_worker.py`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import RingbackError
from core.facts import Direction, Verdict
from core.outside import OutsideAnswer, OutsideRequest
from core.ports import RecordingCopy
from core.shown import shown

MOST_CONTACTS = 5
"""Of one number: a switchboard's number may be on a hundred contacts, and nobody reads so many on a card."""


class ConnectorError(RingbackError):
    """The CRM answered, and not with what was asked. `perhaps_done`: what was asked for may have happened all the
    same."""

    code = "connector-failed"

    def __init__(self, message: str, *, perhaps_done: bool = False) -> None:
        super().__init__(message)
        self.perhaps_done = perhaps_done


class Sender(Protocol):
    """The way out: `core.outside.Outside`, or one that also writes down what went over it (`trace.py`)."""

    async def send(self, request: OutsideRequest, *, seconds: float = ...) -> OutsideAnswer: ...


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody in the CRM. `url` is their page there, for people; `owner` who is responsible for them there, which is
    read and never written."""

    id: str
    name: str
    company: str = ""
    url: str = ""
    owner: str = ""

    def presentable(self) -> Contact:
        """As it may be shown: one line each, and a link that leads to a web page or nowhere."""
        is_page = self.url.startswith(("https://", "http://"))
        url = self.url if is_page else ""
        return Contact(self.id, shown(self.name), shown(self.company), url, shown(self.owner))


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is known of a call from its beginning to its end. `started_at` is in seconds since 1970, `number` is E.164,
    `ours` the number of ours that was dialled or that calls; `phones` are extensions and devices of ours, the likeliest
    to be the call's first."""

    call_id: str
    number: str
    direction: Direction
    started_at: float
    ours: str
    phones: tuple[str, ...] = ()

    @property
    def marker(self) -> str:
        """By which a CRM that can search finds what we wrote of this call: the same for ever, and tells nothing."""
        return marker_of(self.call_id)


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A finished call as a CRM is told of it. Instants are seconds since 1970, `number` is E.164; `people` are the
    names of our people who talked, in order, `extensions` theirs, `phones` as in `Beginning`. `summary` is one
    sentence, `url` our page; `absorbed` are the ids of calls that turned out to be part of this one; `reference` is the
    CRM's id of the call where it was begun there (`Connector.begin_call`)."""

    call_id: str
    number: str
    direction: Direction
    result: Verdict
    started_at: float
    ended_at: float
    talk_s: float
    caller_name: str
    people: tuple[str, ...]
    extensions: tuple[str, ...]
    ours: str
    queue: str
    disposition: str
    note: str
    summary: str
    url: str
    absorbed: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    reference: str = ""

    @property
    def marker(self) -> str:
        """`Beginning.marker`."""
        return marker_of(self.call_id)

    @property
    def beginning(self) -> Beginning:
        return Beginning(self.call_id, self.number, self.direction, self.started_at, self.ours, self.phones)


def marker_of(call_id: str) -> str:
    """`Beginning.marker`, of a call's id."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a CRM cannot do is not asked of it. `finds_contacts`; `finds_made`: it can be asked for whom we made, by an
    id of ours; `finds_logs`: whether a call was written; `updates_logs`: what was written can be changed;
    `needs_contact`: calls are written on somebody; `begins_calls`: a call must be begun there before it is written."""

    finds_contacts: bool = True
    creates_contacts: bool = True
    finds_made: bool = False
    logs_calls: bool = True
    finds_logs: bool = False
    updates_logs: bool = False
    needs_contact: bool = True
    begins_calls: bool = False


class Connector(Protocol):
    """One CRM of the settings. Safe for several tasks at once."""

    @property
    def traits(self) -> Traits: ...

    async def find_contact(self, number: str) -> Sequence[Contact]:
        """Everybody there who has this number (E.164), however it is spelt there; at most `MOST_CONTACTS`."""
        ...

    async def create_contact(self, number: str, name: str, marker: str) -> Contact:
        """Somebody new there, with `marker` on them where the CRM has a place for it. Only asked after `find_contact`
        found nobody."""
        ...

    async def find_made(self, marker: str) -> Contact | None:
        """Whom `create_contact` made with this marker, whatever became of their number."""
        ...

    async def find_call_log(self, call: LoggedCall) -> str | None:
        """The CRM's id of what `log_call` wrote of this call before, None when there is nothing."""
        ...

    async def begin_call(self, contact: Contact | None, call: Beginning) -> str:
        """Tell of a call that begins, or that nobody told of when it began; returns the CRM's id of it. Only asked once
        per call (`begun.py`), and before anything else is said of it."""
        ...

    async def log_call(self, contact: Contact | None, call: LoggedCall) -> str:
        """Write the call; returns the CRM's id of what was written, "" where it gives none."""
        ...

    async def update_call_log(self, reference: str, call: LoggedCall) -> None:
        """Write what is known by now over what `log_call` wrote."""
        ...

    async def attach_recording(self, reference: str, copy: RecordingCopy) -> None:
        """Put the audio to what `log_call` wrote, in the place of what was put there before."""
        ...
