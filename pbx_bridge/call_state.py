"""Everything one call's events say, kept up to date: who rings, who talks, where it waits, what was transferred.

*Pure.* In: the events of one call in order of time. Out: a state that is a function of those events alone, so a call
can be told again from its history (`conversation.py`) and comes out the same. Which events belong to the call is
decided in `calls.py`, what it all amounts to in `verdict.py`, what is told to others in `views.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.facts import Direction
from pbx_bridge.ami import events as ami
from pbx_bridge.ami.channel import Channel, ChannelState
from pbx_bridge.inferred import Lost, Seen
from pbx_bridge.legs import Leg, LegKind, Legs, LegState, Signal, new_leg
from pbx_bridge.parties import Cast
from pbx_bridge.talks import Talks
from pbx_bridge.transfers import Transfers


@dataclass(slots=True)
class QueueStay:
    """One wait in one queue. `given_up` is the moment of QueueCallerAbandon, which a time-out sends too; `position` the
    place when it ended."""

    name: str
    uniqueid: str
    joined: float
    left: float | None = None
    given_up: float | None = None
    position: int | None = None


@dataclass(slots=True)
class CallState:
    """The story of one call so far. Feed it with `apply` only."""

    root: str
    trunks: Sequence[str]
    region: str
    legs: Legs = field(default_factory=Legs)
    stays: list[QueueStay] = field(default_factory=list)
    rang: dict[str, float] = field(default_factory=dict)
    applications: dict[str, list[str]] = field(default_factory=dict)
    mailbox_at: float | None = None
    call_me: list[QueueStay] = field(default_factory=list)
    """Waits that the caller ended by the key for "call me back"."""
    declined_at: float | None = None
    notices: list[ami.RingbackNotice] = field(default_factory=list)
    started_at: float | None = None
    last_at: float = 0.0
    lost_by_pbx: bool = False
    alive: int = 0
    is_news: bool = True
    cast: Cast = field(init=False)
    talk: Talks = field(init=False)
    transfers: Transfers = field(init=False)

    def __post_init__(self) -> None:
        self.cast = Cast(self.root, self.region, self.legs)
        self.talk = Talks(self.legs, self.cast)
        self.transfers = Transfers(self.legs, self.cast)

    def apply(self, event: ami.Event, at: float) -> None:
        """Take in the next event. `at` never runs backwards."""
        self.last_at = max(self.last_at, at)
        for channel in event.channels:
            self._meet(channel, at, isinstance(event, ami.Newchannel))
        kind = type(event)
        if kind not in _SILENT:
            self.is_news = True
        handler = _HANDLERS.get(kind)
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

    # --- legs -------------------------------------------------------------------------------------------------

    def _meet(self, channel: Channel, at: float, seen_born: bool) -> None:
        known = self.legs.get(channel.uniqueid)
        if known is not None:
            known.before_at, known.seen_at = known.seen_at, at
            return
        leg = new_leg(channel, at, self.trunks, seen_born=seen_born)
        self.legs.add(leg)
        self.alive += 1
        self.is_news = True
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
                    self.is_news = True
                    leg.is_caller = True
                    self.cast.note(leg)
            case ChannelState.RINGING:
                self._rings(leg, at)
            case ChannelState.BUSY:
                leg.turned_away = leg.is_caller
            case ChannelState.UP:
                leg.up_at = leg.up_at or at
                self.is_news = True
                if leg.moved(Signal.UP) and leg.state is LegState.LIFTED:
                    self._note_rang(leg, at)
                if self.cast.direction is Direction.CALLBACK:
                    self._reached(leg, at)

    def _rings(self, leg: Leg, at: float) -> None:
        leg.rang_at = leg.rang_at or at
        if leg.moved(Signal.RINGS):
            self.is_news = True
            self._note_rang(leg, at)

    def _note_rang(self, leg: Leg, at: float) -> None:
        """A phone that is lifted without a ringing signal has asked its owner too."""
        if leg.kind is LegKind.PHONE and not leg.is_guest:
            self.rang.setdefault(self.cast.extension(leg), at)

    def _on_caller_id(self, event: ami.NewCallerid, at: float) -> None:
        self._on_channel_state(event, at)
        self.cast.note_announced(event.channel)
        origin = self.cast.origin
        if origin is None or event.channel.uniqueid != origin.uniqueid or not self.cast.is_customer(origin):
            return
        self.cast.withheld = self.cast.withheld or event.withheld
        origin.number = origin.number or event.channel.number
        origin.caller_name = origin.caller_name or event.channel.caller_name
        self.cast.changed()

    def _on_privacy(self, event: ami.RingbackCaller, _at: float) -> None:
        leg = self.legs.get(event.channel.uniqueid)
        if event.withheld and leg is not None and self.cast.is_customer(leg):
            self.cast.withheld = True
            self.cast.changed()

    def _on_request(self, event: ami.HangupRequest, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is None:
            return
        if event.soft:
            leg.soft_at = leg.soft_at or at
        elif leg.requested_at is None:
            leg.requested_at, leg.request_cause, leg.request_tech = at, event.cause, event.tech_cause
        if self.talk.gives_up(leg, at) or leg.bridge is None:
            self.is_news = True

    def _on_hangup(self, event: ami.Hangup, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is not None:
            leg.cause, leg.tech_cause = event.cause, event.tech_cause
            self._end(leg, at)

    def _on_lost(self, event: Lost, at: float) -> None:
        leg = self.legs.get(event.uniqueid)
        if leg is not None and leg.is_live:
            self.lost_by_pbx = self.lost_by_pbx or event.by_pbx
            self._end(leg, at)

    def _end(self, leg: Leg, at: float) -> None:
        leg.ended_at = at
        self.alive -= not leg.is_guest
        leg.moved(Signal.GONE)
        self.legs.leave(leg)
        for stay in self.stays:
            if stay.uniqueid == leg.uniqueid and stay.left is None:
                stay.left = at
        self.talk.listen(at)

    # --- dialling ---------------------------------------------------------------------------------------------

    def _on_dial_begin(self, event: ami.DialBegin, at: float) -> None:
        self.transfers.settle()
        leg = self._leg(event.dest)
        if leg is None:
            return
        leg.moved(Signal.DIALLED)
        leg.dialled_at = leg.dialled_at or at
        leg.dial_string = leg.dial_string or event.dial_string
        if event.caller is not None:
            leg.dialled_by = event.caller.uniqueid
            self._note_dialled(event.caller)
        if leg.is_caller and leg.born_state != ChannelState.RING:
            # Adopted as a caller by its linkedid, yet dialled: an Originate rang it first.
            leg.is_caller = False
        self.cast.note(leg)
        self._on_dest_state(leg, event.dest, at)

    def _note_dialled(self, caller: Channel) -> None:
        """Where the caller stands in the dialplan; after the first talk that is where a transfer has put them."""
        origin = self.cast.origin
        if origin is not None and origin.uniqueid == caller.uniqueid and not self.talk.stretches:
            self.cast.note_dialled(caller.exten)

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
            self._reached(leg, at)
            self.cast.changed()

    def _reached(self, leg: Leg, at: float) -> None:
        """An outside party has answered. In a callback that is when they lift the receiver: our dialplan greets them
        before it says that the dialling is over."""
        if self.cast.reached_at is None and leg.kind is LegKind.TRUNK and self.cast.is_customer(leg):
            self.cast.reached_at = at
            self.cast.changed()

    # --- bridges ----------------------------------------------------------------------------------------------

    def _on_enter(self, event: ami.BridgeEnter, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is None:
            return
        leg.moved(Signal.JOINED)
        self.legs.enter(leg, event.bridge, is_talk=event.is_talk)
        self.talk.listen(at)
        self.is_news = True

    def _on_leave(self, event: ami.BridgeLeave, at: float) -> None:
        leg = self._leg(event.channel)
        if leg is not None and leg.bridge == event.bridge:
            self.talk.left(leg, event.bridge, at)
            self.is_news = True

    # --- holding, transfers, parking, pick-up ------------------------------------------------------------------

    def _on_hold(self, event: ami.Hold | ami.Unhold, _at: float) -> None:
        leg = self._leg(event.channel)
        if leg is not None:
            leg.is_held = isinstance(event, ami.Hold)

    def _on_blind(self, event: ami.BlindTransfer, at: float) -> None:
        self.transfers.blind(event, at)
        if event.transferee is not None:
            self.talk.sent(event.transferee.uniqueid)

    def _on_attended(self, event: ami.AttendedTransfer, at: float) -> None:
        self.transfers.attended(event, at)

    def _on_parked(self, _event: ami.Parked, at: float) -> None:
        self.transfers.parked(at)
        self.talk.listen(at)

    # --- queues and mailboxes ----------------------------------------------------------------------------------

    def _on_join(self, event: ami.QueueCallerJoin, at: float) -> None:
        self.transfers.settle()
        self._note_dialled(event.channel)
        if self._leg(event.channel) is not None and self._stay(event) is None:
            self.stays.append(QueueStay(event.queue, event.channel.uniqueid, at))

    def _on_queue_leave(self, event: ami.QueueCallerLeave, at: float) -> None:
        stay = self._stay(event) or self._unseen_stay(event)
        if stay is not None:
            stay.left, stay.position = at, event.position

    def _on_call_me(self, event: ami.RingbackCallMe, _at: float) -> None:
        waits = [stay for stay in self.stays if stay.uniqueid == event.channel.uniqueid]
        if waits and waits[-1] not in self.call_me:
            self.call_me.append(waits[-1])

    def _on_declined(self, _event: ami.RingbackDeclined, at: float) -> None:
        self.declined_at = self.declined_at or at

    def _on_notice(self, event: ami.RingbackNotice, _at: float) -> None:
        self.notices.append(event)

    def _on_given_up(self, event: ami.QueueCallerAbandon, at: float) -> None:
        stay = self._stay(event) or self._unseen_stay(event)
        if stay is not None:
            stay.given_up = at

    def _stay(self, event: ami.QueueEvent) -> QueueStay | None:
        """The wait in that queue that is not over yet."""
        for stay in self.stays:
            if stay.uniqueid == event.channel.uniqueid and stay.name == event.queue and stay.left is None:
                return stay
        return None

    def _unseen_stay(self, event: ami.QueueEvent) -> QueueStay | None:
        """The caller leaves a queue that they joined before we began to look; None when it is a repetition."""
        leg = self._leg(event.channel)
        known = any(s.uniqueid == event.channel.uniqueid and s.name == event.queue for s in self.stays)
        if leg is None or leg.seen_born or known:
            return None
        stay = QueueStay(event.queue, leg.uniqueid, leg.born)
        self.stays.append(stay)
        return stay

    def _on_mailbox(self, _event: ami.InMailbox, at: float) -> None:
        self.transfers.settle()
        if self.mailbox_at is None:
            self.mailbox_at = at

    def _on_originated(self, event: ami.OriginateResponse, _at: float) -> None:
        self.cast.note_dialled(event.exten)

    def _on_cdr(self, event: ami.Cdr, _at: float) -> None:
        self.applications.setdefault(event.uniqueid, []).append(event.application)


_SILENT = frozenset(
    {
        ami.Newstate,
        ami.DialState,
        ami.NewConnectedLine,
        ami.HangupRequest,
        ami.Cdr,
        ami.BridgeLeave,
        ami.BridgeEnter,
    }
)
"""Events after which nothing need be told, unless their handler says so."""

_HANDLERS: dict[type[ami.Event], Callable[[CallState, Any, float], None]] = {
    ami.Newchannel: CallState._on_channel_state,
    ami.Newstate: CallState._on_channel_state,
    ami.NewCallerid: CallState._on_caller_id,
    ami.RingbackCaller: CallState._on_privacy,
    ami.HangupRequest: CallState._on_request,
    ami.Hangup: CallState._on_hangup,
    Lost: CallState._on_lost,
    Seen: CallState._on_channel_state,
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
    ami.RingbackCallMe: CallState._on_call_me,
    ami.RingbackDeclined: CallState._on_declined,
    ami.RingbackNotice: CallState._on_notice,
    ami.InMailbox: CallState._on_mailbox,
    ami.OriginateResponse: CallState._on_originated,
    ami.Cdr: CallState._on_cdr,
}
