"""How recordings go: by hand, when their time is over, with the person they were about; what is on hold stays; and
nothing is left behind, in the store or in the index."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from config.recordings import Retention as Rules
from core.db import Database
from core.errors import ConflictError
from core.facts import RecordingChanged
from crm_link.tables import CallCustomer, Customer, Note
from pbx_bridge.tables import CallWrapUp
from recordings.access import Asker
from recordings.care import Care
from recordings.erasure import Erasure
from recordings.kinds import NoAudio
from recordings.removal import Remover
from recordings.retention import Retention, days_kept
from recordings.search.index import Document, DocumentKind, fold, put
from recordings.search.tables import SearchDocument
from recordings.tables import CallAudio, Recording, RecordingComment, RecordingUse, Transcript
from tests.seed import NOW
from tests.sound_seed import sample
from tests.sound_site import ANNAS, BARTEKS, FIRST, SECOND, SoundSite, sound_site

DAY = 86_400.0
RULES = RecordingSettings()


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path) as running:
        await index(running, FIRST, ANNAS)
        yield running


async def index(site: SoundSite, recording_id: str, call_id: str) -> None:
    """As the search feed does when a transcript is ready."""
    async with site.database.write() as connection:
        transcript_id = await connection.scalar(
            select(Transcript.id).where(Transcript.recording_id == recording_id)
        )
        document = Document(
            DocumentKind.TRANSCRIPT, f"transcript:{recording_id}", NOW, sample("order").text,
            call_id=call_id, recording_id=recording_id, transcript_id=transcript_id,
        )  # fmt: skip
        await put(connection, await fold(connection, document))


def remover(site: SoundSite) -> Remover:
    return Remover(site.database, site.bus, lambda: site.now, RULES)


def care(site: SoundSite) -> Care:
    return Care(site.database, site.bus, lambda: site.now, RULES)


def as_user(site: SoundSite, login: str) -> Asker:
    return Asker(login, site.users[login])


async def count(site: SoundSite, table: type) -> int:
    async with site.database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def keys(site: SoundSite) -> set[str]:
    found = site.store.keys()
    return {key async for key in found}


async def is_gone(site: SoundSite, recording_id: str) -> str | None:
    async with site.database.read() as connection:
        return await connection.scalar(select(Recording.removed_why).where(Recording.id == recording_id))


async def test_an_administrator_removes_everything_of_one(site: SoundSite) -> None:
    await care(site).comment(as_user(site, "maria"), FIRST, 3.0, "Well said.")
    response = await site.ask(f"/recordings/{FIRST}/remove", "admin", method="POST")
    assert (response.status, response.headers["Location"]) == (303, f"/calls/{ANNAS}")
    await site.sweeper.sweep()
    assert {key.partition("/")[0] for key in await keys(site)} == {SECOND}
    assert await count(site, Transcript) == 1
    assert await count(site, SearchDocument) == 0
    assert await count(site, RecordingComment) == 0
    assert await is_gone(site, FIRST) == NoAudio.REMOVED_BY_HAND
    async with site.database.read() as connection:
        state = await connection.scalar(select(CallAudio.state).where(CallAudio.call_id == ANNAS))
    assert state == "erased"
    assert ("admin", "removed", FIRST) in await site.uses()
    assert any(isinstance(fact, RecordingChanged) and fact.recording_id == FIRST for fact in site.said)


async def test_removing_is_for_administrators(site: SoundSite) -> None:
    for login in ("maria", "anna"):
        assert (await site.ask(f"/recordings/{FIRST}/remove", login, method="POST")).status == 403
    assert await is_gone(site, FIRST) is None


async def test_what_is_on_hold_stays_whoever_asks(site: SoundSite) -> None:
    await care(site).hold(as_user(site, "maria"), FIRST, "Complaint 118")
    assert (await site.ask(f"/recordings/{FIRST}/remove", "admin", method="POST")).status == 409
    site.now += 400 * DAY
    sweeper = Retention(site.database, remover(site), lambda: site.now, Rules(days=30))
    assert (await sweeper.sweep()).recordings == 1
    assert await is_gone(site, FIRST) is None
    assert await is_gone(site, SECOND) == NoAudio.RETENTION
    erasure = Erasure(site.database, remover(site))
    report = await erasure.erase(as_user(site, "admin"), [ANNAS, BARTEKS])
    assert report.removed.recordings == 0
    assert [line.recording_id for line in report.kept] == [FIRST]
    assert "Complaint 118" in (report.kept[0].why_kept or "")
    await care(site).release(as_user(site, "maria"), FIRST)
    assert (await sweeper.sweep()).recordings == 1


async def test_holding_needs_a_reason_and_is_not_done_twice(site: SoundSite) -> None:
    path = f"/recordings/{FIRST}"
    assert (await site.ask(f"{path}/hold", "maria", method="POST", data={"why": " "})).status == 422
    assert (await site.ask(f"{path}/release", "maria", method="POST")).status == 409
    assert (await site.ask(f"{path}/hold", "maria", method="POST", data={"why": "x"})).status == 303
    assert (await site.ask(f"{path}/hold", "maria", method="POST", data={"why": "y"})).status == 409
    assert (await site.ask(f"{path}/hold", "anna", method="POST", data={"why": "y"})).status == 403
    assert [what for _, what, _ in await site.uses()] == ["held"]


async def until_somebody_waits(connection: AsyncConnection) -> None:
    """For what `connection` has locked."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.05)
            if connection.dialect.name == "sqlite":  # the one writer is taken: whoever came waits for it
                return
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            if await connection.scalar(text(waiting)):
                return


