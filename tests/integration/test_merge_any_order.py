"""Whatever is done in whatever order (calls, merges, undos, numbers given, picks, records deleted), every call can be
reached from exactly one customer's timeline, or from none: a withheld number's, and a deleted person's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from core.db import Database
from core.errors import ConflictError
from crm_link.customers import CustomerEdit
from crm_link.identities import take
from crm_link.kinds import IdentityKind
from crm_link.merge import Wanted
from crm_link.merge_tables import CustomerMerge
from crm_link.records import resolve
from crm_link.tables import CallCustomer, Customer, Identity, IdentityKey
from server.schema import prepare
from tests.merging import MergingOffice

Answer = TypeVar("Answer")

PLACE = st.integers(0, 7)
NUMBERS = 5

_examples = itertools.count(1)


class Office:
    """One database for all examples, each of which has its own numbers, calls and customers."""

    loop: asyncio.AbstractEventLoop
    office: MergingOffice

    @classmethod
    def do(cls, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        return cls.loop.run_until_complete(coroutine)


class Merging(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.example = next(_examples)
        self.office = Office.office
        self.calls: dict[str, str | None] = {}
        self.customers: list[int] = []
        self.merges: list[int] = []
        self.lost: set[str] = set()

    def _number(self, place: int) -> str:
        return f"+48{600_000_000 + self.example * NUMBERS + place % NUMBERS}"

    def _customer(self, place: int) -> int:
        return self.customers[place % len(self.customers)]

    @rule(place=PLACE)
    def call(self, place: int) -> None:
        self._ring(self._number(place))

    @rule()
    def call_withheld(self) -> None:
        self._ring(None)

    def _ring(self, number: str | None) -> None:
        call_id = f"c{self.example}-{len(self.calls)}"
        self.office.now += 10
        matched = Office.do(self.office.desk.call(call_id, number, at=self.office.now))
        self.calls[call_id] = number
        if matched.created:
            self.customers += matched.customer_ids

    @precondition(lambda self: len(self.customers) > 1)
    @rule(one=PLACE, other=PLACE)
    def merge(self, one: int, other: int) -> None:
        kept, merged = self._customer(one), self._customer(other)
        if kept == merged:
            return
        try:
            done = Office.do(self.office.merges.merge(Wanted(kept, merged, keep=kept), None))
        except ConflictError:
            return
        self.merges.append(done.id)

    @precondition(lambda self: self.merges)
    @rule(place=PLACE)
    def undo(self, place: int) -> None:
        merge_id = self.merges[place % len(self.merges)]
        try:
            Office.do(self.office.merges.undo(merge_id, None))
        except ConflictError:
            return
        self.merges.remove(merge_id)

    @precondition(lambda self: self.customers)
    @rule(place=PLACE, number=PLACE)
    def give(self, place: int, number: int) -> None:
        """A number nobody but an unnamed caller holds: old calls follow it."""
        wanted = self._number(number)
        if Office.do(self._has_named_holder(wanted)):
            return
        Office.do(self.office.customers.add_identity(self._customer(place), IdentityKind.PHONE, wanted, None))

    async def _has_named_holder(self, number: str) -> bool:
        async with self.office.database.read() as connection:
            named = select(Customer.id).join(Identity, Identity.customer_id == Customer.id)
            found = named.where(Identity.value == number, Customer.is_provisional.is_(False))
            return (await connection.scalar(found)) is not None

    @precondition(lambda self: self.customers)
    @rule(place=PLACE)
    def name(self, place: int) -> None:
        edit = CustomerEdit(name=f"Anna {place}")
        Office.do(self.office.customers.edit(self._customer(place), edit, None))

    @precondition(lambda self: self.customers and self.calls)
    @rule(place=PLACE, customer=PLACE)
    def pick(self, place: int, customer: int) -> None:
        call_id = sorted(self.calls)[place % len(self.calls)]
        Office.do(self.office.customers.pick(call_id, self._customer(customer), None))
        self.lost.discard(call_id)

    @precondition(lambda self: len(self.customers) > 2)
    @rule(place=PLACE)
    def erase(self, place: int) -> None:
        """The record and all that became part of it, as the right to be forgotten has it."""
        gone, calls = Office.do(self._erase(self._customer(place)))
        self.lost |= calls
        self.customers = [one for one in self.customers if one not in gone]
        self.merges = Office.do(self._standing(self.merges))

    async def _erase(self, customer_id: int) -> tuple[set[int], set[str]]:
        async with self.office.database.write() as connection:
            current = await resolve(connection, customer_id)
            gone = {one for one in self.customers if await resolve(connection, one) == current}
            theirs = CallCustomer.customer_id.in_(gone)
            calls = set(await connection.scalars(select(CallCustomer.call_id).where(theirs)))
            claims = select(Identity.kind, Identity.value).where(Identity.customer_id == current)
            for kind, value in (await connection.execute(claims)).all():
                await take(connection, current, IdentityKind(kind), value)
            left = set(gone)
            while left:
                above = select(Customer.merged_into_id).where(Customer.merged_into_id.is_not(None))
                leaves = select(Customer.id).where(Customer.id.in_(left), Customer.id.not_in(above))
                found = set(await connection.scalars(leaves))
                await connection.execute(delete(Customer).where(Customer.id.in_(found)))
                left -= found
        return gone, calls

    async def _standing(self, merges: list[int]) -> list[int]:
        async with self.office.database.read() as connection:
            found = select(CustomerMerge.id).where(CustomerMerge.id.in_(merges))
            return sorted(await connection.scalars(found))

    @invariant()
    def every_call_is_somebodys_once(self) -> None:
        links = Office.do(self._links())
        for call_id, number in self.calls.items():
            found = links.get(call_id, [])
            if number is None or call_id in self.lost:
                assert len(found) <= 1, (call_id, found)
            else:
                assert len(found) == 1, (call_id, number, found)
            assert all(merged_into is None for _, merged_into in found), (call_id, found)

    @invariant()
    def every_key_has_a_holder(self) -> None:
        """Otherwise its next caller could not become a customer."""
        assert Office.do(self._keys()) == Office.do(self._held())

    async def _keys(self) -> set[tuple[str, str]]:
        async with self.office.database.read() as connection:
            rows = await connection.execute(select(IdentityKey.kind, IdentityKey.value))
            return {(row.kind, row.value) for row in rows}

    async def _held(self) -> set[tuple[str, str]]:
        async with self.office.database.read() as connection:
            return {
                (row.kind, row.value)
                for row in await connection.execute(select(Identity.kind, Identity.value))
            }

    async def _links(self) -> dict[str, list[tuple[int, int | None]]]:
        async with self.office.database.read() as connection:
            rows = await connection.execute(
                select(CallCustomer.call_id, Customer.id, Customer.merged_into_id)
                .join(Customer, Customer.id == CallCustomer.customer_id)
                .where(CallCustomer.call_id.in_(self.calls))
            )
            links: dict[str, list[tuple[int, int | None]]] = {}
            for call_id, customer_id, merged_into in rows:
                links.setdefault(call_id, []).append((customer_id, merged_into))
        return links


SOME = settings(
    max_examples=25,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_every_call_is_reached_from_exactly_one_timeline(tmp_path: Path) -> None:
    Office.loop = asyncio.new_event_loop()
    database = Database(f"sqlite:///{tmp_path / 'ringback.db'}")
    Office.do(prepare(database))
    Office.office = MergingOffice(database)
    try:
        run_state_machine_as_test(Merging, settings=SOME)
    finally:
        Office.do(database.close())
        Office.loop.close()
