"""The server is killed (SIGKILL) between the commit of a durable fact and each consumer of it: before the duty is done,
and after it is done but before the consumer's cursor says so. After the restart the duty is done, once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from core.accounts import NewUser, Role, UserDevice, create_user
from core.bus import Bus
from core.clock import system_clock
from core.db import Base, Database
from core.fact_log import FactConsumer, FactCursor, FactLogRow
from core.facts import CallEnded
from crm_link.annotations import Annotations
from crm_link.blocked.entry import BlockKind
from crm_link.blocked.list import BlockList, NewBlock
from crm_link.blocked.tables import BlockedCall
from crm_link.customers import Customers, NewCustomer
from crm_link.tables import CallCustomer, CallMatch, Customer, Identity
from crm_link.webhooks.endpoints import Wanted, create
from crm_link.webhooks.tables import WebhookDelivery
from pbx_bridge import call_log
from pbx_bridge.simulator import EVENTS_USER, Party, Simulator
from pbx_bridge.tables import Call, CallWrapUp
from recordings.search.tables import SearchDocument
from recordings.tables import CallAudio
from server.live.wrap_ups import WrapUps
from server.web.keys import CONSUMERS
from tests.customers import ended
from tests.process import Server, serving
from tests.refusals import NAME, Refusal
from tests.site import eventually, running, settings_for

JAN = Party("+48221110101", "Jan Testowy")


async def rows(database: Database, table: type[Base]) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(*table.__table__.c)))


async def count(database: Database, table: type[Base]) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def wrap_up_is_owed(database: Database) -> None:
    """Anna talked: one open wrap-up."""
    (row,) = await rows(database, CallWrapUp)
    (call,) = await rows(database, Call)
    assert (row.call_id, row.note, row.saved_at) == (call.id, "", None)


async def customer_is_known(database: Database) -> None:
    """The call has its customer, who was made once."""
    (customer,) = await rows(database, Customer)
    (identity,) = await rows(database, Identity)
    (link,) = await rows(database, CallCustomer)
    (call,) = await rows(database, Call)
    assert identity.value == JAN.number
    assert (link.call_id, link.customer_id) == (call.id, customer.id)
    assert await count(database, CallMatch) == 1


async def audio_is_accounted_for(database: Database) -> None:
    """This PBX records nothing: the call says so."""
    (row,) = await rows(database, CallAudio)
    (call,) = await rows(database, Call)
    assert (row.call_id, row.state, row.reason) == (call.id, "off", "not_recorded")


async def call_is_marked(database: Database) -> None:
    """Jan is on the block list."""
    (row,) = await rows(database, BlockedCall)
    (call,) = await rows(database, Call)
    assert (row.call_id, row.reason) == (call.id, ON_THE_LIST)


async def webhook_is_owed(database: Database) -> None:
    """Somebody wants to be told of calls that are over."""
    (row,) = await rows(database, WebhookDelivery)
    assert row.event == "call.ended"


ON_THE_LIST = "sells carpets"

DUTIES: dict[str, tuple[type[Base], Callable[[Database], Awaitable[None]]]] = {
    "call_links": (CallMatch, customer_is_known),
    "wrap_ups": (CallWrapUp, wrap_up_is_owed),
    "call_audio": (CallAudio, audio_is_accounted_for),
    "blocked_calls": (BlockedCall, call_is_marked),
    "webhooks": (WebhookDelivery, webhook_is_owed),
}
"""Each consumer that a call gives something to do, the table that its duty begins with, and what must be true once
the duty is done."""

OF_NOTES = "search"
"""The consumer that what is written gives something to do."""

TABLES = [table.__tablename__ for table, _ in DUTIES.values()]


@pytest.fixture
async def pbx() -> AsyncIterator[Simulator]:
    async with Simulator() as pbx:
        yield pbx


@pytest.fixture
async def server(pbx: Simulator, database: Database, database_url: str, tmp_path: Path) -> Server:
    await add_anna(database)
    await BlockList(database, Bus(), system_clock, "PL").add(
        NewBlock(BlockKind.NUMBER, JAN.number, ON_THE_LIST), None
    )
    async with database.write() as connection:
        # Nobody listens there, and nobody may be asked there: what is owed stays owed.
        await create(connection, Wanted("nobody", "http://127.0.0.1:9/", ("call.ended",)), system_clock())
    return Server(tmp_path, (pbx.host, pbx.port), EVENTS_USER.secret, database=database_url)


async def add_anna(database: Database) -> None:
    person = NewUser("anna", "Anna", Role.AGENT, "x", devices=(UserDevice("main", "PJSIP/101", "101"),))
    async with database.write() as connection:
        await create_user(connection, person, 1.0)


async def a_call(pbx: Simulator, database: Database) -> None:
    """Answered and over; its last fact is committed."""
    call = pbx.rings_phone(JAN, "101")
    call.answers("101")
    await eventually(lambda: rows(database, Call), lambda found: bool(found and found[0].answered_at))
    call.caller_hangs_up()
    await eventually(lambda: count(database, FactLogRow))


async def delivered(database: Database, consumer: str) -> None:
    """The consumer's cursor is at the end of the call, or behind it: some hear of other things too."""
    async with database.read() as connection:
        last = await connection.scalar(select(func.max(FactLogRow.id)).where(FactLogRow.kind == "CallEnded"))

    async def cursor() -> int:
        async with database.read() as connection:
            found = select(FactCursor.last_id).where(FactCursor.consumer == consumer)
            return (await connection.scalar(found)) or 0

    await eventually(cursor, lambda at: last is not None and at >= last)


