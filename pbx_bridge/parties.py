"""Who is who in one call: its direction, the two parties, and whether a customer or one of ours is behind a leg.

*Pure.* In: the legs of a call and the linkedid it began with. Direction comes from the configured trunks alone, never
from the look of a number. What happened between the parties is `call_state.py`'s business."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.facts import ATTEMPT_PREFIX, Direction, Parties, Phone
from core.phone import is_withheld, parse_number
from core.shown import shown
from pbx_bridge.ami.channel import Channel
from pbx_bridge.legs import Leg, LegKind, Legs, other_half

CUSTOMER_FIRST = "@ringback-customer-"
"""In the name of a callback's first channel: the shipped context that rings the customer before any of us."""

IN_QUEUE = "@ringback-place-"
"""The same of a place held in a queue."""

SHORTEST_DIALLED_IN = 5
"""Digits of a number that customers dial from outside."""

_EXTENSION = re.compile(r"^[0-9*#]{1,6}$")
_DIALLED = re.compile(r"^[+*#0-9]+$")
_QUOTED_PAIR = re.compile(r'\\([\\"])')
"""SIP's own escaping inside a quoted display name, which Asterisk passes on as it came."""
LONGEST_RAW = 1000
"""Of a name as it came: far above what any PBX passes on."""
_NO_EXTEN = frozenset({"", "s", "h", "i", "t"})


