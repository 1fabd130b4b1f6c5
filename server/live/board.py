"""Facts in, every person's screen out. *Pure.* `LiveBoard.apply(fact)` folds one fact into what is going on now and
says whose screens it touched; `LiveBoard.view(user_id)` is such a screen as it now is. One call's own state is folded
in `calls_now.py`, its card made in `cards.py`; who is connected, and since when, is not known here (`hub.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from core import facts
from core.facts import (
    AgentStateChanged,
    CallAnswered,
    CallEnded,
    CallMatched,
    CallsJoined,
    CallStarted,
    DeviceChanged,
    Fact,
    PbxConnected,
    PbxLost,
    QueueMemberChanged,
)
from server.live import calls_now
from server.live.calls_now import CallNow
from server.live.cards import (
    Card,
    CardState,
    CustomerSummary,
    Draft,
    GoneReason,
    Known,
    OpenTask,
    Owner,
    answerer,
    card_for,
    why_gone,
)
from server.live.queues_now import QueuesNow
from server.live.recent import RecentCall, add_recent, named_of, picked, recent_for, renamed, with_newer
from server.live.snapshot import (
    AgentNow,
    CardGone,
    CustomersLoaded,
    DeviceNow,
    DraftSaved,
    LinkNow,
    OwnersChanged,
    RecentLoaded,
    TasksLoaded,
    UserView,
    WrapUpRestored,
    in_order,
)


@dataclass(frozen=True, slots=True)
class Step:
    """What one fact did: whose screens to look at again, and what explains the cards that are gone. `everybody`
    includes people without a phone, whom the board does not know; `narrow`: nothing but the card of `call` can be
    another."""

    touched: frozenset[int] = frozenset()
    everybody: bool = False
    narrow: bool = False
    call: CallNow | None = None
    moved: tuple[str, str] | None = None


NOTHING = Step()


class LiveBoard:
    """All calls in progress and open wrap-ups, everybody's own state, queues and links."""

    def __init__(self, pbxs: Iterable[str] = (), at: float = 0.0) -> None:
        self.calls: dict[str, CallNow] = {}
        self._owners: dict[int, Owner] = {}
        self._by_device: dict[tuple[str, str], tuple[int, ...]] = {}
        self._by_extension: dict[tuple[str, str], tuple[int, ...]] = {}
        self._customers: dict[int, CustomerSummary] = {}
        self._drafts: dict[str, dict[int, Draft]] = {}
        self.queues = QueuesNow()
        self._devices: dict[tuple[str, str], str] = {}
        self._links = {pbx: LinkNow(pbx, up=False, since=at, reason=None) for pbx in pbxs}
        self._agents: dict[int, AgentNow] = {}
        self._recent: dict[int, tuple[RecentCall, ...]] = {}
        self._tasks: dict[int, tuple[OpenTask, ...]] = {}
        self._calls_by_user: dict[int, set[str]] = {}
        self.known = Known({}, {}, self._customers, self._drafts)

    def apply(self, fact: Fact) -> Step:
        """Fold one fact. Facts about unknown calls change nothing; a fact told twice changes nothing the second
        time."""
        if (handler := _HANDLERS.get(type(fact))) is not None:
            return handler(self, fact)
        if type(fact) in calls_now.FOLDS:
            return self._call_told(fact)
        return NOTHING

    def view(self, user_id: int) -> UserView:
        """A person's whole screen; nothing but links and tasks when they have no phones."""
        owner = self._owners.get(user_id)
        links = tuple(self._links.values())
        agent, tasks = self._agents.get(user_id, AgentNow()), self._tasks.get(user_id, ())
        if owner is None:
            return UserView(links=links, agent=agent, tasks=tasks)
        found = (card_for(call, owner, self.known) for call in self._calls_of(owner))
        return UserView(
            cards=in_order(card for card in found if card is not None),
            queues=self.queues.of(owner),
            devices=self._devices_of(owner),
            links=links,
            agent=agent,
            recent=self._recent.get(user_id, ()),
            tasks=tasks,
        )

    def look(self, old: UserView, step: Step, user_id: int) -> UserView:
        """The screen that was `old` before `step`, as it now is: like `view`, for less work."""
        if not step.narrow or step.call is None:
            return self.view(user_id)
        call_id = step.call.call_id
        before = next((card for card in old.cards if card.call_id == call_id), None)
        after = self.card(user_id, call_id)
        if before == after:
            return old
        others = [card for card in old.cards if card is not before]
        return replace(old, cards=in_order([*others, after] if after else others))

    def gone(self, card: Card, step: Step, user_id: int) -> CardGone:
        """Why `card` left this person's screen with `step`."""
        if step.moved is not None and step.moved[0] == card.call_id:
            return CardGone(card.call_id, GoneReason.JOINED, moved_to=step.moved[1])
        owner = self._owners.get(user_id)
        call = step.call if step.call is not None and step.call.call_id == card.call_id else None
        if owner is None:
            return CardGone(card.call_id, GoneReason.LEFT)
        reason = why_gone(card, call, owner)
        by = answerer(call, self.known) if reason is GoneReason.ANSWERED_ELSEWHERE else None
        return CardGone(card.call_id, reason, by)

    def owner(self, user_id: int) -> Owner | None:
        return self._owners.get(user_id)

    def card(self, user_id: int, call_id: str) -> Card | None:
        """One card of one person's screen."""
        owner, call = self._owners.get(user_id), self.calls.get(call_id)
        return card_for(call, owner, self.known) if owner and call else None

    def draft(self, user_id: int, call_id: str) -> Draft:
        return self._drafts.get(call_id, {}).get(user_id, Draft())

    def owners_of_device(self, pbx: str, device: str) -> tuple[int, ...]:
        """Whose phone that is; several people may share one."""
        return self._by_device.get((pbx, device), ())

    def owners_of(self, call: CallNow) -> frozenset[int]:
        """Whose screens may show this call."""
        users: set[int] = set()
        for one in call.phones:
            users.update(self._by_device.get((call.pbx, one.phone.device), ()))
        users.update(self._by_extension.get((call.pbx, call.parties.caller or ""), ()))
        return frozenset(users)

    # calls

    def _call_started(self, fact: CallStarted) -> Step:
        if fact.call_id in self.calls:
            return NOTHING
        call = calls_now.started(fact)
        return self._replace(call, call)

    def _call_told(self, fact: Any) -> Step:
        recent = self._remember(fact) if isinstance(fact, CallEnded) else self._hear_pick(fact)
        call = self.calls.get(fact.call_id)
        if call is None:
            return Step(recent)
        if isinstance(fact, CallAnswered):
            self._reopen(call, fact)
        return self._replace(call, calls_now.fold(call, fact), also=recent)

    def _replace(self, old: CallNow, new: CallNow, also: frozenset[int] = frozenset()) -> Step:
        waiting = self._count_waiting(old, new)
        touched = self._put(old, new)
        self._drop_if_over(new)
        return Step(touched | also | waiting, narrow=not (also or waiting), call=new)

    def _put(self, old: CallNow | None, new: CallNow) -> frozenset[int]:
        """Store the call and whom it concerns; returns whom it concerned before or concerns now."""
        before = self.owners_of(old) if old is not None else frozenset[int]()
        after = self.owners_of(new)
        self.calls[new.call_id] = new
        for user_id in before - after:
            self._calls_by_user.get(user_id, set()).discard(new.call_id)
        for user_id in after:
            self._calls_by_user.setdefault(user_id, set()).add(new.call_id)
        return before | after

    def _remove(self, call_id: str) -> CallNow | None:
        call = self.calls.pop(call_id, None)
        if call is not None:
            for user_id in self.owners_of(call):
                self._calls_by_user.get(user_id, set()).discard(call_id)
        return call

    def _reopen(self, call: CallNow, fact: CallAnswered) -> None:
        """Whoever takes a call again after having closed its wrap-up will owe another."""
        for user_id in self._by_device.get((call.pbx, fact.phone.device), ()):
            draft = self._drafts.get(call.call_id, {}).get(user_id)
            if draft is not None and draft.closed:
                self._drafts[call.call_id][user_id] = replace(draft, closed=False)

    def _drop_if_over(self, call: CallNow) -> None:
        """An ended call stays as long as somebody's wrap-up of it is open."""
        if call.ended_at is None or self._wrap_ups(call):
            return
        self._remove(call.call_id)
        self._drafts.pop(call.call_id, None)
        self._forget_customers(call)

    def _forget_customers(self, gone: CallNow) -> None:
        used = {one for other in self.calls.values() for one in other.customer_ids}
        for customer_id in set(gone.customer_ids) - used:
            self._customers.pop(customer_id, None)

    def _wrap_ups(self, call: CallNow) -> bool:
        cards = (card_for(call, self._owners[user], self.known) for user in self.owners_of(call))
        return any(card is not None and card.state is CardState.WRAP_UP for card in cards)

    def _calls_joined(self, fact: CallsJoined) -> Step:
        absorbed = self._remove(fact.absorbed_id)
        if absorbed is None:
            return NOTHING
        call = self.calls.get(fact.call_id, replace(absorbed, call_id=fact.call_id))
        drafts = self._drafts.pop(fact.absorbed_id, {})
        if drafts:
            self._drafts[fact.call_id] = {**drafts, **self._drafts.get(fact.call_id, {})}
        waiting = self._count_waiting(absorbed, replace(absorbed, waiting_in=None))
        step = self._replace(call, calls_now.joined(call, absorbed), self.owners_of(absorbed) | waiting)
        self._forget_customers(absorbed)
        return replace(step, narrow=False, moved=(fact.absorbed_id, fact.call_id))

    def _remember(self, fact: CallEnded) -> frozenset[int]:
        """Put an ended call on the recent list of everybody whose phone rang or talked."""
        record = fact.record
        extensions = {*record.rang, *record.talked, record.caller or ""}
        users = {user for one in extensions for user in self._by_extension.get((record.pbx, one), ())}
        customer = named_of(self.calls.get(fact.call_id), self.known)
        for user_id in users:
            line = recent_for(record, self._owners[user_id], customer, self.known)
            if line is not None:
                self._recent[user_id] = add_recent(self._recent.get(user_id, ()), line)
        return frozenset(users)

    def _hear_pick(self, fact: Fact) -> frozenset[int]:
        if not (isinstance(fact, CallMatched) and fact.is_picked):
            return frozenset()
        return self._rewrite_recent(partial(picked, fact, self._customers))

    # queues

    def _count_waiting(self, old: CallNow, new: CallNow) -> frozenset[int]:
        """Keep the waiting counts; returns whose counts changed."""
        return frozenset(
            user
            for queue in self.queues.count(old, new)
            for device in self.queues.devices_of(queue)
            for user in self._by_device.get(device, ())
        )

    def _member_changed(self, fact: QueueMemberChanged) -> Step:
        self.queues.member_changed(fact)
        return Step(frozenset(self._by_device.get((fact.pbx, fact.device), ())))

    # people, phones, links

    def _owners_changed(self, fact: OwnersChanged) -> Step:
        self._owners = {owner.user_id: owner for owner in fact.owners}
        self._by_device = _index((owner, owner.devices) for owner in fact.owners)
        self._by_extension = _index((owner, owner.extensions) for owner in fact.owners)
        people = {key: self._owners[users[0]].name for key, users in self._by_extension.items()}
        names = {owner.user_id: owner.name for owner in fact.owners}
        self.known = Known(people, names, self._customers, self._drafts)
        self._calls_by_user = {}
        for call in list(self.calls.values()):
            self._put(None, call)
            self._drop_if_over(call)
        return Step(everybody=True)

    def _calls_of(self, owner: Owner) -> Iterable[CallNow]:
        return [self.calls[call_id] for call_id in self._calls_by_user.get(owner.user_id, ())]

    def _devices_of(self, owner: Owner) -> tuple[DeviceNow, ...]:
        mine = ((key, self._devices.get(key)) for key in sorted(owner.devices))
        return tuple(DeviceNow(pbx, device, state) for (pbx, device), state in mine if state is not None)

    def _device_changed(self, fact: DeviceChanged) -> Step:
        key = (fact.pbx, fact.device)
        self._devices[key] = fact.state
        return Step(frozenset(self._by_device.get(key, ())))

    def _agent_changed(self, fact: AgentStateChanged) -> Step:
        self._agents[fact.user_id] = AgentNow(fact.state, fact.reason, fact.at)
        return Step(frozenset({fact.user_id}))

    def _connected(self, fact: PbxConnected) -> Step:
        return self._link(LinkNow(fact.pbx, up=True, since=fact.at, reason=None))

    def _lost(self, fact: PbxLost) -> Step:
        return self._link(LinkNow(fact.pbx, up=False, since=fact.at, reason=fact.reason))

    def _link(self, link: LinkNow) -> Step:
        before = self._links.get(link.pbx)
        if before is not None and before.up == link.up and before.reason is not None:
            return NOTHING
        self._links[link.pbx] = link
        return Step(everybody=True)

    # this room's own facts

    def _customers_loaded(self, fact: CustomersLoaded) -> Step:
        loaded = {customer.id: customer for customer in fact.customers}
        calls = [call for call in self.calls.values() if not loaded.keys().isdisjoint(call.customer_ids)]
        used = {one for call in calls for one in call.customer_ids}
        self._customers.update((key, one) for key, one in loaded.items() if key in used)
        touched = frozenset().union(*(self.owners_of(call) for call in calls))
        return Step(
            touched | (self._rewrite_recent(partial(renamed, loaded)) if fact.relabel else frozenset())
        )

    def _rewrite_recent(self, change: Callable[[RecentCall], RecentCall]) -> frozenset[int]:
        touched = set()
        for user_id, lines in self._recent.items():
            new = tuple(map(change, lines))
            if new != lines:
                self._recent[user_id] = new
                touched.add(user_id)
        return frozenset(touched)

    def _draft_saved(self, fact: DraftSaved) -> Step:
        call = self.calls.get(fact.call_id)
        if call is None:
            return NOTHING
        self._drafts.setdefault(fact.call_id, {})[fact.user_id] = fact.draft
        self._drop_if_over(call)
        return Step(self.owners_of(call), narrow=True, call=call)

    def _wrap_up_restored(self, fact: WrapUpRestored) -> Step:
        known = self.calls.get(fact.call.call_id)
        self._drafts.setdefault(fact.call.call_id, {}).setdefault(fact.user_id, fact.draft)
        call = fact.call if known is None else calls_now.joined(known, fact.call)
        touched = self._put(known, call)
        self._drop_if_over(call)
        return Step(touched, call=call)

    def _recent_loaded(self, fact: RecentLoaded) -> Step:
        self._recent[fact.user_id] = with_newer(fact.calls, self._recent.get(fact.user_id, ()))
        return Step(frozenset({fact.user_id}))

    def _tasks_loaded(self, fact: TasksLoaded) -> Step:
        self._tasks[fact.user_id] = fact.tasks
        return Step(frozenset({fact.user_id}))


