"""What tests about customers share: a desk that hears what screens hear, facts of a beginning call, and customers
made the way the server makes them."""

from __future__ import annotations

from sqlalchemy import func, select

from core.bus import Bus
from core.db import Base, Database
from core.fact_log import FactConsumer, append
from core.facts import (
    CallEnded,
    CallMatched,
    CallRecord,
    CallStarted,
    CustomerChanged,
    Direction,
    EndedBy,
    Parties,
    Verdict,
)
from crm_link.annotations import Annotations
from crm_link.changes import Edit
from crm_link.customers import Customers
from crm_link.identities import Claim, give, hold_key
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.records import NewRecord, insert_customer
from crm_link.screen_pop import ScreenPop

NUMBER = "+48221234567"
OTHER = "+48601000111"


class Desk:
    """Everything a screen would hear, in order."""

    def __init__(self, database: Database) -> None:
        self.bus = Bus()
        self.matched: list[CallMatched] = []
        self.changed: list[CustomerChanged] = []
        self.pop = ScreenPop(database, self.bus)
        self.pop.subscribe(self.bus)
        self.bus.subscribe(CallMatched, self._match, name="desk")
        self.bus.subscribe(CustomerChanged, self._change, name="desk")

    async def _match(self, fact: CallMatched) -> None:
        self.matched.append(fact)

    async def _change(self, fact: CustomerChanged) -> None:
        self.changed.append(fact)

    async def call(
        self,
        call_id: str,
        number: str | None = NUMBER,
        *,
        at: float = 100.0,
        direction: Direction = Direction.INBOUND,
        name: str | None = None,
    ) -> CallMatched:
        """A call begins; what the screens heard of it last."""
        await self.bus.publish(started(call_id, number, at=at, direction=direction, name=name))
        assert not self.bus.failures
        return self.matched[-1]

    async def consume(self, database: Database, *facts: CallEnded) -> None:
        """The call log has committed these ends; then the customers' consumer of the fact log runs."""
        async with database.write() as connection:
            for fact in facts:
                await append(connection, fact, subject=fact.call_id, at=fact.at)
        consumer = FactConsumer(database, "call_links", (CallEnded,), self.pop.catch_up)
        while await consumer.deliver_batch():
            pass


class Office:
    """A desk and those who edit customers, on one bus. `now` is what the clock shows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = 1000.0
        self.desk = Desk(database)
        self.customers = Customers(database, self.desk.bus, lambda: self.now, "PL")
        self.notes = Annotations(database, self.desk.bus, lambda: self.now)


def parties(number: str | None, direction: Direction = Direction.INBOUND, name: str | None = None) -> Parties:
    return Parties(direction=direction, caller=number, caller_name=name, callee="500", customer_number=number)


def started(
    call_id: str,
    number: str | None,
    *,
    at: float = 100.0,
    direction: Direction = Direction.INBOUND,
    name: str | None = None,
) -> CallStarted:
    return CallStarted(call_id=call_id, pbx="main", at=at, parties=parties(number, direction, name))


def ended(
    call_id: str,
    number: str | None,
    direction: Direction = Direction.INBOUND,
    *,
    talked: tuple[str, ...] = (),
) -> CallEnded:
    record = CallRecord(
        call_id=call_id,
        pbx="main",
        linkedids=("1.1",),
        direction=direction,
        caller=number,
        caller_name="Jan",
        callee="500",
        customer_number=number,
        queue=None,
        result=Verdict.ANSWERED if talked else Verdict.ABANDONED,
        started_at=100.0,
        answered_at=None,
        ended_at=130.0,
        wait_s=30.0,
        talk_s=0.0,
        rang=(),
        talked=talked,
        transfers=(),
        ended_by=EndedBy.CALLER,
        why="",
    )
    return CallEnded(call_id=call_id, at=130.0, record=record)


async def count(database: Database, table: type[Base]) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def customer_with(database: Database, *numbers: str, name: str = "Anna Kowalska") -> int:
    edit = Edit(at=50.0)
    async with database.write() as connection:
        customer_id = await insert_customer(connection, NewRecord(Source.PERSON, name=name), edit)
        for number in numbers:
            await hold_key(connection, IdentityKind.PHONE, number)
            claim = Claim(IdentityKind.PHONE, number, Source.PERSON, Confidence.STATED)
            assert await give(connection, customer_id, claim, edit)
    return customer_id
