"""Administrators' pages for a person's rights: hand out everything we have of them, erase them, and the certificates of
who was erased. What goes and what stays is decided in `erase_whole.py`."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from aiohttp import web
from sqlalchemy import select

from core.errors import InvalidInputError, NotFoundError
from recordings.access import Right, must_all
from server.privacy.access_request import AccessRequest, Contents
from server.privacy.erase_certificates import Certificate, list_certificates, read_certificate
from server.privacy.erase_tables import DataRequest
from server.privacy.erase_whole import WholeErasure
from server.recordings.access import asker_of
from server.recordings.keeping import remover_of
from server.recordings.parts import STORE
from server.recordings.workers import SWEEPER
from server.web.keys import BUS, CLOCK, DATABASE, SETTINGS
from server.web.pages import render, render_text, see_other

LONGEST_ID = 9
WORD = "erase"
"""What the person at the keyboard types: nobody erases somebody by a slip of the hand."""


async def show(request: web.Request) -> web.Response:
    """What an erasure would take, and earlier requests for the data."""
    customer_id = id_of(request)
    foreseen = await erasure_of(request).foresee(customer_id)
    async with request.app[DATABASE].read() as connection:
        asked = select(DataRequest.at, DataRequest.by, DataRequest.ended_at)
        asked = asked.where(DataRequest.customer_id == customer_id).order_by(DataRequest.id.desc())
        requests = (await connection.execute(asked.limit(20))).all()
    return render(request, "erasures/person.html", foreseen=foreseen, requests=requests, word=WORD)


async def erase(request: web.Request) -> web.Response:
    """Erase them; the certificate is shown. Raises InvalidInputError unless the word was typed."""
    form = await request.post()
    if str(form.get("word", "")).strip().lower() != WORD:
        raise InvalidInputError(f"type the word “{WORD}” to erase this person", field="word")
    certificate = await erase_person(request, id_of(request))
    raise see_other(f"/admin/erasures/{certificate.id}")


async def erase_person(request: web.Request, customer_id: int) -> Certificate:
    certificate = await erasure_of(request).erase(asker_of(request), customer_id)
    if SWEEPER in request.app:
        request.app[SWEEPER].wake()
    return certificate


async def index(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as connection:
        page = await list_certificates(connection, after=request.query.get("after"))
    return render(request, "erasures/index.html", page=page)


async def show_certificate(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as connection:
        certificate = await read_certificate(connection, id_of(request))
    return render(request, "erasures/certificate.html", certificate=certificate)


async def certificate_as_json(request: web.Request) -> web.Response:
    async with request.app[DATABASE].read() as connection:
        certificate = await read_certificate(connection, id_of(request))
    name = f'attachment; filename="erasure-{certificate.code}.json"'
    return web.json_response(certificate.as_json(), headers={"Content-Disposition": name})


async def hand_out(request: web.Request) -> web.StreamResponse:
    """Everything of this person as a ZIP file. A POST: it is written down each time."""
    return await send_archive(request, id_of(request))


async def send_archive(request: web.Request, customer_id: int) -> web.StreamResponse:
    """Raises NotFoundError, and ForbiddenError for somebody who may not export recordings."""
    asker = asker_of(request)
    must_all(asker, Right.EXPORT, request.app[SETTINGS].recordings)
    page = partial(_explained, request.app)
    access = AccessRequest(request.app[DATABASE], request.app[CLOCK], page)
    person, request_id = await access.begin(asker, customer_id)
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = "application/zip"
    response.headers["Content-Disposition"] = f'attachment; filename="customer-{customer_id}.zip"'
    await response.prepare(request)
    async with aclosing(access.archive(request.app[STORE], asker, person, request_id)) as pieces:
        async for piece in pieces:
            if piece:
                await response.write(piece)
    await response.write_eof()
    return response


def _explained(app: web.Application, contents: Contents) -> str:
    return render_text(app, "erasures/archive.html", contents=contents)


def erasure_of(request: web.Request) -> WholeErasure:
    app = request.app
    return WholeErasure(app[DATABASE], app[BUS], app[CLOCK], remover_of(request))


def id_of(request: web.Request) -> int:
    """Raises NotFoundError for what cannot be an id."""
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > LONGEST_ID:
        raise NotFoundError("there is nothing of this number")
    return int(text)
