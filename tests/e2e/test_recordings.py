"""A real call, recorded by the shipped dialplan, until it is stored and the call log knows it: customer left, our side
right, through transfers, parking, hold and a pick-up, in both directions."""

from __future__ import annotations

import math
import os
import wave
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from core.api_keys import create_key
from core.errors import PbxError
from core.fact_log import FactLogRow
from recordings.collector import Waits
from recordings.kinds import AudioState, FileState, JobKind
from recordings.tables import CallAudio, Recording, RecordingFile, RecordingJob, RecordingPause
from server.recordings.parts import COLLECTORS, STORE
from server.web.keys import BRIDGES, SWITCH
from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.asterisk.phone import Phone
from tests.asterisk.stories.story import pause
from tests.process import ROOT
from tests.site import Site, eventually, running, settings_for

pytestmark = [pytest.mark.asterisk]

CUSTOMER_HZ, ANNA_HZ, MAREK_HZ, ASKED_HZ = 600, 900, 1400, 2000


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


@dataclass(frozen=True, slots=True)
class Kept:
    """The call whose audio is kept, and its recording."""

    call_id: str | None
    key: str | None
    seconds: float
    note: str


async def kept(site: Site) -> Kept:
    async def found() -> Kept | None:
        async with site.database.read() as connection:
            rows = await connection.execute(
                select(Recording.call_id, Recording.original_key, Recording.duration_s, Recording.note).join(
                    CallAudio, (CallAudio.call_id == Recording.call_id) & (CallAudio.state == AudioState.KEPT)
                )
            )
            row = rows.one_or_none()
            return Kept(*row) if row is not None else None

    got = await eventually(found)
    assert got is not None
    return got


async def sides(site: Site, recording: Kept) -> tuple[Sound, Sound]:
    """Customer and our side, as they are stored."""
    assert recording.key is not None
    async with site.app[STORE].local(recording.key) as path:
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
            both = array("h", file.readframes(file.getnframes()))
            return Sound(both[0::2], file.getframerate()), Sound(both[1::2], file.getframerate())


async def connected(lab: Lab, anna: Phone) -> tuple[Call, Call]:
    """A customer and Anna, whom the customer hears: both ends of a recorded call."""
    customer = await lab.trunk.dial("48221000951", caller="+48226011111")
    at_anna = await anna.rings()
    await at_anna.answer()
    customer.plays(CUSTOMER_HZ)
    at_anna.plays(ANNA_HZ)
    await customer.hears_tone(ANNA_HZ)
    return customer, at_anna


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

    recording = await kept(site)
    left, right = await sides(site, recording)
    assert left.share_of(CUSTOMER_HZ) > 0.9
    assert right.share_of(ANNA_HZ) > 0.9
    assert left.share_of(ANNA_HZ) < 0.01
    assert abs(left.seconds - recording.seconds) < 0.01
    async with site.database.read() as connection:
        files = (await connection.execute(select(RecordingFile.name, RecordingFile.state))).all()
        jobs = (await connection.execute(select(RecordingJob.kind))).scalars().all()
        ready = await connection.execute(
            select(FactLogRow.subject).where(FactLogRow.kind == "RecordingReady")
        )
        assert recording.call_id in ready.scalars().all()
    assert [state for _, state in files] == [FileState.STORED] * 2
    assert jobs == [JobKind.COPIES]
    assert [one for one in folder.rglob("*") if one.is_file()] == []


async def test_a_transferred_and_parked_call_is_one_recording(lab: Lab, site: Site) -> None:
    """Anna parks the customer, Marek fetches them, and passes them on to Anna again."""
    anna, marek = await lab.phones("101", "102")
    customer, customer_at_anna = await connected(lab, anna)
    await pause(1)
    await customer_at_anna.refer("700")
    await customer_at_anna.ended()
    await pause(1)
    fetched = await marek.dial("701")
    await fetched.answered()
    fetched.plays(MAREK_HZ)
    await customer.hears_tone(MAREK_HZ)
    await pause(1)
    await fetched.refer("101")
    again = await anna.rings()
    await again.answer()
    again.plays(ANNA_HZ)
    await customer.hears_tone(ANNA_HZ)
    await pause(1)
    await customer.hangup()

    recording = await kept(site)
    left, right = await sides(site, recording)
    assert left.share_of(CUSTOMER_HZ) > 0.9
    assert right.share_of(ANNA_HZ) > 0.1
    assert right.share_of(MAREK_HZ) > 0.1
    assert right.share_of(CUSTOMER_HZ) < 0.01


