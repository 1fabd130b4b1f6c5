"""Who may hear, download and export which recording, in one place. Who asks and what the settings allow go in; the
recording's row comes out, or a condition for lists and searches, or an error is raised. A transcript follows its
recording: who may hear the one may read the other. Writing the use down is `audit.py`'s part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, column, false, or_, select, table, true
from sqlalchemy.ext.asyncio import AsyncConnection

from config.recordings import RecordingSettings
from core.accounts import Role, User
from core.errors import ForbiddenError, NotFoundError
from recordings.tables import Recording, Transcript

READ_SCOPE, WRITE_SCOPE, EXPORT_SCOPE = "recordings:read", "recordings:write", "recordings:export"

AS_IT_CAME = "original."
"""How an original's name in the store begins that nobody has silenced anything in."""

# The PBX room's tables, by name: rooms do not import each other.
_CALLS = table("calls", column("id"), column("pbx"))
_PEOPLE = table("call_people", column("call_id"), column("role"), column("extension"))
_WRAP_UPS = table("call_wrap_ups", column("call_id"), column("user_id"))


class Right(StrEnum):
    HEAR = "hear"
    DOWNLOAD = "download"
    EXPORT = "export"


WORDS = {Right.HEAR: "hearing", Right.DOWNLOAD: "downloading", Right.EXPORT: "exporting"}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: somebody logged in, or (`user` is None) a program whose key has these scopes. `name` is how a use is
    written down: the login, or `api:<key prefix>`."""

    name: str
    user: User | None
    scopes: frozenset[str] = frozenset()


def may_all(asker: Asker, right: Right, settings: RecordingSettings) -> bool:
    """Whether this right reaches every recording. Roles count by name, not by rank: a site may keep recordings from
    its administrators."""
    if asker.user is None:
        return (EXPORT_SCOPE if right is Right.EXPORT else READ_SCOPE) in asker.scopes
    allowed = {Right.HEAR: settings.hear, Right.DOWNLOAD: settings.download, Right.EXPORT: settings.export}
    return asker.user.role.value in allowed[right]


def must_all(asker: Asker, right: Right, settings: RecordingSettings) -> None:
    """Raises ForbiddenError unless this right reaches every recording."""
    if not may_all(asker, right, settings):
        raise ForbiddenError(f"{WORDS[right]} recordings is not among your rights")


def audible(asker: Asker, settings: RecordingSettings) -> ColumnElement[bool]:
    """The condition on `recordings` that leaves what this asker may hear."""
    return audible_call(asker, settings, Recording.call_id)


def audible_call(
    asker: Asker, settings: RecordingSettings, call_id: ColumnElement[Any] | Any
) -> ColumnElement[bool]:
    """The same over a column that holds call ids: of these calls every recording may be heard."""
    if may_all(asker, Right.HEAR, settings):
        return true()
    if asker.user is None or not settings.agents_hear_own:
        return false()
    return _was_on(asker.user, call_id)


def _was_on(user: User, call_id: ColumnElement[Any] | Any) -> ColumnElement[bool]:
    """One of this person's phones talked, and the wrap-up was theirs: a phone may have had another owner then."""
    phones = [
        and_(_CALLS.c.pbx == device.pbx, _PEOPLE.c.extension == device.extension) for device in user.devices
    ]
    if not phones:
        return false()
    talked = (
        select(_PEOPLE.c.call_id)
        .join(_CALLS, _CALLS.c.id == _PEOPLE.c.call_id)
        .join(_WRAP_UPS, and_(_WRAP_UPS.c.call_id == _CALLS.c.id, _WRAP_UPS.c.user_id == user.id))
        .where(_PEOPLE.c.role == "talked", or_(*phones))
    )
    return call_id.in_(talked)


def may_keep(asker: Asker) -> bool:
    """Whether this asker looks after recordings: legal hold, another transcript, other people's comments."""
    if asker.user is None:
        return WRITE_SCOPE in asker.scopes
    return asker.user.role.covers(Role.MANAGER)


def must_keep(asker: Asker) -> None:
    """Raises ForbiddenError for everybody who does not look after recordings."""
    if not may_keep(asker):
        raise ForbiddenError("looking after recordings is for managers")


def may_remove(asker: Asker) -> bool:
    """Whether this asker may take recordings away for ever."""
    return asker.user is not None and asker.user.role.covers(Role.ADMINISTRATOR)


def must_remove(asker: Asker) -> None:
    """Raises ForbiddenError for everybody who may not remove recordings."""
    if not may_remove(asker):
        raise ForbiddenError("removing recordings is for administrators")


async def may_hear_call(
    connection: AsyncConnection, asker: Asker, call_id: str, settings: RecordingSettings
) -> bool:
    """Whether the recordings of this call, if there are any, may be heard."""
    found = await connection.scalar(
        select(_CALLS.c.id).where(_CALLS.c.id == call_id, audible_call(asker, settings, _CALLS.c.id))
    )
    return found is not None


async def reach(
    connection: AsyncConnection,
    asker: Asker,
    recording_id: str,
    settings: RecordingSettings,
    right: Right = Right.HEAR,
    *,
    lock: bool = False,
) -> Row[Any]:
    """The recording's row, its audio removed or not. Raises NotFoundError when there is none or the asker may not even
    hear it, ForbiddenError when they may hear it but not do this. `lock`: what the row says (held, removed) holds until
    the transaction ends."""
    asked = select(*Recording.__table__.c).where(Recording.id == recording_id, audible(asker, settings))
    row = (await connection.execute(asked.with_for_update() if lock else asked)).one_or_none()
    if row is None:
        raise NotFoundError("there is no such recording")
    if right is not Right.HEAR:
        must_all(asker, right, settings)
    return row


async def holds_redacted(connection: AsyncConnection, row: Row[Any]) -> bool:
    """Whether something was redacted in this recording and its original is still as it came. A silenced one is kept
    under another name (`work.py`)."""
    name = PurePosixPath(row.original_key or "").name
    if not name.startswith(AS_IT_CAME):
        return False
    redacted = select(Transcript.id).where(Transcript.recording_id == row.id, Transcript.redactions != "[]")
    return await connection.scalar(redacted.limit(1)) is not None
