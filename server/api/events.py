"""`/api/v1/events`: what happens now, as Server-Sent Events. The facts are those of `core/facts/`, under their names
and with their fields; instants are written as everywhere in the API, and an ended call has the fields of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import BaseModel, Field, RootModel, create_model

from core import facts
from core.api_keys import read_key
from core.facts import Direction, Fact, MatchKind
from server.api.calls import EndedCall, Transfer
from server.api.operation import Header, operation
from server.api.shapes import Given, Instant
from server.live.calls_now import CallNow, PhoneState
from server.live.fact_feed import FactFeed, Hears, Listener
from server.live.socket import LIVE
from server.web.guard import API_KEY, session_alive
from server.web.keys import DATABASE

FEED = web.AppKey("feed", FactFeed)
STREAM = "text/event-stream"

STREAMED: tuple[type[Fact], ...] = (
    facts.PbxConnected,
    facts.PbxLost,
    facts.BlindWindowClosed,
    facts.CallStarted,
    facts.CallDescribed,
    facts.NoticePlayed,
    facts.CallQueued,
    facts.CallDequeued,
    facts.PhoneRinging,
    facts.PhoneStopped,
    facts.CallAnswered,
    facts.CallerLeftByKey,
    facts.CustomerDialled,
    facts.AgentLeft,
    facts.CallHeld,
    facts.CallResumed,
    facts.CallTransferred,
    facts.CallsJoined,
    facts.CallEnded,
    facts.CallMatched,
    facts.CallerBlocked,
    facts.CallerWelcome,
    facts.CustomerChanged,
    facts.CustomerMerged,
    facts.CustomerUnmerged,
    facts.CustomerRemoved,
    facts.DeviceChanged,
    facts.QueueMemberChanged,
    facts.AgentStateChanged,
    facts.CallbackChanged,
    facts.CallbackRequested,
    facts.CallbackMoved,
    facts.CallbackDeclined,
    facts.CallbackClosed,
    facts.CallbackReopened,
    facts.RecordingReady,
    facts.TranscriptReady,
)
"""What programs are told: everything but what concerns people's sessions."""

NEEDS: Mapping[type[Fact], str] = {
    facts.CallbackChanged: "callbacks:read",
    facts.CallbackRequested: "callbacks:read",
    facts.CallbackMoved: "callbacks:read",
    facts.CallbackDeclined: "callbacks:read",
    facts.CallbackClosed: "callbacks:read",
    facts.CallbackReopened: "callbacks:read",
    facts.RecordingReady: "recordings:read",
    facts.TranscriptReady: "recordings:read",
}
"""The scope a key needs to hear of it, beside the stream's own: callbacks tell whom we owe a call."""

BEAT = ": still here\n\n"
RETRY_MS = 2000


class Parties(Given):
    """Who talks to whom, as far as known at this moment; the words are those of a call."""

    direction: Direction
    caller: str | None
    caller_name: str | None
    callee: str | None
    customer_number: str | None


class Phone(Given):
    device: str = Field(examples=["PJSIP/101"])
    extension: str


SHAPES: dict[type, type[BaseModel]] = {
    facts.CallRecord: EndedCall,
    facts.Transfer: Transfer,
    facts.Parties: Parties,
    facts.Phone: Phone,
}
"""Parts of facts; the model of a fact itself is made from its fields."""

INSTANTS = frozenset({"at", "since", "until", "due_at"})


def _shape(hint: Any, name: str) -> Any:
    """The API's type for a fact's field."""
    if hint is float and name in INSTANTS:
        return Instant
    if get_origin(hint) is tuple:
        return list[_shape(get_args(hint)[0], name)]  # type: ignore[misc]
    if get_origin(hint) is UnionType:
        return reduce(or_, (part if part is NoneType else _shape(part, name) for part in get_args(hint)))
    return SHAPES.get(hint, hint)


def model_of(kind: type[Fact]) -> type[BaseModel]:
    """How a fact looks to programs, here and in webhooks."""
    hints = get_type_hints(kind)
    shapes: dict[str, Any] = {name: (_shape(hint, name), ...) for name, hint in hints.items()}
    shapes["type"] = (Literal[kind.__name__], kind.__name__)
    return create_model(kind.__name__, __base__=Given, __doc__=kind.__doc__, **shapes)


MODELS = {kind: model_of(kind) for kind in STREAMED}


class PhoneOnCall(Phone):
    state: PhoneState
    since: Instant


class OpenCall(Given):
    """A call that goes on."""

    call_id: str
    pbx: str
    started_at: Instant
    parties: Parties
    waiting_in: str | None = Field(description="The queue it waits in.")
    phones: list[PhoneOnCall]
    match: MatchKind | None = Field(description="Null while nobody has looked, and for internal calls.")
    customer_ids: list[int]


