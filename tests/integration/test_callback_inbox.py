"""The inbox: one line per number we owe a call, from any source, gone with the next conversation in either direction.
And the list of numbers never called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from callback.kinds import Outcome, Source, State
from callback.tables import Callback, Submission
from core.db import Database
from pbx_bridge.tables import Call
from server.desk.callback_parts import REQUESTS
from server.views.dismissed import Dismissed, read_dismissed
from server.views.inbox import read_inbox
from tests.integration.callback_pages import Pages, callback_pages
from tests.seed import NOW, PBX

EWA, JAN = "+48221234567", "+48221234568"


@pytest.fixture
async def pages(database: Database) -> AsyncIterator[Pages]:
    async with callback_pages(database) as pages:
        yield pages


async def _call(
    pages: Pages,
    call_id: str,
    at: float,
    result: str,
    number: str = EWA,
    direction: str = "inbound",
    talk_s: float = 0.0,
) -> None:
    row = {
        "id": call_id, "pbx": PBX, "direction": direction, "customer_number": number, "result": result,
        "started_at": at, "ended_at": at + 60, "wait_s": 30.0, "talk_s": talk_s, "queue": "sales",
    }  # fmt: skip
    async with pages.database.write() as connection:
        await connection.execute(insert(Call).values(row))


async def _owe(pages: Pages, number: str = EWA, at: float = NOW - 500, department: str = "sales") -> int:
    row = {
        "number": number, "department": department, "state": State.WAITING.value, "created_at": at,
        "arrived_at": at, "due_at": at, "expires_at": NOW + 86_400,
    }  # fmt: skip
    async with pages.database.write() as connection:
        made = await connection.execute(insert(Callback).values(row).returning(Callback.id))
        callback_id = int(made.scalar_one())
        await connection.execute(
            insert(Submission).values(
                callback_id=callback_id, source=Source.WEB.value, at=at, arrived_at=at, link_expires_at=NOW
            )
        )
    return callback_id


async def _numbers(pages: Pages) -> list[str]:
    async with pages.database.read() as connection:
        page = await read_inbox(connection, NOW)
    assert page.total == len(page.contacts)
    return [one.number for one in page.contacts]


async def test_one_line_per_customer_from_any_source_who_waits_longest_first(pages: Pages) -> None:
    await _call(pages, "c1", NOW - 900, "missed")
    await _call(pages, "c2", NOW - 700, "abandoned")
    await _owe(pages)
    await _owe(pages, department="support")
    await _call(pages, "c3", NOW - 4000, "voicemail", JAN)
    assert await _numbers(pages) == [JAN, EWA]
    async with pages.database.read() as connection:
        ewa = (await read_inbox(connection, NOW)).contacts[1]
    assert ewa.since == NOW - 900
    assert [one.id for one in ewa.calls] == ["c2", "c1"]
    assert [one.source for one in ewa.callbacks] == [Source.WEB, Source.WEB]
    assert "Abandoned call" in await pages.get("/inbox")


@pytest.mark.parametrize("direction", ["inbound", "outbound", "callback"])
async def test_a_conversation_in_either_direction_closes_the_line(pages: Pages, direction: str) -> None:
    await _call(pages, "c1", NOW - 900, "missed")
    await _call(pages, "c0", NOW - 2000, "answered", direction=direction, talk_s=50)
    assert await _numbers(pages) == [EWA], "an earlier conversation says nothing"
    await _call(pages, "c2", NOW - 800, "answered", direction=direction)
    assert await _numbers(pages) == [EWA], "nobody talked"
    await _call(pages, "c3", NOW - 700, "answered", direction=direction, talk_s=50)
    assert await _numbers(pages) == []


async def test_a_callback_that_was_dealt_with_settles_the_missed_call(pages: Pages) -> None:
    await _call(pages, "c1", NOW - 900, "missed")
    callback_id = await _owe(pages)
    async with pages.database.write() as connection:
        await connection.execute(
            update(Callback)
            .where(Callback.id == callback_id)
            .values(state=State.CLOSED.value, closed_at=NOW - 10, outcome=Outcome.DONE_BY_HAND.value)
        )
    assert await _numbers(pages) == []


async def test_what_is_no_debt(pages: Pages) -> None:
    await _call(pages, "c1", NOW - 15 * 86_400, "missed")
    await _call(pages, "c2", NOW - 900, "missed", JAN, direction="outbound")
    held = await _owe(pages, "+48221234569")
    async with pages.database.write() as connection:
        await connection.execute(update(Callback).where(Callback.id == held).values(state=State.HELD.value))
    assert await _numbers(pages) == []


async def test_pages_follow_each_other(pages: Pages) -> None:
    for number in range(7):
        await _owe(pages, f"+4822123460{number}", NOW - number // 2)
    found: list[str] = []
    after: str | None = None
    async with pages.database.read() as connection:
        while True:
            page = await read_inbox(connection, NOW, after=after, limit=2)
            found += [one.number for one in page.contacts]
            if (after := page.next) is None:
                break
    assert len(found) == len(set(found)) == 7
    await pages.get("/inbox?after=x~y", 422)


async def test_numbers_that_are_never_called(pages: Pages) -> None:
    await pages.form("/callbacks/suppressions", {"number": "x", "reason": ""}, 422)
    await pages.form("/callbacks/suppressions", {"number": "22 123 45 67", "reason": "Ewa asked us"}, 200)
    assert await pages.app[REQUESTS].suppressions.holds(EWA)
    text = await pages.get("/callbacks/suppressions")
    assert "Ewa asked us" in text
    assert EWA[-7:] not in text.replace(" ", "")
    await pages.form("/callbacks/suppressions/allow", {"allowed": JAN}, 404)
    await pages.form("/callbacks/suppressions/1/remove", {}, 200)
    assert not await pages.app[REQUESTS].suppressions.holds(EWA)
    pages.who = "anna"
    await pages.get("/callbacks/suppressions", 403)
    await pages.get("/inbox", 403)


async def _dismissed(pages: Pages) -> list[Dismissed]:
    async with pages.database.read() as connection:
        return list((await read_dismissed(connection)).lines)


async def test_a_missed_call_is_dismissed_with_a_reason_and_owed_again(pages: Pages) -> None:
    await _call(pages, "c1", NOW - 900, "missed")
    await _call(pages, "c2", NOW - 700, "abandoned")
    await _call(pages, "c3", NOW - 600, "missed", JAN)
    await pages.post("/inbox/dismiss", {"number": EWA, "reason": "  "}, 422)
    await pages.post("/inbox/dismiss", {"number": "x", "reason": "why"}, 422)
    await pages.post("/inbox/dismiss", {"number": EWA, "reason": "answered by <b>e-mail</b>"})
    assert await _numbers(pages) == [JAN]
    (line,) = await _dismissed(pages)
    assert (line.number, line.by, line.at, line.calls, line.last_call) == (
        EWA,
        "Maria Wiśniewska",
        NOW,
        2,
        "c2",
    )
    assert "answered by &lt;b&gt;e-mail" in await pages.get("/inbox?show=dismissed")
    await _call(pages, "c4", NOW + 5, "missed")
    assert await _numbers(pages) == [JAN, EWA], "a later call is owed"
    await pages.post(f"/inbox/dismissals/{line.id}/undo")
    await pages.post(f"/inbox/dismissals/{line.id}/undo", status=409)
    assert await _numbers(pages) == [EWA, JAN]
    (line,) = await _dismissed(pages)
    assert (line.undone_at, line.undone_by) == (NOW, "Maria Wiśniewska")
    assert "Taken back" in await pages.get("/inbox?show=dismissed")
    pages.who = "anna"
    await pages.post("/inbox/dismiss", {"number": EWA, "reason": "why"}, 403)


async def test_pages_of_what_was_dismissed(pages: Pages) -> None:
    for number in range(5):
        await pages.post("/inbox/dismiss", {"number": f"+4822123460{number}", "reason": "spam"})
    found: list[int] = []
    after: str | None = None
    async with pages.database.read() as connection:
        while True:
            page = await read_dismissed(connection, after=after, limit=2)
            found += [one.id for one in page.lines]
            if (after := page.next) is None:
                break
    assert found == sorted(found, reverse=True)
    assert len(found) == 5
    await pages.get("/inbox?show=dismissed&after=x", 422)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_query_of_the_inbox_looks_at_every_call(pages: Pages) -> None:
    """On SQLite, whose plan says so in words; PostgreSQL decides by statistics of real data."""
    await _call(pages, "c1", NOW - 900, "missed")
    asked: list[tuple[str, Any]] = []

    @event.listens_for(pages.database._reader.sync_engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    await _numbers(pages)
    await _dismissed(pages)
    plans: list[str] = []
    async with pages.database.read() as connection:
        for statement, values in [one for one in asked if " calls" in one[0]]:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans += plan.scalars(3)
    assert any("ix_calls_not_taken" in line for line in plans)
    assert not [line for line in plans if line.startswith(("SCAN calls", "SCAN callbacks"))]