async def test_a_call_to_the_outside_has_the_customer_left_too(lab: Lab, site: Site) -> None:
    agent = await lab.phone("101")
    calling = await agent.dial("*8600100200")
    customer = await lab.trunk.rings("48600100200")
    await pause(0.5)
    await customer.answer()
    await calling.answered()
    customer.plays(CUSTOMER_HZ)
    calling.plays(ANNA_HZ)
    await calling.hears_tone(CUSTOMER_HZ)
    await pause(1.5)
    await calling.hangup()

    recording = await kept(site)
    left, right = await sides(site, recording)
    assert left.share_of(CUSTOMER_HZ) > 0.9
    assert right.share_of(ANNA_HZ) > 0.9


async def test_of_a_call_that_nobody_answered_nothing_is_kept(lab: Lab, site: Site, folder: Path) -> None:
    agent = await lab.phone("101")
    customer = await lab.trunk.dial("48221000951", caller="+48226011111")
    await agent.rings()
    await pause(1)
    await customer.cancel()

    async def is_logged() -> bool:
        async with site.database.read() as connection:
            ended = await connection.scalar(select(FactLogRow.subject).where(FactLogRow.kind == "CallEnded"))
            return ended is not None

    async def is_empty() -> bool:
        return folder.exists() and not [one for one in folder.rglob("*") if one.is_file()]

    await eventually(is_logged)
    await eventually(is_empty)
    async with site.database.read() as connection:
        for table in (CallAudio, Recording, RecordingFile):
            assert (await connection.execute(select(table))).all() == []


