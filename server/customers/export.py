"""Customers out: the list with its search as CSV, XLSX or vCards, one customer as a vCard. Read page by page and sent
as it is read, so that a hundred thousand customers cost no more memory than a page. Who took them is in the log."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from aiohttp import web

from core.accounts import list_users
from core.csv_files import guarded
from core.db import Database
from core.errors import InvalidInputError
from crm_link.directory import MOST_LISTED, CustomerView, find_older, read_customer, read_customers
from crm_link.imports.fields import Declared, by_key
from crm_link.imports.sheets import MOST_ROWS, Workbook, cells_of, columns_of
from crm_link.imports.vcards import Version, card_of
from server.web.guard import API_KEY, current_user
from server.web.keys import DATABASE, FIELDS, SETTINGS

log = structlog.get_logger(__name__)

TEXT_LIMIT = 200
MOST_CHOSEN = 1000
"""Customers named one by one; more are found by the list's search."""

CHUNK = 256 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to export: those that are named by their numbers, else those that the list's search finds."""

    q: str = ""
    ids: str = ""
    version: str = Version.FOUR


def wanted_of(request: web.Request) -> Wanted:
    query = request.query
    return Wanted(query.get("q", ""), query.get("ids", ""), query.get("version", Version.FOUR))


async def as_csv(request: web.Request) -> web.StreamResponse:
    """What the list shows, all of it."""
    return await send_csv(request, wanted_of(request))


async def as_workbook(request: web.Request) -> web.StreamResponse:
    """The same as a workbook."""
    return await send_workbook(request, wanted_of(request))


async def as_vcards(request: web.Request) -> web.StreamResponse:
    """The same as vCards, of version 4.0 unless 3.0 is asked for."""
    return await send_vcards(request, wanted_of(request))


async def send_csv(request: web.Request, wanted: Wanted) -> web.StreamResponse:
    pages, declared = _pages(request, wanted), _declared(request)
    owners = await _names(request)
    response = await _begin(request, "text/csv", "customers.csv")
    count = 0
    if request.method != "HEAD":
        await response.write("\ufeff".encode() + _csv([columns_of(declared)]))
        async for page in pages:
            count += len(page)
            await response.write(_csv([cells_of(one, owners, declared) for one in page]))
    return await _end(request, response, "csv", count)


async def send_workbook(request: web.Request, wanted: Wanted) -> web.StreamResponse:
    """Raises InvalidInputError when a sheet does not hold so many."""
    pages, declared = _pages(request, wanted), _declared(request)
    owners = await _names(request)
    count = 0
    with TemporaryDirectory(prefix="ringback-") as folder:
        path = Path(folder) / "customers.xlsx"
        with Workbook(path, columns_of(declared)) as book:
            async for page in pages:
                count += len(page)
                if count > MOST_ROWS:
                    raise InvalidInputError("these are more customers than a sheet has rows: export CSV")
                await asyncio.to_thread(book.add, [cells_of(one, owners, declared) for one in page])
        response = await _begin(request, XLSX, "customers.xlsx")
        if request.method != "HEAD":
            await _send_file(response, path)
    return await _end(request, response, "xlsx", count)


async def send_vcards(request: web.Request, wanted: Wanted) -> web.StreamResponse:
    version, pages, declared = _version(wanted), _pages(request, wanted), _declared(request)
    response = await _begin(request, "text/vcard", "customers.vcf")
    count = 0
    if request.method != "HEAD":
        async for page in pages:
            count += len(page)
            await response.write(await asyncio.to_thread(_cards, page, version, declared))
    return await _end(request, response, "vcard", count)


async def one_as_vcard(request: web.Request) -> web.Response:
    return await send_vcard(request, int(request.match_info["id"]), _version(wanted_of(request)))


async def send_vcard(request: web.Request, customer_id: int, version: Version) -> web.Response:
    """Raises NotFoundError."""
    async with request.app[DATABASE].read() as connection:
        customer = await read_customer(connection, customer_id)
    text = card_of(customer, version, _declared(request))
    log.info("customers exported", form="vcard", count=1, by=_asker(request))
    return web.Response(
        text=text,
        content_type="text/vcard",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="customer-{customer.id}.vcf"',
        },
    )


def _pages(request: web.Request, wanted: Wanted) -> AsyncIterator[Sequence[CustomerView]]:
    return customers_of(request.app[DATABASE], request.app[SETTINGS].site.region, wanted)


def customers_of(database: Database, region: str, wanted: Wanted) -> AsyncIterator[Sequence[CustomerView]]:
    """They, page by page, with a connection to the database for each page: a slow reader must not hold one.

    Each customer is as they stood when their page was read. Whoever the search finds from the beginning to the end is
    there once: the order is that of their numbers, newest first, which no call and no edit changes. Who is made
    meanwhile is not; of a merge meanwhile the record that became part of another may be missing while the other was
    read before.

    Raises InvalidInputError for ids that are none.
    """
    if not wanted.ids:
        return _found(database, wanted.q.strip()[:TEXT_LIMIT], region)
    texts = wanted.ids.split(",")
    if not all(text.isascii() and text.isdigit() and len(text) <= 9 for text in texts):
        raise InvalidInputError("ids are numbers of customers with commas between", field="ids")
    if len(texts) > MOST_CHOSEN:
        raise InvalidInputError(f"name at most {MOST_CHOSEN} customers", field="ids")
    return _chosen(database, [int(text) for text in texts])


async def _chosen(database: Database, ids: Sequence[int]) -> AsyncIterator[Sequence[CustomerView]]:
    for first in range(0, len(ids), MOST_LISTED):
        async with database.read() as connection:
            page = await read_customers(connection, ids[first : first + MOST_LISTED])
        yield page


async def _found(database: Database, text: str, region: str) -> AsyncIterator[Sequence[CustomerView]]:
    before = None
    while True:
        async with database.read() as connection:
            page = await find_older(connection, text, region=region, limit=MOST_LISTED, before=before)
        if not page:
            return
        yield page
        before = page[-1].id


async def _begin(request: web.Request, kind: str, name: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = kind
    if kind.startswith("text/"):
        response.charset = "utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    await response.prepare(request)
    return response


async def _end(
    request: web.Request, response: web.StreamResponse, form: str, count: int
) -> web.StreamResponse:
    await response.write_eof()
    log.info("customers exported", form=form, count=count, by=_asker(request))
    return response


async def _send_file(response: web.StreamResponse, path: Path) -> None:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, CHUNK):
            await response.write(piece)


async def _names(request: web.Request) -> Mapping[int, str]:
    async with request.app[DATABASE].read() as connection:
        return {user.id: user.name for user in await list_users(connection)}


def _version(wanted: Wanted) -> Version:
    if wanted.version not in set(Version):
        raise InvalidInputError("a vCard is of version 3.0 or 4.0", field="version")
    return Version(wanted.version)


def _declared(request: web.Request) -> Declared:
    """The site's own fields: what is kept of a field that the settings no longer have is not exported."""
    return by_key(request.app[FIELDS].declared)


def _asker(request: web.Request) -> str:
    """For the log: a key's prefix or a person's login."""
    return request[API_KEY].prefix if API_KEY in request else current_user(request).login


def _cards(page: Sequence[CustomerView], version: Version, declared: Declared) -> bytes:
    return "".join(card_of(one, version, declared) for one in page).encode()


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(guarded(row) for row in rows)
    return out.getvalue().encode()
