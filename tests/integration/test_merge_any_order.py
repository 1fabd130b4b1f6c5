"""Whatever is done in whatever order (calls, merges, undos, numbers given, shared and taken, picks, files imported and
taken back, erasures, expiry), every call can be reached: from exactly one customer's timeline once that is known, from
each candidate's, marked as not certain, until somebody picks, and from none where the number was withheld, its caller
expired or the person was erased."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
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
from sqlalchemy.orm import InstrumentedAttribute

from config.recordings import RecordingSettings
from core.db import Database
from core.errors import ConflictError, NotFoundError
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.expiry import expire_some
from crm_link.imports.conflicts import Existing
from crm_link.imports.office import Imports, Mapping
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
from server.views.timeline import TIMELINE, CallBody
from tests.customers import ended
from tests.merging import MergingOffice

Answer = TypeVar("Answer")

PLACE = st.integers(0, 7)
NUMBERS = 3
FILE = st.lists(st.tuples(PLACE, PLACE), min_size=1, max_size=2)
"""Two numbers, or one twice, of each person in it."""

ADMINISTRATOR = Asker("test", None)

_examples = itertools.count(1)


class Office:
    """One database for all examples, each of which has its own numbers, calls and customers."""

    loop: asyncio.AbstractEventLoop
    office: MergingOffice
    erasure: WholeErasure
    imports: Imports
    folder: Path

    @classmethod
    def open(cls, url: str, folder: Path) -> None:
        cls.loop, cls.folder = asyncio.new_event_loop(), folder
        database = Database(url)
        cls.office = office = MergingOffice(database)
        bus = office.desk.bus
        remover = Remover(database, bus, lambda: office.now, RecordingSettings(folder=folder))
        cls.erasure = WholeErasure(database, bus, lambda: office.now, remover)
        cls.imports = Imports(database, bus, lambda: office.now, "PL")

    @classmethod
    def close(cls) -> None:
        cls.do(cls.office.database.close())
        cls.loop.close()

    @classmethod
    async def take_in(cls, text: str, existing: Existing) -> int:
        """The import's id."""
        path = cls.folder / "customers.csv"
        path.write_text(text)
        import_id = await cls.imports.add(path, path.name, None)
        columns = (await cls.imports.state(import_id)).columns
        await cls.imports.check(import_id, Mapping(columns, existing))
        await cls.imports.work(import_id)
        await cls.imports.start(import_id, None)
        await cls.imports.work(import_id)
        return import_id

    @classmethod
    async def take_back(cls, import_id: int) -> None:
        await cls.imports.undo(import_id, None)
        await cls.imports.work(import_id)

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
        self.imports: list[int] = []
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

    @precondition(lambda self: self.merges)
    @rule(place=PLACE)
    def begin_undo(self, place: int) -> None:
        """The server dies in the middle of one; what comes next, but for merges and undos, comes in between."""
        merge_id = self.merges[place % len(self.merges)]
        Office.do(self.office.merges.finish_undos())
        with contextlib.suppress(ConflictError):
            Office.do(self.office.begin_undo(merge_id))
            self.merges.remove(merge_id)

    @precondition(lambda self: self.customers)
    @rule(place=PLACE, number=PLACE)
    def give(self, place: int, number: int) -> None:
        """Old calls of an unnamed caller follow the number; one that is held already is shared from now on."""
        wanted = self._number(number)
        Office.do(self.office.customers.add_identity(self._customer(place), IdentityKind.PHONE, wanted, None))

    @precondition(lambda self: self.customers)
    @rule(place=PLACE, number=PLACE)
    def take(self, place: int, number: int) -> None:
        """Calls stay: they did happen."""
        with contextlib.suppress(NotFoundError):
            Office.do(self.office.lose(self._customer(place), self._number(number)))

    @rule(file=FILE, existing=st.sampled_from(Existing))
    def import_file(self, file: list[tuple[int, int]], existing: Existing) -> None:
        lines = [f"Ewa {n},{self._number(one)},{self._number(other)}" for n, (one, other) in enumerate(file)]
        import_id = Office.do(Office.take_in("\n".join(("name,phone,mobile", *lines, "")), existing))
        named = {line.customer_id for line in Office.do(Office.imports.lines(import_id))}
        self.customers += sorted(one for one in named if one is not None and one not in self.customers)
        self.imports.append(import_id)

    @precondition(lambda self: self.imports)
    @rule(place=PLACE)
    def undo_import(self, place: int) -> None:
        Office.do(Office.take_back(self.imports.pop(place % len(self.imports))))
        self._forget()

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
        Office.do(self.office.merges.finish_undos())
        person = Office.do(self._person(self._customer(place)))
        Office.do(Office.erasure.erase(ADMINISTRATOR, person.id))
        self.lost |= set(person.calls)
        self._forget()

    async def _person(self, customer_id: int) -> Person:
        async with self.office.database.read() as connection:
            return await read_person(connection, await resolve(connection, customer_id))

    @rule()
    def expire(self) -> None:
        """Calls of unnamed callers stand with nobody until their number is somebody's again."""
        before = Office.do(self._links())
        gone = Office.do(self._expire())
        self.lost |= {call for call, links in before.items() if {one for one, _, _ in links} <= gone}
        self._forget()

    async def _expire(self) -> set[int]:
        async with self.office.database.write() as connection:
            later = self.office.now + 1
            step = await expire_some(connection, None, before=later, at=later)
        return {fact.customer_id for fact in step.removed}

    def _forget(self) -> None:
        """Those who are gone, and merges that went with them."""
        self.customers = Office.do(self._there(Customer.id, self.customers))
        self.merges = Office.do(self._there(CustomerMerge.id, self.merges))

    async def _there(self, column: InstrumentedAttribute[int], ids: list[int]) -> list[int]:
        async with self.office.database.read() as connection:
            return sorted(await connection.scalars(select(column).where(column.in_(ids))))

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
        """What timelines show: the same calls, certain where they are one customer's. Nothing of an undo is left."""
        Office.do(self.office.merges.finish_undos())
        self.every_call_is_somebodys()
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
        return await self._pairs(IdentityKey.kind, IdentityKey.value)

    async def _held(self) -> set[tuple[str, str]]:
        return await self._pairs(Identity.kind, Identity.value)

    async def _pairs(
        self, kind: InstrumentedAttribute[str], value: InstrumentedAttribute[str]
    ) -> set[tuple[str, str]]:
        mine = value.in_([self._number(place) for place in range(NUMBERS)])
        async with self.office.database.read() as connection:
            rows = await connection.execute(select(kind, value).where(mine))
            return {(row[0], row[1]) for row in rows}

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


def _whatever_is_done(url: str, folder: Path, examples: int, steps: int) -> None:
    """The same examples each time: what fails once fails until it is mended."""
    some = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    Office.open(url, folder)
    try:
        run_state_machine_as_test(Merging, settings=some)
    finally:
        Office.close()


def test_every_call_is_reached_from_exactly_one_timeline(database_url: str, tmp_path: Path) -> None:
    _whatever_is_done(database_url, tmp_path, examples=12, steps=14)


@pytest.mark.full
def test_every_call_is_reached_in_many_more_orders(database_url: str, tmp_path: Path) -> None:
    _whatever_is_done(database_url, tmp_path, examples=200, steps=20)
