"""Which transfers took place in one call, from whom and to what, as the people who made them would say.

*Pure.* In: transfer and parking events. Parking is no transfer, though it begins like one; a transfer that found nobody
still is one; a hand-over to a phone that rang in vain and came back to its sender is none."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.facts import Transfer, TransferKind
from pbx_bridge.ami.channel import Channel
from pbx_bridge.ami.events import AttendedTransfer, BlindTransfer
from pbx_bridge.legs import Leg, LegKind, Legs, other_half
from pbx_bridge.parties import Cast

PARK_SECONDS = 0.5
"""A transfer to the parking extension looks like a blind transfer but for the `ParkedCall` next to it, within
milliseconds: on 22 after it, on 16 before."""


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
class Transfers:
    """The transfers of one call so far."""

    legs: Legs
    cast: Cast
    moves: list[Move] = field(default_factory=list)
    parked_at: float | None = None

    def done(self, at: float = float("inf")) -> tuple[Transfer, ...]:
        """Those that are certain at that moment, in order of time."""
        return tuple(
            move.transfer
            for move in self.moves
            if (move.sure or at - move.transfer.at > PARK_SECONDS) and not self._came_back(move)
        )

    def settle(self) -> None:
        """The call went on in another way than into the car park: what seemed a transfer was one."""
        for move in self.moves:
            move.sure = True

    def parked(self, at: float) -> None:
        """The customer was parked."""
        self.parked_at = at
        if self.moves and not self.moves[-1].sure and at - self.moves[-1].transfer.at < PARK_SECONDS:
            self.moves.pop()

    def blind(self, event: BlindTransfer, at: float) -> None:
        self.settle()
        if self.parked_at is not None and at - self.parked_at < PARK_SECONDS:
            return
        transfer = Transfer(TransferKind.BLIND, self._sender(event.transferer), event.extension, at)
        self.moves.append(Move(transfer, sure=False))

    def attended(self, event: AttendedTransfer, at: float) -> None:
        self.settle()
        asked = self._asked(event)
        target = self._dialled(event, asked)
        if target is not None:
            transfer = Transfer(TransferKind.ATTENDED, self._sender(event.first), target, at)
            self.moves.append(Move(transfer, sure=True, asked=asked))

    def _sender(self, transferer: Channel) -> str:
        """Who transfers: the phone itself, or the person whom a Local half stands for."""
        leg = self.legs.get(transferer.uniqueid)
        if leg is None or leg.kind is not LegKind.LOCAL:
            return "" if leg is None else self.cast.extension(leg)
        people = self._reached_through(leg) or [
            one for one in (*self.legs, *self.legs.heard_by(leg)) if self.cast.is_ours(one)
        ]
        return self.cast.extension(people[-1]) if people else self.cast.extension(leg)

    def _reached_through(self, half: Leg) -> list[Leg]:
        """Who answered behind this half of a detour, through further detours; also when they are gone by now."""
        dialling = self.legs.named(other_half(half.name) or "")
        if dialling is None or half.name.endswith(";2"):
            return []
        found: list[Leg] = []
        for leg in self.legs:
            if leg.dialled_by == dialling.uniqueid and leg.answered_at is not None:
                found += self._reached_through(leg) if leg.kind is LegKind.LOCAL else [leg]
        return found

    def _asked(self, event: AttendedTransfer) -> Leg | None:
        """The leg the customer was handed to; by keys it is the Local half that stands for the colleague."""
        found = None if event.target is None else self.legs.get(event.target.uniqueid)
        if found is not None or event.first.uniqueid != event.second.uniqueid:
            return found
        halves = [
            leg for leg in self.legs if leg.kind is LegKind.LOCAL and leg.is_live and leg.name.endswith(";1")
        ]
        return max(halves, key=lambda leg: leg.born, default=None)

    def _dialled(self, event: AttendedTransfer, asked: Leg | None) -> str | None:
        """What the transferer dialled to ask: on the second phone line, or (by keys) into a Local channel."""
        if event.first.uniqueid == event.second.uniqueid:
            return None if asked is None else asked.exten or self.cast.extension(asked)
        lines = [
            leg
            for leg in map(self.legs.get, (event.second.uniqueid, event.first.uniqueid))
            if leg is not None
        ]
        asking = [leg for leg in lines if leg.is_caller]
        for line in [leg for leg in asking if not self._reached_customer(leg)] or asking:
            return line.exten or None
        return None if asked is None else self.cast.extension(asked)

    def _reached_customer(self, line: Leg) -> bool:
        return any(leg.dialled_by == line.uniqueid and self.cast.is_customer(leg) for leg in self.legs)

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
