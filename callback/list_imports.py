"""Lists that are sent in: a file in, callbacks out, in the background. The file is stored before anybody is promised
anything, each line's request carries a key of its own, and how far the work came is written after every few lines, so
that a crash loses nothing and asks for nobody twice. The same file for the same department is the same list."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from callback.ask import Accepted, Ask, Correctable
from callback.guard import Refusal
from callback.kinds import Source
from callback.list_check import Foreseen, ListCheck
from callback.lists import Line, decode, read_lines, rows_at
from callback.requests import Requests
from callback.tables import CallbackList, Submission
from config.settings import Settings
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.tasks import woken

log = structlog.get_logger(__name__)

STEP = 25
"""Lines between two notes of how far the work came: a fraction of a second."""

LEASE_S = 60.0
"""A process that works on a list and says nothing for so long is gone; another one goes on."""

LOOK_EVERY_S = 10.0
SWEEP_EVERY_S = 3600.0
DRAFT_S = 86_400.0
KEPT_S = 30 * 86_400.0
"""So long a list says what became of it, and the same file is not sent again. Then it is forgotten: it is full of
people's numbers."""

MOST_LISTED = 50
INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(CallbackList),
    "postgresql": postgresql.insert(CallbackList),
}


@dataclass(frozen=True, slots=True)
class ListState:
    """How a list stands. `done` of `lines` were sent; `joined` of the `accepted` ones had an open callback before.
    `refused` holds (line of the file, sentence). Instants; None: not yet."""

    id: int
    department: str
    name: str
    lines: int
    user_id: int | None
    at: float
    submitted_at: float | None
    ended_at: float | None
    done: int
    accepted: int
    joined: int
    held: int
    refused: tuple[tuple[int, str], ...]

    @property
    def is_draft(self) -> bool:
        return self.submitted_at is None

    @property
    def is_running(self) -> bool:
        return self.submitted_at is not None and self.ended_at is None


STATE = select(
    CallbackList.id,
    CallbackList.department,
    CallbackList.name,
    CallbackList.lines,
    CallbackList.user_id,
    CallbackList.at,
    CallbackList.submitted_at,
    CallbackList.ended_at,
    CallbackList.done,
    CallbackList.accepted,
    CallbackList.joined,
    CallbackList.held,
    CallbackList.refused,
)
"""What `ListState` needs: everything but the text."""

Told = Callable[[ListState], None]


