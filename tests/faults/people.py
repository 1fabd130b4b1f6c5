"""The people of a story: an agent with a phone and an open desk, and a customer behind the trunk, who both answer
whenever they are rung. In: a lab and the story's luck. Out: what reached their phones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from core.clock import Clock, system_clock
from core.db import Database
from core.sessions import start_session
from server.web.guard import LOCAL_COOKIE
from tests.asterisk.call import Call, CallError
from tests.asterisk.lab import Lab
from tests.asterisk.phone import Phone
from tests.faults.luck import Luck
from tests.faults.steps import Step
from tests.site import eventually

LOOK_S = 0.02
AGAIN_S = 0.2


class People:
    """`async with People(...)`: they work until the block ends."""

    def __init__(self, lab: Lab, number: str, luck: Luck) -> None:
        self._lab = lab
        self._number = number
        self._luck = luck
        self._agent: Phone
        self._before = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> People:
        self._agent = await self._lab.phone("101")
        self._before = len(self._agent.calls)
        self._watch(lambda: self.at_agent, self._agent_takes)
        self._watch(lambda: self.at_customer, self._customer_takes)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def at_agent(self) -> list[Call]:
        """The story's calls that rang the agent."""
        return [call for call in self._agent.calls[self._before :] if call.incoming]

    @property
    def at_customer(self) -> list[Call]:
        """Each is an INVITE of its own (one that is repeated for want of a reply is not)."""
        calls = self._lab.trunk.calls
        return [call for call in calls if call.incoming and call.number.lstrip("+") == self._number]

    async def reach(self, step: Step) -> None:
        """Wait until that is seen at the phones."""

        async def is_there() -> bool:
            return _SEEN[step](self)

        await eventually(is_there)

    async def put_down(self) -> None:
        """Both hang up whatever they are still in."""
        for call in (*self.at_agent, *self.at_customer):
            if call.answered_at is not None and call.ended_at is None:
                await call.hangup()

    def _watch(self, calls: Callable[[], list[Call]], take: Callable[[Call], Awaitable[None]]) -> None:
        async def watch() -> None:
            taken: set[str] = set()
            while True:
                for call in calls():
                    if call.id not in taken:
                        taken.add(call.id)
                        self._tasks.append(asyncio.create_task(_quietly(take(call))))
                await asyncio.sleep(LOOK_S)

        self._tasks.append(asyncio.create_task(watch()))

    async def _agent_takes(self, call: Call) -> None:
        await asyncio.sleep(self._luck.agent_answers)
        await call.answer()
        if self._luck.presses:
            await asyncio.sleep(0.4)
            await call.press("1")

    async def _customer_takes(self, call: Call) -> None:
        await asyncio.sleep(self._luck.customer_answers)
        await call.answer()
        with suppress(TimeoutError):  # nobody there: they wait no longer than anybody does
            await call.hears()
        await asyncio.sleep(2.5 + self._luck.talks)
        ends = self.at_agent[-1] if self._luck.agent_ends else call
        await ends.hangup()


async def _quietly(taking: Awaitable[None]) -> None:
    """A call that is over before somebody does what they meant to do is no fault of theirs."""
    with suppress(CallError, TimeoutError, AssertionError):
        await taking


def _is_up(call: Call) -> bool:
    return call.answered_at is not None and call.ended_at is None


_SEEN: dict[Step, Callable[[People], bool]] = {
    Step.AGENT_RINGS: lambda people: any(call.ended_at is None for call in people.at_agent),
    Step.AGENT_ANSWERED: lambda people: any(_is_up(call) for call in people.at_agent),
    Step.CUSTOMER_RINGS: lambda people: any(call.ended_at is None for call in people.at_customer),
    Step.TALKING: lambda people: any(_is_up(call) and _hears(call) for call in people.at_customer),
}


def _hears(call: Call) -> bool:
    """Two seconds of sound: one of them is the greeting, before the two are joined."""
    return call.rtp is not None and call.rtp.received > 100


async def keep_desk_open(database: Database, user_id: int, url: str, clock: Clock = system_clock) -> None:
    """An agent's browser: opens its desk again whenever the server is back, and puts each wrap-up away."""
    while True:
        with suppress(ClientError, OSError, asyncio.TimeoutError):
            async with database.write() as connection:
                token = await start_session(connection, user_id, clock(), address="127.0.0.1", browser="test")
            jar = CookieJar(unsafe=True)
            async with ClientSession(cookie_jar=jar, cookies={LOCAL_COOKIE: token}) as session:
                socket = await session.ws_connect(f"{url}/live", headers={"Origin": url}, max_msg_size=0)
                await _work(session, url, socket)
        await asyncio.sleep(AGAIN_S)


async def _work(session: ClientSession, url: str, socket: ClientWebSocketResponse) -> None:
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            return
        for card in _cards(json.loads(message.data)):
            if card["state"] == "wrap_up":
                path = f"{url}/desk/calls/{quote(card['call_id'], safe='')}/close"
                async with session.post(path, json={"note": ""}, headers={"Origin": url}):
                    pass


def _cards(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from message.get("cards", ())
    yield from (change["card"] for change in message.get("changes", ()) if change["c"] == "card")
