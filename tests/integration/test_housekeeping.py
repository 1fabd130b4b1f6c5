"""What is thrown away and what is not, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select

from config.settings import DatabaseSettings
from core.accounts import NewUser, Role, create_user
from core.bus import Bus
from core.db import Base, Database
from core.fact_log import FORGET_BATCH, FactConsumer, FactLogRow, LoggedFact, append
from core.facts import BlindWindowClosed, CustomerChanged
from core.sessions import LIFETIME_S, SessionRow, start_session
from crm_link.identities import Claim, match_or_create
from crm_link.kinds import Confidence, IdentityKind, Source
from crm_link.tables import Customer
from server.housekeeping import DAY_S, Housekeeping
from server.tables import PopRow

NOW = 1000 * DAY_S
SETTINGS = DatabaseSettings(keep_facts_days=30, keep_pops_days=400)
OLD, NEW = NOW - 31 * DAY_S, NOW - 29 * DAY_S


class Consumer:
    """One who is told of changed customers, and fails at the one named."""

    def __init__(self, database: Database, name: str = "worker", *, fails_at: int | None = None) -> None:
        self.seen: list[int] = []
        self._fails_at = fails_at
        self.feed = FactConsumer(database, name, (CustomerChanged,), self._take)

    async def _take(self, fact: LoggedFact) -> None:
        if fact.body["customer_id"] == self._fails_at:
            raise RuntimeError("not now")
        self.seen.append(fact.body["customer_id"])


async def changes(database: Database, *customers: int, at: float) -> None:
    async with database.write() as connection:
        for customer_id in customers:
            await append(connection, CustomerChanged(customer_id, at), subject=str(customer_id), at=at)


async def subjects(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(select(FactLogRow.subject).order_by(FactLogRow.id)))


async def count(database: Database, table: type[Base]) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def sweep(database: Database, *consumers: Consumer) -> None:
    feeds = [consumer.feed for consumer in consumers]
    await Housekeeping(database, Bus(), lambda: NOW, SETTINGS, feeds).sweep()


async def test_old_facts_that_all_have_had_go(database: Database) -> None:
    await changes(database, 1, 2, at=OLD)
    await changes(database, 3, at=NEW)
    consumer = Consumer(database)
    await consumer.feed.deliver_batch()
    await sweep(database, consumer)
    assert await subjects(database) == ["3"]


async def test_a_fact_somebody_still_waits_for_stays_however_old(database: Database) -> None:
    await changes(database, 1, 2, 3, 4, at=OLD)
    quick, slow = Consumer(database), Consumer(database, "slow", fails_at=3)
    await quick.feed.deliver_batch()
    try:
        await slow.feed.deliver_batch()
    except RuntimeError:
        await sweep(database, quick, slow)
    assert await subjects(database) == ["3", "4"]
    await sweep(database, quick, Consumer(database, "never seen before"))
    assert await subjects(database) == ["3", "4"]


async def test_a_fact_that_nobody_takes_is_waited_for_by_nobody(database: Database) -> None:
    async with database.write() as connection:
        window = BlindWindowClosed("main", 1.0, 2.0, "a reason", 0, 0, 0)
        await append(connection, window, subject="main", at=OLD)
    await changes(database, 1, at=NEW)
    await sweep(database, Consumer(database))
    assert await subjects(database) == ["1"]


async def test_a_consumer_still_hears_what_comes_after_everything_was_thrown_away(database: Database) -> None:
    await changes(database, *range(2 * FORGET_BATCH + 7), at=OLD)
    consumer = Consumer(database)
    while await consumer.feed.deliver_batch():
        pass
    await sweep(database, consumer)
    assert await count(database, FactLogRow) == 1
    await changes(database, 5000, at=NOW)
    await consumer.feed.deliver_batch()
    assert consumer.seen[-1] == 5000


async def test_old_pops_and_sessions_go(database: Database) -> None:
    async with database.write() as connection:
        user = await create_user(connection, NewUser("anna", "Anna", Role.AGENT, "x"), 1.0)
        await start_session(connection, user.id, NOW - LIFETIME_S - 1, address="::1", browser="")
        await start_session(connection, user.id, NOW - 1, address="::1", browser="")
        await connection.execute(insert(PopRow), [pop(user.id, days) for days in (500, 401, 399, 1)])
    await sweep(database)
    assert await count(database, SessionRow) == 1
    async with database.read() as connection:
        left = list(await connection.scalars(select(PopRow.call_id).order_by(PopRow.id)))
    assert left == ["399 days ago", "1 days ago"]


def pop(user_id: int, days: int) -> dict[str, Any]:
    rang_at = NOW - days * DAY_S
    row = {"call_id": f"{days} days ago", "user_id": user_id, "rang_at": rang_at, "shown_at": rang_at}
    return {**row, "visible": True, "over_at": rang_at + 5, "answered": True}


async def test_provisional_customers_go_after_the_days_of_the_settings_and_never_by_zero(
    database: Database,
) -> None:
    async with database.write() as connection:
        for place, days in enumerate((400, 366, 364)):
            at = NOW - days * DAY_S
            claim = Claim(IdentityKind.PHONE, f"+4860100000{place}", Source.CALL, Confidence.SEEN)
            await match_or_create(connection, claim, "", at)
    for days, left in ((0, 3), (365, 1)):
        keeper = Housekeeping(database, Bus(), lambda: NOW, SETTINGS, (), provisional_days=days)
        await keeper.sweep()
        assert await count(database, Customer) == left
