"""One call in full: its row, its story in sentences, its picture, what agents wrote about it. Moments come from the
log; nothing is judged anew here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import UserRow
from core.errors import NotFoundError
from pbx_bridge.tables import CallMoment, CallWrapUp
from recordings.prompts.names import Purpose
from server.views.call_picture import OUTSIDE, Moment, Picture, draw
from server.views.calls import CallRow, people_by_extension, read_call

MAX_MOMENTS = 2000
"""A call that rings fifty phones for an hour stays below; more would not be read by anybody."""

STOPPED = {
    "answered_elsewhere": "stopped ringing: a colleague answered",
    "caller_gone": "stopped ringing: the caller gave up",
    "refused": "declined the call",
    "busy": "was busy",
    "timeout": "rang out without an answer",
    "forwarded": "passed the call on to another number",
    "pbx": "stopped ringing: the PBX went on",
}
ENDED = {
    "caller": "The outside party hung up",
    "agent": "Our side hung up",
    "pbx": "The PBX ended the call",
    "unknown": "The call ended; nobody can tell who hung up",
}

NOTICE = f"{Purpose.NOTICE}-"
JOINED = "Another call began that became part of this one"


@dataclass(frozen=True, slots=True)
class StoryLine:
    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class WrapUp:
    user_id: int
    name: str
    disposition: str | None
    note: str
    saved_at: float | None


@dataclass(frozen=True, slots=True)
class CallStory:
    """`lane_labels` has one label per lane of the picture."""

    call: CallRow
    picture: Picture
    lane_labels: tuple[str, ...]
    lines: tuple[StoryLine, ...]
    wrap_ups: tuple[WrapUp, ...]


async def read_story(connection: AsyncConnection, call_id: str, now: float) -> CallStory:
    """Raises NotFoundError. `now` draws a call that still goes on."""
    call = await read_call(connection, call_id)
    if call is None:
        raise NotFoundError("there is no such call in the log")
    moments = await _moments(connection, call_id)
    people = await people_by_extension(connection)
    names = {extension: name for (pbx, extension), (_, name) in people.items() if pbx == call.pbx}
    picture = draw(moments, call.started_at, call.ended_at or max(now, call.started_at))
    return CallStory(
        call=call,
        picture=picture,
        lane_labels=tuple(_lane_label(lane.key, names) for lane in picture.lanes),
        lines=tuple(_lines(moments, names)),
        wrap_ups=await _wrap_ups(connection, call_id),
    )


def _lines(moments: Sequence[Moment], names: Mapping[str, str]) -> Iterator[StoryLine]:
    """A conversation begins once: what begins later was a call of its own until it became part of this one."""
    has_begun = False
    for moment in moments:
        text = tell(moment, names)
        if moment.kind == "started":
            text = f"{JOINED}; dialled: {_who(moment.detail, names)}" if has_begun else text
            has_begun = True
        yield StoryLine(moment.at, moment.kind, text)


def tell(moment: Moment, names: Mapping[str, str]) -> str:
    """One moment as a sentence; extensions become the names of their people."""
    who = _who(moment.extension, names)
    detail = moment.detail or ""
    match moment.kind:
        case "started":
            return f"The call began; dialled: {detail}" if detail else "The call began"
        case "queued":
            return f"Entered the queue {detail}"
        case "dequeued":
            return f"Left the queue {detail}"
        case "notice":
            return f"The {told_by(detail)} was played to its end"
        case "notice_cut":
            return f"The {told_by(detail)} was not played to its end"
        case "ringing":
            return f"{who}: the phone rang"
        case "stopped":
            return f"{who} {STOPPED.get(detail, 'stopped ringing')}"
        case "answered":
            return f"{who} answered"
        case "left":
            return f"{who} left the call"
        case "held":
            return f"{who} put the call on hold"
        case "resumed":
            return f"{who} took the call off hold"
        case "blind_transfer":
            return f"{who} transferred the call to {_who(detail, names)}"
        case "attended_transfer":
            return f"{who} spoke to {_who(detail, names)} and handed the call over"
        case "ended":
            return ENDED.get(detail, ENDED["unknown"])
    return moment.kind.replace("_", " ").capitalize()


def told_by(prompt: str) -> str:
    """The prompt that tells of the recording, in words."""
    if prompt.startswith(NOTICE):
        return f"recording notice of the queue {prompt.removeprefix(NOTICE)}"
    return "site's own greeting"


def _who(extension: str | None, names: Mapping[str, str]) -> str:
    if not extension:
        return "Somebody"
    name = names.get(extension)
    return f"{name} ({extension})" if name else extension


def _lane_label(key: str, names: Mapping[str, str]) -> str:
    if key == OUTSIDE:
        return "Caller"
    if key.startswith("queue:"):
        return f"Queue {key.removeprefix('queue:')}"
    return names.get(key, key)


async def _moments(connection: AsyncConnection, call_id: str) -> Sequence[Moment]:
    result = await connection.execute(
        select(CallMoment.at, CallMoment.kind, CallMoment.extension, CallMoment.detail)
        .where(CallMoment.call_id == call_id)
        .order_by(CallMoment.at, CallMoment.id)
        .limit(MAX_MOMENTS)
    )
    return [Moment(*row) for row in result]


async def _wrap_ups(connection: AsyncConnection, call_id: str) -> tuple[WrapUp, ...]:
    result = await connection.execute(
        select(CallWrapUp.user_id, UserRow.name, CallWrapUp.disposition, CallWrapUp.note, CallWrapUp.saved_at)
        .join(UserRow, UserRow.id == CallWrapUp.user_id)
        .where(CallWrapUp.call_id == call_id)
        .order_by(CallWrapUp.opened_at)
    )
    return tuple(WrapUp(*row) for row in result if row.note or row.disposition)
