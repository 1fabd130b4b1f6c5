"""Desks that look at the server as agents' browsers do: WebSocket clients that log in through the form and acknowledge
each ringing card, and one real Chromium with the real page.

In: the server's address and whose desk it is. Out: desks that are open until the block ends. Nothing is measured here:
the server itself writes down when a card was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType
from playwright.async_api import async_playwright, expect

from tests.browser.conftest import FLAGS, chromium_program, log_in, open_window
from tests.site import PASSWORD

LOGINS_AT_ONCE = 2
"""The server checks two passwords at a time anyway."""


@asynccontextmanager
async def open_desks(url: str, logins: Sequence[str]) -> AsyncIterator[None]:
    """Everybody of `logins` sits at a desk. Raises PermissionError when the server refuses one."""
    gate = asyncio.Semaphore(LOGINS_AT_ONCE)
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(_sit_down(stack, gate, url, login) for login in logins))
        yield


async def _sit_down(stack: AsyncExitStack, gate: asyncio.Semaphore, url: str, login: str) -> None:
    session = await stack.enter_async_context(ClientSession(cookie_jar=CookieJar(unsafe=True)))
    form = {"login": login, "password": PASSWORD}
    async with gate, session.post(f"{url}/login", data=form, headers={"Origin": url}) as answer:
        if not answer.ok:
            raise PermissionError(f"{login} could not log in: {answer.status}")
    socket = await session.ws_connect(f"{url}/live", headers={"Origin": url}, max_msg_size=0)
    reader = asyncio.create_task(_acknowledge(socket))
    stack.callback(reader.cancel)


async def _acknowledge(socket: ClientWebSocketResponse) -> None:
    shown: set[str] = set()
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        for change in json.loads(message.data).get("changes", ()):
            card = change.get("card")
            if card is not None and card["state"] == "ringing" and card["call_id"] not in shown:
                shown.add(card["call_id"])
                await socket.send_json({"t": "shown", "call_id": card["call_id"], "visible": True})


@asynccontextmanager
async def open_chromium(url: str, login: str) -> AsyncIterator[None]:
    """The real desk in a real browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        page = (await open_window(browser)).page
        await log_in(page, url, login, PASSWORD)
        await page.goto(f"{url}/desk")
        await expect(page.locator("#desk[data-line='up']")).to_be_attached(timeout=30_000)
        yield
        await browser.close()
