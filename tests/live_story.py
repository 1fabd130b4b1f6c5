"""Facts for tests of the live screens, in as few words as a story needs, and a mirror of each person's screen."""

from __future__ import annotations

from core.facts import (
    CallEnded,
    CallRecord,
    CallStarted,
    Direction,
    EndedBy,
    Fact,
    Parties,
    Phone,
    QueueMemberChanged,
    Verdict,
)
from server.live.board import LiveBoard, Step
from server.live.cards import Card, Owner
from server.live.snapshot import Change, OwnersChanged, UserView, diff, patch

PBX = "office"
CUSTOMER = "+48221234567"


def phone(extension: str) -> Phone:
    return Phone(f"PJSIP/{extension}", extension)


def owner(user_id: int, name: str, *extensions: str) -> Owner:
    return Owner(
        user_id,
        name,
        frozenset((PBX, f"PJSIP/{one}") for one in extensions),
        frozenset((PBX, one) for one in extensions),
    )


ANNA, BOB, CLARA = owner(1, "Anna", "101"), owner(2, "Bob", "102"), owner(3, "Clara", "103", "203")
EVERYBODY = (ANNA, BOB, CLARA)


def inbound(number: str | None = CUSTOMER, name: str | None = None, dialled: str = "500") -> Parties:
    return Parties(Direction.INBOUND, number, name, dialled, number)


def internal(caller: str, callee: str) -> Parties:
    return Parties(Direction.INTERNAL, caller, None, callee, None)


def outbound(caller: str, number: str = CUSTOMER) -> Parties:
    return Parties(Direction.OUTBOUND, caller, None, number, number)


def started(call_id: str = "c1", at: float = 1.0, parties: Parties | None = None) -> CallStarted:
    return CallStarted(call_id, PBX, at, parties or inbound())


def ended(
    call_id: str = "c1",
    at: float = 60.0,
    *,
    parties: Parties | None = None,
    result: Verdict = Verdict.ANSWERED,
    rang: tuple[str, ...] = (),
    talked: tuple[str, ...] = (),
    queue: str | None = None,
) -> CallEnded:
    who = parties or inbound()
    record = CallRecord(
        call_id=call_id,
        pbx=PBX,
        linkedids=(call_id,),
        direction=who.direction,
        caller=who.caller,
        caller_name=who.caller_name,
        callee=who.callee,
        customer_number=who.customer_number,
        queue=queue,
        result=result,
        started_at=1.0,
        answered_at=5.0 if result is Verdict.ANSWERED else None,
        ended_at=at,
        wait_s=4.0,
        talk_s=at - 5.0 if result is Verdict.ANSWERED else 0.0,
        rang=rang,
        talked=talked,
        transfers=(),
        ended_by=EndedBy.CALLER,
        why="told by a test",
    )
    return CallEnded(call_id, at, record)


def member(queue: str, extension: str, at: float = 0.0, *, paused: bool = False) -> QueueMemberChanged:
    return QueueMemberChanged(PBX, at, queue, f"PJSIP/{extension}", True, paused, "Lunch" if paused else None)


class Desks:
    """A board and what each person's browser has, kept only by the changes it was told."""

    def __init__(self) -> None:
        self.board = LiveBoard([PBX])
        self.screens: dict[int, UserView] = {one.user_id: UserView() for one in EVERYBODY}
        self.tell(OwnersChanged(EVERYBODY))

    def tell(self, *facts: Fact) -> dict[int, list[Change]]:
        """Apply facts; returns the last one's changes per person."""
        last: dict[int, list[Change]] = {}
        for fact in facts:
            step = self.board.apply(fact)
            seen = set(self.screens) if step.everybody else step.touched & self.screens.keys()
            last = {user_id: self._look(user_id, step) for user_id in sorted(seen)}
        return {user_id: changes for user_id, changes in last.items() if changes}

    def _look(self, user_id: int, step: Step) -> list[Change]:
        old = self.screens[user_id]
        new = self.board.look(old, step, user_id)
        changes = diff(old, new, lambda card: self.board.gone(card, step, user_id))
        self.screens[user_id] = patch(old, changes)
        return changes

    def card(self, who: Owner) -> Card | None:
        """The one card on somebody's screen; an error when there are more."""
        cards = self.screens[who.user_id].cards
        assert len(cards) <= 1, cards
        return cards[0] if cards else None
