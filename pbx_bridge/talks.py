"""Who is connected with whom in one call, and for how long the customer was: the talk.

*Pure.* In: legs entering and leaving bridges. A person who leaves the customer's bridge for a consultation is still
with the customer, who waits there, until one of them hangs up or moves on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.facts import Direction, Phone
from pbx_bridge.legs import Leg, LegKind, Legs
from pbx_bridge.parties import Cast


@dataclass(slots=True)
class Talk:
    """A stretch of time in which the customer was connected. `legs` are those who heard each other at its end."""

    start: float
    end: float | None = None
    legs: tuple[Leg, ...] = ()


@dataclass(slots=True)
class Talks:
    """The conversation of one call. `connected` are our phones in any part of it now, by device; `talked` are the
    extensions that ever were connected with the customer, with the moment."""

    legs: Legs
    cast: Cast
    stretches: list[Talk] = field(default_factory=list)
    connected: dict[str, Phone] = field(default_factory=dict)
    talked: dict[str, float] = field(default_factory=dict)
    _away: dict[str, str] = field(default_factory=dict)
    _sent: set[str] = field(default_factory=set)

    @property
    def now(self) -> Talk | None:
        """The talk that goes on."""
        last = self.stretches[-1] if self.stretches else None
        return last if last is not None and last.end is None else None

    def sent(self, uniqueid: str) -> None:
        """The channel is being transferred: when it leaves its bridge it is not to consult anybody."""
        self._sent.add(uniqueid)

    def left(self, leg: Leg, bridge: str, at: float) -> None:
        """The leg left `bridge`; nobody has asked to hang it up, so it may be away only to consult somebody."""
        self.legs.leave(leg)
        talk = self.now
        if talk is not None and leg.requested_at is None and leg.soft_at is None:
            # A member behind Local/…/n stays where he is: his half of the detour moves for him.
            moved = [leg] if leg.kind is not LegKind.LOCAL else self.legs.heard_by(leg)
            for one in moved:
                if one in talk.legs and self.cast.is_ours(one) and one.uniqueid not in self._sent:
                    self._away[one.uniqueid] = bridge
        self._sent.discard(leg.uniqueid)
        self.listen(at)

    def gives_up(self, leg: Leg, at: float) -> bool:
        """The leg is hung up, or will be at once; True when that ends a consultation."""
        if self._away.pop(leg.uniqueid, None) is None:
            return False
        self.listen(at)
        return True

    def listen(self, at: float) -> None:
        """Find out anew who is connected with whom."""
        with_customer, everybody = self._circles()
        for uniqueid, bridge in list(self._away.items()):
            leg = self.legs.get(uniqueid)
            if leg is None or leg in with_customer or not self._consults(leg, bridge):
                del self._away[uniqueid]
                continue
            with_customer += [leg, *self._left_in(bridge, leg)]
            if leg not in everybody:
                everybody.append(leg)
        for leg in everybody:
            leg.was_connected = True
        ours = [leg for leg in with_customer if self.cast.is_ours(leg)]
        self.connected = {
            phone.device: phone for phone in map(self.cast.phone, filter(self.cast.is_ours, everybody))
        }
        self._note(with_customer, ours, at)

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
            people = [one for one in circle if one.bridge is not None and self._is_person(one)]
            if len(people) < 2:
                continue
            everybody += people
            if self._counts(people):
                with_customer += people
        return with_customer, everybody

    @staticmethod
    def _is_person(leg: Leg) -> bool:
        """A half of another call's detour stands in a conference for whoever is behind it."""
        return leg.kind in (LegKind.PHONE, LegKind.TRUNK) or (leg.is_guest and leg.kind is LegKind.LOCAL)

    def _counts(self, people: Sequence[Leg]) -> bool:
        """Whether what these people say is talk: with the customer, or among colleagues in an internal call."""
        own = [leg for leg in people if not leg.is_guest]
        if self.cast.direction is Direction.INTERNAL:
            return bool(own)
        return any(self.cast.is_customer(leg) for leg in own) and any(
            self.cast.is_ours(leg) for leg in people
        )

    def _consults(self, leg: Leg, bridge: str) -> bool:
        """This person is elsewhere, not parked, and the customer still stands in the bridge they left."""
        return leg.is_live and not self.legs.is_parked(leg) and bool(self._left_in(bridge, leg))

    def _left_in(self, bridge: str, leg: Leg) -> list[Leg]:
        """Those who wait in a bridge for the one who left it: the customer, or in an internal call a colleague."""
        waits = self.cast.is_ours if self.cast.direction is Direction.INTERNAL else self.cast.is_customer
        return [one for one in self.legs.heard_in(bridge) if one is not leg and waits(one)]

    def _is_too_late(self, people: list[Leg]) -> bool:
        """The customer gave up in the moment of the answer: the PBX still joins them for some milliseconds."""
        still_there = [leg for leg in people if leg.requested_at is None]
        if self.cast.direction is Direction.INTERNAL:
            return len(still_there) < 2
        return not any(self.cast.is_customer(leg) for leg in still_there)

    def _note(self, with_customer: list[Leg], ours: list[Leg], at: float) -> None:
        talk = self.now
        if not ours:
            if talk is not None:
                talk.end = at
            return
        if talk is None:
            if self._is_too_late(with_customer):
                return
            talk = Talk(at)
            self.stretches.append(talk)
        talk.legs = tuple(with_customer)
        for leg in sorted(ours, key=lambda one: (one is not self.cast.origin, one.born)):
            if leg.uniqueid not in self._away:
                self.talked.setdefault(self.cast.extension(leg), at)
        if self.cast.reached_at is None and self.cast.direction in (Direction.OUTBOUND, Direction.CALLBACK):
            self.cast.reached_at = at