class Lists:
    """One per application. Ids are of `callback_lists`; unknown ones raise NotFoundError."""

    def __init__(self, requests: Requests, database: Database, clock: Clock, settings: Settings) -> None:
        self._requests = requests
        self._database = database
        self._clock = clock
        self._check = ListCheck(requests, database, settings)
        self._woken = asyncio.Event()

    async def add(self, raw: bytes, name: str, department: str, user_id: int | None) -> int:
        """Store a file, to be looked at and then submitted; returns its id, or the id that the same file got before.
        Raises InvalidInputError for an unknown department, and when the file is no list at all."""
        self._requests.countries_of(department)
        text = decode(raw)
        lines = read_lines(text)
        values = {
            "department": department,
            "digest": hashlib.sha256(text.encode()).hexdigest(),
            "name": "".join(letter for letter in name if letter.isprintable())[:200] or "list",
            "text": text,
            "lines": len(lines),
            "user_id": user_id,
            "at": self._clock(),
        }
        same = (CallbackList.department == department, CallbackList.digest == values["digest"])
        async with self._database.write() as connection:
            insert = INSERTS[connection.dialect.name].on_conflict_do_nothing()
            await connection.execute(insert, values)
            found = await connection.execute(select(CallbackList.id).where(*same))
            return int(found.scalar_one())

    async def state(self, list_id: int) -> ListState:
        async with self._database.read() as connection:
            row = (await connection.execute(STATE.where(CallbackList.id == list_id))).one_or_none()
        if row is None:
            raise NotFoundError("there is no such list (any more)")
        return _state(row)

    async def listed(self) -> list[ListState]:
        """The newest first, at most `MOST_LISTED`."""
        newest = STATE.order_by(CallbackList.id.desc()).limit(MOST_LISTED)
        async with self._database.read() as connection:
            return [_state(row) for row in await connection.execute(newest)]

    async def foresee(self, list_id: int) -> list[Foreseen]:
        """What would become of each line if it were submitted now."""
        state = await self.state(list_id)
        lines = read_lines(await self._text(list_id))
        return await self._check.foresee(lines, state.department, self._clock())

    async def refused_rows(self, list_id: int) -> list[list[str]]:
        """The header and the lines that were refused, as they were written."""
        state = await self.state(list_id)
        return rows_at(await self._text(list_id), {line for line, _ in state.refused})

    async def submit(self, list_id: int, user_id: int | None) -> None:
        """Have its lines asked for, in the background. Nothing happens the second time."""
        async with self._database.write() as connection:
            await connection.execute(
                update(CallbackList)
                .where(CallbackList.id == list_id, CallbackList.submitted_at.is_(None))
                .values(submitted_at=self._clock(), user_id=user_id)
            )
        self._woken.set()

    async def drop(self, list_id: int) -> None:
        """Throw away a list that nobody submitted. Raises ConflictError for one that was."""
        async with self._database.write() as connection:
            gone = await connection.execute(
                delete(CallbackList).where(CallbackList.id == list_id, CallbackList.submitted_at.is_(None))
            )
        if gone.rowcount != 1:
            await self.state(list_id)
            raise ConflictError("this list was submitted: close its callbacks instead")

    async def run(self) -> None:
        """Work on what was submitted, here or by another process that is gone, until cancelled."""
        swept = float("-inf")
        while True:
            self._woken.clear()
            for list_id in await self._due():
                await self.work(list_id)
            if self._clock() - swept >= SWEEP_EVERY_S:
                swept = self._clock()
                await self._sweep(swept)
            await woken(self._woken, LOOK_EVERY_S)

    async def work(self, list_id: int, told: Told = lambda _state: None) -> ListState:
        """Send what is left of a submitted list, and tell how far it came. Returns at once when another process is at
        it, or nothing is left."""
        if await self._claim(list_id):
            lines = read_lines(await self._text(list_id))
            state = await self.state(list_id)
            while state.is_running and await self._send(state, lines[state.done : state.done + STEP]):
                state = await self.state(list_id)
                told(state)
        return await self.state(list_id)

    async def _send(self, state: ListState, lines: Sequence[Line]) -> bool:
        """The next few lines; False when another process was faster."""
        answers = [(line.at, await self._ask(state, line)) for line in lines]
        refused = [(at, answer) for at, answer in answers if isinstance(answer, str)]
        accepted = sum(answer is True for _, answer in answers)
        done, now = state.done + len(lines), self._clock()
        values = {
            "done": done,
            "accepted": state.accepted + accepted,
            "held": state.held + len(lines) - accepted - len(refused),
            "refused": json.dumps([*state.refused, *refused]),
            "leased_until": now + LEASE_S,
            "ended_at": now if done >= state.lines else None,
        }
        async with self._database.write() as connection:
            joined = await connection.scalar(_joined([_key(state, line) for line in lines])) or 0
            noted = await connection.execute(
                update(CallbackList)
                .where(CallbackList.id == state.id, CallbackList.done == state.done)
                .values(**values, joined=state.joined + joined)
            )
        if done >= state.lines:
            log.info("list sent", list=state.id, lines=done, refused=len(state.refused) + len(refused))
        return noted.rowcount == 1

    async def _ask(self, state: ListState, line: Line) -> bool | str:
        """Whether the line was accepted (False: held), or the sentence of its refusal."""
        if line.fault:
            return line.fault
        ask = Ask(
            source=Source.LIST,
            number=line.number,
            department=state.department,
            wished_at=line.wished_at,
            name=line.name,
            message=line.message,
            user_id=state.user_id,
            idempotency_key=_key(state, line),
        )
        try:
            answer = await self._requests.submit(ask)
            if not isinstance(answer, Correctable):
                return isinstance(answer, Accepted)
            countries = self._requests.countries_of(state.department)
            return self._check.refusal(line.number, Refusal(answer.code), countries)
        except (InvalidInputError, ConflictError) as error:
            return str(error)

    async def _claim(self, list_id: int) -> bool:
        now = self._clock()
        async with self._database.write() as connection:
            claimed = await connection.execute(
                update(CallbackList)
                .where(CallbackList.id == list_id, *_is_due(now))
                .values(leased_until=now + LEASE_S)
            )
        return claimed.rowcount == 1

    async def _due(self) -> Sequence[int]:
        async with self._database.read() as connection:
            found = await connection.scalars(select(CallbackList.id).where(*_is_due(self._clock())))
            return found.all()

    async def _sweep(self, now: float) -> None:
        old = or_(
            (CallbackList.submitted_at.is_(None)) & (CallbackList.at < now - DRAFT_S),
            CallbackList.ended_at < now - KEPT_S,
        )
        async with self._database.write() as connection:
            await connection.execute(delete(CallbackList).where(old))

    async def _text(self, list_id: int) -> str:
        async with self._database.read() as connection:
            text = await connection.scalar(select(CallbackList.text).where(CallbackList.id == list_id))
        return text or ""


def _state(row: Any) -> ListState:
    values = row._asdict()
    values["refused"] = tuple((line, sentence) for line, sentence in json.loads(row.refused))
    return ListState(**values)


def _is_due(now: float) -> tuple[ColumnElement[bool], ...]:
    return (
        CallbackList.submitted_at.is_not(None),
        CallbackList.ended_at.is_(None),
        CallbackList.leased_until < now,
    )


def _joined(keys: Sequence[str]) -> Select[int]:
    """How many of these requests added to a callback that was open before them."""
    before = aliased(Submission)
    has_earlier = exists().where(before.callback_id == Submission.callback_id, before.id < Submission.id)
    return select(func.count()).where(
        Submission.idempotency_key.in_(keys), Submission.held.is_(False), has_earlier
    )


def _key(state: ListState, line: Line) -> str:
    """With the time: SQLite gives the id of a list that was forgotten again."""
    return f"list:{state.id}:{state.at:.3f}:{line.at}"
