"""`ringback erase-recordings CUSTOMER` and `ringback erase CUSTOMER`: show what would go, ask, remove it and print what
was removed. They work beside a running server, and remove the audio from the store themselves."""

from __future__ import annotations

from collections.abc import Callable

from config.settings import Settings
from core.bus import Bus
from core.clock import iso, system_clock
from recordings.access import Asker
from recordings.leftovers import Sweeper
from recordings.removal import Remover
from server.people.command import open_database
from server.privacy.erase_whole import WholeErasure
from server.privacy.erasing import Erased, PersonErasure, Preview
from server.recordings.parts import make_store
from server.web.pages import duration

BY_COMMAND = Asker("command line", None)
"""How a removal by this command is written down."""


async def erase(settings: Settings, customer_id: int, confirm: Callable[[str], bool]) -> None:
    """`confirm` is asked once, after everything that would go was printed. Raises NotFoundError, DatabaseError."""
    async with open_database(settings) as database:
        remover = Remover(database, Bus(), system_clock, settings.recordings)
        erasure = PersonErasure(database, remover)
        preview = await erasure.preview(customer_id)
        show_preview(preview)
        if not (preview.lines or preview.notes) or not confirm("Erase this for ever?"):
            print("Nothing was erased.")
            return
        erased = await erasure.erase(BY_COMMAND, customer_id)
        store = make_store(settings, database)
        swept = await Sweeper(database, store, system_clock).sweep()
        await store.close()
    show_report(erased, swept)


def show_preview(preview: Preview) -> None:
    print(f"{preview.person.title}: {len(preview.person.calls)} calls")
    for line in preview.lines:
        stays = f"  stays: {line.why_kept}" if line.why_kept else ""
        print(f"  {iso(line.started_at)}  {duration(line.duration_s):>8}  call {line.call_id}{stays}")
    if preview.notes:
        print(f"  and what was noted about these calls, in {preview.notes} places")
    if preview.person.shared_calls:
        print(
            f"  {preview.person.shared_calls} calls are left alone: their number belongs to several customers"
        )


def show_report(erased: Erased, swept: int) -> None:
    gone = erased.report.removed
    print("Erased")
    for what, number in (
        ("recordings", f"{gone.recordings} ({duration(gone.seconds)})"),
        ("audio files", gone.audio_files),
        ("transcripts", gone.transcripts),
        ("places in the search index", gone.documents),
        ("comments", gone.comments),
        ("agents' notes on calls", erased.notes),
    ):
        print(f"  {what}: {number}")
    if gone.on_pbx:
        print(f"Of {gone.on_pbx} the PBX made a file of its own: remove it there (docs/listening.md).")
    if swept < gone.audio_files:
        print("The store did not let go of all audio yet: the server goes on trying.")
    for line in erased.report.kept:
        print(f"Kept: the recording of call {line.call_id}, {line.why_kept}")


async def erase_person(settings: Settings, customer_id: int, confirm: Callable[[str], bool]) -> None:
    """The whole person, with a certificate. `confirm` is asked once, after everything that would go was printed. Raises
    NotFoundError, DatabaseError."""
    async with open_database(settings) as database:
        remover = Remover(database, Bus(), system_clock, settings.recordings)
        erasure = WholeErasure(database, Bus(), system_clock, remover)
        foreseen = await erasure.foresee(customer_id)
        print(foreseen.person.title)
        for title, count in foreseen.counts:
            print(f"  {title}: {count}")
        if foreseen.held:
            print(f"  {foreseen.held} calls are on legal hold and stay")
        for what, count, why in foreseen.staying:
            print(f"  Stays: {what}: {count}: {why}")
        if not confirm("Erase this person for ever?"):
            print("Nothing was erased.")
            return
        certificate = await erasure.erase(BY_COMMAND, customer_id)
        store = make_store(settings, database)
        await Sweeper(database, store, system_clock).sweep()
        await store.close()
    print(f"Certificate {certificate.code}, {iso(certificate.at)}, by {certificate.by}")
    for what, count in certificate.erased:
        print(f"  {what}: {count}")
    for what, count, why in certificate.kept:
        print(f"Kept: {what}: {count}: {why}")
