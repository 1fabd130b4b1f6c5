"""Managers' pages for a file of customers: choose it, say what its columns hold, see what would become of each line,
import it, take it back. What a line means and what becomes of it is decided in the customers' room."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from sqlalchemy import select

from core.accounts import list_users
from core.csv_files import guarded
from core.errors import InvalidInputError, NotFoundError
from crm_link.imports.columns import Field
from crm_link.imports.conflicts import Existing
from crm_link.imports.fields import word_of
from crm_link.imports.files import LARGEST, MOST_LINES
from crm_link.imports.match import Fate
from crm_link.imports.office import Imports, Mapping
from crm_link.imports.rows import STEP, Line
from crm_link.imports.state import ImportState, Step
from crm_link.tables import Customer
from server.imports.choices import EXAMPLES, LABELS, WORDS, Choice, choices_of, differences_of
from server.imports.parts import IMPORTS
from server.web.guard import current_user
from server.web.keys import DATABASE
from server.web.pages import render, see_other
from server.web.pieces import body_as_file

BODY_LIMIT: Final = LARGEST
ALL: Final = "all"
SHOWN = 200
"""Lines on one screen, the next behind a link; the figures count all of them."""

PREVIEWED = 5
LONGEST_ID = 9
LONGEST_WORD = 200
"""Characters of a tag or a CRM's name that are looked at: a longer one is refused for its length."""

FATES = {
    Fate.REFUSED: ("Refused", "circle-x"),
    Fate.SHARED: ("New, shares a number", "users"),
    Fate.CHANGED: ("A customer we have", "user-check"),
    Fate.SKIPPED: ("Left as they are", "minus"),
    Fate.JOINED: ("Same person as a line before", "merge"),
    Fate.NEW: ("New customer", "user-plus"),
}
"""For people, in the order in which they deserve a look."""

