"""What two customers' histories say after a merge is undone: nothing of the other one, in no access file, and nothing
that outlives the other one's erasure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from core.db import Database
from crm_link.customers import CustomerEdit, NewCustomer
from crm_link.deals.edit import Deals, NewDeal
from crm_link.deals.kinds import DealKind
from crm_link.merging.merge import Wanted
from crm_link.merging.views import Choices, Side
from crm_link.tables import CustomerChange
from crm_link.tasks.edit import NewTask, Tasks
from server.privacy.access_request import read_pages
from server.privacy.access_request_parts import PARTS
from server.privacy.erase_person import read_person
from tests.customers import NUMBER, OTHER
from tests.merging import MergingOffice

HERS = Choices(name=Side.MERGED, company=Side.MERGED)


@pytest.fixture
def office(database: Database) -> MergingOffice:
    return MergingOffice(database)


async def _two(office: MergingOffice) -> tuple[int, int]:
    otto = await office.customers.create(NewCustomer(name="Otto Keeper", numbers=(NUMBER,)), None)
    dagmar = await office.customers.create(
        NewCustomer(name="Dagmar Zzyzx", company="Zzyzx & Co", numbers=(OTHER,)), None
    )
    await office.notes.add_tag(dagmar.id, "zzyzx club", None)
    return otto.id, dagmar.id


async def _history(office: MergingOffice, customer_id: int) -> Sequence[tuple[Any, ...]]:
    asked = select(CustomerChange.what, CustomerChange.before, CustomerChange.after)
    mine = asked.where(CustomerChange.customer_id == customer_id).order_by(CustomerChange.id)
    async with office.database.read() as connection:
        return [tuple(row) for row in await connection.execute(mine)]


async def _handed_out(office: MergingOffice, customer_id: int) -> str:
    async with office.database.read() as connection:
        person = await read_person(connection, customer_id)
    return "".join(
        [
            json.dumps([list(row) for row in rows], default=str)
            for part in PARTS
            async for rows in read_pages(office.database, part, person)
        ]
    )


async def test_the_history_says_nothing_of_the_other_one_after_an_undo(office: MergingOffice) -> None:
    otto, dagmar = await _two(office)
    tasks = Tasks(office.database, office.desk.bus, lambda: office.now)
    deals = Deals(office.database, office.desk.bus, lambda: office.now, "PL")
    papers = await tasks.add(NewTask(dagmar, "zzyzx papers", due_at=office.now), None)
    deal = await deals.add(NewDeal(dagmar, DealKind.DEAL, "zzyzx lease"), None)
    own = await tasks.add(NewTask(otto, "his own", due_at=office.now), None)
    merge = await office.merges.merge(Wanted(otto, dagmar, keep=otto, choices=HERS), None)
    assert ("name", "Otto Keeper", "Dagmar Zzyzx") in await _history(office, otto)
    await tasks.remove(papers.id, None)
    await tasks.remove(own.id, None)
    await deals.remove(deal.id, None)
    await office.notes.remove_tag(otto, "zzyzx club", None)
    await office.lose(otto, OTHER)
    await office.customers.edit(otto, CustomerEdit(name="Otto K."), None)
    await office.merges.undo(merge.id, None)
    assert await _history(office, otto) == [
        ("created", None, "person"),
        ("identity_added", None, NUMBER),
        ("task_removed", "his own", None),
        ("name", "Otto Keeper", "Otto K."),
    ]
    hers = await _history(office, dagmar)
    assert ("task_removed", "zzyzx papers", None) in hers
    assert {what for what, _, _ in hers} >= {"deal_removed", "tag_removed", "identity_removed"}
    assert "zzyzx" not in (await _handed_out(office, otto)).lower()
    assert OTHER not in await _handed_out(office, otto)
    assert "zzyzx papers" in await _handed_out(office, dagmar)
