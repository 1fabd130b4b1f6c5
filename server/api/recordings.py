"""Recordings for programs: the list, one with its transcript and comments, its audio in ranges, legal hold, another
transcript, and pausing the recording of a call that goes on. Who may do what stands in `recordings/access.py`; each use
is written down with the key's prefix."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from aiohttp import web
from pydantic import Field
from sqlalchemy import Row

from core.errors import NotFoundError
from core.facts import Direction, Verdict
from recordings.access import Right, may_hear_call, reach
from recordings.kinds import AudioState, Channel, NoAudio, Use
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Seconds, Taken
from server.recordings.access import asker_of
from server.recordings.export import send_archive
from server.recordings.keeping import care_of
from server.recordings.media import note, send_copy
from server.recordings.pause import pauses_of
from server.views.call_filter import CallFilter, When
from server.views.prompts import read_notice
from server.views.recording_list import RecordingFilter, read_recordings
from server.views.recordings import has_transcript, read_comments, read_ids, read_state, read_transcript
from server.web.keys import DATABASE, SETTINGS


class RecordingQuery(Paging):
    """Which recordings; all given conditions must hold."""

    since: Instant | None = Field(None, description="Recorded from this instant on.")
    until: Instant | None = Field(None, description="Recorded before this instant.")
    queue: str | None = Field(None, min_length=1, max_length=80)
    held: bool | None = Field(None, description="Only those that are, or are not, on legal hold.")
    removed: bool = Field(False, description="Only those whose audio is gone.")


class Recording(Given):
    """One stretch of audio of a call."""

    id: str
    call_id: str | None = Field(description="Null while its call is unknown.")
    pbx: str
    queue: str | None
    started_at: Instant
    duration_s: Seconds
    channels: int = Field(description="2: the customer left, our side right; 1: both mixed by the PBX.")
    has_transcript: bool
    held_at: Instant | None = Field(description="On legal hold since then.")
    held_why: str
    removed_at: Instant | None = Field(description="The audio is gone since then.")
    removed_why: NoAudio | None
    note: str = Field(description="What was repaired or is doubtful, for people.")


class RecordingPage(Page):
    recordings: list[Recording] = Field(description="Newest first.")


class Comment(Given):
    id: int
    at_s: float = Field(description="Seconds from the beginning of the recording.")
    user_id: int | None
    name: str | None
    made_at: Instant
    text: str


class RecordingDetail(Recording):
    comments: list[Comment]


class Word(Given):
    text: str = Field(serialization_alias="w", description="`[redacted]` for what was taken out.")
    start: float
    end: float
    conf: float
    channel: Channel
    redacted: bool


class TranscriptAnswer(Given):
    language: str
    engine: str
    model: str
    made_at: Instant
    text: str
    words: list[Word]


class CallAudio(Given):
    """How the audio of one call stands."""

    state: AudioState | None = Field(description="Null for a call that goes on, or that nobody answered.")
    reason: NoAudio | None = Field(description="Why there is none, or less than there should be.")
    recordings: list[str] = Field(description="Ids.")
    notice_at: Instant | None = Field(
        description="When the recording notice had been played to the outside party; null: none was, or not whole."
    )


class NewComment(Taken):
    at_s: float = Field(ge=0, description="Seconds from the beginning of the recording.")
    text: str = Field(min_length=1, max_length=2000)


class Hold(Taken):
    why: str = Field(min_length=1, max_length=500)


class Again(Taken):
    engine: Literal["vosk", "faster-whisper"] | None = Field(
        None, description="Null for the one of the settings."
    )


class Pause(Taken):
    paused: bool


class PauseAnswer(Given):
    paused_until: Instant | None = Field(description="When it goes on by itself; null: it is being recorded.")


class AudioQuery(Taken):
    format: Literal["mp3", "opus", "original"] = "mp3"


class ExportQuery(Taken):
    """Of which calls; all given conditions must hold."""

    since: Instant | None = Field(None, description="Calls that began at this instant or later.")
    until: Instant | None = Field(None, description="Calls that began before this instant.")
    direction: Direction | None = None
    result: Verdict | None = None
    queue: str | None = Field(None, min_length=1, max_length=80)
    number: str | None = Field(None, min_length=1, max_length=80, description="In any spelling; whole.")


@operation("Recordings, newest first", tag="Recordings")
async def list_recordings(request: web.Request, query: RecordingQuery) -> RecordingPage:
    """A person sees those they may hear."""
    wanted = RecordingFilter(query.since, query.until, query.queue, query.held, query.removed)
    async with request.app[DATABASE].read() as connection:
        rows, after = await read_recordings(
            connection,
            asker_of(request),
            request.app[SETTINGS].recordings,
            wanted,
            after=query.after,
            limit=query.limit,
        )
    return RecordingPage(recordings=[Recording.model_validate(row) for row in rows], next=after)


@operation("One recording with its comments", tag="Recordings")
async def read_recording(request: web.Request, recording_id: str) -> RecordingDetail:
    row = await _reached(request, recording_id)
    async with request.app[DATABASE].read() as connection:
        comments = (await read_comments(connection, [row.id])).get(row.id, ())
        is_written = await has_transcript(connection, row.id)
    columns = {name: getattr(row, name) for name in Recording.model_fields if name != "has_transcript"}
    said = [Comment.model_validate(one) for one in comments]
    return RecordingDetail(**columns, has_transcript=is_written, comments=said)


@operation("Recordings of many calls as one archive", tag="Recordings", media="application/x-tar")
async def export_recordings(request: web.Request, query: ExportQuery) -> web.StreamResponse:
    """A tar file with the audio and the transcripts, and `index.csv` that says what each file is. Each recording is
    written down as exported."""
    wanted = CallFilter(
        when=When.ALL,
        since=query.since,
        until=query.until,
        direction=query.direction,
        verdict=query.result,
        queue=query.queue,
        number=query.number,
    )
    return await send_archive(request, wanted)


@operation("The audio of a recording", tag="Recordings", media="audio/mpeg", problems=(416,))
async def read_audio(request: web.Request, recording_id: str, query: AudioQuery) -> web.StreamResponse:
    """As MP3, as Opus in an Ogg file, or as it was recorded. One range can be asked for with the header `Range`; each
    request is written down."""
    row = await _reached(request, recording_id, Right.DOWNLOAD)
    return await send_copy(request, row, query.format)


@operation("What was said, word by word", tag="Recordings")
async def read_words(request: web.Request, recording_id: str) -> TranscriptAnswer:
    """404 while there is no transcript."""
    row = await _reached(request, recording_id)
    async with request.app[DATABASE].read() as connection:
        written = await read_transcript(connection, row.id)
    if written is None:
        raise NotFoundError("there is no transcript of this recording (yet)")
    await note(request, row, Use.READ)
    return await asyncio.to_thread(TranscriptAnswer.model_validate, written)


@operation("How the audio of a call stands", tag="Recordings")
async def read_call_audio(request: web.Request, call_id: str) -> CallAudio:
    """Every answered call has its audio or a reason why not."""
    settings = request.app[SETTINGS].recordings
    async with request.app[DATABASE].read() as connection:
        if not await may_hear_call(connection, asker_of(request), call_id, settings):
            raise NotFoundError("there is no such call in the log")
        state, reason = await read_state(connection, call_id)
        ids = await read_ids(connection, call_id)
        notice = await read_notice(connection, call_id)
    noticed = notice.at if notice is not None and notice.whole else None
    return CallAudio(state=state, reason=reason, recordings=list(ids), notice_at=noticed)


@operation("Pause or resume the recording of a call", tag="Recordings", problems=(409, 502))
async def pause_recording(request: web.Request, call_id: str, body: Pause) -> PauseAnswer:
    """While a card number is read out: the recording is silent, its time goes on. A pause ends by itself after
    `recordings.resume_after_seconds`; pausing again begins that time anew. 409 for a call that is over, or not
    paused."""
    if body.paused:
        until = await pauses_of(request).pause(asker_of(request), call_id)
        return PauseAnswer(paused_until=until)
    await pauses_of(request).resume(asker_of(request), call_id)
    return PauseAnswer(paused_until=None)


@operation("Comment on a moment", tag="Recordings", status=201, problems=(409,))
async def add_comment(request: web.Request, recording_id: str, body: NewComment) -> Comment:
    comment_id = await care_of(request).comment(asker_of(request), recording_id, body.at_s, body.text)
    async with request.app[DATABASE].read() as connection:
        comments = (await read_comments(connection, [recording_id])).get(recording_id, ())
    return Comment.model_validate(next(one for one in comments if one.id == comment_id))


@operation("Put a recording on legal hold", tag="Recordings", status=204, problems=(409,))
async def hold(request: web.Request, recording_id: str, body: Hold) -> None:
    """While it is held, neither retention nor an erasure removes it."""
    await care_of(request).hold(asker_of(request), recording_id, body.why)


@operation("Release a legal hold", tag="Recordings", status=204, problems=(409,))
async def release(request: web.Request, recording_id: str) -> None:
    await care_of(request).release(asker_of(request), recording_id)


@operation("Have a recording written down again", tag="Recordings", status=202, problems=(409,))
async def transcribe_again(request: web.Request, recording_id: str, body: Again) -> None:
    """The transcripts there are stay; the new one counts when it is ready."""
    await care_of(request).transcribe_again(asker_of(request), recording_id, body.engine)


async def _reached(request: web.Request, recording_id: str, right: Right = Right.HEAR) -> Row[Any]:
    async with request.app[DATABASE].read() as connection:
        settings = request.app[SETTINGS].recordings
        return await reach(connection, asker_of(request), recording_id, settings, right)
