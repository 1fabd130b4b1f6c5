"""What is known of the files that lay in a PBX's folder: which were stored, refused or dropped, by name. A file's name
and fate go in, its row comes out; a file is known by it when it comes again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from recordings.folder import Found
from recordings.kinds import FileState
from recordings.names import kept
from recordings.tables import RecordingFile

_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(RecordingFile),
    "postgresql": postgresql.insert(RecordingFile),
}

DONE_WITH = (FileState.STORED, FileState.DROPPED)
"""What need not be taken again; a refused file may have been mended by a person."""


async def note_file(
    connection: AsyncConnection,
    pbx: str,
    one: Found,
    state: FileState,
    *,
    at: float,
    recording_id: str | None = None,
    sha256: str = "",
    why: str = "",
) -> None:
    """Write down what became of it."""
    values = {"state": state, "recording_id": recording_id, "sha256": sha256, "why": why}
    row = {"pbx": pbx, "name": kept(one.name), "seen_at": at, **values}
    statement = _INSERTS[connection.dialect.name]
    upsert = statement.on_conflict_do_update(
        index_elements=[RecordingFile.pbx, RecordingFile.name],
        set_={name: statement.excluded[name] for name in values},
        # What is stored stays known as stored, whatever else comes under its name.
        where=RecordingFile.state.not_in(DONE_WITH),
    )
    await connection.execute(upsert, row)


async def hashes_of(connection: AsyncConnection, pbx: str, files: Sequence[Found]) -> dict[str, str]:
    """Checksums, by name, of those of these files that need not be taken again."""
    rows = await connection.execute(
        select(RecordingFile.name, RecordingFile.sha256).where(
            RecordingFile.pbx == pbx,
            RecordingFile.name.in_([kept(one.name) for one in files]),
            RecordingFile.state.in_(DONE_WITH),
        )
    )
    return {row.name: row.sha256 for row in rows}
