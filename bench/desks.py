"""Desks that look at the server as agents' browsers do: WebSocket clients that log in through the form, acknowledge
each ringing card and put each wrap-up away, and one real Chromium with the real page.

In: the server's address and whose desk it is. Out: desks that are open until the block ends. Nothing is measured here:
the server itself writes down when a card was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType
from playwright.async_api import async_playwright, expect

from tests.browser.conftest import FLAGS, chromium_program, log_in, open_window
from tests.site import PASSWORD

MEMORY = Path("/dev/shm")
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
    reader = asyncio.create_task(_work(session, url, socket))
    stack.callback(reader.cancel)


async def _work(session: ClientSession, url: str, socket: ClientWebSocketResponse) -> None:
    """Acknowledge what rings, and put every wrap-up away as soon as it is there."""
    done: set[tuple[str, str]] = set()
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            break
        for card in _cards(json.loads(message.data)):
            step = card["call_id"], card["state"]
            if step in done:
                continue
            done.add(step)
            if card["state"] == "ringing":
                await socket.send_json({"t": "shown", "call_id": card["call_id"], "visible": True})
            elif card["state"] == "wrap_up":
                path = f"{url}/desk/calls/{quote(card['call_id'], safe='')}/close"
                async with session.post(path, json={"note": "bench"}, headers={"Origin": url}) as answer:
                    answer.raise_for_status()


def _cards(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (change["card"] for change in message.get("changes", ()) if change["c"] == "card")


@contextmanager
def profile_in_memory() -> Iterator[None]:
    """An agent's browser keeps its profile on a disk of its own. On the server's disk its cache delays each commit:
    measured, the slowest card in a hundred came after 470 ms instead of 72 ms at 20 calls/s."""
    before = os.environ.get("TMPDIR")
    if MEMORY.is_dir():
        os.environ["TMPDIR"] = str(MEMORY)
    try:
        yield
    finally:
        os.environ.pop("TMPDIR", None)
        if before is not None:
            os.environ["TMPDIR"] = before


@asynccontextmanager
async def open_chromium(url: str, login: str) -> AsyncIterator[None]:
    """The real desk in a real browser."""
    with profile_in_memory():
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
            page = (await open_window(browser)).page
            await log_in(page, url, login, PASSWORD)
            await page.goto(f"{url}/desk")
            await expect(page.locator("#desk[data-line='up']")).to_be_attached(timeout=30_000)
            yield
            await browser.close()