def failed(server: Server, consumer: str) -> Callable[[], Awaitable[bool]]:
    """Whether this consumer was stopped by the refusal."""

    async def look() -> bool:
        lines = server.log.read_text().splitlines()
        return any("fact consumer failed" in line and f'"{consumer}"' in line for line in lines)

    return look


@asynccontextmanager
async def refused(database: Database, *tables: str) -> AsyncIterator[None]:
    refusals = [Refusal(database, table) for table in tables]
    for refusal in refusals:
        await refusal.begin()
    yield
    for refusal in refusals:
        await refusal.end()


async def all_delivered(database: Database) -> None:
    for consumer, (_, is_done) in DUTIES.items():
        await delivered(database, consumer)
        await is_done(database)


async def test_killed_before_the_duties_are_done(pbx: Simulator, server: Server, database: Database) -> None:
    async with serving(server):
        # What a screen would have stored of the call beside the consumers comes to nothing too.
        async with refused(database, *TABLES):
            await a_call(pbx, database)
            for consumer in DUTIES:
                await eventually(failed(server, consumer))
            await server.kill()
        assert [await count(database, table) for table, _ in DUTIES.values()] == [0] * len(DUTIES)
        await server.start()
        await all_delivered(database)


async def test_killed_after_the_duties_but_before_the_cursors(
    pbx: Simulator, server: Server, database: Database
) -> None:
    async with serving(server):
        async with refused(database, FactCursor.__tablename__):
            async with refused(database, *TABLES):
                await a_call(pbx, database)
                for consumer in DUTIES:
                    await eventually(failed(server, consumer))
            for table, _ in DUTIES.values():
                await eventually(partial(count, database, table))
            await server.kill()
        assert await count(database, FactCursor) == 0
        await server.start()
        await all_delivered(database)


async def test_a_duty_told_again_does_not_undo_what_people_did_since(database: Database) -> None:
    """As above, but Anna has saved her note before the wrap-up is told again."""
    await add_anna(database)
    wrap_ups = WrapUps(database, lambda: 140.0, lambda _fact: None)
    fact = ended("main-1.1", JAN.number, talked=("101",))
    async with database.write() as connection:
        await call_log.record(connection, [fact])
    first = FactConsumer(database, "wrap_ups", (CallEnded,), wrap_ups.open_due)
    cursors = Refusal(database, FactCursor.__tablename__)
    await cursors.begin()
    with pytest.raises(DBAPIError, match=NAME):
        await first.deliver_batch()
    await cursors.end()
    (row,) = await rows(database, CallWrapUp)
    await wrap_ups.save(row.call_id, row.user_id, note="Wants a bell", disposition=None, close=True)
    again = FactConsumer(database, "wrap_ups", (CallEnded,), wrap_ups.open_due)
    assert await again.deliver_batch() == 1
    (row,) = await rows(database, CallWrapUp)
    assert (row.note, row.saved_at) == ("Wants a bell", 140.0)


async def test_killed_before_a_note_can_be_found(server: Server, database: Database) -> None:
    bus = Bus()
    customer = await Customers(database, bus, system_clock, "PL").create(NewCustomer(name="Jan"), None)
    notes = Annotations(database, bus, system_clock)
    async with serving(server):
        async with refused(database, SearchDocument.__tablename__):
            await notes.add_note(customer.id, "Likes green tea", None)
            await eventually(failed(server, OF_NOTES))
            await server.kill()
        assert await count(database, SearchDocument) == 0
        await server.start()
        await eventually(partial(count, database, SearchDocument))
    (found,) = await rows(database, SearchDocument)
    assert found.customer_id == customer.id


async def test_every_consumer_is_tested_here(pbx: Simulator, tmp_path: Path) -> None:
    async with running(settings_for((pbx.host, pbx.port), EVENTS_USER.secret, tmp_path)) as site:
        assert {consumer.name for consumer in site.app[CONSUMERS]} == {*DUTIES, OF_NOTES}
