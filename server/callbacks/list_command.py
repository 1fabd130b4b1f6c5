"""`ringback callbacks import`: a list of people from the command line. The file's bytes in, lines and figures for a
person out; the work is the callback room's, and goes on in the server should this be interrupted."""

from __future__ import annotations

import sys
from collections import Counter

from callback.list_check import Fate, ListCheck
from callback.list_imports import Lists, ListState
from callback.lists import decode, read_lines
from callback.requests import Requests
from config.settings import Settings
from core.bus import Bus
from core.clock import system_clock
from core.db import Database
from crm_link.request_links import tie_request
from server.callbacks.words import held_because
from server.desk.callback_parts import knows
from server.people.command import open_database


async def import_list(settings: Settings, raw: bytes, name: str, department: str, *, dry_run: bool) -> None:
    """Raises InvalidInputError for an unknown department or a file that is no list, SystemExit(1) when a line was, or
    would be, refused."""
    async with open_database(settings) as database:
        requests = Requests(database, Bus(), system_clock, settings, knows=knows, tie=tie_request)
        work = _look if dry_run else _send
        if await work(requests, database, settings, raw, name, department):
            raise SystemExit(1)


async def _look(
    requests: Requests, database: Database, settings: Settings, raw: bytes, _name: str, department: str
) -> int:
    """Say what would become of it. Returns how many lines would be refused."""
    lines = read_lines(decode(raw))
    foreseen = await ListCheck(requests, database, settings).foresee(lines, department, system_clock())
    for one in foreseen:
        if one.fate is Fate.REFUSED:
            print(f"line {one.line.at}: refused: {one.why}")
        elif one.fate is Fate.HELD:
            print(f"line {one.line.at}: held: {held_because(one.why)}")
    counts = Counter(one.fate for one in foreseen)
    print(
        f"nothing was done. {counts[Fate.ACCEPTED]} would be new, {counts[Fate.JOINS]} would join an open "
        f"callback, {counts[Fate.HELD]} would be held, {counts[Fate.REFUSED]} refused"
    )
    return counts[Fate.REFUSED]


async def _send(
    requests: Requests, database: Database, settings: Settings, raw: bytes, name: str, department: str
) -> int:
    """Send it, unless it was sent before. Returns how many lines were refused."""
    lists = Lists(requests, database, system_clock, settings)
    list_id = await lists.add(raw, name, department, None)
    before = await lists.state(list_id)
    if before.is_draft:
        await lists.submit(list_id, None)
    state = await lists.work(list_id, _tell)
    for line, sentence in state.refused:
        print(f"line {line}: refused: {sentence}")
    if before.ended_at is not None:
        print("this file was sent before: nobody was asked for again. What became of it then:")
    elif state.is_running:
        print("the server is at this list: look at /callbacks/lists")
    print(
        f"{state.accepted} accepted ({state.joined} joined an open callback), {state.held} held, "
        f"{len(state.refused)} refused"
    )
    return len(state.refused)


def _tell(state: ListState) -> None:
    end = "\n" if not state.is_running else ""
    if sys.stderr.isatty():
        print(f"\r{state.done} of {state.lines} lines", end=end, file=sys.stderr, flush=True)
