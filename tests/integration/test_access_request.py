"""A person's data in one file, however much there is of it: read in pages, packed beside everybody else's work, and
holding nothing while somebody reads slowly."""

from __future__ import annotations

import asyncio
import io
import json
import random
import time
import zipfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from sqlalchemy import delete, insert

from core.db import READERS, Database
from crm_link.customers import NewCustomer
from crm_link.tables import CustomerChange, Note
from recordings.access import Asker
from recordings.store import LocalStore
from recordings.tables import Recording
from server.privacy.access_request import PAGE, AccessRequest, Contents, read_pages
from server.privacy.access_request_parts import PARTS
from server.privacy.erase_person import read_person
from tests.customers import Office
from tests.merging import MergingOffice
from tests.seed import NOW
from tests.sound_site import FIRST, sound_site
from tests.zuzanna import seed

ASKER = Asker("test", None)
CHANGES = next(part for part in PARTS if part.table is CustomerChange)
CONNECTIONS = {"sqlite": READERS, "postgresql": 12}
"""All there are."""


async def somebody(database: Database, *, changes: int = 0, note: str = "") -> int:
    customer_id = (await Office(database).customers.create(NewCustomer("Anna"), None)).id
    async with database.write() as connection:
        if changes:
            row = {"customer_id": customer_id, "at": NOW, "what": "name"}
            rows = [row | {"after": f"Anna {place}"} for place in range(changes)]
            await connection.execute(insert(CustomerChange), rows)
        if note:
            await connection.execute(
                insert(Note).values(customer_id=customer_id, text=note, created_at=NOW, is_pinned=False)
            )
    return customer_id


async def pieces_of(
    database: Database, customer_id: int, folder: Path, told: list[Contents] | None = None
) -> AsyncGenerator[bytes, None]:
    def render(contents: Contents) -> str:
        if told is not None:
            told.append(contents)
        return "what is what"

    access = AccessRequest(database, lambda: NOW, render)
    person, request_id = await access.begin(ASKER, customer_id)
    return access.archive(LocalStore(folder / "audio"), ASKER, person, request_id)


async def test_rows_are_read_in_pages_each_once(database: Database, tmp_path: Path) -> None:
    customer_id = await somebody(database, changes=2 * PAGE)
    async with database.read() as connection:
        person = await read_person(connection, customer_id)
    pages = [page async for page in read_pages(database, CHANGES, person)]
    assert [len(page) for page in pages] == [PAGE, PAGE, 1], "a customer's making is a change too"
    pieces = await pieces_of(database, customer_id, tmp_path)
    with zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in pieces]))) as archive:
        rows = json.loads(archive.read("customer_changes.json"))
    assert [row["after"] for row in rows[1:]] == [f"Anna {place}" for place in range(2 * PAGE)]


async def test_an_undone_merge_tells_nothing_of_the_other(database: Database) -> None:
    office = MergingOffice(database)
    anna = await office.customers.create(NewCustomer("Anna", numbers=("501234567",)), None)
    bob = await office.customers.create(
        NewCustomer("Bob Secret", numbers=("601000111",), emails=("bob@x.example",)), None
    )
    merge = await office.merge(anna.id, bob.id)
    assert "Bob Secret" in await handed_out(database, anna.id), "while it stands they are one"
    await office.merges.undo(merge.id, None)
    told = await handed_out(database, anna.id)
    assert "Anna" in told
    assert not [one for one in ("Bob", "601000111", "bob@x.example") if one in told]


async def handed_out(database: Database, customer_id: int) -> str:
    async with database.read() as connection:
        person = await read_person(connection, customer_id)
    pages = [rows for part in PARTS async for rows in read_pages(database, part, person)]
    return "\n".join(str(row) for rows in pages for row in rows)


async def test_who_reads_slowly_holds_no_connection(database: Database, tmp_path: Path) -> None:
    customer_id = await somebody(database, changes=2 * PAGE)
    most = CONNECTIONS[database.url.get_backend_name()]
    async with AsyncExitStack() as stack:
        for _ in range(most):
            pieces = await stack.enter_async_context(
                aclosing(await pieces_of(database, customer_id, tmp_path))
            )
            while b"customer_changes" not in await anext(pieces):
                pass
        async with asyncio.timeout(20), database.read() as connection:
            assert (await read_person(connection, customer_id)).id == customer_id


async def test_packing_leaves_the_loop_to_others(database: Database, tmp_path: Path) -> None:
    customer_id = await somebody(database, note=random.Random(7).randbytes(1_500_000).hex())
    pieces = await pieces_of(database, customer_id, tmp_path)
    own, all_of_it = time.thread_time(), time.process_time()
    size = sum([len(piece) async for piece in pieces])
    own, all_of_it = time.thread_time() - own, time.process_time() - all_of_it
    assert size > 1_500_000
    assert own < all_of_it / 2


async def test_a_recording_that_is_gone_by_then_is_told_of(database: Database, tmp_path: Path) -> None:
    async with sound_site(database, tmp_path) as site:
        customer_id = await seed(site)
        told: list[Contents] = []
        pieces = await pieces_of(database, customer_id, tmp_path, told)
        async with database.write() as connection:
            await connection.execute(delete(Recording))
        with zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in pieces]))) as archive:
            assert not [name for name in archive.namelist() if name.startswith("audio/")]
    assert told[0].lost == [FIRST]
