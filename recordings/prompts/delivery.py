"""How a PBX gets the site's prompts. In: the rows of `prompts` and a PBX's folder for sounds, which both machines see.
Out: the files in it, each whole from its first moment (written beside, synced, renamed), and rows that say since when
they are there. A file that a person put there is kept beside ours (`<name>.wav.before`), and never removed.

A PBX that shares no folder fetches them with a script (`config/asterisk/ringback-prompts.sh`) and says what it has:
`fetched`. What the PBX does with them is its dialplan's part."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import Standing
from core.clock import Clock
from core.db import Database
from core.tasks import woken
from recordings.prompts.names import parse
from recordings.store import NoAudioError, Store, StoreError
from recordings.tables import Prompt, PromptOnPbx

EVERY_S = 60.0
"""A folder is compared by itself this often: somebody may have emptied it, or a mount come back."""

ALARM = "prompts-folder"
BEFORE = ".before"
READABLE = 0o644
"""The PBX runs as another user."""


@dataclass(frozen=True, slots=True)
class Wanted:
    key: str
    sha256: str


@dataclass(slots=True)
class PromptFolder:
    """One PBX's folder."""

    pbx: str
    home: Path
    database: Database
    store: Store
    clock: Clock
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _alarm: Standing = field(init=False)

    def __post_init__(self) -> None:
        self._alarm = Standing(self.database, self.clock, ALARM, self.pbx)

    @property
    def problem(self) -> str | None:
        """Why the folder cannot be used now, in one sentence."""
        return self._alarm.problem

    def wake(self) -> None:
        """Something was uploaded or removed: look now."""
        self._woken.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self._woken.clear()
            await self.deliver()
            await woken(self._woken, EVERY_S)

    async def deliver(self) -> None:
        """Once: bring the folder to what is wanted."""
        try:
            await self._deliver()
        except OSError as error:
            await self._alarm.tell(f"prompts cannot be put into {self.home}: {error.strerror}")
        except NoAudioError:
            return  # replaced in this moment: whoever did that wakes us
        except StoreError as error:
            await self._alarm.tell(f"prompts cannot be put into {self.home}: {error}")
        else:
            await self._alarm.tell(None)

    async def _deliver(self) -> None:
        async with self.database.read() as connection:
            wanted, there = await wanted_prompts(connection), await _there(connection, self.pbx)
        await asyncio.to_thread(_make, self.home)
        for name, one in wanted.items():
            path = self.home / f"{name}.wav"
            lies = await asyncio.to_thread(_sum, path)
            if lies != one.sha256:
                is_ours = lies is None or lies == there.get(name)
                async with self.store.local(one.key) as sound:
                    await asyncio.to_thread(_place, sound, path, keep=not is_ours)
            async with self.database.write() as connection:
                await _note(connection, self.pbx, name, one.sha256, self.clock())
        for name in there.keys() - wanted.keys():
            await asyncio.to_thread(_take_away, self.home / f"{name}.wav", there[name])
            async with self.database.write() as connection:
                await _forget(connection, self.pbx, name)


async def wanted_prompts(connection: AsyncConnection) -> Mapping[str, Wanted]:
    """What every PBX should have, by name."""
    rows = await connection.execute(
        select(Prompt.name, Prompt.sound_key, Prompt.sound_sha256).order_by(Prompt.name)
    )
    return {row.name: Wanted(row.sound_key, row.sound_sha256) for row in rows}


async def fetched(connection: AsyncConnection, pbx: str, has: Mapping[str, str], now: float) -> None:
    """The PBX's script says which prompts lie in its folder: all of them, checksums by name."""
    for name in (await _there(connection, pbx)).keys() - has.keys():
        await _forget(connection, pbx, name)
    for name, sha256 in has.items():
        if parse(name) is not None:
            await _note(connection, pbx, name, sha256, now)


async def _there(connection: AsyncConnection, pbx: str) -> dict[str, str]:
    rows = await connection.execute(
        select(PromptOnPbx.name, PromptOnPbx.sha256).where(PromptOnPbx.pbx == pbx)
    )
    return {row.name: row.sha256 for row in rows}


async def _note(connection: AsyncConnection, pbx: str, name: str, sha256: str, now: float) -> None:
    row = (PromptOnPbx.pbx == pbx, PromptOnPbx.name == name)
    same = await connection.execute(
        update(PromptOnPbx).where(*row, PromptOnPbx.sha256 == sha256).values(seen_at=now)
    )
    if same.rowcount == 0:
        await connection.execute(delete(PromptOnPbx).where(*row))
        await connection.execute(
            insert(PromptOnPbx).values(pbx=pbx, name=name, sha256=sha256, since=now, seen_at=now)
        )


async def _forget(connection: AsyncConnection, pbx: str, name: str) -> None:
    await connection.execute(delete(PromptOnPbx).where(PromptOnPbx.pbx == pbx, PromptOnPbx.name == name))


# ---- in threads; all raise OSError


def _make(home: Path) -> None:
    """The folder itself and no more: below a mount that is away nothing is to be left."""
    home.mkdir(exist_ok=True)


def _sum(path: Path) -> str | None:
    """Of the file's content; None when there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _place(sound: Path, path: Path, *, keep: bool) -> None:
    """There is no moment at which `path` is missing or half written."""
    if keep:
        _keep(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.write(sound.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(READABLE)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _keep(path: Path) -> None:
    """A person's own file, under another name."""
    before = path.with_name(path.name + BEFORE)
    if not before.exists():
        os.link(path, before)


def _take_away(path: Path, sha256: str) -> None:
    if _sum(path) == sha256:
        path.unlink()
