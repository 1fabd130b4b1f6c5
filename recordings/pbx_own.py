"""The second source: recordings that a PBX makes by itself (FreePBX writes `…/YYYY/MM/DD/…-<uniqueid>.wav`). They are
mixed, so nobody can say who spoke: stored as one channel and marked so. The folder is the PBX's: it is read, and
nothing in it is ever changed or removed.

Looked at are files of the last days, in the folder itself and in its folders of those days; how far we came is what
`recording_files` knows."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from core.alarms import Standing
from core.clock import Clock
from core.db import Database
from recordings import audio, folder, names, wav
from recordings.audio import AudioError
from recordings.collector import Waits
from recordings.folder import MOST_AT_ONCE, Found
from recordings.intake import Audio, Intake, TakenElsewhereError
from recordings.kinds import Source
from recordings.matching import call_of
from recordings.names import OwnName
from recordings.store import StoreError
from recordings.tables import Recording, RecordingFile
from recordings.wav import NotAudioError

log = structlog.get_logger(__name__)

EVERY_S = 15.0
DAY_S = 86_400.0
DAYS_BACK = 3
"""Longer than any outage after which somebody still looks for yesterday's calls here rather than in the PBX."""

UNKNOWN_S = 900.0
"""A file of a call that the log does not know is taken when it has not grown for so long."""

WAITS = Waits(every=EVERY_S)

ALARM = "own-recordings-folder"


@dataclass(slots=True)
class OwnRecordings:
    """`home` is the folder of the settings."""

    pbx: str
    home: Path
    intake: Intake
    database: Database
    clock: Clock
    waits: Waits = WAITS
    _sizes: dict[Path, tuple[int, float]] = field(default_factory=dict)
    _known: set[Path] = field(default_factory=set)
    _alarm: Standing = field(init=False)

    def __post_init__(self) -> None:
        self._alarm = Standing(self.database, self.clock, ALARM, self.pbx)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(self.waits.every)

    async def look(self) -> None:
        """Once: take every file that is finished and new."""
        try:
            named = await asyncio.to_thread(self._scan)
        except OSError as error:
            await self._alarm.tell(f"the folder {error.filename} cannot be read: {error.strerror}")
            return
        self._known &= named.keys()
        await self._learn({path: name for path, name in named.items() if path not in self._known})
        fresh = sorted(named.keys() - self._known, key=lambda path: named[path].started_at)[:MOST_AT_ONCE]
        new = [(named[path], one) for path in fresh if (one := await asyncio.to_thread(folder.look_at, path))]
        self._sizes = {one.path: self._since(one) for _, one in new}
        problems = [await self._take(name, one) for name, one in new if await self._is_finished(name, one)]
        await self._alarm.tell(next((told for told in problems if told), None))

    def _scan(self) -> dict[Path, OwnName]:
        """What lies there of the last days, in a folder that has the recordings of years. Raises OSError."""
        now = self.clock()
        today = datetime.fromtimestamp(now, UTC).date()
        days = (today + timedelta(days=1 - back) for back in range(DAYS_BACK + 2))
        found: dict[Path, OwnName] = {}
        for place in (self.home, *(self.home / names.day_folder(day) for day in days)):
            # Of a day on which nothing was recorded there is no folder; the folder of all days must be there.
            if place != self.home and not place.is_dir():
                continue
            for text in folder.names_in(place):
                name = names.parse_own(text)
                if name is not None and name.started_at > now - (DAYS_BACK + 1) * DAY_S:
                    found[place / text] = name
        return found

    async def _learn(self, asked: Mapping[Path, OwnName]) -> None:
        """Which of them were dealt with before: by name, or, where that was erased with its person, by channel."""
        paths = list(asked)
        async with self.database.read() as connection:
            for start in range(0, len(paths), 500):
                some = paths[start : start + 500]
                rows = await connection.execute(
                    select(RecordingFile.name).where(
                        RecordingFile.pbx == self.pbx, RecordingFile.name.in_([path.name for path in some])
                    )
                )
                gone = await connection.execute(
                    select(Recording.uniqueid).where(
                        Recording.pbx == self.pbx,
                        Recording.source == Source.PBX,
                        Recording.uniqueid.in_([asked[path].uniqueid for path in some]),
                        Recording.removed_at.is_not(None),
                    )
                )
                known, removed = set(rows.scalars()), set(gone.scalars())
                self._known |= {
                    path for path in some if path.name in known or asked[path].uniqueid in removed
                }

    def _since(self, one: Found) -> tuple[int, float]:
        size, since = self._sizes.get(one.path, (-1, 0.0))
        return (size, since) if size == one.size else (one.size, self.clock())

    async def _is_finished(self, name: OwnName, one: Found) -> bool:
        age = self.clock() - self._sizes[one.path][1]
        if age < self.waits.still or one.size == 0:
            return False
        if age >= UNKNOWN_S:
            return True
        async with self.database.read() as connection:
            return await call_of(connection, self.pbx, name.uniqueid, name.started_at) is not None

    async def _take(self, name: OwnName, one: Found) -> str | None:
        """Returns what keeps us from taking it now, for the alarm; it is tried again. What is no audio never is."""
        try:
            duration = await asyncio.to_thread(_duration, one)
            await self.intake.keep(_audio(self.pbx, name, one, duration), one.path)
        except NotAudioError as error:
            log.warning("a file was refused", pbx=self.pbx, file=names.told(one.name), why=str(error))
            await self.intake.refuse(self.pbx, None, one, str(error))
        except TakenElsewhereError:
            self._known.add(one.path)
        except OSError as error:
            return f"a recording cannot be taken: {error.strerror}"
        except StoreError as error:
            return str(error)
        return None


def _audio(pbx: str, name: OwnName, one: Found, duration: float) -> Audio:
    return Audio(
        pbx=pbx,
        stem=one.name,
        linkedid=name.uniqueid,
        uniqueid=name.uniqueid,
        source=Source.PBX,
        channels=1,
        started_at=name.started_at,
        duration_s=duration,
        extension=name.extension.lower(),
        note="recorded by the PBX itself: both sides on one channel",
        files=(one,),
    )


def _duration(one: Found) -> float:
    """In seconds. Raises NotAudioError, OSError, StoreError when it cannot be known here."""
    if not one.is_file:
        raise NotAudioError("it is no ordinary file")
    try:
        return wav.look(one.path).duration_s
    except NotAudioError:
        # Not every PBX writes plain WAV.
        if shutil.which("ffprobe") is None:
            raise StoreError("ffmpeg is not installed, which knows other files than plain WAV") from None
    try:
        return audio.shape(one.path).seconds
    except AudioError as error:
        raise NotAudioError(str(error)) from error
