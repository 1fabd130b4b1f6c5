"""Prompts in the application: who keeps them, and who brings them into the folder of each PBX that shares one. The
application goes in with its settings; pages and API reach the parts by these functions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web

from config.settings import Settings
from core.clock import Clock
from core.db import Database
from core.errors import NotFoundError
from core.tasks import running
from recordings.prompts.book import Prompts
from recordings.prompts.delivery import PromptFolder
from recordings.prompts.names import PromptName, parse
from recordings.store import Store
from server.recordings.workers import SWEEPER

PROMPTS = web.AppKey("prompts", Prompts)
PROMPT_FOLDERS: web.AppKey[dict[str, PromptFolder]] = web.AppKey("prompt_folders")


def add_prompts(
    app: web.Application, settings: Settings, database: Database, store: Store, clock: Clock
) -> None:
    """They end before the store is closed."""
    app[PROMPTS] = Prompts(database, store, clock)
    app[PROMPT_FOLDERS] = folders = {
        name: PromptFolder(name, pbx.sounds, database, store, clock)
        for name, pbx in settings.pbx.items()
        if pbx.sounds is not None
    }

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name, one in folders.items():
                await stack.enter_async_context(running(f"prompts of {name}", one.run))
            yield

    app.cleanup_ctx.append(part)


def prompts_of(request: web.Request) -> Prompts:
    """Raises NotFoundError in an application without rooms."""
    found = request.app.get(PROMPTS)
    if found is None:
        raise NotFoundError("prompts are not kept here")
    return found


def prompt_name_of(text: str) -> PromptName:
    """Raises NotFoundError for what is no name of a prompt."""
    name = parse(text)
    if name is None:
        raise NotFoundError(
            "there is no such prompt: callback-agent, callback-customer, callback-promised, or notice-<queue>"
        )
    return name


def changed(app: web.Application) -> None:
    """A prompt came or went: bring it to the PBXs now, and let the store forget what is no longer needed."""
    for folder in app.get(PROMPT_FOLDERS, {}).values():
        folder.wake()
    if SWEEPER in app:
        app[SWEEPER].wake()