@pytest.mark.parametrize(
    "meanwhile", [{"removed_at": NOW, "removed_why": "retention"}, {"held_at": NOW, "held_why": "Complaint"}]
)
async def test_hold_and_removal_at_the_same_moment_know_of_each_other(
    site: SoundSite, meanwhile: dict[str, object]
) -> None:
    """Who is told that a recording is on hold must find it there; what is on hold must not go."""
    async with site.database.write() as connection:
        await connection.execute(update(Recording).where(Recording.id == FIRST).values(meanwhile))
        wish: Coroutine[object, object, object] = (
            remover(site).remove_by_hand(as_user(site, "admin"), FIRST)
            if "held_at" in meanwhile
            else care(site).hold(as_user(site, "maria"), FIRST, "Complaint")
        )
        asked = asyncio.create_task(wish)
        await until_somebody_waits(connection)
    with pytest.raises(ConflictError):
        await asked


async def test_nothing_is_said_of_what_is_gone(site: SoundSite) -> None:
    await remover(site).remove(Asker("test", None), [FIRST], NoAudio.PERSON_ERASED)
    said = await site.ask(
        f"/recordings/{FIRST}/comments", "maria", method="POST", data={"at": "1", "text": "x"}
    )
    assert said.status == 409
    assert await count(site, RecordingComment) == 0


@pytest.mark.parametrize(
    ("queue", "verdict", "days"),
    [
        ("sales", "answered", 10),
        ("sales", "voicemail", 10),
        ("support", "voicemail", 20),
        (None, "voicemail", 20),
        ("support", "answered", 30),
        (None, None, 30),
        ("law", "answered", 0),
    ],
)
async def test_the_most_special_rule_wins(
    site: SoundSite, queue: str | None, verdict: str | None, days: int
) -> None:
    """What the rules say in Python and what the database is asked are the same."""
    rules = Rules(days=30, queue={"sales": 10, "law": 0}, verdict={"voicemail": 20})
    assert days_kept(rules, queue, verdict) == days
    async with site.database.write() as connection:
        values = {"queue": queue, "verdict": verdict, "started_at": NOW}
        await connection.execute(update(Recording).where(Recording.id == FIRST).values(values))
        await connection.execute(
            update(Recording).where(Recording.id == SECOND).values(started_at=NOW + 10_000 * DAY)
        )
    sweeper = Retention(site.database, remover(site), lambda: site.now, rules)
    site.now = NOW + (days or 10_000) * DAY - 60
    assert (await sweeper.sweep()).recordings == 0
    site.now += 120
    assert (await sweeper.sweep()).recordings == (1 if days else 0)


async def test_a_kill_between_row_and_store_leaves_nothing(site: SoundSite) -> None:
    """The rows are gone, the audio is not yet: whoever starts next removes it."""
    await remover(site).remove(Asker("test", None), [FIRST], NoAudio.RETENTION)
    assert any(key.startswith(FIRST) for key in await keys(site))
    await site.sweeper.sweep()
    assert not any(key.startswith(FIRST) for key in await keys(site))
    assert (await remover(site).remove(Asker("test", None), [FIRST], NoAudio.RETENTION)).recordings == 0


async def customer_of(site: SoundSite, call_id: str) -> int:
    async with site.database.read() as connection:
        found = await connection.scalar(
            select(CallCustomer.customer_id).where(CallCustomer.call_id == call_id)
        )
    assert found is not None
    return int(found)


async def test_erasing_a_person_says_what_went(site: SoundSite) -> None:
    customer = await customer_of(site, ANNAS)
    page = f"/customers/{customer}/erase-recordings"
    assert (await site.ask(page, "maria")).status == 403
    shown = await site.ask(page, "admin")
    assert "1 recording of Customer 1" in shown.text
    assert await is_gone(site, FIRST) is None
    done = (await site.ask(page, "admin", method="POST")).text
    assert "1 recording of Customer 1 is gone for ever" in done
    for words in (
        "<dd>1 (0:43)</dd>",
        "<dt>Transcripts</dt><dd>1</dd>",
        "index</dt><dd>1</dd>",
        "calls</dt><dd>1</dd>",
    ):
        assert words in done, words
    assert await is_gone(site, FIRST) == NoAudio.PERSON_ERASED
    assert await is_gone(site, SECOND) is None
    async with site.database.read() as connection:
        notes = {
            row.call_id: row.note
            for row in await connection.execute(select(CallWrapUp.call_id, CallWrapUp.note))
        }
    assert notes == {ANNAS: "", BARTEKS: "Called about the wheel."}


