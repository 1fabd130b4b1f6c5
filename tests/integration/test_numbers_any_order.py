"""Whatever order calls, blocks, names, picks and forgetting come in, calls and customers stay whole (P8–P10)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from callback.owed import PromiseBook
from core.db import Database
from core.facts import Direction
from crm_link.blocks.edit import Blocks
from crm_link.call_links import read_links
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.expiry import expire_some
from crm_link.kinds import LinkHow
from crm_link.tables import CallCustomer, Customer, Identity, IdentityKey
from tests.customers import Office

FOREVER = 1e12
PLACE = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), PLACE),
        st.tuples(st.just("call out"), PLACE),
        st.tuples(st.just("firm"), PLACE),
        st.tuples(st.just("block"), PLACE),
        st.tuples(st.just("unblock"), PLACE),
        st.tuples(st.just("person"), PLACE),
        st.tuples(st.just("name"), PLACE),
        st.tuples(st.just("pick"), PLACE),
        st.tuples(st.just("forget"), PLACE),
    ),
    max_size=14,
)

_examples = itertools.count(1)


@dataclass
class World:
    """What one example did. Each has a hundred numbers of its own, so that all share one database."""

    office: Office
    example: int
    calls: list[str] = field(default_factory=list)
    picked: dict[str, int] = field(default_factory=dict)

    @property
    def blocks(self) -> Blocks:
        return Blocks(self.office.database, self.office.desk.bus, lambda: 1.0, "PL", PromiseBook())

    def number(self, place: int) -> str:
        return f"+48{22_000_0000 + self.example * 100 + place}"

    async def customers(self) -> list[int]:
        async with self.office.database.read() as connection:
            rows = await connection.scalars(
                select(Customer.id)
                .where(Customer.merged_into_id.is_(None), ~Customer.is_provisional)
                .where(Customer.company == f"Firm {self.example}")
                .order_by(Customer.id)
            )
            return list(rows)

    async def step(self, what: str, place: int) -> None:
        office = self.office
        match what:
            case "call" | "call out":
                call_id = f"{self.example}-{len(self.calls)}"
                way = Direction.INBOUND if what == "call" else Direction.OUTBOUND
                await office.desk.call(call_id, self.number(place), at=float(len(self.calls)), direction=way)
                self.calls.append(call_id)
            case "firm":
                await office.customers.create(NewCustomer(company=f"Firm {self.example}"), None)
            case "person":
                new = NewCustomer("Anna", f"Firm {self.example}", numbers=(self.number(place),))
                await office.customers.create(new, None)
            case "forget":
                async with office.database.write() as connection:
                    await expire_some(connection, PromiseBook(), before=FOREVER, at=2.0)
            case _:
                await self.change(what, place)

    async def change(self, what: str, place: int) -> None:
        firms = await self.customers()
        if not firms:
            return
        firm = firms[place % len(firms)]
        if what == "block":
            await self.blocks.add(firm, f"{self.number(0)} – {self.number(99)}", None)
        elif what == "unblock":
            for held in await self.blocks.of(firm):
                await self.blocks.remove(firm, held.id, None)
        elif what == "name":
            await self.office.customers.edit(firm, CustomerEdit(name=f"Nr {place}"), None)
        elif self.calls:
            call_id = self.calls[place % len(self.calls)]
            await self.office.customers.pick(call_id, firm, None, as_default=bool(place % 2))
            self.picked[call_id] = firm


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
async def test_p8_p10_blocks_and_forgetting_leave_everything_whole(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    world = World(Office(database), next(_examples))
    for step in steps:
        await world.step(*step)
    await check(world)
    for place in range(4):
        await world.step("call", place)
    await check(world)
    async with database.read() as connection:
        found = {call_id: await read_links(connection, call_id) for call_id in world.calls}
    known = {links.number for links in found.values() if links is not None and len(links.customer_ids) == 1}
    for links in found.values():
        assert links is not None
        assert links.customer_ids or links.number not in known, (
            "a number seen again takes its old calls along"
        )


async def check(world: World) -> None:
    async with world.office.database.read() as connection:
        there = set(await connection.scalars(select(Customer.id).where(Customer.merged_into_id.is_(None))))
        linked = set(await connection.scalars(select(CallCustomer.customer_id)))
        assert linked <= there, "no call stands with somebody who is gone"
        for call_id in world.calls:
            links = await read_links(connection, call_id)
            assert links is not None
            if call_id in world.picked:
                assert (links.customer_ids, links.how) == ((world.picked[call_id],), LinkHow.PICKED)
        keys = set(await connection.scalars(select(IdentityKey.value)))
        assert keys == set(await connection.scalars(select(Identity.value)))
