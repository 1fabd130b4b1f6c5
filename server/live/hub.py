"""Facts in from the bus, numbered changes out to every desk that is open. `LiveHub` keeps the board of what is going
on, one stream of changes per person (shared by that person's tabs), and closes what may no longer listen. What is
on a screen is decided in `board.py`, one tab's socket is driven in `tab.py`, the protocol is `docs/live.md`."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from config.crm import CustomField
from core.accounts import User, list_users
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import (
    CallMatched,
    CustomerChanged,
    CustomerRemoved,
    Fact,
    PeopleChanged,
    PhoneRinging,
    SessionsEnded,
    TaskChanged,
)
from crm_link.tasks.read import read_own_tasks
from server.live import wire
from server.live.board import HEARD, LiveBoard, Step
from server.live.cards import Card, CardState, Owner
from server.live.pops import PopMeter
from server.live.snapshot import (
    CardSet,
    Change,
    OwnersChanged,
    RecentLoaded,
    TasksLoaded,
    UserView,
    WrapUpRestored,
    diff,
)
from server.live.tab import Tab
from server.views.caller_summaries import load_summaries, open_task
from server.views.recent_calls import recent_calls

RING = 256
"""Changes kept per person for browsers that come back: minutes of a busy desk, about half a megabyte at most."""

LINGER_S = 120.0
"""A person's stream is kept so long after the last tab went, so that a dropped network can resume."""

MOVED = 1000
"""Absorbed call ids remembered, for notes that were on their way when two calls became one."""

GATHER_S = 0.02
"""A new caller is a change of a customer and a match within a millisecond: they are read together, once."""

TABS_PER_USER = 20

MOST_TASKS = 30
"""On one desk; the page of tasks has them all."""

BEAT_S = 15.0
"""Two missed beats and a browser knows that its line is dead, however the network hides it."""

SESSION_BEATS = 4
"""Sessions that end are told at once; those that idle out are noticed after so many beats."""

TABS = Gauge("ringback_live_tabs", "Browser tabs listening to /live")
DROPPED = Counter("ringback_live_tabs_dropped_total", "Tabs cut off because they read too slowly")


@dataclass(slots=True)
class Feed:
    """One person's stream: `seq` counts changes, `ring` keeps the last of them, `view` is the screen as of `seq`."""

    user_id: int
    view: UserView
    epoch: str = field(default_factory=lambda: secrets.token_hex(6))
    seq: int = 0
    ring: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RING))
    tabs: set[Tab] = field(default_factory=set)
    empty_since: float | None = None

    def publish(self, made: list[Change]) -> None:
        self.seq += 1
        text = wire.changes(self.seq, made)
        self.ring.append((self.seq, text))
        for tab in tuple(self.tabs):
            if not tab.send(text):
                DROPPED.inc()

    def missed(self, epoch: str, seq: int) -> list[str] | None:
        """The changes after `seq`; None when they are no longer known and a snapshot is needed."""
        oldest = self.ring[0][0] if self.ring else self.seq + 1
        if epoch != self.epoch or not oldest - 1 <= seq <= self.seq:
            return None
        return [text for number, text in self.ring if number > seq]


