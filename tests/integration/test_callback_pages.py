"""The managers' callbacks: every figure counts the rows its link shows, pages follow each other without a gap, what is
done by hand is done by the callback room, and agents reach only what their departments owe."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select, update

from callback.kinds import AttemptKind, AttemptState, Outcome, Result, State
from callback.tables import Attempt, Callback, CallbackStep
from core.db import Database
from core.facts import QueueMemberChanged
from server.views.callback_filter import CallbackFilter, Stage, read_callback_filter
from server.views.callbacks import read_callbacks, read_counts, read_funnel
from tests.callback_seed import seed_callbacks
from tests.integration.callback_pages import Pages, callback_pages
from tests.seed import NOW, PBX

HTMX = {"HX-Request": "true"}


@pytest.fixture
async def pages(database: Database) -> AsyncIterator[Pages]:
    async with callback_pages(database) as pages:
        yield pages


async def _state(pages: Pages, callback_id: int) -> str:
    async with pages.database.read() as connection:
        state = await connection.scalar(select(Callback.state).where(Callback.id == callback_id))
    assert state is not None
    return str(state)


async def _one(pages: Pages, state: State) -> int:
    async with pages.database.read() as connection:
        found = await connection.scalar(
            select(Callback.id).where(Callback.state == state).order_by(Callback.id).limit(1)
        )
    assert found is not None
    return int(found)


async def test_each_figure_counts_exactly_the_rows_it_links_to(pages: Pages) -> None:
    await seed_callbacks(pages.database, pages.users)
    async with pages.database.read() as connection:
        wanted = _filter(when="7d")
        funnel = await read_funnel(connection, wanted, NOW, region="PL")
        for stage in Stage:
            rows = await read_callbacks(
                connection, _filter(when="7d", stage=stage), NOW, region="PL", limit=1000
            )
            assert len(rows.callbacks) == getattr(funnel, stage), stage
            assert len(rows.callbacks) > 0, stage
        counts = await read_counts(connection, wanted, region="PL")
        for tab, count in counts.items():
            rows = await read_callbacks(
                connection, _filter(when="7d", show=tab), NOW, region="PL", limit=1000
            )
            assert len(rows.callbacks) == count, tab
    assert funnel.requested >= funnel.promised >= funnel.attempted >= funnel.reached >= funnel.bridged


async def test_customer_first_counts_the_customer_who_answered_and_nobody_was_there(pages: Pages) -> None:
    await seed_callbacks(pages.database, pages.users, count=2)
    async with pages.database.write() as connection:
        await connection.execute(delete(Attempt))
        await connection.execute(insert(Attempt).values(_customer_first(1, Result.NOT_BRIDGED, None)))
        await connection.execute(insert(Attempt).values(_customer_first(2, Result.REACHED, NOW - 50)))
        funnel = await read_funnel(connection, _filter(when="all"), NOW, region="PL")
        assert (funnel.attempted, funnel.reached, funnel.bridged) == (2, 2, 1)
        await connection.execute(update(Attempt).where(Attempt.callback_id == 2).values(machine=True))
        funnel = await read_funnel(connection, _filter(when="all"), NOW, region="PL")
        assert (funnel.attempted, funnel.reached, funnel.bridged) == (2, 1, 0), "a machine is nobody"


async def test_what_was_held_to_its_end_was_never_promised(pages: Pages) -> None:
    await seed_callbacks(pages.database, pages.users)
    held = await _one(pages, State.HELD)
    async with pages.database.write() as connection:
        before = await read_funnel(connection, _filter(when="all"), NOW, region="PL")
        lapsed = {"state": State.CLOSED.value, "outcome": Outcome.EXPIRED.value, "closed_at": NOW}
        await connection.execute(update(Callback).where(Callback.id == held).values(lapsed))
        assert await read_funnel(connection, _filter(when="all"), NOW, region="PL") == before


async def test_pages_follow_each_other_without_gap_or_repetition(pages: Pages) -> None:
    ids = await seed_callbacks(pages.database, pages.users, count=140)
    found: list[str] = []
    path = "/callbacks?show=all&when=all"
    for _ in range(5):
        text = await pages.get(path, headers=HTMX)
        found += re.findall(r'id="callback-(\d+)"', text)
        more = re.search(r'hx-get="(/callbacks\?[^"]*after=[^"]*)"', text)
        if more is None:
            break
        path = more[1].replace("&amp;", "&")
    assert sorted(map(int, found)) == ids


@pytest.mark.parametrize("after", ["x", "1~", "nan~1", "1~-3", "1e300~5"])
async def test_a_cursor_that_is_none_is_refused(pages: Pages, after: str) -> None:
    await pages.get(f"/callbacks?after={after}", 422, headers=HTMX)


async def test_strangers_text_is_text(pages: Pages) -> None:
    ids = await seed_callbacks(pages.database, pages.users, count=60)
    texts = [await pages.get(f"/callbacks/{one}") for one in ids]
    assert any("&lt;script&gt;alert(1)" in text for text in texts)
    assert not any("<script>alert" in text or 'href="javascript:' in text for text in texts)


async def test_what_is_done_by_hand(pages: Pages) -> None:
    await seed_callbacks(pages.database, pages.users)
    held = await _one(pages, State.HELD)
    await pages.post(f"/callbacks/{held}/release")
    assert await _state(pages, held) == State.WAITING
    refused = await _one(pages, State.HELD)
    await pages.post(f"/callbacks/{refused}/refuse", {"reason": "a test of the form"})
    assert await _state(pages, refused) == State.CLOSED
    waiting = await _one(pages, State.WAITING)
    await pages.post(f"/callbacks/{waiting}/postpone", {"minutes": 60}, 422)
    await pages.post(f"/callbacks/{waiting}/postpone", {"minutes": 60, "reason": "they asked for it"})
    inbox = await _one(pages, State.INBOX)
    await pages.post(f"/callbacks/{inbox}/take")
    await pages.post(f"/callbacks/{inbox}/close", {"reason": "wrote an e-mail"})
    await pages.post(f"/callbacks/{inbox}/close", {}, 409)
    async with pages.database.read() as connection:
        said = (
            await connection.execute(
                select(CallbackStep.kind, CallbackStep.user_id, CallbackStep.detail)
                .where(CallbackStep.callback_id == inbox)
                .order_by(CallbackStep.id.desc())
                .limit(2)
            )
        ).all()
    maria = pages.users["maria"].id
    assert said == [("closed_done_by_hand", maria, "wrote an e-mail"), ("taken", maria, None)]


async def test_agents_reach_only_what_their_departments_owe(pages: Pages) -> None:
    await seed_callbacks(pages.database, pages.users)
    async with pages.database.write() as connection:
        await connection.execute(
            update(Callback).where(Callback.state == State.WAITING).values(department="sales", owner_id=None)
        )
    waiting = await _one(pages, State.WAITING)
    pages.who = "anna"
    await pages.get("/callbacks", 403)
    await pages.post(f"/callbacks/{waiting}/take", {}, 404)
    await pages.bus.publish(QueueMemberChanged(PBX, NOW, "sales", "PJSIP/101", True, False, None))
    await pages.post(f"/callbacks/{waiting}/take")
    await pages.post(f"/callbacks/{waiting}/release", {}, 403)
    for odd in ("0", "999999", "x", "9" * 30):
        await pages.post(f"/callbacks/{odd}/take", {}, 404)


def _filter(**query: str) -> CallbackFilter:
    return read_callback_filter(query, NOW, ZoneInfo("UTC"))


def _customer_first(callback_id: int, result: Result, bridged_at: float | None) -> dict[str, object]:
    return {
        "id": f"{callback_id:020x}",
        "callback_id": callback_id,
        "kind": AttemptKind.CUSTOMER_FIRST.value,
        "state": AttemptState.ENDED.value,
        "pbx": PBX,
        "number": "+48221234500",
        "made_at": NOW - 100,
        "customer_dialled_at": NOW - 99,
        "bridged_at": bridged_at,
        "ended_at": NOW - 10,
        "result": result.value,
        "why": "",
    }