class Snapshot(Given):
    """Always the first event. When `resumed`, what was missed follows; else `calls` are all that go on now, and
    whatever else was known must be looked up again."""

    type: Literal["Snapshot"] = "Snapshot"
    position: str = Field(description="The number of the last event before this stream.")
    resumed: bool
    calls: list[OpenCall] = Field(description="Empty when resumed.")


class Event(RootModel[Any]):
    """One event's `data`. Its `id` is `epoch:seq`, its `event` the same word as `type`."""

    root: Annotated[reduce(or_, (Snapshot, *MODELS.values())), Field(discriminator="type")]  # type: ignore[valid-type]


def write(fact: Fact, position: str) -> str:
    """A fact as an event of the stream."""
    return _event(MODELS[type(fact)].model_validate(fact), position)


def _event(body: BaseModel, position: str) -> str:
    name = getattr(body, "type")  # noqa: B009
    return f"id: {position}\nevent: {name}\ndata: {body.model_dump_json(by_alias=True)}\n\n"


LastEventId = Annotated[
    str | None,
    Header("Last-Event-ID", "The `id` of the last event you have; sent by every SSE client by itself."),
]


@operation("What happens now, as Server-Sent Events", tag="Live", media=STREAM, answer=Event, problems=(429,))
async def stream(request: web.Request, last_event_id: LastEventId) -> web.StreamResponse:
    """A snapshot, then every fact as it becomes known; facts about callbacks (`CallbackRequested`,
    `CallbackMoved`, `CallbackDeclined`, `CallbackClosed` …) only for a key that has `callbacks:read` as well,
    `RecordingReady` and `TranscriptReady` for one that has `recordings:read`. A program that reads too slowly is
    disconnected; reconnect with the header `Last-Event-ID` to get what you missed. Facts may be told twice after a
    restart: they are statements, not commands. For work that must not be lost read `/api/v1/calls`, where everything is
    once it is over."""
    response = web.StreamResponse(headers={"Content-Type": STREAM, "X-Accel-Buffering": "no"})
    if request.method == "HEAD":
        return response
    feed = request.app[FEED]
    listener = feed.join(_hears(request))
    try:
        # Nothing is awaited between joining and this: not one fact is missed or told twice.
        begin = _begin(request, feed, listener, last_event_id)
        await response.prepare(request)
        await _carry(request, response, listener, begin)
    finally:
        feed.leave(listener)
    return response


async def end_streams(app: web.Application) -> None:
    """The server stops: nobody waits for programs that would listen for ever."""
    app[FEED].close()


def _hears(request: web.Request) -> Hears:
    """People with a session are managers, who may see both."""
    if API_KEY not in request:
        return lambda _kind: True
    scopes = request[API_KEY].scopes
    return lambda kind: kind not in NEEDS or NEEDS[kind] in scopes


def _begin(request: web.Request, feed: FactFeed, listener: Listener, last_event_id: str | None) -> str:
    missed = feed.missed(last_event_id, listener.hears)
    going_on = () if missed is not None else request.app[LIVE].board.calls.values()
    snapshot = Snapshot(
        position=feed.position,
        resumed=missed is not None,
        calls=[_open(call) for call in going_on if call.ended_at is None],
    )
    position = feed.position if missed is None else last_event_id or ""
    return f"retry: {RETRY_MS}\n{_event(snapshot, position)}{''.join(missed or ())}"


def _open(call: CallNow) -> OpenCall:
    phones = [
        PhoneOnCall(device=one.phone.device, extension=one.phone.extension, state=one.state, since=one.since)
        for one in call.phones
    ]
    return OpenCall(
        call_id=call.call_id,
        pbx=call.pbx,
        started_at=call.started_at,
        parties=Parties.model_validate(call.parties),
        waiting_in=call.waiting_in,
        phones=phones,
        match=call.match,
        customer_ids=list(call.customer_ids),
    )


async def _carry(request: web.Request, response: web.StreamResponse, listener: Listener, begin: str) -> None:
    """Write until the program goes, reads too slowly, or may no longer listen."""
    now, times = asyncio.get_running_loop().time, request.app[FEED].times
    text, check_at = begin, now() + times.check
    while not listener.cut:
        try:
            async with asyncio.timeout(times.write):
                await response.write((text or BEAT).encode())
        except TimeoutError:
            break
        text = await listener.take(times.beat)
        if now() >= check_at:
            check_at = now() + times.check
            if not await _may_stay(request):
                return
    if listener.cut and request.transport is not None and not request.app[FEED].is_closed:
        # An orderly end would wait behind everything the program does not read.
        request.transport.abort()


async def _may_stay(request: web.Request) -> bool:
    """Whether the key or session this stream began with still lives."""
    if API_KEY not in request:
        return await session_alive(request)
    text = request.headers["Authorization"].partition(" ")[2].strip()
    async with request.app[DATABASE].read() as connection:
        return await read_key(connection, text) is not None
