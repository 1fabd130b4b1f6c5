"""A real call, recorded by the shipped dialplan, until it is stored and the call log knows it: customer left, our side
right, through transfers, parking, hold and a pick-up, in both directions."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from core.fact_log import FactLogRow
from recordings.kinds import AudioState, FileState, JobKind
from recordings.tables import CallAudio, Recording, RecordingFile, RecordingJob
from server.recording_parts import STORE
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.asterisk.stories.story import pause
from tests.site import Site, eventually, running, settings_for

pytestmark = [pytest.mark.asterisk]

CUSTOMER_HZ, ANNA_HZ, MAREK_HZ = 600, 900, 1400


@dataclass(frozen=True, slots=True)
class Sound:
    """One side of a recording."""

    samples: array[int]
    rate: int

    def share_of(self, hertz: int) -> float:
        """Which part of this side's power is that tone."""
        turn = 2 * math.pi * hertz / self.rate
        tones = power = 0.0
        for start in range(0, len(self.samples) - 160, 160):
            piece = self.samples[start : start + 160]
            across = sum(value * math.cos(turn * n) for n, value in enumerate(piece))
            along = sum(value * math.sin(turn * n) for n, value in enumerate(piece))
            power += sum(value * value for value in piece)
            tones += 2 * (across * across + along * along) / len(piece)
        return tones / power if power else 0.0

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@pytest.fixture
def folder(pbx: Pbx) -> Path:
    """Where the PBX leaves recordings, seen from outside."""
    return pbx.folder / "spool" / "ringback"


@pytest.fixture
async def site(pbx: Pbx, folder: Path, tmp_path: Path) -> AsyncIterator[Site]:
    settings = settings_for(pbx.ami, AMI_SECRETS["ringback-events"], tmp_path, recordings=folder)
    async with running(settings) as site:
        await site.sees_the_pbx()
        yield site


async def kept(site: Site) -> tuple[str, Recording]:
    """The call whose audio is kept, and its recording."""

    async def found() -> tuple[CallAudio, Recording] | None:
        async with site.database.read() as connection:
            row = (await connection.execute(select(CallAudio.call_id, CallAudio.state))).one_or_none()
            if row is None or row.state != AudioState.KEPT:
                return None
            recording = (
                await connection.execute(select(Recording).where(Recording.call_id == row.call_id))
            ).one()
            return row.call_id, recording

    got = await eventually(found)
    assert got is not None
    return got


async def sides(site: Site, recording: Recording) -> tuple[Sound, Sound]:
    """Customer and our side, as they are stored."""
    async with site.app[STORE].local(recording.original_key) as path:
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
            both = array("h", file.readframes(file.getnframes()))
            return Sound(both[0::2], file.getframerate()), Sound(both[1::2], file.getframerate())


async def test_a_call_is_recorded_and_kept(lab: Lab, site: Site, folder: Path) -> None:
    agent = await lab.phone("101")
    customer = await lab.trunk.dial("48221000951", caller="+48226011111")
    ringing = await agent.rings()
    await pause(0.5)
    await ringing.answer()
    customer.plays(CUSTOMER_HZ)
    ringing.plays(ANNA_HZ)
    await customer.hears_tone(ANNA_HZ)
    await pause(2)
    await customer.hangup()

    call_id, recording = await kept(site)
    left, right = await sides(site, recording)
    assert left.share_of(CUSTOMER_HZ) > 0.9
    assert right.share_of(ANNA_HZ) > 0.9
    assert left.share_of(ANNA_HZ) < 0.01
    assert abs(left.seconds - recording.duration_s) < 0.01
    async with site.database.read() as connection:
        files = (await connection.execute(select(RecordingFile.name, RecordingFile.state))).all()
        jobs = (await connection.execute(select(RecordingJob.kind))).scalars().all()
        ready = await connection.execute(
            select(FactLogRow.subject).where(FactLogRow.kind == "RecordingReady")
        )
        assert call_id in ready.scalars().all()
    assert [state for _, state in files] == [FileState.STORED] * 2
    assert jobs == [JobKind.COPIES]
    assert [one for one in folder.rglob("*") if one.is_file()] == []
