"""Many recordings as one archive: what is in it, who may have it, and that each one is written down."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from core.db import Database
from recordings.kinds import NoAudio
from recordings.removal import Remover
from recordings.store import LocalStore
from recordings.tables import Recording
from tests.sound_seed import sample
from tests.sound_site import ANNAS, BARTEKS, FIRST, SECOND, SoundSite, sound_site

EXPORT = "/recordings/export.tar?when=all"


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path) as running:
        yield running


def unpack(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        found = {one.name: archive.extractfile(one) for one in archive.getmembers()}
        return {name: file.read() for name, file in found.items() if file is not None}


def index_of(files: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files["recordings/index.csv"].decode())))


async def test_an_archive_has_audio_words_and_an_index(site: SoundSite) -> None:
    answer = await site.ask(EXPORT, "admin")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    files = unpack(answer.body)
    lines = index_of(files)
    assert [(line["recording"], line["call"]) for line in lines] == [(FIRST, ANNAS), (SECOND, BARTEKS)]
    assert lines[0]["customer_number"] == "'+48226000001"
    for line, name in zip(lines, ("order", "payment"), strict=True):
        audio = f"recordings/{line['file']}"
        assert files[audio] == sample(name).audio.read_bytes()
        assert "Lumen garden lamps" in files[audio.replace(".mp3", ".txt")].decode()
    assert await site.uses() == [("admin", "exported", FIRST), ("admin", "exported", SECOND)]


async def test_the_filter_of_the_log_chooses(site: SoundSite) -> None:
    person = site.users["bartek"].id
    files = unpack((await site.ask(f"{EXPORT}&agent={person}", "admin")).body)
    assert [line["recording"] for line in index_of(files)] == [SECOND]
    empty = unpack((await site.ask(f"{EXPORT}&verdict=missed", "admin")).body)
    assert index_of(empty) == []


async def test_what_the_store_lost_is_said(site: SoundSite) -> None:
    await site.store.remove(f"{FIRST}/original.mp3")
    files = unpack((await site.ask(EXPORT, "admin")).body)
    lines = index_of(files)
    assert (lines[0]["file"], lines[0]["note"]) == ("", "the audio is not in the store any more")
    assert lines[1]["file"]


async def test_what_was_removed_is_not_in_it(site: SoundSite) -> None:
    remover = Remover(site.database, site.bus, lambda: site.now, site.settings.recordings)
    await remover.remove(site.asker("admin"), [FIRST], NoAudio.RETENTION)
    files = unpack((await site.ask(EXPORT, "admin")).body)
    assert [line["recording"] for line in index_of(files)] == [SECOND]


async def test_exporting_is_a_right_of_its_own(site: SoundSite) -> None:
    assert (await site.ask(EXPORT, "maria")).status == 403
    assert (await site.ask(EXPORT, "anna")).status == 403
    assert "Export recordings" not in (await site.ask("/calls", "maria")).text
    assert "Export recordings" in (await site.ask("/calls", "admin")).text
    reads, exports = await site.key("recordings:read"), await site.key("recordings:export")
    path = "/api/v1/recordings/export?queue=sales"
    assert (await site.ask(path, key=reads)).status == 403
    alone = await site.ask(path, key=exports)
    assert index_of(unpack(alone.body)) == []  # without the right to hear there is nothing to export
    both = await site.key("recordings:read", "recordings:export")
    assert len(index_of(unpack((await site.ask(path, key=both)).body))) == 2


class SlowStore(LocalStore):
    """While the first recording is sent, something happens to the second."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def size(self, key: str) -> int:
        happen, self.meanwhile = self.meanwhile, None
        if happen is not None:
            await happen()
        return await super().size(key)


async def test_what_is_redacted_or_erased_meanwhile_is_not_in_it(database: Database, tmp_path: Path) -> None:
    """An archive of a month takes an hour to send."""
    store = SlowStore(tmp_path / "audio")
    async with sound_site(database, tmp_path, store=store) as site:
        silenced = f"{SECOND}/mp3-7-1.mp3"

        async def redact() -> None:
            await store.put(silenced, sample("order").audio)
            async with database.write() as connection:
                of = update(Recording).where(Recording.id == SECOND)
                await connection.execute(of.values(mp3_key=silenced))

        store.meanwhile = redact
        files = unpack((await site.ask(EXPORT, "admin")).body)
        assert files[f"recordings/{index_of(files)[1]['file']}"] == sample("order").audio.read_bytes()

        async def erase() -> None:
            remover = Remover(database, site.bus, lambda: site.now, site.settings.recordings)
            await remover.remove(site.asker("admin"), [SECOND], NoAudio.PERSON_ERASED)

        store.meanwhile = erase
        lines = index_of(unpack((await site.ask(EXPORT, "admin")).body))
        assert [(line["file"] == "", line["note"]) for line in lines] == [
            (False, ""),
            (True, "removed while the archive was made"),
        ]
