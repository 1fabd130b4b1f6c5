"""The recordings of one call as people meet them: the card on the call's page, the page of an agent's own call, and
what is done with one recording by hand. Forms go to the recordings room, which decides; the audio itself is
`media.py`'s part."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from urllib.parse import quote

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import Role
from core.errors import InvalidInputError, NotFoundError
from recordings.access import Right, may_all, may_hear_call, may_keep, may_remove, reach
from recordings.audit import goes_on, note_once
from recordings.dialogue import Turn
from recordings.kinds import Channel, Use
from recordings.words import dialogue, webvtt
from server.recordings import words as recording_words
from server.recordings.access import asker_of, recording_id_of
from server.recordings.keeping import care_of, remover_of
from server.recordings.media import file_name, note
from server.recordings.workers import SWEEPER
from server.views.call_story import CallStory, read_story
from server.views.prompts import read_notice, was_notice_there
from server.views.recordings import CallSound, read_sound, read_transcript
from server.web.guard import csp, current_user
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.web.pages import render_long, see_other

FORM_LIMIT = 4000
FILES = {"txt": (dialogue, "text/plain"), "vtt": (webvtt, "text/vtt")}
NAMES = {Channel.CUSTOMER: "Customer", Channel.OURS: "Our side", Channel.MIXED: "Speaker"}
LONGEST_SEARCH = 200


async def card_context(
    request: web.Request, connection: AsyncConnection, story: CallStory, page: str
) -> dict[str, Any]:
    """What `recordings/_sound.html` shows. `page` is the address that its forms come back to."""
    asker, settings = asker_of(request), request.app[SETTINGS].recordings
    wanted = request.query.get("q", "")[:LONGEST_SEARCH]
    is_heard = await may_hear_call(connection, asker, story.call.id, settings)
    sound = await read_sound(connection, story.call.id, wanted, with_texts=is_heard)
    return {
        "sound": sound,
        "may_hear": is_heard,
        "may_download": is_heard and may_all(asker, Right.DOWNLOAD, settings),
        "may_keep": is_heard and may_keep(asker),
        "may_remove": is_heard and may_remove(asker),
        "words": recording_words,
        "notice": await read_notice(connection, story.call.id),
        "notice_was_there": await was_notice_there(
            connection, story.call.pbx, story.call.queue, story.call.started_at
        ),
        "wanted": wanted,
        "begin_at": _seconds(request.query.get("at", "")),
        "speaker": lambda turn: _speaker(story, turn),
        "sound_page": page,
        "card_address": f"/calls/{quote(story.call.id, safe='')}/sound",
    }


async def show_own(request: web.Request) -> web.StreamResponse:
    """The page for whoever may hear the call but not read the whole log: an agent and their own calls."""
    call_id = request.match_info["id"]
    async with request.app[DATABASE].read() as connection:
        settings = request.app[SETTINGS].recordings
        if not await may_hear_call(connection, asker_of(request), call_id, settings):
            raise NotFoundError("there is no such call, or it is not yours to hear")
        story = await read_story(connection, call_id, request.app[CLOCK]())
        context = await card_context(request, connection, story, own_page_of(call_id))
    await note_reading(request, context["sound"])
    return await with_player(request, "recordings/listen.html", story=story, call=story.call, **context)


async def show_card(request: web.Request) -> web.StreamResponse:
    """The card alone, for a page that waits for something to come."""
    call_id, user = request.match_info["id"], current_user(request)
    async with request.app[DATABASE].read() as connection:
        settings = request.app[SETTINGS].recordings
        is_heard = await may_hear_call(connection, asker_of(request), call_id, settings)
        if not is_heard and not user.role.covers(Role.MANAGER):
            raise NotFoundError("there is no such call, or it is not yours to hear")
        story = await read_story(connection, call_id, request.app[CLOCK]())
        context = await card_context(request, connection, story, page_of(request, call_id))
    if is_heard:
        await note_reading(request, context["sound"])
    return await render_long(request, "recordings/_sound.html", call=story.call, **context)


async def with_player(request: web.Request, template: str, **context: Any) -> web.Response:
    """A page whose waveform may bring its own style: the library writes one into its shadow tree."""
    nonce = secrets.token_urlsafe(16)
    response = await render_long(request, template, nonce=nonce, **context)
    response.headers["Content-Security-Policy"] = csp(style_nonce=nonce)
    return response


async def note_reading(request: web.Request, sound: CallSound) -> None:
    """A transcript that is shown is read."""
    asker, now, database = asker_of(request), request.app[CLOCK](), request.app[DATABASE]
    if request.method == "HEAD":
        return
    async with database.read() as connection:
        due = [
            one.row
            for one in sound.recordings
            if one.said and not await goes_on(connection, asker, Use.READ, one.row.id, now)
        ]
    if not due:
        return
    async with database.write() as connection:
        for row in due:
            await note_once(connection, asker, Use.READ, at=now, call_id=row.call_id, recording_id=row.id)


async def comment(request: web.Request) -> web.StreamResponse:
    at = _seconds(await _text(request, "at"))
    if at is None:
        raise InvalidInputError("say at which second", field="at")
    text = await _text(request, "text")
    await care_of(request).comment(asker_of(request), recording_id_of(request), at, text)
    raise await _back(request)


async def remove_comment(request: web.Request) -> web.StreamResponse:
    comment_id = request.match_info["comment"]
    await care_of(request).remove_comment(asker_of(request), recording_id_of(request), int(comment_id))
    raise await _back(request)


async def hold(request: web.Request) -> web.StreamResponse:
    why = await _text(request, "why")
    await care_of(request).hold(asker_of(request), recording_id_of(request), why)
    raise await _back(request)


async def release(request: web.Request) -> web.StreamResponse:
    await care_of(request).release(asker_of(request), recording_id_of(request))
    raise await _back(request)


async def transcribe_again(request: web.Request) -> web.StreamResponse:
    await care_of(request).transcribe_again(asker_of(request), recording_id_of(request))
    raise await _back(request)


async def remove(request: web.Request) -> web.StreamResponse:
    await remover_of(request).remove_by_hand(asker_of(request), recording_id_of(request))
    if SWEEPER in request.app:
        request.app[SWEEPER].wake()
    raise await _back(request)


async def transcript(request: web.Request) -> web.StreamResponse:
    """The current transcript as a file: plain text or WebVTT."""
    settings, wanted = request.app[SETTINGS].recordings, request.match_info["format"]
    async with request.app[DATABASE].read() as connection:
        row = await reach(connection, asker_of(request), recording_id_of(request), settings, Right.DOWNLOAD)
        found = await read_transcript(connection, row.id)
    if found is None:
        raise NotFoundError("there is no transcript of this recording")
    if request.method != "HEAD":
        await note(request, row, Use.DOWNLOADED, f"transcript, {wanted}")
    write, kind = FILES[wanted]
    name = file_name(request, row, f".{wanted}")
    return web.Response(
        text=await asyncio.to_thread(write, found.words, NAMES),
        content_type=kind,
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _back(request: web.Request) -> web.HTTPException:
    """To the page of the recording's call that this person may open."""
    async with request.app[DATABASE].read() as connection:
        asker, settings = asker_of(request), request.app[SETTINGS].recordings
        row = await reach(connection, asker, recording_id_of(request), settings)
    if row.call_id is None:
        return see_other("/calls")
    return see_other(page_of(request, row.call_id))


def page_of(request: web.Request, call_id: str) -> str:
    """Where this person meets the recordings of a call."""
    if current_user(request).role.covers(Role.MANAGER):
        return f"/calls/{quote(call_id, safe='')}"
    return own_page_of(call_id)


def own_page_of(call_id: str) -> str:
    return f"/calls/{quote(call_id, safe='')}/listen"


async def _text(request: web.Request, name: str) -> str:
    """A form field as text, without what is too long for any of ours."""
    value = (await request.post()).get(name, "")
    return value.strip()[:FORM_LIMIT] if isinstance(value, str) else ""


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e6 else None


def _speaker(story: CallStory, turn: Turn) -> str:
    """Who says this, as far as it is known: of several colleagues after each other it is not."""
    if turn.channel is Channel.MIXED:
        return ""
    if turn.channel is Channel.OURS:
        talked = story.call.talked
        return talked[0].label if len(talked) == 1 else "Our side"
    title = story.call.customers[0].title if len(story.call.customers) == 1 else ""
    return title or "Customer"
