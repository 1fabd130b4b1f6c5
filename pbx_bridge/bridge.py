"""One PBX, from bytes to facts: for each batch of messages apply, commit, publish. The loop is `Bridge.run`.

In: the link's ordered stream. Out: rows (the log, the journal, blind windows) in one transaction per batch, then
facts on the bus, in order. What a message means is decided in `calls.py` and `agents.py`; the socket is
`ami/link.py`'s. After every login, and every minute, what the PBX says of itself is compared with our books."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import close_alarm, raise_alarm
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import BlindWindowClosed, CallEnded, Fact, PbxConnected, PbxLost
from core.tasks import woken
from pbx_bridge import blindness, call_log, journal, pbx_clock
from pbx_bridge.agents import AgentBook
from pbx_bridge.ami.link import AmiLink, LinkGap, LinkItem, LinkLost, LinkRefused, LinkUp, Received
from pbx_bridge.ami.session import AmiActionError
from pbx_bridge.announcement import SHIPPED_S, announcement_s
from pbx_bridge.calls import CallBook
from pbx_bridge.lease import RENEW_S, Lease, LeaseLostError
from pbx_bridge.reconcile import Reconciled
from pbx_bridge.resync import Picture, take_picture
from pbx_bridge.writer import Writer

log = structlog.get_logger(__name__)

BATCH = 500
"""Messages per transaction: a burst is committed in few transactions, a single ring in one of its own."""

COMPARE_S = 60.0
COMPARE_AGAIN_S = 5.0
"""After a comparison the PBX did not answer while the link stayed up, and after the first one on a new link: a PBX
that has just started answers before its queues and phones are loaded, and never says that they are."""

TICK_S = 0.5

LAGS_KEPT = 1000

DEAD_SERVER = "Ringback was not running"
OTHER_SERVER = "another server reads this PBX now"
REFUSED_ALARM = "pbx-login-refused"
LOST_ALARM = "pbx-lost"


@dataclass(slots=True)
class Step:
    """What one transaction writes and what is published after it."""

    facts: list[Fact] = field(default_factory=list)
    entries: list[journal.Entry] = field(default_factory=list)


class Bridge:
    """Reads one PBX for as long as `run` runs. `on_commit` is called after each commit that wrote facts.
    `ahead`: by how many seconds the PBX's clock was ahead of ours when it was last asked. `announcement_s`: how long
    the agent of a callback can say "not now", as its dialplan had it then."""

    def __init__(
        self,
        link: AmiLink,
        book: CallBook,
        *,
        pbx: str,
        database: Database,
        bus: Bus,
        clock: Clock,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        self.pbx = pbx
        self.link = link
        self.agents = AgentBook(pbx)
        self.messages = 0
        self.lags: deque[float] = deque(maxlen=LAGS_KEPT)
        self.compared_at: float | None = None
        self.ahead = 0.0
        self.announcement_s = SHIPPED_S
        self._book = book
        self._database = database
        self._bus = bus
        self._clock = clock
        self._on_commit = on_commit
        self._lease = Lease(database, pbx)
        self._writer = Writer(database, self._lease)
        self._turn = asyncio.Lock()
        self._compare_now = asyncio.Event()
        self._waiting: list[journal.Entry] = []
        self._skew = 0.0
        self._least_delay = float("inf")

    async def run(self) -> None:
        """Take the lease, rebuild the books, then read until cancelled."""
        await self._take_lease()
        try:
            await self._recover()
            async with self.link, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_time(), name=f"{self.pbx}: time")
                tasks.create_task(self._keep_comparing(), name=f"{self.pbx}: compare")
                async for batch in self.link.batches(BATCH):
                    await self._take(batch)
        except* LeaseLostError:
            await self._let_go()
            raise
        finally:
            await self._give_lease_back()

    @property
    def calls(self) -> CallBook:
        """To look at; only the stream and the comparisons change it."""
        return self._book

    @property
    def is_seeing(self) -> bool:
        """The link is up and our books have been compared with the PBX since."""
        return self.link.is_up and self.compared_at is not None

    async def _let_go(self) -> None:
        """Another server writes how our open calls end: only our own screens are told that nothing rings there."""
        for fact in self._book.finish(self._pbx_now(), OTHER_SERVER):
            if not isinstance(fact, CallEnded):
                await self._bus.publish(fact)
        await self._bus.publish(PbxLost(self.pbx, self._clock(), OTHER_SERVER))

    # ---- the stream

    async def _take(self, batch: Sequence[LinkItem]) -> None:
        async with self._turn:
            step = Step()
            for item in batch:
                if isinstance(item, Received):
                    self._apply(item, step)
                else:
                    await self._commit(step)
                    step = Step()
                    await self._link_changed(item)
            await self._commit(step)

    def _apply(self, item: Received, step: Step) -> None:
        message, at = item.message, item.at
        self.messages += 1
        self._measure_delay(message.timestamp, at)
        step.facts += self._book.apply(message, at)
        step.facts += self.agents.apply(message, at)
        call_id = self._book.call_of(message)
        if call_id is not None:
            step.entries.append(journal.Entry(message, at, call_id))

    def _measure_delay(self, stamped: float | None, arrived: float) -> None:
        """The PBX's clock may differ from ours: the least delay seen since the last comparison counts as none."""
        if stamped is None:
            return
        delay = arrived - stamped
        self._least_delay = min(self._least_delay, delay)
        self._skew = self._least_delay
        self.lags.append(self._clock() - stamped - self._skew)

    def _pbx_now(self) -> float:
        return self._clock() - self._skew

    async def _link_changed(self, item: LinkItem) -> None:
        match item:
            case LinkUp():
                self._compare_now.set()
            case LinkLost(_, since, reason):
                await self._went_blind(since, reason, LOST_ALARM)
            case LinkRefused(_, since, reason):
                await self._went_blind(since, reason, REFUSED_ALARM)
            case LinkGap(_, since, dropped):
                await self._went_blind(since, f"{dropped} messages were lost because we fell behind", None)
                self._compare_now.set()

    async def _went_blind(self, since: float, reason: str, alarm: str | None) -> None:
        self.compared_at = None
        self._book.blind(since - self._skew, reason)
        log.warning("blind", pbx=self.pbx, reason=reason)

        async def write(connection: AsyncConnection) -> None:
            await blindness.open_window(connection, self.pbx, since, reason)
            if alarm is not None:
                await raise_alarm(connection, alarm, self.pbx, reason, self._clock())

        await self._writer.write(write)
        await self._bus.publish(PbxLost(self.pbx, since, reason))

    # ---- writing

    async def _commit(self, step: Step, *, is_tick: bool = False) -> None:
        """Tell the screens, write everything in one transaction, then tell what is durable and whatever follows it.
        Messages that say nothing new wait for the next fact or tick: they are most of a busy PBX's stream, and a
        transaction for each would be most of our work. A database that is away is waited for: the link's queue holds
        what comes meanwhile, and the PBX is read more slowly."""
        at_once, after_commit = _split(step.facts)
        for fact in at_once:
            await self._bus.publish(fact)
        self._waiting += step.entries
        if not step.facts and not (self._waiting and (is_tick or len(self._waiting) >= BATCH)):
            return
        entries, self._waiting = self._waiting, []

        async def write(connection: AsyncConnection) -> None:
            await journal.write(connection, self.pbx, entries)
            await call_log.record(connection, step.facts)

        try:
            await self._writer.write(write)
        except DBAPIError:
            log.exception("a batch of facts was refused; writing them one by one", pbx=self.pbx)
            await self._commit_one_by_one(step)
        for fact in after_commit:
            await self._bus.publish(fact)
        if step.facts:
            self._on_commit()

    async def _commit_one_by_one(self, step: Step) -> None:
        """One fact the database refuses must not take its neighbours with it."""
        for fact in step.facts:

            async def write(connection: AsyncConnection, fact: Fact = fact) -> None:
                await call_log.record(connection, [fact])

            try:
                await self._writer.write(write)
            except DBAPIError:
                log.exception(
                    "fact not stored", fact=type(fact).__name__, call_id=getattr(fact, "call_id", None)
                )

    # ---- time, lease, comparison

    async def _take_lease(self) -> None:
        while not await self._lease.take(self._clock()):
            log.warning(
                "another server reads this PBX; waiting", pbx=self.pbx, holder=await self._lease.holder()
            )
            await asyncio.sleep(RENEW_S)

    async def _recover(self) -> None:
        """Rebuild open calls from the journal and say since when we are blind. Their facts are published for the
        screens; they are in the log already."""
        async with self._database.read() as connection:
            messages = await journal.recover(connection, self.pbx)
        for message, at in messages:
            for fact in self._book.apply(message, at):
                await self._bus.publish(fact)
        seen_at = await self._lease.seen_at()
        if messages:
            # Later than the last heartbeat, perhaps: what was journalled was seen.
            last, arrived = messages[-1]
            seen_at = max(arrived, seen_at or arrived)
            self._skew = arrived - last.timestamp if last.timestamp is not None else 0.0
        if seen_at is None:
            return
        died_at = seen_at
        await self._writer.write(
            lambda connection: blindness.open_window(connection, self.pbx, died_at, DEAD_SERVER)
        )
        async with self._database.read() as connection:
            window = await blindness.open_since(connection, self.pbx)
        if window is not None:
            since, reason = window
            self._book.blind(since - self._skew, reason)

    async def _keep_time(self) -> None:
        """Calls that wait for late events end even when the PBX is quiet; the lease stays ours."""
        steady = asyncio.get_running_loop().time  # a clock put back by an hour must not stop the renewals
        renewed = steady() - RENEW_S
        while True:
            await asyncio.sleep(TICK_S)
            async with self._turn:
                facts = self._book.tick(self._pbx_now()) if self.is_seeing else []
                await self._commit(Step(facts=facts), is_tick=True)
            if steady() - renewed >= RENEW_S:
                renewed = steady()
                await self._renew_lease()

    async def _give_lease_back(self) -> None:
        """A lease that cannot be given back runs out; why we stopped must not be lost over it."""
        try:
            await self._lease.release()
        except (DBAPIError, OSError) as error:
            log.warning("the lease stays until it runs out", pbx=self.pbx, error=str(error))

    async def _renew_lease(self) -> None:
        """A database that is away is no reason to stop reading: nobody else can take the lease meanwhile either."""
        kept = True

        async def write() -> None:
            nonlocal kept
            now = self._clock()
            kept = await self._lease.renew(now, now if self.is_seeing else None)

        await self._writer.insist(write)
        if not kept:
            raise LeaseLostError(self.pbx)

    async def _keep_comparing(self) -> None:
        wait = COMPARE_S
        while True:
            wait = COMPARE_AGAIN_S if await woken(self._compare_now, wait) else COMPARE_S
            self._compare_now.clear()
            if not self.link.is_up:
                continue
            try:
                ahead = await pbx_clock.ahead(self.link, self._clock)
                picture = await take_picture(self.link)
                announced_s = await announcement_s(self.link)
            except AmiActionError as error:
                log.warning("the PBX did not tell its state; asking again", pbx=self.pbx, error=str(error))
                wait = COMPARE_AGAIN_S
                continue
            self.announcement_s = SHIPPED_S if announced_s is None else announced_s
            await self._compare(picture, ahead)

    async def _compare(self, picture: Picture, ahead: float | None) -> None:
        async with self._turn:
            now = self._pbx_now()
            facts = self._book.reconcile(picture.status, now)
            facts += self.agents.resync(picture.members, picture.devices, now)
            await self._commit(Step(facts=facts))
            await self._see_again(self._book.reconciled)
            self._least_delay = float("inf")
            if ahead is not None:
                self.ahead = ahead
                await self._writer.write(
                    lambda connection: pbx_clock.judge(connection, self.pbx, ahead, self._clock())
                )

    async def _see_again(self, calls: Reconciled) -> None:
        """The comparison is done: close the blind window, if one is open, and tell the screens."""
        now = self._clock()
        was_blind, self.compared_at = self.compared_at is None, now
        if not was_blind:
            return
        closed: list[BlindWindowClosed] = []

        async def write(connection: AsyncConnection) -> None:
            closed.clear()
            for alarm in (LOST_ALARM, REFUSED_ALARM):
                await close_alarm(connection, alarm, self.pbx, now)
            if (window := await blindness.open_since(connection, self.pbx)) is not None:
                since, reason = window
                fact = BlindWindowClosed(
                    self.pbx, since, now, reason, calls.kept, calls.ended_unseen, calls.found
                )
                await blindness.close_window(connection, fact)
                closed.append(fact)

        await self._writer.write(write)
        for fact in closed:
            await self._bus.publish(fact)
        await self._bus.publish(PbxConnected(self.pbx, now))
        self._on_commit()


def _split(facts: Sequence[Fact]) -> tuple[Sequence[Fact], Sequence[Fact]]:
    """Facts that no promise hangs on, which a ringing phone's owner should not wait for, and from the first durable
    one on the others: a consumer that hears of an end must find it in the database."""
    first = next(
        (place for place, fact in enumerate(facts) if isinstance(fact, call_log.DURABLE)), len(facts)
    )
    return facts[:first], facts[first:]
