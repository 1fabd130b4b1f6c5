"""Whatever order things happen in, calls and customers stay whole: a property test over calls, picks, numbers given and
taken, and names, with the rules P7–P10 as invariants."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.db import Database
from core.facts import Direction
from crm_link.call_links import read_links
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.directory import read_customer
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.tables import CallCustomer, Customer, Identity, IdentityKey
from tests.customers import Office

NUMBERS = 3
"""Few, so that numbers are often shared."""

DIRECTIONS = st.sampled_from([Direction.INBOUND, Direction.INBOUND, Direction.OUTBOUND])
PLACE = st.integers(0, 5)
NUMBER_PLACE = st.integers(0, NUMBERS - 1)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), NUMBER_PLACE, DIRECTIONS),
        st.tuples(st.just("withheld"), st.none(), st.none()),
        st.tuples(st.just("create"), NUMBER_PLACE, st.none()),
        st.tuples(st.just("give"), PLACE, NUMBER_PLACE),
        st.tuples(st.just("take"), PLACE, PLACE),
        st.tuples(st.just("name"), PLACE, st.none()),
        st.tuples(st.just("pick"), PLACE, PLACE),
    ),
    max_size=14,
)

_examples = itertools.count(1)


@dataclass
class World:
    """What one example did so far. Each has its own numbers and calls, so that all share one database."""

    office: Office
    example: int
    calls: list[str] = field(default_factory=list)
    withheld: set[str] = field(default_factory=set)
    inbound: set[str] = field(default_factory=set)
    picked: dict[str, int] = field(default_factory=dict)
    customers: list[int] = field(default_factory=list)

    def number(self, place: int) -> str:
        return f"+48{600_000_000 + self.example * NUMBERS + place}"

    async def call(self, number: str | None, direction: Direction) -> None:
        call_id = f"{self.example}-{len(self.calls)}"
        said = await self.office.desk.call(call_id, number, at=float(len(self.calls)), direction=direction)
        self.calls.append(call_id)
        self.customers += [one for one in said.customer_ids if one not in self.customers]
        if number is None:
            self.withheld.add(call_id)
        elif direction is Direction.INBOUND:
            self.inbound.add(call_id)

    async def step(self, what: str, first: int | None, second: int | Direction | None) -> None:
        match what, first, second:
            case "call", int(place), Direction() as direction:
                await self.call(self.number(place), direction)
            case "withheld", _, _:
                await self.call(None, Direction.INBOUND)
            case "create", int(place), _:
                new = NewCustomer("Anna", numbers=(self.number(place),))
                self.customers.append((await self.office.customers.create(new, None)).id)
            case _ if self.customers:
                await self.change(what, self.customers[(first or 0) % len(self.customers)], second)

    async def change(self, what: str, customer_id: int, place: int | Direction | None) -> None:
        customers = self.office.customers
        match what, place:
            case "give", int(number):
                await customers.add_identity(customer_id, IdentityKind.PHONE, self.number(number), None)
            case "take", int(index):
                async with self.office.database.read() as connection:
                    customer = await read_customer(connection, customer_id)
                if customer.identities:
                    identity = customer.identities[index % len(customer.identities)]
                    await customers.remove_identity(customer.id, identity.id, None)
            case "name", _:
                await customers.edit(customer_id, CustomerEdit(name="Jan"), None)
            case "pick", int(index) if self.calls:
                call_id = self.calls[index % len(self.calls)]
                await customers.pick(call_id, customer_id, None)
                self.picked[call_id] = customer_id


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
async def test_p8_p10_calls_and_customers_stay_whole_in_any_order(
    database: Database, steps: list[tuple[str, int | None, int | Direction | None]]
) -> None:
    world = World(Office(database), next(_examples))
    for step in steps:
        await world.step(*step)
    await _check_calls(database, world)
    await _check_keys(database)


async def _check_calls(database: Database, world: World) -> None:
    async with database.read() as connection:
        gone = set(await connection.scalars(select(Customer.id).where(Customer.merged_into_id.is_not(None))))
        for call_id in world.calls:
            links = await read_links(connection, call_id)
            assert links is not None
            assert not gone & set(links.customer_ids), "nothing stands with a record that redirects"
            if call_id in world.picked:
                picked = (await read_customer(connection, world.picked[call_id])).id
                assert (links.customer_ids, links.how) == ((picked,), LinkHow.PICKED)
            elif call_id in world.withheld:
                assert links.customer_ids == ()
            elif call_id in world.inbound:
                assert links.customer_ids, "every inbound call with a number has its customer"


async def _check_keys(database: Database) -> None:
    async with database.read() as connection:
        keys = set(await connection.scalars(select(IdentityKey.value)))
        held = list(await connection.scalars(select(Identity.value)))
        assert keys == set(held), "a key lives exactly as long as somebody holds it"
        picks = await connection.execute(
            select(IdentityKey.value, IdentityKey.picked_customer_id).where(
                IdentityKey.picked_customer_id.is_not(None)
            )
        )
        claims = await connection.execute(select(Identity.value, Identity.customer_id))
        holders = {tuple(row) for row in claims}
        assert {tuple(row) for row in picks} <= holders, "only a holder is suggested"
        merged = select(CallCustomer.call_id).join(Customer, Customer.id == CallCustomer.customer_id)
        assert (await connection.scalars(merged.where(Customer.merged_into_id.is_not(None)))).all() == []