@dataclass(slots=True)
class Cast:
    """The roles in one call. `note()` every new leg and every change that can turn the direction."""

    root: str
    region: str
    legs: Legs
    withheld: bool = False
    origin: Leg | None = None
    callee: str | None = None
    reached_at: float | None = None
    """When an outside party first answered a call of ours: whoever is dialled later is not the customer."""
    _announced: str | None = field(default=None)
    _direction: Direction | None = field(default=None)
    _parties: Parties | None = field(default=None)
    _phones: dict[str, Phone] = field(default_factory=dict)

    def note(self, leg: Leg) -> None:
        """A leg was born or was found to be dialled."""
        self._direction = None
        self._parties = None
        if leg.is_guest:
            return
        first = self.origin
        if (
            leg.uniqueid == self.root
            or first is None
            or (first.uniqueid != self.root and leg.born < first.born)
        ):
            self.origin = leg

    @property
    def direction(self) -> Direction:
        if self._direction is None:
            self._direction = self._find_direction()
        return self._direction

    def is_customer(self, leg: Leg) -> bool:
        """Whether the outside party of this call is behind the leg."""
        if leg.kind is not LegKind.TRUNK or leg.is_guest:
            return False
        if leg.is_caller:
            return True
        if self.direction not in (Direction.OUTBOUND, Direction.CALLBACK) or self._stands_in_for_agent(leg):
            return False
        return self.reached_at is None or (leg.dialled_at or leg.born) <= self.reached_at

    @property
    def customer_dialled(self) -> bool:
        """Whether, in a callback, the outside party has been disturbed at all."""
        return self.direction is Direction.CALLBACK and any(map(self.is_customer, self.legs))

    def _stands_in_for_agent(self, leg: Leg) -> bool:
        """Whether this is a mobile that a call begun by the PBX rings in the place of one of our phones."""
        if self.direction is Direction.CALLBACK:
            return self._is_before_us(leg)
        origin = self.origin
        if origin is None or origin.kind is not LegKind.LOCAL or not _EXTENSION.match(origin.exten):
            return False
        return self._is_behind(other_half(origin.name), leg)

    def _is_before_us(self, leg: Leg) -> bool:
        """In a callback: dialled before one of ours has answered, so it is a colleague's mobile. Where the customer is
        rung first it is the customer."""
        first = self.legs.get(self.root)
        if first is None or first.kind is not LegKind.LOCAL or _is_outside(first.exten):
            return False
        return first.up_at is None or (leg.dialled_at or leg.born) < first.up_at

    def _is_behind(self, half: str | None, leg: Leg) -> bool:
        """Whether that half of an Originate's Local channel dialled the leg, or the ones that dialled it."""
        current: Leg | None = leg
        for _ in range(len(self.legs)):
            dialling = None if current is None else self.legs.get(current.dialled_by or "")
            if dialling is None or dialling is self.origin:
                return False
            if dialling.name == half:
                return True
            current = self.legs.named(other_half(dialling.name) or "")
        return False

    def is_ours(self, leg: Leg) -> bool:
        """Whether one of our people is behind the leg: a phone, or an outside mobile dialled for us."""
        if leg.kind is LegKind.PHONE:
            return True
        return leg.kind is LegKind.TRUNK and not leg.is_guest and not self.is_customer(leg)

    def phone(self, leg: Leg) -> Phone:
        """The phone behind a leg of ours. Mobiles share a trunk, so their device carries the number too."""
        known = self._phones.get(leg.uniqueid)
        if known is not None:
            return known
        extension = self.extension(leg)
        if leg.kind is not LegKind.PHONE:
            return Phone(f"{leg.device}/{extension}", extension)
        phone = self._phones[leg.uniqueid] = Phone(leg.device, extension)
        return phone

    def extension(self, leg: Leg) -> str:
        """What people call the phone: its number, or its name where it has none."""
        if leg.kind is LegKind.TRUNK:
            dialled = dialled_number(leg)
            return parse_number(dialled, self.region).e164 or dialled or leg.device
        tail = leg.device.split("/", 1)[-1]
        if not tail.isdigit() and leg.number is not None and _EXTENSION.match(leg.number):
            return leg.number
        return tail

    def note_announced(self, channel: Channel) -> None:
        """Whom a callback is for, before they are dialled: our Originate shows the agent's phone their number."""
        if self._announced is None and channel.uniqueid == self.root and self.direction is Direction.CALLBACK:
            number = channel.number if channel.number and channel.number.startswith("+") else None
            self._announced = parse_number(number, self.region).e164
            self.changed()

    def changed(self) -> None:
        """A number, a name or somebody's answer became known: the parties may read otherwise."""
        self._parties = None

    def parties(self) -> Parties:
        """The parties as known now."""
        if self._parties is None:
            self._parties = self._find_parties()
        return self._parties

    def _find_parties(self) -> Parties:
        if self.direction is Direction.INBOUND:
            return self._inbound()
        caller = self._our_caller()
        number = None if self.direction is Direction.INTERNAL else self._customer_number()
        extension = self._asked_extension() if caller is None else self.extension(caller)
        name = (
            None if caller is None or self.direction is Direction.CALLBACK else shown_name(caller.caller_name)
        )
        return Parties(self.direction, extension, name, self._dialled(), number)

    def _inbound(self) -> Parties:
        name = None if self.origin is None else shown_name(self.origin.caller_name)
        raw = None if self.origin is None else self.origin.number
        if self.withheld or is_withheld(raw):
            return Parties(Direction.INBOUND, None, None, self._dialled())
        e164 = parse_number(raw, self.region).e164
        return Parties(Direction.INBOUND, e164 or shown(raw or "") or None, name, self._dialled(), e164)

    def _our_caller(self) -> Leg | None:
        """The phone that makes the call; of a call that the PBX was asked to make, the phone it rang first. Of several
        that a queue rang, the one that took it; a mobile behind an extension stands with that extension."""
        if self.origin is not None and self.origin.kind is LegKind.PHONE:
            return self.origin
        took = self._took() if self.direction is Direction.CALLBACK else None
        if took is not None and (took.kind is LegKind.PHONE or self._asked_extension() is None):
            return took
        return next((leg for leg in self.legs if leg.kind is LegKind.PHONE and not leg.is_guest), None)

    def _took(self) -> Leg | None:
        """Who of us answered first: a phone, or a colleague's mobile."""
        answers = [
            (leg.answered_at, leg.born, leg)
            for leg in self.legs
            if leg.answered_at is not None and self.is_ours(leg) and not leg.is_guest
        ]
        return min(answers, key=lambda answer: answer[:2])[2] if answers else None

    def _asked_extension(self) -> str | None:
        """Whom an Originate was to ring first, when no phone of theirs was there to ring."""
        origin = self.origin
        if origin is None or origin.kind is not LegKind.LOCAL:
            return None
        return None if CUSTOMER_FIRST in origin.name or IN_QUEUE in origin.name else origin.exten or None

    def _customer_number(self) -> str | None:
        """Of the party reached, else of the first one dialled."""
        dialled = [leg for leg in self.legs if self.is_customer(leg) and not leg.is_caller]
        chosen = [leg for leg in dialled if leg.answered_at is not None] or dialled
        if not chosen:
            return parse_number(self._dialled(), self.region).e164 or self._announced
        found = parse_number(dialled_number(chosen[0]), self.region).e164
        return found or parse_number(self._dialled(), self.region).e164

    def _dialled(self) -> str | None:
        if self.callee is not None:
            return self.callee
        origin = self.origin
        if origin is None:
            return None
        if origin.kind is LegKind.LOCAL:
            # What an Originate rings first: an extension of ours, else the outside party.
            return origin.exten if _is_outside(origin.exten) else None
        if origin.kind is LegKind.TRUNK and not origin.is_caller:
            # The PBX was asked to ring the outside party first.
            return dialled_number(origin)
        return None if origin.exten in _NO_EXTEN else shown(origin.exten) or None

    def note_dialled(self, exten: str) -> None:
        """A caller whose first extension said nothing (`s`, an Originate) shows the number dialled later.

        Of a customer whose carrier told no number, a short one is what they pressed in a menu."""
        from_outside = self.origin is not None and self.origin.kind is LegKind.TRUNK
        shortest = SHORTEST_DIALLED_IN if from_outside else 1
        if (
            self.callee is None
            and self._dialled() is None
            and _DIALLED.match(exten)
            and len(exten) >= shortest
        ):
            self.callee = exten
            self.changed()

    def _find_direction(self) -> Direction:
        if self.root.startswith(ATTEMPT_PREFIX):
            return Direction.CALLBACK
        origin = self.origin
        if origin is None:
            return Direction.INTERNAL
        if origin.kind is LegKind.TRUNK:
            return Direction.INBOUND if origin.is_caller else Direction.OUTBOUND
        return Direction.OUTBOUND if self._calls_out(origin) else Direction.INTERNAL

    def _calls_out(self, origin: Leg) -> bool:
        """Whether the first thing dialled lies outside, and no colleague was rung beside it."""
        targets = [leg for leg in self.legs if leg is not origin and self._is_target(leg)]
        if origin.kind is LegKind.LOCAL and targets and targets[0].kind is LegKind.PHONE:
            # The PBX was asked to ring our phone first, behind the other half; what this half dials is for them.
            targets = [leg for leg in targets if leg.dialled_by == origin.uniqueid] or targets[1:]
        if not targets or targets[0].kind is not LegKind.TRUNK:
            return False
        first = targets[0]
        over = min((at for at in (first.answered_at, first.released_at, first.ended_at) if at), default=None)
        beside = [leg for leg in targets if over is None or leg.born < over]
        return all(leg.kind is LegKind.TRUNK for leg in beside)

    @staticmethod
    def _is_target(leg: Leg) -> bool:
        return leg.kind in (LegKind.PHONE, LegKind.TRUNK) and not leg.is_caller and not leg.is_guest


def shown_name(name: str | None) -> str | None:
    """A display name as its owner wrote it, as far as it can be seen; None when there is none."""
    return shown(_QUOTED_PAIR.sub(r"\1", name[:LONGEST_RAW])) or None if name else None


def dialled_number(leg: Leg) -> str | None:
    """The number in a dial string: `48600100200@trunk`, `trunk/48600100200`, `g1/600100200`, `trunk/sip:+48…@host`."""
    for part in reversed(re.split(r"[/]", leg.dial_string)):
        bare = part.split("@", 1)[0].removeprefix("sips:").removeprefix("sip:")
        if _DIALLED.match(bare):
            return bare
    return leg.number if leg.number and _DIALLED.match(leg.number) else None


def _is_outside(exten: str) -> bool:
    """Whether what an Originate rings first is a number and no extension of ours."""
    return bool(_DIALLED.match(exten)) and not _EXTENSION.match(exten)