def _index(
    pairs: Iterable[tuple[Owner, frozenset[tuple[str, str]]]],
) -> dict[tuple[str, str], tuple[int, ...]]:
    index: dict[tuple[str, str], tuple[int, ...]] = {}
    for owner, keys in pairs:
        for key in keys:
            index[key] = (*index.get(key, ()), owner.user_id)
    return index


_HANDLERS: Mapping[type[Fact], Callable[[LiveBoard, Any], Step]] = {
    CallStarted: LiveBoard._call_started,
    CallsJoined: LiveBoard._calls_joined,
    PbxConnected: LiveBoard._connected,
    PbxLost: LiveBoard._lost,
    DeviceChanged: LiveBoard._device_changed,
    QueueMemberChanged: LiveBoard._member_changed,
    AgentStateChanged: LiveBoard._agent_changed,
    OwnersChanged: LiveBoard._owners_changed,
    CustomersLoaded: LiveBoard._customers_loaded,
    DraftSaved: LiveBoard._draft_saved,
    WrapUpRestored: LiveBoard._wrap_up_restored,
    RecentLoaded: LiveBoard._recent_loaded,
    TasksLoaded: LiveBoard._tasks_loaded,
}

HEARD: tuple[type[Fact], ...] = tuple(
    fact_type
    for fact_type in (*_HANDLERS, *calls_now.FOLDS)
    if fact_type.__module__.startswith(f"{facts.__name__}.")
)
"""The facts of other rooms that change what screens show."""
