"""What one room offers another, as Protocols: the room that needs something imports the Protocol from here, the room
that has it implements it, and `server/app.py` brings them together. No code lives here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserDevice


class QueuePauser(Protocol):
    """Offered by the PBX room to the desk."""

    async def pause(self, devices: Sequence[UserDevice], paused: bool, reason: str | None) -> None:
        """Pause or unpause these phones in every queue they are members of; phones in no queue are passed over.

        `reason` is a few words for the PBX's own log and displays, None when unpausing. Returns when the PBX has
        agreed. Raises PbxError when it refused or did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class DialOrder:
    """One attempt as the PBX is asked to make it; everything in it was committed or configured, nothing comes from a
    request but `number`, in E.164. Exactly one of `agent` and `queue` is set. Their phone rings first, or a place is
    held in the queue at `position` (from 1; None: the end), unless `customer_first`: then they take the customer on.
    The PBX does not begin it at `begin_before` (our clock) or later, however long the order was on its way."""

    attempt_id: str
    pbx: str
    number: str
    agent: UserDevice | None = None
    queue: str | None = None
    position: int | None = None
    customer_first: bool = False
    begin_before: float | None = None


class Dialer(Protocol):
    """Offered by the PBX room to the callback room."""

    def sees(self, pbx: str) -> str | None:
        """None when this PBX can be dialled through and watched now, else why not in a few words."""
        ...

    def is_live(self, pbx: str, attempt_id: str) -> bool:
        """Whether a call of this attempt is going on, as far as the PBX's own list and events say. Only while `sees`
        is None does False mean no."""
        ...

    def announcement_s(self, pbx: str) -> float:
        """Seconds from the agent's answer until the customer is dialled, in which they can still say "not now"."""
        ...

    async def place(self, order: DialOrder) -> None:
        """Ask the PBX to dial; returns when it has begun, or taken the order and not refused it within some seconds.
        What comes of it is told by facts.

        Raises PbxUncertainError when it has perhaps been executed, PbxError when it surely was not. Never repeats.
        """
        ...

    async def connect_now(self, pbx: str, attempt_id: str) -> None:
        """End the announcement: dial the customer at once. Nothing happens when they are being dialled already. Raises
        PbxError."""
        ...

    async def hang_up(self, pbx: str, attempt_id: str) -> None:
        """End the attempt's call whatever it is doing; nothing happens when it is over. Raises PbxError."""
        ...

    async def marker(self, pbx: str, attempt_id: str) -> str | None:
        """How far the PBX's dialplan came: `agent`, `customer`, `declined`, `refused`, or None for no
        trace. Raises PbxError when it could not be read: that says nothing."""
        ...


class CallerIds(Protocol):
    """Offered by the roof to the PBX room: other CRMs, asked of a call that is about to be dialled."""

    async def to_show(self, order: DialOrder, call_id: str) -> str | None:
        """The number of ours (digits, with its country code) that this customer is to see; None for the PBX's own
        choice. Takes a second at most, and raises nothing."""
        ...

    async def not_dialled(self, order: DialOrder, call_id: str) -> None:
        """What was asked about was surely not dialled. As short, and as quiet."""
        ...


@dataclass(frozen=True, slots=True)
class FreeAgent:
    """Somebody who could take a call this moment, and since when."""

    user_id: int
    device: UserDevice
    free_since: float


class AgentPool(Protocol):
    """Offered by the roof to the callback room: what desks and the PBX together know of agents and queues."""

    def free(self, pbx: str, queue: str) -> Sequence[FreeAgent]:
        """Members of this queue at a desk, available, unpaused and with an idle phone; longest free first."""
        ...

    def staffed(self, pbx: str, queue: str) -> int:
        """How many members are at work (logged in at a desk and not paused), busy or not."""
        ...

    def waiting(self, pbx: str, queue: str) -> int:
        """Callers waiting in this queue now."""
        ...

    def is_talking(self, number: str) -> bool:
        """Whether this outside number (E.164) is in any call with us, ringing included."""
        ...


@dataclass(frozen=True, slots=True)
class OpenPromise:
    """An open callback: whom (E.164), and the calls it was asked for in, as far as it came from calls."""

    number: str
    call_ids: tuple[str, ...] = ()


class OpenPromises(Protocol):
    """Offered by the callback room to the customers' room."""

    async def open_for(self, connection: AsyncConnection, numbers: Collection[str]) -> Sequence[OpenPromise]:
        """The open callbacks to these numbers (E.164). Reads on the caller's connection."""
        ...


class ResponsiblePeople(Protocol):
    """Offered by the customers' room to the callback room."""

    async def of(self, connection: AsyncConnection, numbers: Collection[str]) -> Mapping[str, int]:
        """Who (user id) is responsible for the customer with each of these numbers (E.164), where somebody is. Reads on
        the caller's connection."""
        ...


class CallerBlocks(Protocol):
    """Offered by the customers' room to the callback room."""

    async def why(self, connection: AsyncConnection, number: str | None, at: float) -> str | None:
        """Why a caller with this number (E.164; None: withheld) was on the block list at `at`; None: was not. Reads on
        the caller's connection."""
        ...


class RecordingSwitch(Protocol):
    """Offered by the PBX room to the recordings room."""

    async def mute(self, pbx: str, call_id: str, *, muted: bool) -> None:
        """Silence the running recording of this call, or end the silence (MixMonitorMute, both directions); the time
        line goes on. Raises PbxError when nothing of it is being recorded, or the PBX refused or did not answer."""
        ...


@dataclass(frozen=True, slots=True)
class RecordingCopy:
    """An MP3 file as it may leave this server: `id` is that of exactly this audio, `name` tells when it was and nothing
    else, `content` is all of it."""

    id: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NoCopy:
    """`why` is a sentence for people; `for_good`: there will be none."""

    why: str
    for_good: bool


class CallCopies(Protocol):
    """Offered by the recordings room to the customers' room."""

    async def hand_out(self, call_id: str, to: str, largest: int, had: str) -> RecordingCopy | NoCopy | None:
        """What was said in this call, silenced where it is to be, in at most `largest` bytes; of several recordings the
        longest. None when that is the copy whose id is `had`. That `to` (a name for the list of uses) gets it is
        written down first, once. Raises RingbackError when the audio cannot be read."""
        ...
