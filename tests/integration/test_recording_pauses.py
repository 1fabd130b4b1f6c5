"""Pausing a recording while a card number is read out: what the PBX is told, what is written down, and that a forgotten
pause ends itself, also after a crash. The switch is the edge: what it does to a real Asterisk is tested there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from config.recordings import RecordingSettings
from config.settings import Settings
from core.db import Database
from core.errors import ConflictError, NotFoundError, PbxError, PbxUncertainError
from core.facts import CallsJoined, CallStarted, Direction, Parties, RecordingPaused
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from recordings.access import Asker
from recordings.pauses import Pauses
from recordings.tables import RecordingPause
from tests.seed import NOW
from tests.sound_site import ANNAS, SoundSite, add_call, sound_site

OPEN, OTHER = "office-1795299000.7", "office-1795298970.3"
SETTINGS = Settings(recordings=RecordingSettings(resume_after_seconds=90))


@dataclass(slots=True)
class Switch:
    """Does what it is told, or refuses."""

    told: list[tuple[str, str, bool]] = field(default_factory=list)
    refusal: PbxError | None = None

    async def mute(self, pbx: str, call_id: str, *, muted: bool) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.told.append((pbx, call_id, muted))


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
async def site(database: Database, tmp_path: Path, switch: Switch) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path, SETTINGS, switch=switch) as running:
        await add_call(database, OPEN, NOW - 30, running.users["anna"], ended=False)
        yield running


def pauses(site: SoundSite, switch: Switch) -> Pauses:
    """As another start of the server would have them."""
    return Pauses(site.database, site.bus, lambda: site.now, switch, SETTINGS.recordings)


async def rows(site: SoundSite) -> list[tuple[float, float | None, str, str | None]]:
    async with site.database.read() as connection:
        found = await connection.execute(
            select(
                RecordingPause.since,
                RecordingPause.until,
                RecordingPause.paused_by,
                RecordingPause.resumed_by,
            ).order_by(RecordingPause.id)
        )
        return [(row.since, row.until, row.paused_by, row.resumed_by) for row in found]


def anna(site: SoundSite) -> Asker:
    return Asker("anna", site.users["anna"])


async def test_a_pause_is_told_written_and_ended(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    assert await kept.pause(anna(site), OPEN) == NOW + 90
    site.now += 20
    await kept.resume(anna(site), OPEN)
    assert switch.told == [("office", OPEN, True), ("office", OPEN, False)]
    assert await rows(site) == [(NOW, NOW + 20, "anna", "anna")]
    told = [fact for fact in site.said if isinstance(fact, RecordingPaused)]
    assert [fact.until for fact in told] == [NOW + 90, None]
    assert [(who, what) for who, what, _ in await site.uses()] == [("anna", "paused"), ("anna", "resumed")]


async def test_a_forgotten_pause_ends_itself(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    await kept.pause(anna(site), OPEN)
    site.now += 89
    assert await kept.resume_due() == 0
    site.now += 2
    assert await kept.resume_due() == 1
    assert await rows(site) == [(NOW, NOW + 91, "anna", "timer")]
    assert await kept.resume_due() == 0


async def test_pausing_again_begins_the_time_anew(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    await kept.pause(anna(site), OPEN)
    site.now += 80
    assert await kept.pause(anna(site), OPEN) == NOW + 170
    site.now += 20
    assert await kept.resume_due() == 0


async def test_who_starts_after_a_crash_ends_the_pause(site: SoundSite, switch: Switch) -> None:
    await pauses(site, switch).pause(anna(site), OPEN)
    site.now += 500
    assert await pauses(site, switch).resume_due() == 1
    assert switch.told[-1] == ("office", OPEN, False)


async def test_a_pbx_that_refuses_leaves_no_pause(site: SoundSite, switch: Switch) -> None:
    switch.refusal = PbxError("no recording of this call could be reached")
    with pytest.raises(PbxError):
        await pauses(site, switch).pause(anna(site), OPEN)
    assert await rows(site) == []
    assert site.said == []


async def test_a_pbx_that_perhaps_paused_is_told_to_resume(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    switch.refusal = PbxUncertainError("no answer")
    with pytest.raises(PbxUncertainError):
        await kept.pause(anna(site), OPEN)
    switch.refusal = None
    site.now += 91
    assert await kept.resume_due() == 1
    assert switch.told == [("office", OPEN, False)]


async def test_a_resume_the_pbx_refused_is_tried_again(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    await kept.pause(anna(site), OPEN)
    switch.refusal = PbxError("away")
    site.now += 100
    assert await kept.resume_due() == 0
    switch.refusal = None
    assert await kept.resume_due() == 1


async def test_only_a_call_that_goes_on_can_be_paused(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    with pytest.raises(ConflictError):
        await kept.pause(anna(site), ANNAS)
    with pytest.raises(NotFoundError):
        await kept.pause(anna(site), "office-no-such-call")
    with pytest.raises(ConflictError):
        await kept.resume(anna(site), OPEN)
    assert switch.told == []


async def test_a_pause_is_over_with_its_call(site: SoundSite, switch: Switch) -> None:
    kept = pauses(site, switch)
    await kept.pause(anna(site), OPEN)
    async with site.database.write() as connection:
        await connection.execute(update(Call).where(Call.id == OPEN).values(ended_at=NOW + 5))
    site.now += 500
    assert await kept.resume_due() == 0
    assert [told for told in switch.told if told[2] is False] == []


async def other_call(site: SoundSite) -> str:
    """The call that the paused one turns out to be part of."""
    await add_call(site.database, OTHER, NOW - 60, site.users["anna"], ended=False)
    return OTHER


async def test_a_pause_goes_along_when_its_call_becomes_part_of_another(
    site: SoundSite, switch: Switch
) -> None:
    """As the log does it: the absorbed call has no row of its own any more, and no end."""
    kept = pauses(site, switch)
    kept.subscribe(site.bus)
    await kept.pause(anna(site), OPEN)
    other = await other_call(site)
    async with site.database.write() as connection:
        await connection.execute(delete(CallPerson).where(CallPerson.call_id == OPEN))
        await connection.execute(delete(CallWrapUp).where(CallWrapUp.call_id == OPEN))
        await connection.execute(delete(Call).where(Call.id == OPEN))
    await site.bus.publish(CallsJoined(other, OPEN, NOW + 5))
    assert site.said[-1] == RecordingPaused(other, NOW + 5, NOW + 90)
    site.now += 91
    assert await kept.resume_due() == 1
    assert switch.told[-1] == ("office", other, False)
    assert await rows(site) == [(NOW, NOW + 91, "anna", "timer")]


async def test_a_pause_of_a_call_that_ended_unseen_is_over_with_it(site: SoundSite, switch: Switch) -> None:
    await pauses(site, switch).pause(anna(site), OPEN)
    async with site.database.write() as connection:
        await connection.execute(update(Call).where(Call.id == OPEN).values(ended_at=NOW + 5))
    site.now += 500
    again = pauses(site, switch)
    assert await again.resume_due() == 0
    assert await rows(site) == [(NOW, NOW + 5, "anna", "end")]


async def test_a_call_that_is_known_anew_is_said_to_be_paused(site: SoundSite, switch: Switch) -> None:
    """After a restart the desk's card would offer to pause what is paused."""
    await pauses(site, switch).pause(anna(site), OPEN)
    site.said.clear()
    again = pauses(site, switch)
    again.subscribe(site.bus)
    parties = Parties(Direction.INBOUND, "+48226000001", None, "226000100", "+48226000001")
    await site.bus.publish(CallStarted(OPEN, "office", NOW - 30, parties))
    await site.bus.publish(CallStarted("office-1.1", "office", NOW - 30, parties))
    assert site.said == [RecordingPaused(OPEN, NOW - 30, NOW + 90)]
