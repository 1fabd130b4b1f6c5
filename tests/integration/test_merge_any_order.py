"""Whatever is done in whatever order (calls, merges, undos, numbers given and shared, picks, erasures, expiry), every
call can be reached: from exactly one customer's timeline once that is known, from each candidate's, marked as not
certain, until somebody picks, and from none where the number was withheld, its caller expired or the person was
erased."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from config.recordings import RecordingSettings
from core.db import Database
from core.errors import ConflictError
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.expiry import expire_some
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.merging.merge import Wanted
from crm_link.merging.tables import CustomerMerge
from crm_link.records import resolve
from crm_link.tables import CallCustomer, Customer, Identity, IdentityKey
from pbx_bridge import call_log
from recordings.access import Asker
from recordings.removal import Remover
from server.privacy.erase_person import Person, read_person
from server.privacy.erase_whole import WholeErasure
from server.schema import prepare
from server.views.timeline import TIMELINE, CallBody
from tests.customers import ended
from tests.merging import MergingOffice

Answer = TypeVar("Answer")

PLACE = st.integers(0, 7)
NUMBERS = 3
ADMINISTRATOR = Asker("test", None)

_examples = itertools.count(1)


class Office:
    """One database for all examples, each of which has its own numbers, calls and customers."""

    loop: asyncio.AbstractEventLoop
    office: MergingOffice
    erasure: WholeErasure

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

    @initialize()
    def two_share_a_number(self) -> None:
        shared, own = self._number(0), self._number(1)
        for name, numbers in (("Anna", (shared,)), ("Jan", (shared, own))):
            made = Office.do(self.office.customers.create(NewCustomer(name, numbers=numbers), None))
            self.customers.append(made.id)
        self._ring(shared)

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
        Office.do(self._log(call_id, number))
        self.calls[call_id] = number
        if matched.created:
            self.customers += matched.customer_ids

    async def _log(self, call_id: str, number: str | None) -> None:
        async with self.office.database.write() as connection:
            await call_log.record(connection, [ended(call_id, number)])

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
        """Old calls of an unnamed caller follow the number; one that is held already is shared from now on."""
        wanted = self._number(number)
        Office.do(self.office.customers.add_identity(self._customer(place), IdentityKind.PHONE, wanted, None))

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
        """The whole person, as the right to be forgotten has it: what is another's as well stays with them."""
        person = Office.do(self._person(self._customer(place)))
        Office.do(Office.erasure.erase(ADMINISTRATOR, person.id))
        self.lost |= set(person.calls)
        self._forget(person.ids)

    async def _person(self, customer_id: int) -> Person:
        async with self.office.database.read() as connection:
            return await read_person(connection, await resolve(connection, customer_id))

    @rule()
    def expire(self) -> None:
        """Calls of unnamed callers stand with nobody until their number is somebody's again."""
        before = Office.do(self._links())
        gone = Office.do(self._expire())
        self.lost |= {call for call, links in before.items() if {one for one, _, _ in links} <= gone}
        self._forget(gone)

    async def _expire(self) -> set[int]:
        async with self.office.database.write() as connection:
            later = self.office.now + 1
            step = await expire_some(connection, None, before=later, at=later)
        return {fact.customer_id for fact in step.removed}

    def _forget(self, ids: Collection[int]) -> None:
        self.customers = [one for one in self.customers if one not in ids]
        self.merges = Office.do(self._standing(self.merges))

    async def _standing(self, merges: list[int]) -> list[int]:
        async with self.office.database.read() as connection:
            found = select(CustomerMerge.id).where(CustomerMerge.id.in_(merges))
            return sorted(await connection.scalars(found))

    @invariant()
    def every_call_is_somebodys(self) -> None:
        """One customer's, or each candidate's until somebody picks."""
        links = Office.do(self._links())
        for call_id, number in self.calls.items():
            found = links.get(call_id, [])
            assert number is None or call_id in self.lost or found, (call_id, number)
            assert len(found) <= 1 or not any(how == LinkHow.PICKED for _, _, how in found), (call_id, found)
            assert all(merged_into is None for _, merged_into, _ in found), (call_id, found)

    def teardown(self) -> None:
        """What timelines show: the same calls, certain where they are one customer's."""
        links = Office.do(self._links())
        expected = {
            (one, call_id, len(found) == 1) for call_id, found in links.items() for one, _, _ in found
        }
        assert Office.do(self._shown()) == expected

    async def _shown(self) -> set[tuple[int, str, bool]]:
        async with self.office.database.read() as connection:
            pages = {
                one: await TIMELINE.page(connection, one, limit=100, kinds=("call",))
                for one in {await resolve(connection, one) for one in self.customers}
            }
        return {
            (one, entry.body.call_id, entry.body.is_certain)
            for one, page in pages.items()
            for entry in page.entries
            if isinstance(entry.body, CallBody)
        }

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

    async def _links(self) -> dict[str, list[tuple[int, int | None, str]]]:
        async with self.office.database.read() as connection:
            rows = await connection.execute(
                select(CallCustomer.call_id, Customer.id, Customer.merged_into_id, CallCustomer.how)
                .join(Customer, Customer.id == CallCustomer.customer_id)
                .where(CallCustomer.call_id.in_(self.calls))
            )
            links: dict[str, list[tuple[int, int | None, str]]] = {}
            for call_id, customer_id, merged_into, how in rows:
                links.setdefault(call_id, []).append((customer_id, merged_into, how))
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
    Office.office = office = MergingOffice(database)
    remover = Remover(database, office.desk.bus, lambda: office.now, RecordingSettings(folder=tmp_path))
    Office.erasure = WholeErasure(database, office.desk.bus, lambda: office.now, remover)
    try:
        run_state_machine_as_test(Merging, settings=SOME)
    finally:
        Office.do(database.close())
        Office.loop.close()
