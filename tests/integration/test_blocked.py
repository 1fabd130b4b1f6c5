"""The block list: who falls under it, when it ends, and how their calls are marked, on both databases."""

from __future__ import annotations

import pytest

from core.db import Database
from core.errors import ConflictError, InvalidInputError
from core.fact_log import FactConsumer, append
from core.facts import CallEnded, CallerBlocked, CallsJoined, Direction
from crm_link.blocked.calls import BlockedCalls, read_marks
from crm_link.blocked.entry import BlockKind, read_entry, read_reason
from crm_link.blocked.list import BlockList, NewBlock, read_list
from crm_link.blocked.tables import BlockedCaller
from tests.customers import NUMBER, OTHER, Desk, count, ended, started

DAY = 86_400.0
START = 1000 * DAY


class Listed(Desk):
    """A desk with the block list of a Polish site. `now` is what the clock shows."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.now = START
        self.database = database
        self.list = BlockList(database, self.bus, lambda: self.now, "PL")
        self.calls = BlockedCalls(database, self.bus)
        self.calls.subscribe(self.bus)
        self.said: list[CallerBlocked] = []
        self.bus.subscribe(CallerBlocked, self._say, name="desk")

    async def _say(self, fact: CallerBlocked) -> None:
        self.said.append(fact)

    async def block(self, text: str, kind: BlockKind = BlockKind.NUMBER, *, days: float | None = None) -> int:
        until = None if days is None else self.now + days * DAY
        return (await self.list.add(NewBlock(kind, text, f"{kind} {text}".strip(), until), None)).id

    async def reason(
        self, call_id: str, number: str | None, direction: Direction = Direction.INBOUND
    ) -> str | None:
        """What is said of a call that begins now."""
        before = len(self.said)
        await self.call(call_id, number, at=self.now, direction=direction)
        return self.said[-1].reason if len(self.said) > before else None


async def test_a_blocked_number_is_said_in_every_spelling_and_marked(database: Database) -> None:
    desk = Listed(database)
    await desk.block("022 123 45 67")
    assert await desk.reason("c1", NUMBER) == "number 022 123 45 67"
    assert await desk.reason("c2", OTHER) is None
    assert await desk.reason("c3", NUMBER, Direction.OUTBOUND) is None, "we may call them"
    async with database.read() as connection:
        assert await read_marks(connection, ["c1", "c2", "c3"]) == {"c1": "number 022 123 45 67"}
    assert desk.matched[0].created, "a blocked caller is matched and logged like any other"
    twin = Listed(database)
    twin.list = BlockList(database, twin.bus, lambda: twin.now, "AR")
    await twin.list.add(NewBlock(BlockKind.NUMBER, "011 15 2345-6789", "rude", None), None)
    assert await twin.reason("c4", "+541123456789") == "rude"


async def test_prefixes_and_withheld_numbers_and_the_most_particular_reason(database: Database) -> None:
    desk = Listed(database)
    await desk.block("+48 22", BlockKind.PREFIX)
    await desk.block("0048 22 123", BlockKind.PREFIX)
    assert await desk.reason("c1", NUMBER) == "prefix 0048 22 123"
    await desk.block(NUMBER)
    assert await desk.reason("c2", NUMBER) == f"number {NUMBER}"
    assert await desk.reason("c3", "+48229999999") == "prefix +48 22"
    assert await desk.reason("c4", None) is None
    await desk.block("", BlockKind.WITHHELD)
    assert await desk.reason("c5", None) == "withheld"


async def test_entries_end_by_their_date_or_by_hand_and_stay_readable(database: Database) -> None:
    desk = Listed(database)
    first = await desk.block(NUMBER, days=1)
    with pytest.raises(ConflictError):
        await desk.block(NUMBER)
    desk.now += 1.5 * DAY
    assert await desk.reason("c1", NUMBER) is None
    with pytest.raises(ConflictError):
        await desk.list.end(first, None)
    second = await desk.block(NUMBER)
    assert await desk.reason("c2", NUMBER) is not None
    desk.now += DAY
    assert (await desk.list.end(second, None)).ended_at == desk.now
    assert await desk.reason("c3", NUMBER) is None
    async with database.read() as connection:
        assert (await read_list(connection, desk.now)).entries == ()
        over = (await read_list(connection, desk.now, over=True)).entries
        page = await read_list(connection, desk.now, over=True, limit=1)
        rest = await read_list(connection, desk.now, over=True, limit=1, after=page.next)
    assert [one.id for one in over] == [second, first]
    assert [one.id for one in (*page.entries, *rest.entries)] == [second, first]
    async with database.read() as connection:
        assert await desk.list.why(connection, NUMBER, desk.now - 0.5 * DAY) is not None, "as it was then"
    assert await count(database, BlockedCaller) == 2


async def test_a_call_in_which_somebody_is_blocked_is_marked_at_once(database: Database) -> None:
    desk = Listed(database)
    await desk.call("c1", NUMBER, at=desk.now)
    await desk.list.add(NewBlock(BlockKind.NUMBER, NUMBER, "shouts"), None, call_id="c1")
    assert desk.said == [CallerBlocked("c1", desk.now, "shouts")]
    async with database.read() as connection:
        assert await read_marks(connection, ["c1"]) == {"c1": "shouts"}


async def test_after_a_restart_and_after_joining_the_mark_is_said_again(database: Database) -> None:
    desk = Listed(database)
    blocked = await desk.block(NUMBER)
    await desk.reason("c1", NUMBER)
    await desk.list.end(blocked, None)
    again = Listed(database)
    assert await again.reason("c1", NUMBER) == f"number {NUMBER}", "what was true when it rang"
    await again.bus.publish(CallsJoined("c0", "c1", START))
    assert again.said[-1].call_id == "c0"
    async with database.read() as connection:
        assert await read_marks(connection, ["c0", "c1"]) == {"c0": f"number {NUMBER}"}
    assert not again.bus.failures


async def test_a_call_nobody_saw_ringing_is_marked_from_the_log(database: Database) -> None:
    desk = Listed(database)
    desk.now = 50.0
    await desk.block(NUMBER)
    await desk.bus.publish(started("c9", OTHER, at=60.0))
    for call_id, number in (("c1", NUMBER), ("c2", OTHER)):
        await consume(desk, call_id, number)
    async with database.read() as connection:
        assert set(await read_marks(connection, ["c1", "c2"])) == {"c1"}


async def consume(desk: Listed, call_id: str, number: str) -> None:
    fact = ended(call_id, number)
    async with desk.database.write() as connection:
        await append(connection, fact, subject=call_id, at=fact.at)
    consumer = FactConsumer(desk.database, "blocked_calls", (CallEnded,), desk.calls.catch_up)
    while await consumer.deliver_batch():
        pass


async def test_an_end_in_the_past_is_refused(database: Database) -> None:
    desk = Listed(database)
    with pytest.raises(InvalidInputError) as caught:
        await desk.list.add(NewBlock(BlockKind.NUMBER, NUMBER, "rude", START - 1), None)
    assert caught.value.field == "until"
    assert await count(database, BlockedCaller) == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (BlockKind.NUMBER, "anonymous"),
        (BlockKind.PREFIX, "+48"),
        (BlockKind.PREFIX, "+4"),
        (BlockKind.PREFIX, "22"),
        (BlockKind.PREFIX, "+4822123456789012"),
    ],
)
def test_what_cannot_be_blocked_is_said(kind: BlockKind, text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_entry(kind, text, "PL")
    assert caught.value.field == "value"


@pytest.mark.parametrize("text", ["", "  ", "x" * 201])
def test_a_reason_is_one_short_line(text: str) -> None:
    with pytest.raises(InvalidInputError):
        read_reason(text)
