"""The second source: recordings that a PBX makes by itself (FreePBX writes `…/YYYY/MM/DD/…-<uniqueid>.wav`). They are
mixed, so nobody can say who spoke: stored as one channel and marked so. The folder is the PBX's: it is read, and
nothing in it is ever changed or removed.

Looked at are the folder itself and its folders of the last days; how far we came is what `recording_files` knows."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from core.clock import Clock
from core.db import Database
from recordings import audio, folder, names, wav
from recordings.audio import AudioError
from recordings.collector import Waits
from recordings.folder import Found
from recordings.intake import Audio, Intake
from recordings.kinds import Source
from recordings.matching import call_of
from recordings.names import OwnName
from recordings.store import StoreError
from recordings.tables import RecordingFile
from recordings.wav import NotAudioError

log = structlog.get_logger(__name__)

EVERY_S = 15.0
DAYS_BACK = 3
"""Longer than any outage after which somebody still looks for yesterday's calls here rather than in the PBX."""

UNKNOWN_S = 900.0
"""A file of a call that the log does not know is taken when it has not grown for so long."""

WAITS = Waits(every=EVERY_S)


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
    _known: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(self.waits.every)

    async def look(self) -> None:
        """Once: take every file that is finished and new."""
        named = [
            (name, one)
            for one in await asyncio.to_thread(self._scan)
            if one.is_file and (name := names.parse_own(one.name)) is not None
        ]
        present = {names.shown(one.name) for _, one in named}
        self._known &= present
        await self._learn(sorted(present - self._known))
        new = [(name, one) for name, one in named if names.shown(one.name) not in self._known]
        self._sizes = {one.path: self._since(one) for _, one in new}
        for name, one in new:
            if await self._is_finished(name, one):
                await self._take(name, one)

    def _scan(self) -> list[Found]:
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        days = (today + timedelta(days=1 - back) for back in range(DAYS_BACK + 2))
        found: list[Found] = []
        for place in (self.home, *(self.home / names.day_folder(day) for day in days)):
            if place.is_dir():
                found += folder.look(place)
        return found

    async def _learn(self, asked: list[str]) -> None:
        async with self.database.read() as connection:
            for start in range(0, len(asked), 500):
                rows = await connection.execute(
                    select(RecordingFile.name).where(
                        RecordingFile.pbx == self.pbx, RecordingFile.name.in_(asked[start : start + 500])
                    )
                )
                self._known |= set(rows.scalars())

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

    async def _take(self, name: OwnName, one: Found) -> None:
        """What goes wrong is tried again at the next look; what is no audio never."""
        try:
            duration = await asyncio.to_thread(_duration, one.path)
            await self.intake.keep(_audio(self.pbx, name, one, duration), one.path)
        except NotAudioError as error:
            log.warning("a file was refused", pbx=self.pbx, file=names.shown(one.name), why=str(error))
            await self.intake.refuse(self.pbx, None, one, str(error))
        except (OSError, StoreError) as error:
            log.warning("a recording cannot be taken", pbx=self.pbx, why=str(error))


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


def _duration(path: Path) -> float:
    """In seconds. Raises NotAudioError, OSError, StoreError when it cannot be known here."""
    try:
        return wav.look(path).duration_s
    except NotAudioError:
        # Not every PBX writes plain WAV.
        if shutil.which("ffprobe") is None:
            raise StoreError("ffmpeg is not installed, which knows other files than plain WAV") from None
    try:
        return audio.shape(path).seconds
    except AudioError as error:
        raise NotAudioError(str(error)) from error
