"""Customers in and out for programs: a file is sent, looked at, imported and taken back, as on the page; all customers,
or those a search finds, come as CSV, workbook or vCards."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError
from crm_link.imports import rows
from crm_link.imports.columns import LONGEST_CRM
from crm_link.imports.columns import Field as Column
from crm_link.imports.conflicts import Existing
from crm_link.imports.files import MOST_COLUMNS
from crm_link.imports.match import Fate
from crm_link.imports.office import Mapping
from crm_link.imports.state import ImportState, Step
from crm_link.imports.vcards import Version
from crm_link.paging import cursor_of, parts_of
from server.api.customers import without_default
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.customers import export as customer_export
from server.customers.export import Wanted
from server.imports.page import imports_of, send_refused
from server.web.guard import API_KEY, current_user
from server.web.pieces import body_as_file

IDS_OF = (
    "The CRM in which the people have their ids, such as the name of a connector: two CRMs count their people alike, "
    "and the same id of the same CRM is the same customer, by whatever name."
)

LAST_LINE = 2**31 - 1
"""What the database takes for a line."""


class ImportQuery(Taken):
    """What the file is, and what to do with it. It is looked at; nothing is changed before `start`."""

    name: str = Field("customers", min_length=1, max_length=200, description="Of the file, for people.")
    columns: str = Field(
        "",
        max_length=4000,
        pattern=r"^[A-Za-z0-9_.:, -]*$",
        description="What each column holds, with commas between, empty for none: "
        + ", ".join(f"`{one}`" for one in Column)
        + ", or `field:` and the key of a field of this site. Left out: recognised by their names.",
    )
    existing: Existing = Field(Existing.FILL, description="What to do with customers we have already.")
    tag: str = Field("", max_length=40, description="Given to everybody in the file.")
    ids_of: str = Field("", max_length=LONGEST_CRM, description=IDS_OF)


class Remapping(Taken):
    """How to read the file from now on; what is left out stays."""

    columns: tuple[Annotated[str, Field(max_length=120)], ...] = Field(
        (),
        max_length=MOST_COLUMNS,
        json_schema_extra=without_default,
        description="What each column holds, empty for none: as in the query with which the file is sent.",
    )
    existing: Existing = Field(Existing.FILL, json_schema_extra=without_default)
    tag: str = Field("", max_length=40, json_schema_extra=without_default)
    ids_of: str = Field("", max_length=LONGEST_CRM, json_schema_extra=without_default, description=IDS_OF)


class Outlook(Given):
    """What one choice does to customers we have."""

    customers: int = Field(description="Whom it changes.")
    added: int = Field(description="Values they lack that it adds.")
    replaced: int = Field(description="Values that differ and become the file's.")
    kept: int = Field(description="Values that differ and stay.")


class Import(Given):
    """A file of customers and how far it came: `ready` after the look, then `done`, then `undone`."""

    id: int
    name: str
    header: list[str]
    columns: list[str]
    existing: Existing
    tag: str
    ids_of: str
    step: Step
    lines: int
    done: int = Field(description="Lines of the present step that are worked on.")
    counts: dict[Fate, int] = Field(description="Lines by what becomes, or became, of them.")
    outlooks: dict[Existing, Outlook] = Field(
        description="What each choice does to customers we have: `POST …/check` changes it."
    )
    kept: int = Field(description="Lines that could not be taken back whole.")
    at: Instant
    ended_at: Instant | None
    fault: str = Field(
        description="Why it stopped half-way; empty when it did not. It is tried again by itself."
    )


class ImportList(Page):
    imports: list[Import] = Field(description="Newest first; without counts.")


class LineQuery(Paging):
    fate: Fate | None = Field(None, description="Only lines of which this becomes, or became.")
    conflicts: bool = Field(False, description="Only lines with values that differ from a customer's.")
    kept: bool = Field(False, description="Only lines that could not be taken back whole.")


class Conflict(Given):
    """A value that differs; `existing` of the import says which one stands."""

    what: str
    ours: str
    theirs: str


class Line(Given):
    line: int = Field(description="Of the file, from 1, at which it begins.")
    cells: list[str]
    fate: Fate | None
    why: str
    customer_id: int | None
    others: list[int] = Field(description="Customers who fit too.")
    first_line: int | None = Field(description="The line before about the same person.")
    conflicts: list[Conflict] = Field(description="With the customer we have, at most 20.")
    kept: str = Field(description="What could not be taken back, and why.")


class LineList(Page):
    lines: list[Line]


class ExportQuery(Taken):
    """Everybody, when neither is given."""

    q: str = Field("", max_length=200, description="As in the list of customers.")
    # All of an address has to fit into 8 kB.
    ids: str = Field(
        "",
        max_length=7000,
        pattern=r"^([0-9]{1,9}(,[0-9]{1,9})*)?$",
        description="Numbers of customers, with commas between.",
    )


class CardQuery(ExportQuery):
    version: Version = Field(Version.FOUR, description="Of the vCards.")


class OneCardQuery(Taken):
    version: Version = Field(Version.FOUR, description="Of the vCard.")


@operation("Send a file of customers", tag="Imports", status=201, problems=(408, 411, 413, 503))
async def add_import(request: web.Request, query: ImportQuery) -> Import:
    """The body is the file: CSV (UTF-8 or UTF-16, with commas, semicolons or tabs), or vCards. Every line is looked at
    in the background: ask again until `step` is `ready`, see `counts` and the lines, then `start`."""
    imports = imports_of(request)
    async with body_as_file(request) as path:
        import_id = await imports.add(path, query.name, _by(request))
    columns = (await imports.state(import_id)).columns
    if query.columns:
        columns = tuple(one.strip() for one in query.columns.split(","))
    try:
        await imports.check(import_id, Mapping(columns, query.existing, query.tag, query.ids_of))
    except InvalidInputError:
        await imports.drop(import_id)
        raise
    return _shown(await imports.state(import_id))


@operation("Imports of the last 30 days", tag="Imports")
async def list_imports(request: web.Request, query: Paging) -> ImportList:
    """Then their lines are forgotten."""
    page = await imports_of(request).listed(limit=query.limit, after=query.after)
    return ImportList(imports=[_shown(one) for one in page.imports], next=page.next)


@operation("One import", tag="Imports")
async def read_import(request: web.Request, import_id: int) -> Import:
    return _shown(await imports_of(request).state(import_id))


@operation("Lines of an import", tag="Imports")
async def list_lines(request: web.Request, import_id: int, query: LineQuery) -> LineList:
    """In the order of the file."""
    imports = imports_of(request)
    await imports.state(import_id)
    [last] = parts_of(query.after, int, field="after") if query.after else [0]
    found = await imports.lines(
        import_id,
        query.fate,
        kept=query.kept,
        conflicts=query.conflicts,
        after=min(int(last), LAST_LINE),
        limit=query.limit + 1,
    )
    lines = [_line(one) for one in found[: query.limit]]
    return LineList(lines=lines, next=cursor_of(lines[-1].line) if len(found) > query.limit else None)


@operation("Look at a file in another way", tag="Imports", status=202, problems=(409,))
async def check_import(request: web.Request, import_id: int, body: Remapping) -> Import:
    """All lines are looked at again, in the background. 409 once it was imported."""
    imports, given = imports_of(request), body.model_fields_set
    state = await imports.state(import_id)
    mapping = Mapping(
        body.columns if "columns" in given else state.columns,
        body.existing if "existing" in given else state.existing,
        body.tag if "tag" in given else state.tag,
        body.ids_of if "ids_of" in given else state.ids_of,
    )
    await imports.check(import_id, mapping)
    return _shown(await imports.state(import_id))


@operation("Refused lines as a file", tag="Imports", media="text/csv")
async def read_refused(request: web.Request, import_id: int) -> web.StreamResponse:
    """With the reason behind each, to be mended and sent again."""
    return await send_refused(request, import_id)


@operation("Import a file that was looked at", tag="Imports", status=202, problems=(409,))
async def start_import(request: web.Request, import_id: int) -> None:
    """In the background. 409 unless `step` is `ready`."""
    await imports_of(request).start(import_id, _by(request))


@operation("Take an import back", tag="Imports", status=202, problems=(409,))
async def undo_import(request: web.Request, import_id: int) -> None:
    """In the background: customers it made whom nobody has touched since are removed, what it filled in is put back
    where it still stands. 409 unless `step` is `done`, or `import` with a `fault`."""
    await imports_of(request).undo(import_id, _by(request))


@operation("Throw away a file that was not imported", tag="Imports", status=204, problems=(409,))
async def delete_import(request: web.Request, import_id: int) -> None:
    await imports_of(request).drop(import_id)


@operation("Customers as CSV", tag="Customers", media="text/csv")
async def export_csv(request: web.Request, query: ExportQuery) -> web.StreamResponse:
    """Cells that a spreadsheet would run as a formula are made plain text. An import reads the file again."""
    return await customer_export.send_csv(request, Wanted(query.q, query.ids))


@operation("Customers as a workbook", tag="Customers", media=customer_export.XLSX)
async def export_workbook(request: web.Request, query: ExportQuery) -> web.StreamResponse:
    """XLSX; all cells are text."""
    return await customer_export.send_workbook(request, Wanted(query.q, query.ids))


@operation("Customers as vCards", tag="Customers", media="text/vcard")
async def export_vcards(request: web.Request, query: CardQuery) -> web.StreamResponse:
    """One after another in one file."""
    return await customer_export.send_vcards(request, Wanted(query.q, query.ids, query.version))


@operation("A customer as vCard", tag="Customers", media="text/vcard")
async def export_vcard(request: web.Request, customer_id: int, query: OneCardQuery) -> web.StreamResponse:
    return await customer_export.send_vcard(request, customer_id, query.version)


def _by(request: web.Request) -> int | None:
    return None if API_KEY in request else current_user(request).id


def _line(one: rows.Line) -> Line:
    return Line.model_validate(
        {name: getattr(one, name) for name in Line.model_fields if name != "conflicts"}
        | {"conflicts": one.differences.conflicts}
    )


def _shown(state: ImportState) -> Import:
    return Import(
        id=state.id,
        name=state.name,
        header=list(state.header),
        columns=list(state.columns),
        existing=state.existing,
        tag=state.tag,
        ids_of=state.ids_of,
        step=state.step,
        lines=state.lines,
        done=state.done,
        counts={fate: state.fates[fate] for fate in Fate if state.fates[fate]},
        outlooks={one: Outlook.model_validate(state.figures.outlook(one)) for one in Existing},
        kept=state.kept,
        at=state.at,
        ended_at=state.ended_at,
        fault=state.fault,
    )
