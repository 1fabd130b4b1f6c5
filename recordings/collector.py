"""Watches one PBX's recordings folder: what is closed is taken at once, what came without its other half after a while,
and what a killed PBX left in `part/` when its call is over. What cannot be used goes to `refused/` with a reason.

The folder is looked at again and again: no notice of the kernel's reaches us over NFS. Taking is `intake.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from core.alarms import Standing
from core.clock import Clock
from core.db import Database
from core.tasks import woken
from recordings import folder, names
from recordings.folder import DONE, PART, Found
from recordings.intake import Intake, TakenElsewhereError
from recordings.matching import call_of
from recordings.names import FileName
from recordings.store import StoreError
from recordings.wav import NotAudioError

log = structlog.get_logger(__name__)

EVERY_S = 2.0
PAIR_S = 60.0
"""How long one file of a recording waits for the other."""

STILL_S = 30.0
"""A file in `part/` that does not grow so long, and whose call is over, has nobody who writes it."""

FORGOTTEN_S = 6 * 3600.0
"""The same for a file of a call that the log does not know: longer than any caller waits in a queue unrecorded."""

AT_ONCE = 4
"""Recordings taken side by side: enough to keep a disk busy while the database commits."""

ALARM = "recordings-folder"

Named = tuple[FileName, Found]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long things may take, in seconds; tests are in a hurry."""

    every: float = EVERY_S
    pair: float = PAIR_S
    still: float = STILL_S
    forgotten: float = FORGOTTEN_S


@dataclass(slots=True)
class _Watched:
    """A file that is not ready, as it was when it last changed, by our own clock (an NFS server has another)."""

    size: int
    since: float


@dataclass(slots=True)
class Collector:
    """`home` is the folder of the settings."""

    pbx: str
    home: Path
    intake: Intake
    database: Database
    clock: Clock
    waits: Waits = Waits()
    _watched: dict[Path, _Watched] = field(default_factory=dict)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _alarm: Standing = field(init=False)

    def __post_init__(self) -> None:
        self._alarm = Standing(self.database, self.clock, ALARM, self.pbx)

    def wake(self) -> None:
        """Something came: look now."""
        self._woken.set()

    async def run(self) -> None:
        """For ever."""
        await self._alarm.tell(await _in_thread(lambda: folder.prepare(self.home)))
        while True:
            self._woken.clear()
            await self.look()
            await woken(self._woken, self.waits.every)

    async def look(self) -> None:
        """Once: take whatever is ready."""
        try:
            done = await asyncio.to_thread(folder.look, self.home / DONE)
            part = await asyncio.to_thread(folder.look, self.home / PART)
        except OSError as error:
            await self._alarm.tell(f"the folder {error.filename} cannot be read: {error.strerror}")
            return
        self._watch([*done, *part])
        pairs, strays = _pairs(done)
        problems = [await self._refuse(None, one, "no name of a recording of ours") for one in strays]
        ready = [(pair, "") for pair in pairs if len(pair) == 2 or self._age(pair) >= self.waits.pair]
        left = [
            (pair, "taken from part/ after its call") for pair in _pairs(part)[0] if await self._is_left(pair)
        ]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(pair: list[Named], note: str) -> str | None:
            async with gate:
                return await self._take(pair, note)

        # To the end, whatever one of them raises: nothing is taken behind the back of the next look.
        taken = await asyncio.gather(
            *(one(pair, note) for pair, note in [*ready, *left]), return_exceptions=True
        )
        for told in taken:
            if isinstance(told, BaseException):
                raise told
            problems.append(told)
        await self._alarm.tell(next((told for told in problems if told), None))

    async def _take(self, pair: list[Named], note: str) -> str | None:
        """Returns what keeps us from taking it now, for the alarm."""
        try:
            await self.intake.take_pair(self.pbx, pair, note)
        except NotAudioError as error:
            told = [await self._refuse(name, found, str(error)) for name, found in pair]
            return next((one for one in told if one), None)
        except (FileNotFoundError, TakenElsewhereError):
            return None  # somebody was quicker; it is looked for again
        except OSError as error:
            return f"a recording cannot be taken: {error.strerror}"
        except StoreError as error:
            return str(error)
        return None

    async def _refuse(self, name: FileName | None, found: Found, why: str) -> str | None:
        await self.intake.refuse(self.pbx, name, found, why)
        log.warning("a file was refused", pbx=self.pbx, file=names.told(found.name), why=why)
        return await _in_thread(lambda: folder.refuse(self.home, found))

    async def _is_left(self, pair: list[Named]) -> bool:
        """Whether nobody writes these files of `part/` any more."""
        age, name = self._age(pair), pair[0][0]
        if age < self.waits.still:
            return False
        if age >= self.waits.forgotten:
            return True
        async with self.database.read() as connection:
            return await call_of(connection, self.pbx, name.linkedid, name.started_at) is not None

    def _watch(self, files: Iterable[Found]) -> None:
        now = self.clock()
        before, self._watched = self._watched, {}
        for one in files:
            seen = before.get(one.path)
            same = seen is not None and seen.size == one.size
            self._watched[one.path] = seen if same and seen is not None else _Watched(one.size, now)

    def _age(self, pair: list[Named]) -> float:
        return self.clock() - max(self._watched[found.path].since for _, found in pair)


def _pairs(files: Iterable[Found]) -> tuple[list[list[Named]], list[Found]]:
    """What belongs together, and what nobody knows."""
    stems: dict[str, list[Named]] = {}
    strays: list[Found] = []
    for one in files:
        name = names.parse(one.name) if one.is_file else None
        if name is None:
            strays.append(one)
        else:
            stems.setdefault(name.stem, []).append((name, one))
    return list(stems.values()), strays


async def _in_thread(work: Callable[[], None]) -> str | None:
    """Returns what went wrong, in words."""
    try:
        await asyncio.to_thread(work)
    except OSError as error:
        return f"{error.filename} cannot be changed: {error.strerror}"
    return None
