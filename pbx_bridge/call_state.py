"""Everything one call's events say, kept up to date: who rings, who talks, where it waits, what was transferred.

*Pure.* In: the events of one call in order of time. Out: a state that is a function of those events alone, so a call
can be told again from its history (`conversation.py`) and comes out the same. Which events belong to the call is
decided in `calls.py`, what it all amounts to in `verdict.py`, what is told to others in `views.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.facts import Direction, Phone, Transfer, TransferKind
from pbx_bridge import ami_events as ami
from pbx_bridge.ami_events import Channel, ChannelState
from pbx_bridge.legs import Leg, LegKind, Legs, LegState, Signal, new_leg
from pbx_bridge.parties import Cast

PARK_SECONDS = 0.5
"""A transfer to the parking extension looks like a blind transfer but for the `ParkedCall` next to it, within
milliseconds: on 22 after it, on 16 before."""


@dataclass(slots=True)
class QueueStay:
    """One wait in one queue. `given_up` is the moment of QueueCallerAbandon, which a time-out sends too."""

    name: str
    uniqueid: str
    joined: float
    left: float | None = None
    given_up: float | None = None


@dataclass(slots=True)
class Talk:
    """A stretch of time in which the customer was connected. `legs` are those who heard each other at its end."""

    start: float
    end: float | None = None
    legs: tuple[Leg, ...] = ()


@dataclass(slots=True)
class Move:
    """A transfer as an event told it. A blind one is `sure` once its target is known not to be the car park.

    `asked` is the leg that was to take the call while it still rang: it may ring in vain, and the PBX then calls
    the transferer back.
    """

    transfer: Transfer
    sure: bool
    asked: Leg | None = None


@dataclass(slots=True)
class CallState:
    """The story of one call so far. Feed it with `apply` only."""

    root: str
    trunks: Sequence[str]
    region: str
    legs: Legs = field(default_factory=Legs)
    stays: list[QueueStay] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    connected: dict[str, Phone] = field(default_factory=dict)
    talked: dict[str, float] = field(default_factory=dict)
    rang: dict[str, float] = field(default_factory=dict)
    applications: dict[str, list[str]] = field(default_factory=dict)
    mailbox_at: float | None = None
    parked_at: list[float] = field(default_factory=list)
    started_at: float | None = None
    last_at: float = 0.0
    lost_by_pbx: bool = False
    cast: Cast = field(init=False)
    _away: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cast = Cast(self.root, self.region, self.legs)

    def apply(self, event: ami.Event, at: float) -> None:
        """Take in the next event. `at` never runs backwards."""
        self.last_at = max(self.last_at, at)
        for channel in event.channels:
            self._meet(channel, at, isinstance(event, ami.Newchannel))
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, at)

    def meet_guest(self, channel: Channel, at: float) -> None:
        """Somebody of another call shares a conference with this one: they can be talked to, nothing else."""
        if self.legs.get(channel.uniqueid) is None:
            leg = new_leg(channel, at, self.trunks, seen_born=False)
            leg.is_guest = True
            leg.state = LegState.ANSWERED
            self.legs.add(leg)

    @property
    def live_legs(self) -> list[Leg]:
        return [leg for leg in self.legs if leg.is_live and not leg.is_guest]

    @property
    def ended_at(self) -> float:
        """The last hang-up so far."""
        ends = [leg.ended_at for leg in self.legs if leg.ended_at is not None and not leg.is_guest]
        return max(ends, default=self.last_at)

    @property
    def waiting_in(self) -> str | None:
        """The queue the call waits in at this moment."""
        return next((stay.name for stay in reversed(self.stays) if stay.left is None), None)

    @property
    def talk_since(self) -> float | None:
        return self.talks[-1].start if self.talks and self.talks[-1].end is None else None

    def transfers(self) -> tuple[Transfer, ...]:
        """The transfers that are certain."""
        return tuple(move.transfer for move in self.moves if move.sure and not self._came_back(move))

    def _came_back(self, move: Move) -> bool:
        """Handed over while the colleague's phone rang; nobody answered there, and the transferer was rung again."""
        if move.asked is None or move.asked.answered_at is not None:
            return False
        return any(
            leg.dialled_at is not None
            and leg.dialled_at > move.transfer.at
            and leg.kind is LegKind.PHONE
            and self.cast.extension(leg) == move.transfer.from_extension
            for leg in self.legs
        )

    # --- legs -------------------------------------------------------------------------------------------------

    def _meet(self, channel: Channel, at: float, seen_born: bool) -> None:
        known = self.legs.get(channel.uniqueid)
        if known is not None:
            known.seen_at = at
            return
        leg = new_leg(channel, at, self.trunks, seen_born=seen_born)
        self.legs.add(leg)
        self.started_at = at if self.started_at is None else min(self.started_at, at)
        if leg.kind is not LegKind.INNER:
            self.cast.note(leg)

    def _leg(self, channel: Channel) -> Leg | None:
        """The leg while it lives: what is said of a dead channel is a repetition."""
        leg = self.legs.get(channel.uniqueid)
        return leg if leg is not None and leg.is_live else None

    def _on_channel_state(self, event: ami.ChannelEvent, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is None:
            return
        match event.channel.state:
            case ChannelState.RING:
                if leg.moved(Signal.CALLS):
                    leg.is_caller = True
                    self.cast.note(leg)
            case ChannelState.RINGING:
                self._rings(leg, at)
            case ChannelState.BUSY:
                leg.turned_away = leg.is_caller
            case ChannelState.UP:
                leg.up_at = leg.up_at or at
                if leg.moved(Signal.UP) and leg.state is LegState.LIFTED:
                    self._note_rang(leg, at)

    def _rings(self, leg: Leg, at: float) -> None:
        leg.rang_at = leg.rang_at or at
        leg.moved(Signal.RINGS)
        self._note_rang(leg, at)

    def _note_rang(self, leg: Leg, at: float) -> None:
        """A phone that is lifted without a ringing signal has asked its owner too."""
        if leg.kind is LegKind.PHONE and not leg.is_guest:
            self.rang.setdefault(self.cast.extension(leg), at)

    def _on_caller_id(self, event: ami.NewCallerid, at: float) -> None:
        self._on_channel_state(event, at)
        origin = self.cast.origin
        if origin is None or event.channel.uniqueid != origin.uniqueid or not self.cast.is_customer(origin):
            return
        self.cast.withheld = self.cast.withheld or event.withheld
        origin.number = origin.number or event.channel.number
        origin.caller_name = origin.caller_name or event.channel.caller_name

    def _on_privacy(self, event: ami.RingbackCaller, _at: float) -> None:
        leg = self.legs.get(event.channel.uniqueid)
        if event.withheld and leg is not None and self.cast.is_customer(leg):
            self.cast.withheld = True

    def _on_request(self, event: ami.HangupRequest, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is None:
            return
        if event.soft:
            leg.soft_at = leg.soft_at or at
        elif leg.requested_at is None:
            leg.requested_at, leg.request_cause, leg.request_tech = at, event.cause, event.tech_cause
        if self._away.pop(leg.uniqueid, None) is not None:
            self._listen(at)

    def _on_hangup(self, event: ami.Hangup, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is not None:
            leg.cause, leg.tech_cause = event.cause, event.tech_cause
            self._end(leg, at)

    def _on_lost(self, event: ami.Lost, at: float) -> None:
        leg = self.legs.get(event.uniqueid)
        if leg is not None and leg.is_live:
            self.lost_by_pbx = self.lost_by_pbx or event.by_pbx
            self._end(leg, at)

    def _end(self, leg: Leg, at: float) -> None:
        leg.ended_at = at
        leg.moved(Signal.GONE)
        self._away.pop(leg.uniqueid, None)
        self.legs.leave(leg)
        for stay in self.stays:
            if stay.uniqueid == leg.uniqueid and stay.left is None:
                stay.left = at
        self._listen(at)

    # --- dialling ---------------------------------------------------------------------------------------------

    def _on_dial_begin(self, event: ami.DialBegin, at: float) -> None:
        self._settle_moves()
        leg = self._leg(event.dest)
        if leg is None:
            return
        leg.moved(Signal.DIALLED)
        leg.dialled_at = leg.dialled_at or at
        leg.dial_string = leg.dial_string or event.dial_string
        if event.caller is not None:
            leg.dialled_by = event.caller.uniqueid
            if self.cast.origin is not None and self.cast.origin.uniqueid == event.caller.uniqueid:
                self.cast.note_dialled(event.caller.exten)
        if leg.is_caller and leg.born_state != ChannelState.RING:
            # Adopted as a caller by its linkedid, yet dialled: an Originate rang it first.
            leg.is_caller = False
        self.cast.note(leg)
        self._on_dest_state(leg, event.dest, at)

    def _on_dest_state(self, leg: Leg, dest: Channel, at: float) -> None:
        if dest.state == ChannelState.RINGING:
            self._rings(leg, at)

    def _on_dial_state(self, event: ami.DialState, at: float) -> None:
        leg = self._leg(event.dest)
        if leg is not None and event.status == "RINGING":
            self._rings(leg, at)

    def _on_dial_end(self, event: ami.DialEnd, at: float) -> None:
        leg = self.legs.get(event.dest.uniqueid)
        if leg is None:
            return
        if event.status == "ANSWER":
            self._answered(leg, at)
        elif leg.moved(Signal.DIAL_FAILED) or leg.dial_status is None:
            leg.dial_status = "FORWARD" if event.forward else event.status
            leg.released_at = leg.released_at or at
            leg.answered_at = None

    def _answered(self, leg: Leg, at: float) -> None:
        if not leg.is_live:
            return
        leg.moved(Signal.DIAL_ANSWERED)
        leg.dial_status = "ANSWER"
        leg.answered_at = leg.answered_at or at
        if not leg.is_caller:
            self._note_rang(leg, at)
            if self.cast.reached_at is None and leg.kind is LegKind.TRUNK and self.cast.is_customer(leg):
                self.cast.reached_at = at

    # --- bridges ----------------------------------------------------------------------------------------------

    def _on_enter(self, event: ami.BridgeEnter, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is None:
            return
        leg.moved(Signal.JOINED)
        self.legs.enter(leg, event.bridge, is_talk=event.is_talk)
        self._listen(at)

    def _on_leave(self, event: ami.BridgeLeave, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is None or leg.bridge != event.bridge:
            return
        self.legs.leave(leg)
        if leg.requested_at is None and leg.soft_at is None and self._was_with_customer(leg):
            self._away[leg.uniqueid] = event.bridge
        self._listen(at)

    def _was_with_customer(self, leg: Leg) -> bool:
        return (
            self.cast.is_ours(leg)
            and bool(self.talks)
            and self.talks[-1].end is None
            and leg in self.talks[-1].legs
        )

    def _listen(self, at: float) -> None:
        """Find out anew who is connected with whom."""
        with_customer, everybody = self._circles()
        for uniqueid, bridge in list(self._away.items()):
            leg = self.legs.get(uniqueid)
            if leg is None or leg in with_customer or not self._waits_for(bridge, leg):
                del self._away[uniqueid]
                continue
            with_customer.append(leg)
            if leg not in everybody:
                everybody.append(leg)
        ours = [leg for leg in with_customer if self.cast.is_ours(leg)]
        self.connected = {
            phone.device: phone for phone in map(self.cast.phone, filter(self.cast.is_ours, everybody))
        }
        self._note_talk(with_customer, ours, at)

    def _circles(self) -> tuple[list[Leg], list[Leg]]:
        """Legs of people who hear each other: those connected with the customer, and all of them."""
        with_customer: list[Leg] = []
        everybody: list[Leg] = []
        seen: set[str] = set()
        for leg in self.legs:
            if leg.bridge is None or leg.uniqueid in seen:
                continue
            circle = self.legs.heard_by(leg)
            seen.update(one.uniqueid for one in circle)
            people = [
                one for one in circle if one.bridge is not None and one.kind in (LegKind.PHONE, LegKind.TRUNK)
            ]
            if len(people) < 2:
                continue
            everybody += people
            if self._holds_customer(people):
                with_customer += people
        return with_customer, everybody

    def _holds_customer(self, people: Sequence[Leg]) -> bool:
        """Whether what these people say counts as talk: with the customer, or among colleagues in an internal call."""
        own = [leg for leg in people if not leg.is_guest]
        if self.cast.direction is Direction.INTERNAL:
            return bool(own)
        return any(self.cast.is_customer(leg) for leg in own) and any(
            self.cast.is_ours(leg) for leg in people
        )

    def _waits_for(self, bridge: str, leg: Leg) -> bool:
        """The customer still stands in the bridge that this person left for a consultation."""
        left = [one for one in self.legs.heard_in(bridge) if one is not leg]
        if self.cast.direction is Direction.INTERNAL:
            return any(self.cast.is_ours(one) for one in left)
        return any(self.cast.is_customer(one) for one in left)

    def _note_talk(self, with_customer: list[Leg], ours: list[Leg], at: float) -> None:
        talk = self.talks[-1] if self.talks and self.talks[-1].end is None else None
        if not ours:
            if talk is not None:
                talk.end = at
            return
        if talk is None:
            talk = Talk(at)
            self.talks.append(talk)
        talk.legs = tuple(with_customer)
        for leg in sorted(ours, key=lambda one: (one is not self.cast.origin, one.born)):
            if leg.uniqueid not in self._away:
                self.talked.setdefault(self.cast.extension(leg), at)
        if self.cast.reached_at is None and self.cast.direction in (Direction.OUTBOUND, Direction.CALLBACK):
            self.cast.reached_at = at

    # --- holding, transfers, parking, pick-up ------------------------------------------------------------------

    def _on_hold(self, event: ami.Hold | ami.Unhold, _at: float) -> None:
        leg = self._leg(event.channel)
        if leg is not None:
            leg.is_held = isinstance(event, ami.Hold)

    def _on_blind(self, event: ami.BlindTransfer, at: float) -> None:
        self._settle_moves()
        if self.parked_at and at - self.parked_at[-1] < PARK_SECONDS:
            return  # Asterisk 16 says ParkedCall first
        sender = self._sender(event.transferer)
        transfer = Transfer(TransferKind.BLIND, sender, event.extension, at)
        self.moves.append(Move(transfer, sure=False))

    def _sender(self, transferer: Channel) -> str:
        """Who transfers: the phone itself, or the person whom a Local half stands for."""
        leg = self.legs.get(transferer.uniqueid)
        if leg is None or leg.kind is not LegKind.LOCAL:
            return "" if leg is None else self.cast.extension(leg)
        circle = self.legs.heard_by(leg)
        people = [one for one in circle if self.cast.is_ours(one)] or list(
            filter(self.cast.is_ours, self.legs)
        )
        return self.cast.extension(people[-1]) if people else self.cast.extension(leg)

    def _settle_moves(self) -> None:
        for move in self.moves:
            move.sure = True

    def _on_attended(self, event: ami.AttendedTransfer, at: float) -> None:
        self._settle_moves()
        sender = self._sender(event.first)
        asked = self._asked(event)
        target = self._consulted(event, asked)
        if target is not None:
            self.moves.append(
                Move(Transfer(TransferKind.ATTENDED, sender, target, at), sure=True, asked=asked)
            )

    def _asked(self, event: ami.AttendedTransfer) -> Leg | None:
        """The leg the customer was handed to; by keys it is the Local half that stands for the colleague."""
        found = None if event.target is None else self.legs.get(event.target.uniqueid)
        if found is not None or event.first.uniqueid != event.second.uniqueid:
            return found
        halves = [
            leg for leg in self.legs if leg.kind is LegKind.LOCAL and leg.is_live and leg.name.endswith(";1")
        ]
        return max(halves, key=lambda leg: leg.born, default=None)

    def _consulted(self, event: ami.AttendedTransfer, asked: Leg | None) -> str | None:
        """What the transferer dialled to ask: on the second phone line, or (by keys) into a Local channel."""
        if event.first.uniqueid == event.second.uniqueid:
            return None if asked is None else asked.exten or self.cast.extension(asked)
        lines = [
            leg
            for leg in map(self.legs.get, (event.second.uniqueid, event.first.uniqueid))
            if leg is not None
        ]
        asking = [leg for leg in lines if leg.is_caller]
        for line in [leg for leg in asking if not self._dialled_customer(leg)] or asking:
            return line.exten or None
        return None if asked is None else self.cast.extension(asked)

    def _dialled_customer(self, line: Leg) -> bool:
        return any(leg.dialled_by == line.uniqueid and self.cast.is_customer(leg) for leg in self.legs)

    def _on_parked(self, event: ami.Parked, at: float) -> None:
        self.parked_at.append(at)
        if self.moves and not self.moves[-1].sure and at - self.moves[-1].transfer.at < PARK_SECONDS:
            self.moves.pop()
        leg = self._leg(event.parkee)
        if leg is not None:
            self._listen(at)

    # --- queues and mailboxes ----------------------------------------------------------------------------------

    def _on_join(self, event: ami.QueueCallerJoin, at: float) -> None:
        self._settle_moves()
        if self._leg(event.channel) is not None and self._stay(event) is None:
            self.stays.append(QueueStay(event.queue, event.channel.uniqueid, at))

    def _on_queue_leave(self, event: ami.QueueCallerLeave, at: float) -> None:
        stay = self._stay(event)
        if stay is not None:
            stay.left = at

    def _on_given_up(self, event: ami.QueueCallerAbandon, at: float) -> None:
        stay = self._stay(event)
        if stay is not None:
            stay.given_up = at

    def _stay(self, event: ami.QueueEvent) -> QueueStay | None:
        """The wait in that queue that is not over yet."""
        for stay in self.stays:
            if stay.uniqueid == event.channel.uniqueid and stay.name == event.queue and stay.left is None:
                return stay
        return None

    def _on_mailbox(self, _event: ami.RingbackVoicemail, at: float) -> None:
        self._settle_moves()
        if self.mailbox_at is None:
            self.mailbox_at = at

    def _on_originated(self, event: ami.OriginateResponse, _at: float) -> None:
        self.cast.note_dialled(event.exten)

    def _on_cdr(self, event: ami.Cdr, _at: float) -> None:
        self.applications.setdefault(event.uniqueid, []).append(event.application)


_HANDLERS: dict[type[ami.Event], Callable[[CallState, Any, float], None]] = {
    ami.Newchannel: CallState._on_channel_state,
    ami.Newstate: CallState._on_channel_state,
    ami.NewCallerid: CallState._on_caller_id,
    ami.RingbackCaller: CallState._on_privacy,
    ami.HangupRequest: CallState._on_request,
    ami.Hangup: CallState._on_hangup,
    ami.Lost: CallState._on_lost,
    ami.Seen: CallState._on_channel_state,
    ami.DialBegin: CallState._on_dial_begin,
    ami.DialState: CallState._on_dial_state,
    ami.DialEnd: CallState._on_dial_end,
    ami.BridgeEnter: CallState._on_enter,
    ami.BridgeLeave: CallState._on_leave,
    ami.Hold: CallState._on_hold,
    ami.Unhold: CallState._on_hold,
    ami.BlindTransfer: CallState._on_blind,
    ami.AttendedTransfer: CallState._on_attended,
    ami.Parked: CallState._on_parked,
    ami.QueueCallerJoin: CallState._on_join,
    ami.QueueCallerLeave: CallState._on_queue_leave,
    ami.QueueCallerAbandon: CallState._on_given_up,
    ami.RingbackVoicemail: CallState._on_mailbox,
    ami.OriginateResponse: CallState._on_originated,
    ami.Cdr: CallState._on_cdr,
}