@pytest.fixture
async def switching(pbx: Pbx, folder: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """A site that may tell the PBX to silence its recordings."""
    events, dial = AMI_SECRETS["ringback-events"], AMI_SECRETS["ringback-dial"]
    settings = settings_for(pbx.ami, events, tmp_path, dial_secret=dial, wrap_up_s=0, recordings=folder)
    async with running(settings) as site:
        await site.sees_the_pbx()
        yield site


async def test_what_is_said_in_a_pause_is_silence(lab: Lab, switching: Site) -> None:
    agent = await lab.phone("101")
    customer, ringing = await connected(lab, agent)
    switch = switching.app[SWITCH]
    (call,) = switching.app[BRIDGES]["main"].calls.open_calls()
    await switch.mute("main", call.call_id, muted=True)
    ringing.plays(MAREK_HZ)
    await customer.hears_tone(MAREK_HZ)
    await pause(1.5)
    ringing.plays(ANNA_HZ)
    await customer.hears_tone(ANNA_HZ)
    await switch.mute("main", call.call_id, muted=False)
    await pause(1.5)
    await customer.hangup()

    left, right = await sides(switching, await kept(switching))
    assert right.share_of(ANNA_HZ) > 0.9
    assert right.share_of(MAREK_HZ) < 0.01
    assert silence(left) > 1
    assert silence(right) > 1
    with pytest.raises(PbxError, match="not going on"):
        await switch.mute("main", call.call_id, muted=True)


@pytest.fixture
async def keys(pbx: Pbx, switching: Site, tmp_path: Path) -> AsyncIterator[None]:
    """The shipped script works, outside the PBX's own folder, which has no curl."""
    async with switching.database.write() as connection:
        _, key = await create_key(connection, "pbx", ["recordings:write"], 0.0)
    settings = tmp_path / "pause.conf"
    settings.write_text(f"URL={switching.url}\nPBX=main\nKEY={key}\n")
    outside = f"nsenter --target {os.getpid()} --mount --root env RINGBACK_PAUSE_CONF={settings}"
    async with pbx.edited(
        "/usr/local/bin/ringback-pause.sh", f"{outside} {ROOT}/config/asterisk/ringback-pause.sh"
    ):
        yield


async def pauses(site: Site) -> list[tuple[str, str | None]]:
    """Who began each pause and who ended it."""
    async with site.database.read() as connection:
        rows = await connection.execute(select(RecordingPause.paused_by, RecordingPause.resumed_by))
        return [(row.paused_by, row.resumed_by) for row in rows]


@pytest.mark.usefixtures("keys")
async def test_an_agent_pauses_by_keys_and_a_customer_cannot(lab: Lab, switching: Site) -> None:
    anna = await lab.phone("101")
    customer = await lab.trunk.dial("48221000939", caller="+48226011111")
    ringing = await anna.rings()
    await ringing.answer()
    await ringing.hears()
    await customer.press("*31")
    await pause(1.5)
    assert await pauses(switching) == []
    await ringing.press("*31")
    ((paused_by, _),) = await eventually(lambda: pauses(switching))
    assert paused_by.startswith("api:")
    ringing.plays(MAREK_HZ)
    await customer.hears_tone(MAREK_HZ)
    await pause(1.5)
    ringing.plays(ANNA_HZ)
    await customer.hears_tone(ANNA_HZ)
    await ringing.press("*32")
    await eventually(lambda: pauses(switching), lambda found: found[0][1] == paused_by)
    ringing.plays(ANNA_HZ)
    customer.plays(CUSTOMER_HZ)
    await customer.hears_tone(ANNA_HZ)
    await pause(2)
    await customer.hangup()

    left, right = await sides(switching, await kept(switching))
    assert left.share_of(CUSTOMER_HZ) > 0.7
    assert right.share_of(ANNA_HZ) > 0.7
    assert right.share_of(MAREK_HZ) < 0.01
    assert silence(right) > 1


async def test_a_call_that_is_passed_on_after_a_question_is_one_recording(lab: Lab, site: Site) -> None:
    """Anna holds the customer, asks Marek, and joins the two (REFER with Replaces): what she asked him is nobody's."""
    anna, marek = await lab.phones("101", "102")
    customer, at_anna = await connected(lab, anna)
    await pause(1)
    await at_anna.hold()
    question = await anna.dial("102")
    at_marek = await marek.rings()
    await at_marek.answer()
    await question.answered()
    question.plays(ASKED_HZ)
    await at_marek.hears_tone(ASKED_HZ)
    await at_anna.refer("102", question)
    await question.ended()
    at_marek.plays(MAREK_HZ)
    await customer.hears_tone(MAREK_HZ)
    await pause(1)
    await customer.hangup()

    left, right = await sides(site, await kept(site))
    assert left.share_of(CUSTOMER_HZ) > 0.8
    assert right.share_of(ANNA_HZ) > 0.1
    assert right.share_of(MAREK_HZ) > 0.1
    assert right.share_of(ASKED_HZ) < 0.01
    assert right.share_of(CUSTOMER_HZ) < 0.01


def silence(side: Sound) -> float:
    """Seconds without a sound."""
    pieces = [side.samples[start : start + 160] for start in range(0, len(side.samples), 160)]
    return sum(not any(piece) for piece in pieces) * 160 / side.rate


async def test_what_a_killed_pbx_has_recorded_is_kept(own_pbx: Pbx, tmp_path: Path) -> None:
    """SIGKILL in the middle of a call: the files lie in part/, and their headers say that they are empty."""
    folder = own_pbx.folder / "spool" / "ringback"
    settings = settings_for(own_pbx.ami, AMI_SECRETS["ringback-events"], tmp_path, recordings=folder)
    async with running(settings) as site:
        await site.sees_the_pbx()
        async with Lab(own_pbx) as lab:
            agent = await lab.phone("101")
            customer = await lab.trunk.dial("48221000951", caller="+48226011111")
            ringing = await agent.rings()
            await ringing.answer()
            customer.plays(CUSTOMER_HZ)
            ringing.plays(ANNA_HZ)
            await customer.hears_tone(ANNA_HZ)
            await pause(4)
            await own_pbx.kill9()
            (left,) = (folder / "part").glob("*.rx.wav")
            assert left.read_bytes()[40:44] == bytes(4)
            await own_pbx.start()
        site.app[COLLECTORS]["main"].waits = Waits(still=1)

        async def found() -> str | None:
            async with site.database.read() as connection:
                return await connection.scalar(select(Recording.note).where(Recording.call_id.is_not(None)))

        assert "mended" in str(await eventually(found))
        async with site.database.read() as connection:
            row = (
                await connection.execute(
                    select(Recording.call_id, Recording.original_key, Recording.duration_s, Recording.note)
                )
            ).one()
        left_side, right = await sides(site, Kept(*row))
        assert left_side.share_of(CUSTOMER_HZ) > 0.9
        assert right.share_of(ANNA_HZ) > 0.9
        assert left_side.seconds > 2
        assert not list((folder / "part").iterdir())
