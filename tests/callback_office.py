"""An office for tests of the callback room: real database, bus and rooms, a clock of its own, and, at the room's edges
(`core/ports.py`), a PBX that notes each order and plays what the test says, and a pool of agents that it fills."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import insert, select

from callback.attempts import Attempts
from callback.budgets import Budgets
from callback.kinds import State
from callback.policy import Rules
from callback.progress import Progress
from callback.scheduler import Department, Scheduler
from callback.tables import Attempt, Callback
from config.callbacks import CallbackSettings
from config.callbacks import Department as DepartmentSettings
from core.accounts import NewUser, Role, UserDevice, create_user
from core.bus import Bus
from core.clock import from_iso
from core.db import Database
from core.fact_log import FactConsumer
from core.facts import (
    ATTEMPT_PREFIX,
    CallAnswered,
    CallEnded,
    CallRecord,
    CallStarted,
    CustomerDialled,
    Direction,
    EndedBy,
    Parties,
    Phone,
    PhoneRinging,
    Verdict,
)
from core.ports import DialOrder, FreeAgent
from crm_link.responsible import Responsible
from pbx_bridge import call_log

MONDAY_NOON = from_iso("2026-11-23T12:00:00+01:00")
CUSTOMER = "+48221234567"
PBX, QUEUE = "main", "sales"


class Time:
    """The clock of the office. It goes when the test says so."""

    def __init__(self, now: float = MONDAY_NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class ScriptedDialer:
    """Notes orders. `refuse` is raised by the next one; `live` and `markers` are what the PBX would say."""

    orders: list[DialOrder] = field(default_factory=list)
    refuse: Exception | None = None
    away: str | None = None
    live: set[str] = field(default_factory=set)
    markers: dict[str, str] = field(default_factory=dict)
    marker_fault: Exception | None = None

    def sees(self, pbx: str) -> str | None:
        assert pbx == PBX
        return self.away

    def is_live(self, pbx: str, attempt_id: str) -> bool:
        return attempt_id in self.live

    def announcement_s(self, pbx: str) -> float:
        return 5.0

    async def place(self, order: DialOrder) -> None:
        self.orders.append(order)
        if self.refuse is not None:
            raise self.refuse
        self.live.add(order.attempt_id)

    async def connect_now(self, pbx: str, attempt_id: str) -> None:
        raise NotImplementedError

    async def hang_up(self, pbx: str, attempt_id: str) -> None:
        self.live.discard(attempt_id)

    async def marker(self, pbx: str, attempt_id: str) -> str | None:
        if self.marker_fault is not None:
            raise self.marker_fault
        return self.markers.get(attempt_id)


@dataclass
class FilledPool:
    """Agents and callers as the test says."""

    agents: list[FreeAgent] = field(default_factory=list)
    callers: int = 0
    talking: set[str] = field(default_factory=set)

    def free(self, pbx: str, queue: str) -> Sequence[FreeAgent]:
        return tuple(self.agents)

    def staffed(self, pbx: str, queue: str) -> int:
        return len(self.agents)

    def waiting(self, pbx: str, queue: str) -> int:
        return self.callers

    def is_talking(self, number: str) -> bool:
        return number in self.talking


def call_id_of(order: DialOrder) -> str:
    return f"{PBX}-{ATTEMPT_PREFIX}{order.attempt_id}"


def parties_of(order: DialOrder) -> Parties:
    extension = order.agent.extension if order.agent else None
    return Parties(Direction.CALLBACK, extension, None, order.number, order.number)


class Office:
    """Everything wired as `server/app.py` wires it, without a PBX."""

    def __init__(
        self, database: Database, time: Time, callback: CallbackSettings | None = None, **settings: object
    ) -> None:
        department = DepartmentSettings.model_validate({"queue": QUEUE, **settings})
        callback = callback or CallbackSettings()
        self.rules = Rules.of(department, callback, "Europe/Warsaw")
        self.database, self.time, self.bus = database, time, Bus()
        self.dialer, self.pool = ScriptedDialer(), FilledPool()
        self.suppressed: frozenset[str] = frozenset()
        self.attempts = Attempts(database, self.bus, time, Progress({"sales": self.rules}))
        self.attempts.subscribe()
        self.consumer = FactConsumer(database, "attempts", (CallEnded,), self.attempts.call_ended)
        self.scheduler = Scheduler(
            [Department("sales", PBX, QUEUE, self.rules)],
            database=database,
            bus=self.bus,
            clock=time,
            dialer=self.dialer,
            pool=self.pool,
            attempts=self.attempts,
            budgets=Budgets(callback),
            suppressed_among=self._suppressed_among,
            responsible=Responsible(),
        )

    async def _suppressed_among(self, numbers: Collection[str]) -> frozenset[str]:
        return self.suppressed.intersection(numbers)

    async def agent(self, extension: str = "101") -> FreeAgent:
        """Somebody real, free since long ago."""
        phone = UserDevice(PBX, f"PJSIP/{extension}", extension)
        new = NewUser(f"agent{extension}", f"Agent {extension}", Role.AGENT, "x", devices=(phone,))
        async with self.database.write() as connection:
            user = await create_user(connection, new, self.time())
        free = FreeAgent(user.id, phone, self.time() - 600)
        self.pool.agents.append(free)
        return free

    async def owe(self, number: str = CUSTOMER, **values: object) -> int:
        """A callback that waits; returns its id."""
        now = self.time()
        row = {
            "number": number, "department": "sales", "state": State.WAITING.value, "created_at": now,
            "arrived_at": now, "due_at": now, "expires_at": now + self.rules.expire_s, **values,
        }  # fmt: skip
        async with self.database.write() as connection:
            done = await connection.execute(insert(Callback).values(**row))
        assert done.inserted_primary_key is not None
        return int(done.inserted_primary_key[0])

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, deliver durable facts, look at everything once."""
        self.time.now += seconds
        while await self.consumer.deliver_batch():
            pass
        await self.scheduler.turn()

    async def callback(self, callback_id: int) -> Callback:
        async with self.database.read() as connection:
            return (await connection.execute(select(Callback).where(Callback.id == callback_id))).one()  # type: ignore[return-value]

    async def attempt_rows(self) -> list[Attempt]:
        async with self.database.read() as connection:
            return list((await connection.execute(select(Attempt).order_by(Attempt.made_at))).all())  # type: ignore[arg-type]

    # ---- what the PBX tells of the last order's call

    @property
    def order(self) -> DialOrder:
        return self.dialer.orders[-1]

    @property
    def call_id(self) -> str:
        return call_id_of(self.order)

    @property
    def parties(self) -> Parties:
        return parties_of(self.order)

    async def agent_rings(self) -> None:
        await self.bus.publish(CallStarted(self.call_id, PBX, self.time(), self.parties))
        await self.bus.publish(PhoneRinging(self.call_id, self.time(), self._phone()))

    async def agent_answers(self) -> None:
        await self.bus.publish(CallAnswered(self.call_id, self.time(), self._phone()))

    async def customer_is_dialled(self) -> None:
        await self.bus.publish(CustomerDialled(self.call_id, self.time()))

    async def rings_through_to_the_customer(self) -> None:
        """The agent's phone rings, they answer, the customer is dialled."""
        await self.agent_rings()
        await self.agent_answers()
        await self.customer_is_dialled()

    async def place_is_declined(self, answers: bool) -> None:
        """Of a place in the queue: an agent's phone rings in vain, or they answer and say "not now"."""
        await self.bus.publish(CallStarted(self.call_id, PBX, self.time(), self.parties))
        agent = self.pool.agents[0].device
        phone = Phone(agent.device, agent.extension)
        await self.bus.publish(PhoneRinging(self.call_id, self.time(), phone))
        if answers:
            await self.bus.publish(CallAnswered(self.call_id, self.time(), phone))
        await self.call_ends(Verdict.MISSED)
        self.dialer.markers[self.order.attempt_id] = "agent"
        await self.turn(1)

    async def call_ends(
        self,
        result: Verdict,
        talk_s: float = 0.0,
        ended_by: EndedBy = EndedBy.CALLER,
        *,
        order: DialOrder | None = None,
    ) -> None:
        """The last fact of a call, stored as the PBX room stores it. Ended by UNKNOWN: we did not see it end."""
        order = order or self.order
        self.dialer.live.discard(order.attempt_id)
        record = replace(self._record(order, result, talk_s), ended_by=ended_by)
        fact = CallEnded(record.call_id, self.time(), record)
        async with self.database.write() as connection:
            await call_log.record(connection, [fact])
        await self.bus.publish(fact)

    def _phone(self) -> Phone:
        assert self.order.agent is not None
        return Phone(self.order.agent.device, self.order.agent.extension)

    def _record(self, order: DialOrder, result: Verdict, talk_s: float) -> CallRecord:
        parties, now = parties_of(order), self.time()
        return CallRecord(
            call_id=call_id_of(order), pbx=PBX, linkedids=(f"{ATTEMPT_PREFIX}{order.attempt_id}",),
            direction=parties.direction, caller=parties.caller, caller_name=None, callee=parties.callee,
            customer_number=parties.customer_number, queue=None, result=result, started_at=now - talk_s - 10,
            answered_at=now - talk_s if result is Verdict.ANSWERED else None, ended_at=now, wait_s=10.0, talk_s=talk_s,
            rang=(), talked=(), transfers=(), ended_by=EndedBy.CALLER, why="As the test says.",
        )  # fmt: skip