class LiveHub:
    """One per process. `apply` is the only way in for facts; it never waits for anything."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        pbxs: Iterable[str] = (),
        on_card: Sequence[CustomField] = (),
    ) -> None:
        self._database = database
        self._on_card = on_card
        self._clock = clock
        self.board = LiveBoard(pbxs, clock())
        self.pops = PopMeter(database)
        self.on_wrap_up: Callable[[int, bool], None] | None = None
        self._feeds: dict[int, Feed] = {}
        self._moved: OrderedDict[str, str] = OrderedDict()
        self._wanted: OrderedDict[int, bool] = OrderedDict()
        self._new_people: OrderedDict[int, None] = OrderedDict()
        self._new_tasks: OrderedDict[int, None] = OrderedDict()
        self._owners: tuple[Owner, ...] = ()
        self._work = asyncio.Event()

    def subscribe(self, bus: Bus) -> None:
        """Listen to everything screens show. Subscribe before rooms that answer these facts with facts of their own."""
        for fact_type in (
            *HEARD,
            CustomerChanged,
            CustomerRemoved,
            PeopleChanged,
            SessionsEnded,
            TaskChanged,
        ):
            bus.subscribe(fact_type, self.hear, name="live screens")

    async def hear(self, fact: Fact) -> None:
        if isinstance(fact, PeopleChanged):
            await self.reload_people()
            return
        self.apply(fact)

    def apply(self, fact: Fact) -> None:
        """Fold one fact and tell every open desk it touches."""
        if isinstance(fact, SessionsEnded):
            self._close_sessions(fact)
            return
        if isinstance(fact, CustomerChanged | CustomerRemoved):
            self._want((fact.customer_id,), relabel=True)
            self._want_tasks(self._with_tasks_of(fact.customer_id))
            return
        if isinstance(fact, TaskChanged):
            self._want_tasks(fact.user_ids)
            return
        step = self.board.apply(fact)
        self._remember_move(step)
        touched = tuple(self._feeds) if step.everybody else step.touched
        for user_id in touched:
            if (feed := self._feeds.get(user_id)) is not None:
                self._tell(feed, step, fact)
        if isinstance(fact, CallMatched):
            self._want(fact.customer_ids, relabel=False)
        if isinstance(fact, WrapUpRestored):
            self._want(fact.call.customer_ids, relabel=False)

    def resolve(self, call_id: str) -> str:
        """The id under which a call is known now, if it turned out to be part of another."""
        for _ in range(MOVED):
            if call_id not in self._moved:
                break
            call_id = self._moved[call_id]
        return call_id

    # tabs

    def join(self, tab: Tab, user: User, resume_from: tuple[str, int] | None) -> None:
        """Give the tab what it missed, or a snapshot, and everything from now on."""
        feed = self._feed(user.id)
        feed.empty_since = None
        if len(feed.tabs) >= TABS_PER_USER:
            min(feed.tabs, key=lambda one: one.since).close(4409, b"too many tabs")
        feed.tabs.add(tab)
        TABS.inc()
        missed = feed.missed(*resume_from) if resume_from else None
        if missed is None:
            tab.send(wire.snapshot(feed.view, feed.epoch, feed.seq, self._clock()))
            return
        tab.send(wire.resumed(feed.epoch, feed.seq - len(missed), self._clock()))
        for text in missed:
            tab.send(text)

    def leave(self, tab: Tab, user_id: int) -> None:
        feed = self._feeds.get(user_id)
        if feed is None or tab not in feed.tabs:
            return
        feed.tabs.discard(tab)
        TABS.dec()
        if not feed.tabs:
            feed.empty_since = self._clock()

    def shown(self, user_id: int, call_id: str, visible: bool) -> None:
        """A page says that it has the card in its document."""
        self.pops.shown(user_id, self.resolve(call_id), self._clock(), visible)

    def is_open(self, user_id: int) -> bool:
        """Whether this person has a desk open."""
        feed = self._feeds.get(user_id)
        return feed is not None and bool(feed.tabs)

    def close(self) -> None:
        """The server stops: tell every tab, they will look for it again."""
        for feed in self._feeds.values():
            for tab in tuple(feed.tabs):
                tab.close(1001, b"server stops")

    # work beside the stream of facts

    async def reload_people(self) -> None:
        """Read who has which phone: after a change, and every now and then for changes by another process."""
        async with self._database.read() as connection:
            users = await list_users(connection)
        owners = tuple(owner_of(user) for user in users if not user.disabled)
        if owners != self._owners:
            self._owners = owners
            self.apply(OwnersChanged(owners))

    async def load(self) -> None:
        """Fetch customers and recent calls that screens need, for ever."""
        while True:
            await self._work.wait()
            await asyncio.sleep(GATHER_S)
            self._work.clear()
            while self._wanted or self._new_people or self._new_tasks:
                await self._load_some()

    async def keep_house(self) -> None:
        """Beat, look after sessions, people and idle streams, for ever."""
        for beats in itertools.count(1):
            await asyncio.sleep(BEAT_S)
            self.beat()
            self._drop_idle()
            await self.reload_people()
            if beats % SESSION_BEATS == 0:
                await self._check_sessions()

    def beat(self) -> None:
        for feed in self._feeds.values():
            text = wire.beat(feed.seq, self._clock())
            for tab in tuple(feed.tabs):
                tab.send(text)

    async def _check_sessions(self) -> None:
        for tab in [tab for feed in self._feeds.values() for tab in feed.tabs]:
            if not await tab.may_stay():
                tab.close(4401, b"session ended")

    async def _load_some(self) -> None:
        wanted = dict(self._wanted)
        self._wanted.clear()
        people, with_tasks = list(self._new_people), list(self._new_tasks)
        self._new_people.clear()
        self._new_tasks.clear()
        async with self._database.read() as connection:
            loaded = await load_summaries(connection, wanted, self.board.known, self._on_card)
            lists: list[Fact] = [await self._tasks_of(connection, user_id) for user_id in with_tasks]
            for user_id in people:
                owner = self.board.owner(user_id)
                lines = await recent_calls(connection, owner, self.board.known) if owner else ()
                lists.append(RecentLoaded(user_id, lines))
        for fact in (*loaded, *lists):
            self.apply(fact)

    async def _tasks_of(self, connection: AsyncConnection, user_id: int) -> TasksLoaded:
        found = await read_own_tasks(connection, user_id, limit=MOST_TASKS)
        return TasksLoaded(user_id, tuple(open_task(one, self.board.known.names) for one in found))

    # one person

    def _feed(self, user_id: int) -> Feed:
        feed = self._feeds.get(user_id)
        if feed is None:
            feed = self._feeds[user_id] = Feed(user_id, self.board.view(user_id))
            self._new_people[user_id] = None
            self._new_tasks[user_id] = None
            self._work.set()
        return feed

    def _tell(self, feed: Feed, step: Step, fact: Fact) -> None:
        old, new = feed.view, self.board.look(feed.view, step, feed.user_id)
        if new is old:
            return
        made = diff(old, new, lambda card: self.board.gone(card, step, feed.user_id))
        if not made:
            return
        feed.view = new
        feed.publish(made)
        self._measure(feed, old, made, fact)
        self._follow_wrap_ups(feed.user_id, _wrap_ups(old), _wrap_ups(new))

    def _follow_wrap_ups(self, user_id: int, before: set[str], now: set[str]) -> None:
        if self.on_wrap_up is None:
            return
        if now - before:
            self.on_wrap_up(user_id, True)
        elif before and not now:
            self.on_wrap_up(user_id, False)

    def _measure(self, feed: Feed, old: UserView, made: list[Change], fact: Fact) -> None:
        """Pops begin and end where a card begins and ends to ring."""
        at = self._clock()
        rang = {card.call_id for card in old.cards if card.state is CardState.RINGING}
        for change in made:
            card = change.card if isinstance(change, CardSet) else None
            call_id = card.call_id if card else getattr(change, "call_id", None)
            rings = card is not None and card.state is CardState.RINGING
            if rings and feed.tabs and isinstance(fact, PhoneRinging) and call_id not in rang:
                self.pops.rang(feed.user_id, fact.call_id, at)
            elif call_id in rang and not rings and getattr(change, "moved_to", None) is None:
                self.pops.over(feed.user_id, str(call_id), at, answered=_talks(card))

    def _remember_move(self, step: Step) -> None:
        if step.moved is None:
            return
        absorbed_id, call_id = step.moved
        self.pops.moved(absorbed_id, call_id)
        self._moved[absorbed_id] = call_id
        while len(self._moved) > MOVED:
            self._moved.popitem(last=False)

    def _want(self, customer_ids: Iterable[int], *, relabel: bool) -> None:
        for customer_id in customer_ids:
            self._wanted[customer_id] = relabel or self._wanted.get(customer_id, False)
            self._work.set()

    def _want_tasks(self, user_ids: Iterable[int]) -> None:
        """Only of those whose desk is known here: the others' are read when they open it."""
        for user_id in user_ids:
            if user_id in self._feeds:
                self._new_tasks[user_id] = None
                self._work.set()

    def _with_tasks_of(self, customer_id: int) -> list[int]:
        """A renamed, merged or erased customer stands with these people's tasks."""
        return [
            user_id
            for user_id, feed in self._feeds.items()
            if any(task.customer_id == customer_id for task in feed.view.tasks)
        ]

    def _close_sessions(self, fact: SessionsEnded) -> None:
        feed = self._feeds.get(fact.user_id)
        for tab in tuple(feed.tabs) if feed else ():
            if fact.token_hash in (None, tab.token_hash):
                tab.close(4401, b"session ended")

    def _drop_idle(self) -> None:
        now = self._clock()
        for feed in tuple(self._feeds.values()):
            if feed.empty_since is not None and now - feed.empty_since > LINGER_S:
                del self._feeds[feed.user_id]


def owner_of(user: User) -> Owner:
    """A person as the board knows them. FreePBX queues name a member `Local/101@…`, which rings the same phone."""
    devices = {(one.pbx, one.device) for one in user.devices}
    local = {(one.pbx, f"Local/{one.extension}") for one in user.devices}
    extensions = frozenset((one.pbx, one.extension) for one in user.devices)
    return Owner(user.id, user.name, frozenset(devices | local), extensions, user.devices)


def _wrap_ups(view: UserView) -> set[str]:
    return {card.call_id for card in view.cards if card.state is CardState.WRAP_UP}


def _talks(card: Card | None) -> bool:
    return card is not None and card.state in (CardState.TALKING, CardState.HELD)
