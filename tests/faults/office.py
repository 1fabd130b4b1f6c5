"""A promise to one customer, and everybody and everything that has to do with it: real Asterisk, the real server as a
process (or two), the agent's desk. In: a lab, a folder, the luck of the story. Out: `settles()` waits until the promise
has been kept or handed to a person, `check()` holds what happened against the rule (P13)."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from callback.kinds import NO_RUNG, Outcome, Result, State
from callback.tables import Attempt, Callback, CallbackStep
from core.accounts import NewUser, Role, UserDevice, create_user
from core.db import Database
from core.facts import ATTEMPT_PREFIX
from server.schema import prepare
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import Pbx
from tests.faults.halting import Halting, HaltingServer
from tests.faults.luck import Luck
from tests.faults.people import People, keep_desk_open
from tests.faults.steps import IN_THE_SERVER, Step
from tests.process import Cable
from tests.site import eventually

A_DAY = 86400.0
SETTLED = (State.CLOSED, State.INBOX)
MAY_HAVE_CALLED = "we may already have called"


@dataclass
class Office:
    """One story. `servers[0]` is the one that reads the PBX."""

    pbx: Pbx
    people: People
    cable: Cable
    halting: Halting
    servers: Sequence[HaltingServer]
    database: Database
    number: str
    luck: Luck
    callback_id: int = 0
    told: list[str] = field(default_factory=list)

    async def begin(self, step: Step | None = None) -> None:
        """Start the servers; the promise is made when the first one sees the PBX."""
        for server in self.servers:
            server.halt_at = step if step in IN_THE_SERVER else None
        first, *others = self.servers
        await first.start()
        for server in others:
            await server.launch()
        self.callback_id = await _owe(self.database, f"+{self.number}")

    async def reach(self, step: Step) -> None:
        await (self.halting.reached() if step in IN_THE_SERVER else self.people.reach(step))
        await asyncio.sleep(self.luck.holds)

    async def settles(self) -> Any:
        """Wait until it is closed or in the inbox, and all calls are over."""

        async def row() -> Any:
            async with self.database.read() as connection:
                rows = select(Callback.state, Callback.outcome, Callback.why_not, Callback.offers)
                return (await connection.execute(rows.where(Callback.id == self.callback_id))).one()

        settled = await eventually(row, lambda found: found.state in SETTLED)
        await self.people.put_down()
        await self.pbx.idle()
        return settled

    async def check(self, *, cut_short: bool = False) -> None:
        """The rule. A customer who always answers is rung once at most, whatever the number of attempts; where a ring
        may have been `cut_short`, once more for each attempt that says so."""
        attempts, story, state = await self._read()
        dialled = self._dialled(attempts)
        invites = len(self.people.at_customer)
        seen = f"{state} after {[(one.result, dialled[one.id]) for one in attempts]}: {story}"
        self.told.append(f"{invites} INVITE, {len(attempts)} attempts, {state.state} {state.outcome or ''}")
        assert sum(dialled.values()) == invites, seen
        assert max(dialled.values()) <= 1, seen
        assert invites <= 1 or cut_short, seen
        assert all(one.ended_at is not None for one in attempts), seen
        for one in attempts:
            if one.result != Result.UNKNOWN:
                assert dialled[one.id] == (Result(one.result) not in NO_RUNG), seen
        if state.state == State.INBOX:
            # The agent always takes it: only doubt is a reason to give it to a person.
            assert MAY_HAVE_CALLED in story[-1], seen
            assert attempts[-1].result == Result.UNKNOWN, seen
            assert dialled[attempts[-1].id] == 1, seen
        else:
            assert (state.outcome, dialled[attempts[-1].id]) == (Outcome.REACHED, 1), seen

    async def results(self) -> list[str]:
        """Of the attempts, in order."""
        return [one.result for one in (await self._read())[0]]

    async def _read(self) -> tuple[Sequence[Any], list[str], Any]:
        async with self.database.read() as connection:
            attempts = (await connection.execute(select(Attempt.__table__).order_by(Attempt.made_at))).all()
            lines = await connection.execute(select(CallbackStep.__table__).order_by(CallbackStep.id))
            state = (await connection.execute(select(Callback.state, Callback.outcome))).one()
        return attempts, [f"{line.kind} {line.detail or ''}" for line in lines], state

    def agent_rang(self) -> list[str]:
        """The attempts that made the agent's phone ring, as the PBX itself wrote them down."""
        return self._channels("PJSIP/101-")

    def orders_executed(self) -> list[str]:
        """The attempts whose order reached the PBX, refused by the dialplan or not."""
        return sorted(set(self._channels("Local/101@ringback-agent")))

    def _dialled(self, attempts: Sequence[Any]) -> Counter[str]:
        """Channels to the carrier by attempt."""
        found = Counter(self._channels("PJSIP/trunk-"))
        return Counter({one.id: found[one.id] for one in attempts})

    def _channels(self, prefix: str) -> list[str]:
        begun = [row for row in self.pbx.cel() if row.event == "CHAN_START"]
        return [row.linkedid.removeprefix(ATTEMPT_PREFIX) for row in begun if row.channel.startswith(prefix)]


@asynccontextmanager
async def office(
    lab: Lab, folder: Path, luck: Luck, *, url: str | None = None, servers: int = 1
) -> AsyncIterator[Office]:
    """Everybody there, no server running yet. `url`: an empty database with our schema, for several servers."""
    number = f"4822{random.randrange(10**7):07}"
    async with AsyncExitStack() as stack:
        cable = await stack.enter_async_context(Cable(lab.pbx.ami))
        halting = await stack.enter_async_context(Halting())
        ours = [HaltingServer(folder, cable.address, url, halting) for _ in range(servers)]
        database = Database(ours[0].url)
        stack.push_async_callback(database.close)
        await prepare(database)
        anna = await _anna(database)
        for server in ours:
            stack.push_async_callback(_stop, server)
            desk = keep_desk_open(database, anna, f"http://127.0.0.1:{server.port}")
            stack.push_async_callback(_cancel, asyncio.create_task(desk))
        people = await stack.enter_async_context(People(lab, number, luck))
        yield Office(lab.pbx, people, cable, halting, ours, database, number, luck)


async def _stop(server: HaltingServer) -> None:
    with suppress(ProcessLookupError):
        await server.stop()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _anna(database: Database) -> int:
    phone = UserDevice("main", "PJSIP/101", "101")
    async with database.write() as connection:
        new = NewUser("anna", "Anna", Role.AGENT, "never typed", devices=(phone,))
        return (await create_user(connection, new, time.time())).id


async def _owe(database: Database, number: str) -> int:
    now = time.time()
    row = {
        "number": number, "department": "sales", "state": State.WAITING.value, "created_at": now,
        "arrived_at": now, "due_at": now, "expires_at": now + A_DAY,
    }  # fmt: skip
    async with database.write() as connection:
        done = await connection.execute(insert(Callback).values(**row))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])