@pytest.mark.parametrize(
    ("why", "left"), [(NoAudio.PERSON_ERASED, ""), (NoAudio.RETENTION, "Mrs. Kowalska sues")]
)
async def test_why_it_was_held_goes_with_the_person(site: SoundSite, why: NoAudio, left: str) -> None:
    await care(site).hold(as_user(site, "maria"), FIRST, "Mrs. Kowalska sues")
    await care(site).release(as_user(site, "maria"), FIRST)
    await remover(site).remove(as_user(site, "admin"), [FIRST], why)
    async with site.database.read() as connection:
        uses = await connection.execute(
            select(RecordingUse.what, RecordingUse.detail).order_by(RecordingUse.id)
        )
        assert [tuple(use) for use in uses] == [("held", left), ("released", left), ("removed", "")]


async def test_notes_about_erased_calls_go_and_others_stay(site: SoundSite) -> None:
    """A program may write a note about a customer and a call of theirs."""
    customer = await customer_of(site, ANNAS)
    row = {"customer_id": customer, "is_pinned": False, "created_at": NOW}
    async with site.database.write() as connection:
        for call_id, said in ((ANNAS, "She said her PIN."), (None, "Likes tulips."), (BARTEKS, "Not hers.")):
            await connection.execute(insert(Note).values(row | {"call_id": call_id, "text": said}))
    page = f"/customers/{customer}/erase-recordings"
    assert "noted about these calls, in 2 places" in (await site.ask(page, "admin")).text
    assert "calls</dt><dd>2</dd>" in (await site.ask(page, "admin", method="POST")).text
    async with site.database.read() as connection:
        left = (await connection.scalars(select(Note.text).order_by(Note.id))).all()
    assert left == ["Likes tulips.", "Not hers."]


async def test_a_call_that_may_be_somebody_elses_is_left_alone(site: SoundSite) -> None:
    customer, other = await customer_of(site, ANNAS), await customer_of(site, BARTEKS)
    link = {"call_id": ANNAS, "customer_id": other, "how": "matched", "rank": 2, "call_at": NOW}
    async with site.database.write() as connection:
        await connection.execute(CallCustomer.__table__.insert().values(link))  # type: ignore[attr-defined]
    page = await site.ask(f"/customers/{customer}/erase-recordings", "admin", method="POST")
    assert "1 call is left alone" in page.text
    assert await is_gone(site, FIRST) is None


async def test_the_command_prints_what_it_removed(sqlite_template: Path, tmp_path: Path) -> None:
    file = tmp_path / "ringback.db"
    file.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{file}")
    async with sound_site(database, tmp_path) as site:
        customer = await customer_of(site, ANNAS)
    await database.close()
    settings = tmp_path / "ringback.toml"
    settings.write_text(
        f'[database]\nurl = "sqlite:///{file}"\n[recordings]\nfolder = "{tmp_path / "audio"}"\n'
    )
    command = (sys.executable, "-m", "server", "erase-recordings", str(customer), "-c", str(settings))
    process = await asyncio.create_subprocess_exec(
        *command, "--yes", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    printed = {
        line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in said.decode().splitlines()
    }
    assert (printed["recordings"], printed["audio files"], printed["transcripts"]) == ("1 (0:43)", "2", "1")
    left = {path.parent.name for path in (tmp_path / "audio").rglob("*") if path.is_file()}
    assert left == {SECOND}


async def test_the_row_of_uses_outlives_the_audio(site: SoundSite) -> None:
    await site.ask(f"/recordings/{FIRST}/audio/mp3", "maria")
    await remover(site).remove(as_user(site, "admin"), [FIRST], NoAudio.PERSON_ERASED)
    async with site.database.read() as connection:
        rows = await connection.execute(
            select(RecordingUse.what).where(RecordingUse.call_id == ANNAS).order_by(RecordingUse.id)
        )
        assert [row.what for row in rows] == ["listened", "removed"]
    page = (await site.ask(f"/calls/{ANNAS}", "maria")).text
    assert "The recording was removed" in page
    assert "Maria Wiśniewska" in page


async def test_a_customer_who_is_none_is_not_found(site: SoundSite) -> None:
    assert (await site.ask("/customers/9999/erase-recordings", "admin")).status == 404
    assert await count(site, Customer) == 2