FIELDS = {
    Field.NAME: "Whole name",
    Field.FIRST_NAME: "First name",
    Field.LAST_NAME: "Last name",
    Field.COMPANY: "Company",
    Field.PHONE: "Number",
    Field.EMAIL: "E-mail",
    Field.EXTERNAL: "Number in another CRM",
    Field.CHAT: "Chat id",
    Field.TAGS: "Tags",
    Field.NOTE: "Note",
    Field.UNKNOWN: "Whether nobody has named them",
}
POLICIES = {one: (LABELS[one], WORDS[one]) for one in Existing}


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as a screen shows it; `differences` are sentences."""

    line: Line
    who: str
    reached: str
    differences: tuple[str, ...]


async def index(request: web.Request) -> web.Response:
    """The form, and the imports of the last month."""
    page = await imports_of(request).listed(after=request.query.get("after"))
    return render(
        request,
        "imports/index.html",
        page=page,
        people=await _people(request),
        largest_mb=LARGEST // 1024 // 1024,
        most=MOST_LINES,
    )


async def add(request: web.Request) -> web.Response:
    """The body is the file itself; its name stands in the query."""
    name = request.query.get("name", "")
    async with body_as_file(request) as path:
        import_id = await imports_of(request).add(path, name, current_user(request).id)
    return web.json_response({"path": f"/customers/import/{import_id}"}, status=201)


async def show(request: web.Request) -> web.Response:
    """How it stands; for htmx only the part that moves while it is worked on."""
    imports = imports_of(request)
    state = await imports.state(import_id_of(request))
    if state.step is Step.DRAFT or (state.step is Step.READY and "map" in request.query):
        return render(request, "imports/mapping.html", **await _mapping(request, state))
    context = await _report(request, state)
    template = "imports/_state.html" if "HX-Request" in request.headers else "imports/import.html"
    return render(request, template, **context)


async def check(request: web.Request) -> web.Response:
    """The mapping somebody corrected: every line is looked at with it."""
    import_id, form = import_id_of(request), await request.post()
    state = await imports_of(request).state(import_id)
    columns = [str(form.get(f"column-{place}", "")) for place in range(len(state.header))]
    tag, ids_of = (str(form.get(name, ""))[:LONGEST_WORD] for name in ("tag", "ids_of"))
    mapping = Mapping(columns, _existing(form.get("existing")), tag, ids_of)
    try:
        await imports_of(request).check(import_id, mapping)
    except InvalidInputError as error:
        context = await _mapping(request, state) | {"columns": columns, "wrong": str(error)}
        return render(request, "imports/mapping.html", status=422, **context)
    raise see_other(f"/customers/import/{import_id}")


async def choose(request: web.Request) -> web.Response:
    """Another choice for customers we have: every line is looked at with it."""
    import_id, form = import_id_of(request), await request.post()
    state = await imports_of(request).state(import_id)
    mapping = Mapping(state.columns, _existing(form.get("existing")), state.tag, state.ids_of)
    await imports_of(request).check(import_id, mapping)
    raise see_other(f"/customers/import/{import_id}")


def _existing(given: object) -> Existing:
    if given not in set(Existing):
        raise InvalidInputError("choose what to do with customers you have already", field="existing")
    return Existing(str(given))


async def start(request: web.Request) -> web.Response:
    import_id = import_id_of(request)
    await imports_of(request).start(import_id, current_user(request).id)
    raise see_other(f"/customers/import/{import_id}")


async def undo(request: web.Request) -> web.Response:
    import_id = import_id_of(request)
    await imports_of(request).undo(import_id, current_user(request).id)
    raise see_other(f"/customers/import/{import_id}")


async def drop(request: web.Request) -> web.Response:
    await imports_of(request).drop(import_id_of(request))
    raise see_other("/customers/import")


async def refused(request: web.Request) -> web.StreamResponse:
    """The lines that were refused as a file of the same shape, with the reason behind, to be mended and sent again."""
    return await send_refused(request, import_id_of(request))


async def send_refused(request: web.Request, import_id: int) -> web.StreamResponse:
    """Streamed: a file may be refused whole."""
    imports = imports_of(request)
    state = await imports.state(import_id)
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type, response.charset = "text/csv", "utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="refused.csv"'
    await response.prepare(request)
    if request.method != "HEAD":
        await response.write("\ufeff".encode() + _csv([[*state.header, "Reason", "Line"]]))
        async for lines in _refused(imports, import_id):
            await response.write(_csv([[*_padded(one, state), _reason(one), one.line] for one in lines]))
    await response.write_eof()
    return response


async def _refused(imports: Imports, import_id: int) -> AsyncIterator[list[Line]]:
    after = 0
    while lines := await imports.lines(import_id, Fate.REFUSED, after=after, limit=STEP):
        yield lines
        after = lines[-1].line


def _padded(line: Line, state: ImportState) -> list[str]:
    missing = len(state.header) - len(line.cells)
    return [*line.cells, *([""] * missing)][: len(state.header)]


def _reason(line: Line) -> str:
    links = ", ".join(f"/customers/{one}" for one in line.others)
    return f"{line.why} ({links})" if links else line.why


def _csv(rows: list[list[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(guarded(row) for row in rows)
    return out.getvalue().encode()


async def _mapping(request: web.Request, state: ImportState) -> dict[str, Any]:
    imports = imports_of(request)
    lines = await imports.lines(state.id, limit=PREVIEWED)
    return {
        "state": state,
        "columns": state.columns,
        "first": [
            [line.cells[place] if place < len(line.cells) else "" for line in lines]
            for place in _places(state)
        ],
        "fields": FIELDS,
        "own": {word_of(key): one.title for key, one in imports.declared.items()},
        "policies": POLICIES,
        "wrong": "",
    }


def _places(state: ImportState) -> range:
    return range(len(state.header))


async def _report(request: web.Request, state: ImportState) -> dict[str, Any]:
    wanted = request.query.get("show", "")
    only = next((fate for fate in FATES if fate == wanted), None)
    kept, conflicts = wanted == "kept", wanted == "conflicts"
    if not wanted and not state.is_running:
        only = _first_look(state)
    imports, after = imports_of(request), _after(request)
    lines = (
        []
        if state.is_running
        else await imports.lines(state.id, only, kept=kept, conflicts=conflicts, after=after, limit=SHOWN + 1)
    )
    return {
        "state": state,
        "fates": FATES,
        "counts": state.fates,
        "only": only,
        "show_kept": kept,
        "show_conflicts": conflicts,
        "show_all": only is None and not kept and not conflicts,
        "choices": await _choices(imports, state) if state.step is Step.READY else [],
        "rows": [_shown(line, state) for line in lines[:SHOWN]],
        "titles": await _titles(request, lines[:SHOWN]),
        "more": {"show": only or wanted or ALL, "after": lines[SHOWN - 1].line}
        if len(lines) > SHOWN
        else None,
        "taken": state.lines - state.fates[Fate.REFUSED],
        "policies": POLICIES,
        "people": await _people(request),
    }


async def _choices(imports: Imports, state: ImportState) -> list[Choice]:
    if not state.figures.customers:
        return []
    gaps = await imports.lines(state.id, gaps=True, limit=EXAMPLES)
    conflicts = await imports.lines(state.id, conflicts=True, limit=EXAMPLES)
    return choices_of(state.figures, gaps, conflicts)


def _after(request: web.Request) -> int:
    """The last line of the screen before; what is none begins anew."""
    text = request.query.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else 0


def _first_look(state: ImportState) -> Fate | None:
    """Where nothing is asked for: what deserves a look first."""
    return next((fate for fate in FATES if state.fates[fate]), None)


def _shown(line: Line, state: ImportState) -> Shown:
    by_field = list(zip(state.columns, line.cells, strict=False))
    names = [
        cell.strip() for field, cell in by_field if field in (Field.NAME, Field.FIRST_NAME, Field.LAST_NAME)
    ]
    company = next((cell.strip() for field, cell in by_field if field == Field.COMPANY), "")
    reached = [
        cell.strip() for field, cell in by_field if field in (Field.PHONE, Field.EMAIL) and cell.strip()
    ]
    said = differences_of(line, state.existing, done=state.began_at is not None)
    return Shown(line, " ".join(filter(None, names)) or company or "–", ", ".join(reached), tuple(said))


async def _titles(request: web.Request, lines: Sequence[Line]) -> dict[int, str]:
    """What customers of these lines are called."""
    ids = {one for line in lines for one in (line.customer_id, *line.others) if one is not None}
    async with request.app[DATABASE].read() as connection:
        found = await connection.execute(
            select(Customer.id, Customer.name, Customer.company).where(Customer.id.in_(ids))
        )
        return {row.id: row.name or row.company for row in found}


async def _people(request: web.Request) -> dict[int, str]:
    async with request.app[DATABASE].read() as connection:
        return {user.id: user.name for user in await list_users(connection)}


def imports_of(request: web.Request) -> Imports:
    return request.app[IMPORTS]


def import_id_of(request: web.Request) -> int:
    """Raises NotFoundError for what cannot be an id."""
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()) or len(text) > LONGEST_ID:
        raise NotFoundError("there is no such import")
    return int(text)
