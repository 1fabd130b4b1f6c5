"""`ringback customers import`: a file of customers from the command line. The file goes in, lines and figures for a
person come out; the work is the customers' room's, and goes on in the server should this be interrupted."""

from __future__ import annotations

import sys
from pathlib import Path

from config.settings import Settings
from core.bus import Bus
from core.clock import system_clock
from core.errors import InvalidInputError
from crm_link.imports.conflicts import Existing, sentence
from crm_link.imports.fields import PREFIX
from crm_link.imports.match import Fate
from crm_link.imports.office import Imports, Mapping
from crm_link.imports.rows import STEP
from crm_link.imports.state import ImportState, Step
from server.people.command import open_database

WORDS = {
    Fate.NEW: "new",
    Fate.SHARED: "new, sharing a number with somebody by another name",
    Fate.CHANGED: "added to a customer",
    Fate.JOINED: "about the person of an earlier line",
    Fate.SKIPPED: "left as they are",
    Fate.REFUSED: "refused",
}


EXAMPLES = 5
"""Lines with conflicts that are told; the page shows all of them."""


async def import_customers(
    settings: Settings, path: Path, existing: str, tag: str, ids_of: str = "", *, dry_run: bool
) -> None:
    """Columns are recognised by their names. Raises InvalidInputError for a file that is no table of customers or has
    no column for a name, SystemExit(1) when a line was, or would be, refused."""
    if existing not in set(Existing):
        raise InvalidInputError(f"--existing is one of: {', '.join(Existing)}")
    async with open_database(settings) as database:
        imports = Imports(database, Bus(), system_clock, settings.site.region, settings.crm.fields)
        import_id = await imports.add(path, path.name, None)
        state = await imports.state(import_id)
        _tell_columns(state)
        try:
            await imports.check(import_id, Mapping(state.columns, Existing(existing), tag, ids_of))
        except InvalidInputError:
            await imports.drop(import_id)
            raise
        state = await imports.work(import_id, _tell)
        if not dry_run:
            await imports.start(import_id, None)
            state = await imports.work(import_id, _tell)
        await _tell_refused(imports, import_id)
        await _tell_existing(imports, state, dry_run=dry_run)
        _tell_figures(state, dry_run=dry_run)
        if dry_run:
            await imports.drop(import_id)
    if state.fates[Fate.REFUSED]:
        raise SystemExit(1)


def _tell_columns(state: ImportState) -> None:
    for name, field in zip(state.header, state.columns, strict=True):
        own = field.startswith(PREFIX)
        print(f"column {name!r}: {field if own else field.replace('_', ' ') or 'left out'}")


async def _tell_refused(imports: Imports, import_id: int) -> None:
    after = 0
    while lines := await imports.lines(import_id, Fate.REFUSED, after=after, limit=STEP):
        for line in lines:
            others = f" (customers {', '.join(map(str, line.others))})" if line.others else ""
            print(f"line {line.line}: refused: {line.why}{others}")
        after = lines[-1].line


async def _tell_existing(imports: Imports, state: ImportState, *, dry_run: bool) -> None:
    """What becomes, or became, of customers we have; before anything is done with what each other choice would do."""
    if not state.figures.customers:
        return
    for line in await imports.lines(state.id, conflicts=True, limit=EXAMPLES):
        said = (sentence(one, state.existing, done=not dry_run) for one in line.differences.conflicts)
        print(f"line {line.line}, customer {line.customer_id}: {'; '.join(said)}")
    print(f"customers you have already: {state.figures.customers}")
    for one in Existing if dry_run else [state.existing]:
        will = state.figures.outlook(one)
        print(
            f"--existing {one}: {will.customers} changed, {will.added} missing values added, "
            f"{will.replaced} of yours replaced, {will.kept} that differ kept"
        )


def _tell_figures(state: ImportState, *, dry_run: bool) -> None:
    figures = ", ".join(f"{state.fates[fate]} {words}" for fate, words in WORDS.items())
    if dry_run:
        print(f"nothing was done. It would be: {figures}")
    elif state.step is Step.DONE:
        print(f"{figures}. To take it back: /customers/import/{state.id}")
    else:
        print(f"the server is at this import: look at /customers/import/{state.id}")


def _tell(state: ImportState) -> None:
    end = "\n" if not state.is_running else ""
    if sys.stderr.isatty():
        print(f"\r{state.done} of {state.lines} lines", end=end, file=sys.stderr, flush=True)
