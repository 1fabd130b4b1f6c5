"""Prompts for programs: the list, a file in and out, and what the script of a PBX without a shared folder needs
(`config/asterisk/ringback-prompts.sh`): which files there should be, each of them, and word of what it has."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError
from recordings.prompts.book import MOST
from recordings.prompts.delivery import fetched, wanted_prompts
from recordings.prompts.names import LONGEST_NAME
from server.api.cut import cut
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Seconds, Taken
from server.recordings import prompts_page
from server.recordings.access import asker_of
from server.recordings.prompt_parts import changed, prompt_name_of, prompts_of
from server.views.prompts import OnPbx as OnPbxRow
from server.views.prompts import Stands, read_places
from server.web.keys import CLOCK, DATABASE, SETTINGS
from server.web.pieces import body_as_file

FIRST_LINE = "# ringback prompts"
"""By which the script knows the list from some proxy's page."""


class OnPbx(Given):
    pbx: str
    stands: Stands = Field(description="`elsewhere`: another version lies there.")
    since: Instant | None


class Prompt(Given):
    """A sound of the site's own in the place of a tone, or the recording notice of a queue."""

    name: str = Field(examples=["callback-customer", "notice-sales"])
    queue: str | None
    file_name: str = Field(description="As it was uploaded.")
    seconds: Seconds
    sha256: str = Field(description="Of the prepared sound.")
    uploaded_at: Instant
    uploaded_by: str
    on: list[OnPbx] = Field(description="How it stands on each PBX.")


class PromptList(Page):
    prompts: list[Prompt] = Field(description="By name.")


class FileQuery(Taken):
    file: str = Field("", max_length=200, description="What the file is called, for people.")


class PbxQuery(Taken):
    pbx: str = Field(min_length=1, max_length=60, description="The PBX's name in the settings.")


class Has(Taken):
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Fetched(Taken):
    prompts: list[Has] = Field(max_length=MOST, description="All that lie on the PBX now.")


@operation("Prompts that were uploaded", tag="Prompts")
async def list_prompts(request: web.Request, query: Paging) -> PromptList:
    async with request.app[DATABASE].read() as connection:
        places = await read_places(connection, tuple(request.app[SETTINGS].pbx))
    prompts = [
        Prompt(
            name=str(place.name),
            queue=place.name.queue,
            file_name=place.row.file_name,
            seconds=place.row.seconds,
            sha256=place.row.sound_sha256,
            uploaded_at=place.row.uploaded_at,
            uploaded_by=place.row.uploaded_by,
            on=[_on(one) for one in place.on],
        )
        for place in places
        if place.row is not None
    ]
    page, after = cut(prompts, query, lambda one: one.name, str)
    return PromptList(prompts=page, next=after)


@operation("Upload a prompt", tag="Prompts", status=204, problems=(409, 413, 503))
async def put_prompt(request: web.Request, name: str, query: FileQuery) -> None:
    """`name` is `callback-agent`, `callback-customer`, `callback-promised` or `notice-<queue>`. The body is a sound
    file of any usual kind, at most two minutes; it takes the place of the one before."""
    wanted = prompt_name_of(name)
    async with body_as_file(request) as file:
        await prompts_of(request).put(asker_of(request), wanted, file, query.file)
    changed(request.app)


@operation("Remove a prompt", tag="Prompts", status=204)
async def delete_prompt(request: web.Request, name: str) -> None:
    """People hear a tone again, or no notice."""
    await prompts_of(request).remove(asker_of(request), prompt_name_of(name))
    changed(request.app)


@operation("The prepared sound of a prompt", tag="Prompts", media="audio/wav", problems=(416,))
async def read_sound(request: web.Request, name: str) -> web.StreamResponse:
    """Mono, 8 kHz, 16 bit."""
    prompt_name_of(name)
    return await prompts_page.sound(request)


@operation("Which prompts a PBX should have", tag="Prompts", media="text/plain")
async def read_manifest(request: web.Request, query: PbxQuery) -> web.StreamResponse:
    """For the PBX's script: after a first line, one line for each file, its checksum and its name."""
    _must_be_pbx(request, query.pbx)
    async with request.app[DATABASE].read() as connection:
        wanted = await wanted_prompts(connection)
    lines = [FIRST_LINE, *(f"{one.sha256} {name}.wav" for name, one in wanted.items())]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


@operation("Say which prompts a PBX has", tag="Prompts", status=204)
async def note_fetched(request: web.Request, query: PbxQuery, body: Fetched) -> None:
    """The PBX's script says what lies in its folder now."""
    _must_be_pbx(request, query.pbx)
    has = {one.name: one.sha256 for one in body.prompts}
    async with request.app[DATABASE].write() as connection:
        await fetched(connection, query.pbx, has, request.app[CLOCK]())


def _on(row: OnPbxRow) -> OnPbx:
    return OnPbx(pbx=row.pbx, stands=row.stands, since=row.since)


def _must_be_pbx(request: web.Request, name: str) -> None:
    if name not in request.app[SETTINGS].pbx:
        raise InvalidInputError("pbx: there is no such PBX in the settings", field="pbx")
