"""The call book of one PBX: AMI messages in, facts about calls out.

*Pure.* `CallBook.apply` finds the call a message belongs to (`_home`), lets the call take it in (`conversation.py`) and
says what changed. It joins calls that prove to be one conversation, closes what has ended, and forgets it. What a
state amounts to is decided in `verdict.py`; reading the socket, storing and publishing is `bridge.py`'s work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.facts import CallEnded, CallsJoined, Direction, Fact
from pbx_bridge.ami import events as ami
from pbx_bridge.ami.channel import Channel
from pbx_bridge.ami.events import Event
from pbx_bridge.ami.mending import Mender, Whole
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.parsing import parse
from pbx_bridge.conversation import Conversation, OpenCall
from pbx_bridge.directory import Directory
from pbx_bridge.inferred import Guest, Lost, Seen
from pbx_bridge.legs import LegKind, device_of
from pbx_bridge.reconcile import Births, Blind, Comparison, Reconciled, found, queued
from pbx_bridge.rooms import Holds, Rooms
from pbx_bridge.status import PbxStatus
from pbx_bridge.verdict import record

IN_ROOMS = frozenset({ami.BridgeEnter, ami.BridgeLeave, ami.Hangup, ami.HangupRequest})
"""Events that other calls in the same conference hear of too."""

ON_HOLDS = frozenset({ami.Hold, ami.Unhold, ami.Hangup, ami.DialBegin, ami.QueueCallerJoin})
"""Events that can make one call a question about another."""

RESTARTED = "the PBX was restarted in mid-call"

ADOPTING = (
    ami.Newchannel, ami.Newstate, ami.NewCallerid, ami.NewConnectedLine, ami.DialEvent, ami.BridgeEvent, ami.Hold,
    ami.Unhold, ami.HangupRequest, ami.QueueEvent, ami.Parked, ami.Unparked, ami.Pickup, ami.BlindTransfer,
    ami.AttendedTransfer, ami.InMailbox, Seen,
)  # fmt: skip
"""Events of a channel we have not met that prove it alive: we began to look in the middle of its call."""

JOINING = (ami.DialBegin, ami.DialEnd, ami.Pickup, ami.AttendedTransfer, ami.BlindTransfer, ami.Unparked)
"""Events whose channels are in one conversation, whatever their linkedids say."""


class CallBook:
    """All calls of one PBX that have not ended."""

    def __init__(self, pbx: str, trunks: Sequence[str], region: str) -> None:
        """`trunks` are channel prefixes (`PJSIP/trunk`), `region` the ISO 3166 code that numbers are read with."""
        self.pbx = pbx
        self._directory = Directory(pbx, tuple(trunks), region)
        self._rooms = Rooms()
        self._holds = Holds()
        self._closing: dict[str, Conversation] = {}
        self._lingering: dict[str, Conversation] = {}
        self._next_due = float("inf")
        self._comparison = Comparison()
        self._births = Births()
        self._blind: Blind | None = None
        self._mender = Mender()
        self._adopting = False
        self.last_at = 0.0
        self.reconciled = Reconciled()

    # --- in -----------------------------------------------------------------------------------------------------

    def apply(self, message: AmiMessage, at: float) -> list[Fact]:
        """Take in one message. `at` is when it arrived; the PBX's own Timestamp counts where there is one."""
        facts: list[Fact] = []
        stamp = message.timestamp
        now = at if stamp is None else stamp
        for whole in self._mender.take(message):
            self._take_whole(whole, now, facts)
        if self._lingering or now >= self._next_due:
            facts += self.tick(now)
        return facts

    def tick(self, at: float) -> list[Fact]:
        """Time has come to `at`: calls that ended and waited for late events become final."""
        facts: list[Fact] = []
        for whole in self._mender.flush(at):
            self._take_whole(whole, at, facts)
        self.last_at = max(self.last_at, at)
        for call in list(self._lingering.values()):
            facts += call.news(at)
            if not call.lingering or call.id not in self._directory.calls:
                del self._lingering[call.id]
        for call in [call for call in self._closing.values() if call.due <= at]:
            self._close(call, facts)
        self._next_due = min((call.due for call in self._closing.values()), default=float("inf"))
        return facts

    def finish(self, at: float, reason: str) -> list[Fact]:
        """Nothing more will come: end whatever is open. `reason` is a clause such as "the capture ends here"."""
        facts: list[Fact] = []
        for whole in self._mender.flush():
            self._take_whole(whole, at, facts)
        blind = self._blind
        for call in list(self._directory.calls.values()):
            unseen = blind is not None and call.state.last_at <= blind.since
            self._lose(call, blind.since if blind is not None and unseen else at, reason, facts)
        for call in list(self._closing.values()):
            self._close(call, facts)
        return facts

    def blind(self, since: float, reason: str) -> None:
        """The link was lost at `since`; `reason` is a clause such as "our link to the PBX was down". The first one
        counts until the next `reconcile`."""
        if self._blind is None:
            self._blind = Blind(since, reason)

    def reconcile(self, status: PbxStatus, at: float) -> list[Fact]:
        """Compare with what the PBX says of itself at `at`. Repeating it with the same answer changes nothing."""
        facts: list[Fact] = []
        blind, before = self._blind, set(self._directory.calls)
        legs = self._directory.live_legs()
        restarted = self._comparison.restarted_at(status, legs, blind, at)
        if restarted is not None:
            # Else the first running number of the new process would tell of the same restart again, and take those
            # channels with it that were born since and have names of ours: the halves of a callback.
            self._births.forget()
            ended = [
                (Lost(uid, by_pbx=True), restarted) for uid, leg in legs.items() if leg.born <= restarted
            ]
            self._lost(ended, RESTARTED, facts)
        else:
            reason = blind.reason if blind is not None else "the PBX no longer knows it"
            self._lost(
                list(self._comparison.lost(status, legs, blind, at)), f"its end was not seen: {reason}", facts
            )
        over = {call.id for call in self._directory.calls.values() if call.is_over}
        ended_unseen = {call_id for call_id in over & before if self._directory.calls[call_id].blind}
        self._adopting = True
        for event, moment in self._news_of(status, blind, at):
            self._take(event, moment, None, facts)
        self._adopting = False
        for call in list(self._directory.calls.values()):
            facts += call.news(at)
        self._blind = None
        self.reconciled = Reconciled(
            kept=len(before - over),
            ended_unseen=len(ended_unseen),
            found=len(self._directory.calls.keys() - before),
        )
        return facts

    def moment_of(self, status: PbxStatus) -> float:
        """The earliest moment at which the PBX can have said this, by the ages of channels whose birth we saw."""
        ages = {one.channel.uniqueid: one.seconds or 0 for one in status.channels}
        legs = self._directory.live_legs()
        return max([self.last_at, *(legs[uid].born + age for uid, age in ages.items() if uid in legs)])

    def _lost(self, events: list[tuple[Lost, float]], reason: str, out: list[Fact]) -> None:
        for event, at in events:
            call = self._directory.of(event.uniqueid)
            if call is None:
                continue
            call.add(event, at)
            call.blind = call.blind or reason
            for one in (call, *self._directory.guests_of(event.uniqueid)):
                if one is not call:
                    one.add(event, at)
                out += one.news(at)
                self._watch(one)

    def _news_of(self, status: PbxStatus, blind: Blind | None, at: float) -> list[tuple[Event, float]]:
        legs = self._directory.live_legs()
        fresh = {one.channel.uniqueid for one in status.channels} - legs.keys()
        # Where nothing was missed, events of channels we know are on their way: only what is unheard of is news.
        news = [one for one in status.channels if not self._directory.is_gone(one.channel.uniqueid)]
        known = [one for one in news if blind is not None or one.channel.uniqueid in fresh]
        events = list(found(replace(status, channels=tuple(known)), legs, at))
        stays = {
            s.uniqueid: s
            for call in self._directory.calls.values()
            for s in call.state.stays
            if s.left is None
        }
        watched = {one.channel.uniqueid for one in known}
        events += queued(
            replace(status, channels=tuple(known)), {u: s for u, s in stays.items() if u in watched}, at
        )
        return events

    def call_of(self, message: AmiMessage) -> str | None:
        """The id of the open call that a message belongs to; ask right after `apply`."""
        event = parse(message)
        if event is None:
            return None
        if isinstance(event, (ami.Cdr, ami.OriginateResponse)):
            call = self._directory.of(event.uniqueid)
            return None if call is None else call.id
        for channel in event.channels:
            call = self._directory.of(channel.uniqueid)
            if call is not None:
                return call.id
        return None

    # --- out ----------------------------------------------------------------------------------------------------

    def open_calls(self) -> list[OpenCall]:
        """Every call that is going on, oldest first."""
        going = [call for call in self._directory.calls.values() if not call.is_over and call.announced]
        return sorted((call.now() for call in going), key=lambda call: call.started_at)

    def channels_of(self, linkedid: str) -> dict[str, str]:
        """The channels that live now in the call that began with this linkedid: id → name, in order of birth."""
        call = self._directory.of_linkedid(linkedid)
        return {} if call is None else {leg.uniqueid: leg.name for leg in call.state.live_legs}

    def channels_in(self, call_id: str) -> list[str]:
        """The names of the channels that live now in this call, in order of birth."""
        call = self._directory.calls.get(call_id)
        return [] if call is None else [leg.name for leg in call.state.live_legs]

    def has_met(self, uniqueid: str) -> bool:
        """Whether this channel was ever seen (as far as ended channels are remembered)."""
        return self._directory.of(uniqueid) is not None or self._directory.is_gone(uniqueid)

    def __len__(self) -> int:
        return len(self._directory.calls)

    # --- one event ----------------------------------------------------------------------------------------------

    def _take(self, event: Event, at: float, digest: int | None, out: list[Fact]) -> None:
        if isinstance(event, ami.Newchannel) and self._directory.of(event.channel.uniqueid) is None:
            self._notice_restart(event.channel, out)
        self.last_at = max(self.last_at, at)
        call = self._home(event, at, out)
        if call is None or call.knows(digest):
            return
        for channel in event.channels:
            if self._directory.of(channel.uniqueid) is not call:
                self._invite(call, channel, at)
        call.add(event, at)
        kind = type(event)
        call.is_login = call.is_login or kind is ami.AgentLogin
        others = self._share(event, call, at) if kind in IN_ROOMS else ()
        if kind in ON_HOLDS:
            call = self._consult(event, call, at, out)
        for one in (call, *others):
            if one.id in self._directory.calls:
                if not self._adopting:
                    out += one.news(at)
                self._watch(one)
                if one.lingering:
                    self._lingering[one.id] = one

    def _take_whole(self, whole: Whole, now: float, out: list[Fact]) -> None:
        digest = None if whole.stamp is None else hash(whole.raw)
        self._take(whole.event, whole.stamp or now, digest, out)

    def _notice_restart(self, channel: Channel, out: list[Fact]) -> None:
        if self._directory.is_gone(channel.uniqueid) or not self._births.is_first_after_restart(
            channel.uniqueid
        ):
            return
        died = self.last_at if self._blind is None else self._blind.since
        legs = [
            leg for call in self._directory.calls.values() for leg in call.state.live_legs if leg.born <= died
        ]
        self._lost([(Lost(leg.uniqueid, by_pbx=True), died) for leg in legs], RESTARTED, out)

    def _watch(self, call: Conversation) -> None:
        if call.is_over:
            call.due = call.close_at()
            self._next_due = min(self._next_due, call.due)
            self._closing[call.id] = call
        elif self._closing:
            self._closing.pop(call.id, None)

    def _home(self, event: Event, at: float, out: list[Fact]) -> Conversation | None:
        """The call an event belongs to: by its channels, else by their linkedid, else a new one."""
        if isinstance(event, (ami.Cdr, ami.OriginateResponse)):
            return self._directory.of(event.uniqueid)
        if isinstance(event, ami.DialEvent) and self._directory.is_gone(event.dest.uniqueid):
            return None
        home: Conversation | None = None
        joins = isinstance(event, JOINING)
        for channel in event.channels:
            call = self._directory.of(channel.uniqueid) or self._meet(event, channel)
            if call is None:
                continue
            call = self._follow(call, channel, at, out)
            if home is None:
                home = call
            elif joins and home is not call:
                home = self._join(home, call, at, out)
        return home

    def _meet(self, event: Event, channel: Channel) -> Conversation | None:
        is_new = self._directory.of_linkedid(channel.linkedid) is None
        # Of a call we know, the last word of a channel unheard of so far counts too: its caller may be hanging up.
        if self._directory.is_gone(channel.uniqueid) or (is_new and not isinstance(event, ADOPTING)):
            return None
        call = self._directory.meet(channel)
        if is_new and channel.uniqueid == call.root:
            held = self._held_by(device_of(channel.name), channel.uniqueid)
            call.about = None if held is None else held.id
        return call

    def _held_by(self, device: str, besides: str) -> Conversation | None:
        """The call that this phone holds on another of its channels."""
        holder = self._holds.latest(device, besides=besides)
        return None if holder is None else self._directory.of(holder)

    def _follow(self, call: Conversation, channel: Channel, at: float, out: list[Fact]) -> Conversation:
        """A channel's linkedid changes without an event of its own when Asterisk makes two calls one."""
        if channel.linkedid in call.linkedids:
            return call
        other = self._directory.of_linkedid(channel.linkedid)
        if other is not None and other is not call:
            return self._join(call, other, at, out)
        self._directory.also_known_as(call, channel.linkedid)
        return call

    # --- calls that are one ---------------------------------------------------------------------------------------

    def _join(self, one: Conversation, two: Conversation, at: float, out: list[Fact]) -> Conversation:
        """The call with a customer keeps its id, among equals the older; the other becomes part of it."""
        kept, absorbed = sorted((one, two), key=lambda call: call.seniority)
        if one.is_login or two.is_login or not kept.may_absorb(absorbed):
            return one
        self._directory.absorb(kept, absorbed)
        kept.absorb(absorbed)
        self._closing.pop(absorbed.id, None)
        if absorbed.announced:
            if not kept.announced:
                out += kept.news(at)
            out.append(CallsJoined(kept.id, absorbed.id, at))
        return kept

    def _consult(self, event: Event, call: Conversation, at: float, out: list[Fact]) -> Conversation:
        """A phone that holds one call and makes another asks about the first: both are one conversation."""
        if isinstance(event, ami.Hold):
            self._holds.hold(device_of(event.channel.name), event.channel.uniqueid)
            device = device_of(event.channel.name)
            for question in [one for one in self._directory.calls.values() if one.asks(device, at)]:
                call = self._ask(question, call, at, out)
        elif isinstance(event, (ami.Unhold, ami.Hangup)):
            self._holds.release(device_of(event.channel.name), event.channel.uniqueid)
        elif isinstance(event, (ami.DialBegin, ami.QueueCallerJoin)):
            origin = call.state.cast.origin
            if origin is not None and origin.is_live and not call.state.talk.stretches:
                held = self._held_by(origin.device, origin.uniqueid)
                if held is None and isinstance(event, ami.DialBegin):
                    held = self._directory.put_aside_for(call, event.dest)
                call = call if held is None else self._ask(call, held, at, out)
        return call

    def _ask(self, question: Conversation, held: Conversation, at: float, out: list[Fact]) -> Conversation:
        origin = question.state.cast.origin
        if question is held or origin is None or origin.kind is not LegKind.PHONE or not origin.is_caller:
            return question
        if not held.state.talk.connected or held.id not in self._directory.calls:
            return question
        outwards = question.state.cast.direction is Direction.OUTBOUND
        if outwards and held.state.cast.direction is Direction.INTERNAL:
            return question
        return self._join(held, question, at, out)

    # --- conferences ----------------------------------------------------------------------------------------------

    def _share(self, event: Event, call: Conversation, at: float) -> list[Conversation]:
        """Calls that meet in a conference stay two calls, but each sees who of the other is in the room."""
        others = self._directory.guests_of(event.channels[0].uniqueid)
        if isinstance(event, ami.BridgeEnter) and event.is_talk:
            others += self._enter_room(event, call, at)
        elif not isinstance(event, ami.HangupRequest):
            left = event.bridge if isinstance(event, ami.BridgeLeave) else None
            self._rooms.leave(event.channels[0].uniqueid, left)
        for other in others:
            if other is not call:
                other.add(event, at)
        return others

    def _enter_room(self, event: ami.BridgeEnter, call: Conversation, at: float) -> list[Conversation]:
        met: list[Conversation] = []
        for channel in self._rooms.enter(event.bridge, event.channel):
            other = self._directory.of(channel.uniqueid)
            if other is None or other is call:
                continue
            self._invite(other, event.channel, at)
            self._invite(call, channel, at)
            call.add(ami.BridgeEnter(channel, event.bridge), at)
            met.append(other)
        return met

    def _invite(self, call: Conversation, guest: Channel, at: float) -> None:
        call.add(Guest(guest), at)
        self._directory.invite(call, guest.uniqueid)

    # --- the end --------------------------------------------------------------------------------------------------

    def _close(self, call: Conversation, out: list[Fact]) -> None:
        call.settle()
        out += call.news(call.state.last_at)
        self._forget(call)
        about = self._directory.calls.get(call.about or "")
        silent = call.state.cast.direction is Direction.INTERNAL and not call.state.talk.stretches
        if about is not None and about is not call and silent:
            about.absorb(call)
            out.append(CallsJoined(about.id, call.id, call.state.ended_at))
            out += about.news(about.state.last_at)
            return
        final = record(call.state, call.id, self.pbx, call.linkedids, call.blind)
        out.append(CallEnded(call.id, final.ended_at, final))

    def _forget(self, call: Conversation) -> None:
        self._closing.pop(call.id, None)
        for leg in call.state.legs:
            self._holds.release(leg.device, leg.uniqueid)
        for uniqueid in self._directory.forget(call):
            self._rooms.leave(uniqueid)

    def _lose(self, call: Conversation, at: float, reason: str, out: list[Fact]) -> None:
        """What still lives in this call ended unseen."""
        living = call.state.live_legs
        for leg in living:
            call.add(Lost(leg.uniqueid), at)
        if living:
            call.blind = reason
            out += call.news(at)
        self._watch(call)
