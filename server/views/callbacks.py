"""Callbacks as managers and agents read them: pages of a filter with customers, owners, sources and tries; the counts
of the tabs; the funnel over the same conditions, so that a figure counts exactly the rows its link shows. Reads only;
what is due and why is decided in the callback room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import Outcome, Result, State
from callback.tables import Attempt, Callback, CallbackStep, Submission
from core.accounts import UserRow
from core.equivalences import key_of
from core.errors import InvalidInputError
from core.phone import parse_number
from crm_link.tables import Customer, Identity
from server.views.asked import read_asked
from server.views.call_filter import When
from server.views.callback_filter import TAB_STATES, CallbackFilter, Stage, Tab
from server.views.calls import CustomerRef

PAGE = 50
"""Rows per page; more come when asked for."""

LATEST = 7e9
"""Seconds: beyond the year 2190, what a cursor says is no instant of ours."""

_OF = Attempt.callback_id == Callback.id
_HUMAN = or_(Attempt.machine.is_(None), Attempt.machine.is_(False))
TRIED = select(func.count()).where(_OF, Attempt.customer_dialled_at.is_not(None)).scalar_subquery()
ATTEMPTED = exists().where(_OF)
REACHED = exists().where(_OF, _HUMAN, Attempt.result.in_((Result.REACHED, Result.NOT_BRIDGED)))
"""The customer answered. Customer first, that says nothing yet of an agent: NOT_BRIDGED counts here and not below."""

BRIDGED = exists().where(_OF, _HUMAN, Attempt.bridged_at.is_not(None))
PROMISED = and_(
    Callback.state != State.HELD,
    Callback.reasons == "",
    or_(Callback.outcome.is_(None), Callback.outcome != Outcome.REFUSED),
)
"""Reasons stay where somebody was held to the end, and withdrew or was forgotten: nothing was promised them."""

_CALLED_IN_TIME = exists().where(_OF, Attempt.customer_dialled_at <= Callback.promised_until)
_CONTACT_IN_TIME = and_(
    Callback.outcome.in_((Outcome.CONTACT, Outcome.DONE_BY_HAND)),
    Callback.closed_at <= Callback.promised_until,
)
_RELEASED_FROM = and_(
    Callback.outcome.is_not(None),
    Callback.outcome.in_((Outcome.WITHDRAWN, Outcome.SUPPRESSED, Outcome.CONTACT, Outcome.DONE_BY_HAND)),
    Callback.closed_at <= Callback.promised_until,
)
"""Nobody waited any more when the time came."""

ON_TIME = and_(PROMISED, Callback.promised_until.is_not(None), or_(_CALLED_IN_TIME, _CONTACT_IN_TIME))
"""What is promised is a call: it is kept when the customer's phone was dialled, or we were in contact, in time."""


def late(now: float) -> ColumnElement[bool]:
    return and_(PROMISED, Callback.promised_until < now, ~_CALLED_IN_TIME, ~_RELEASED_FROM)


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """One callback. `tried` counts attempts that dialled the customer, `offers` those that only agents did not take.
    `name`, `message`, `source` and `site` are of the first request to be believed (`asked.py`), `unverified` when none
    is; `requests` is how many there were. `next_at` is when it is dialled next, as far as time decides it (None: it is
    due), `waits_for` why not now. `told`: why it lies in the inbox."""

    id: int
    number: str
    department: str
    state: str
    created_at: float
    arrived_at: float
    promised_from: float | None
    promised_until: float | None
    due_at: float
    expires_at: float
    offers: int
    why_not: str | None
    reasons: str
    rank: int
    first_attempt_at: float | None
    closed_at: float | None
    outcome: str | None
    tried: int
    owner_id: int | None
    owner: str | None
    is_late: bool
    name: str = ""
    message: str = ""
    source: str | None = None
    site: str | None = None
    unverified: bool = False
    requests: int = 0
    customers: tuple[CustomerRef, ...] = ()
    next_at: float | None = None
    waits_for: str | None = None
    told: str = ""

    @property
    def title(self) -> str:
        """What to call them; empty when nothing but the number is known."""
        return (self.customers[0].title if self.customers else "") or self.name

    @property
    def is_only_said(self) -> bool:
        """Whether what to call them is a stranger's word that nobody has vouched for."""
        return self.unverified and self.title == self.name != ""


@dataclass(frozen=True, slots=True)
class CallbackPage:
    """`next` is the cursor of the following page, None at the end."""

    callbacks: tuple[CallbackRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Over all callbacks of a filter by when they were asked for, tab and stage left aside."""

    requested: int
    promised: int
    attempted: int
    reached: int
    bridged: int
    on_time: int
    late: int

    @property
    def kept(self) -> float | None:
        """Promises with a time that came: the part that was kept on time, 0..1."""
        all_of_them = self.on_time + self.late
        return self.on_time / all_of_them if all_of_them else None


@dataclass(frozen=True, slots=True)
class _Order:
    column: Any
    is_rising: bool


ORDERS: Mapping[Tab, _Order] = {
    Tab.WAITING: _Order(Callback.due_at, True),
    Tab.HELD: _Order(Callback.rank, False),
    Tab.PROGRESS: _Order(Callback.arrived_at, True),
    Tab.INBOX: _Order(Callback.arrived_at, True),
    Tab.CLOSED: _Order(Callback.closed_at, False),
    Tab.ALL: _Order(Callback.created_at, False),
}


def columns(now: float) -> tuple[Any, ...]:
    """What `CallbackRow` needs of the callback itself, in its order."""
    return (
        Callback.id,
        Callback.number,
        Callback.department,
        Callback.state,
        Callback.created_at,
        Callback.arrived_at,
        Callback.promised_from,
        Callback.promised_until,
        Callback.due_at,
        Callback.expires_at,
        Callback.offers,
        Callback.why_not,
        Callback.reasons,
        Callback.rank,
        Callback.first_attempt_at,
        Callback.closed_at,
        Callback.outcome,
        TRIED.label("tried"),
        Callback.owner_id,
        UserRow.name.label("owner"),
        case((late(now), True), else_=False).label("is_late"),
    )


async def read_callbacks(
    connection: AsyncConnection,
    wanted: CallbackFilter,
    now: float,
    *,
    region: str,
    after: str | None = None,
    limit: int = PAGE,
) -> CallbackPage:
    """One page. Raises InvalidInputError for a cursor that is none."""
    order = ORDERS[wanted.tab]
    conditions = [*_conditions(wanted, region), *_of_tab(wanted, now)]
    if after:
        conditions.append(_behind(order, *_read_cursor(after)))
    place, tie = order.column, Callback.id
    query = (
        select(*columns(now), place.label("place"))
        .outerjoin(UserRow, UserRow.id == Callback.owner_id)
        .where(*conditions)
        .order_by(*((place, tie) if order.is_rising else (place.desc(), tie.desc())))
        .limit(limit + 1)
    )
    rows = (await connection.execute(query)).all()
    shown = rows[:limit]
    more = f"{shown[-1].place!r}~{shown[-1].id}" if len(rows) > limit else None
    return CallbackPage(await dress(connection, [CallbackRow(*row[:-1]) for row in shown]), more)


async def read_callback(connection: AsyncConnection, callback_id: int, now: float) -> CallbackRow | None:
    query = (
        select(*columns(now))
        .outerjoin(UserRow, UserRow.id == Callback.owner_id)
        .where(Callback.id == callback_id)
    )
    rows = [CallbackRow(*row) for row in await connection.execute(query)]
    return next(iter(await dress(connection, rows)), None)


async def read_owed(
    connection: AsyncConnection, departments: Collection[str], now: float, *, limit: int
) -> list[CallbackRow]:
    """What these departments owe and people may act on: whoever waits in the inbox first, then by due time."""
    query = (
        select(*columns(now))
        .outerjoin(UserRow, UserRow.id == Callback.owner_id)
        .where(
            Callback.department.in_(departments),
            Callback.state.in_((State.INBOX, State.DIALLING, State.WAITING)),
        )
        .order_by(case((Callback.state == State.INBOX, 0), else_=1), Callback.due_at, Callback.id)
        .limit(limit)
    )
    return list(await dress(connection, [CallbackRow(*row) for row in await connection.execute(query)]))


async def read_counts(connection: AsyncConnection, wanted: CallbackFilter, *, region: str) -> dict[Tab, int]:
    """How many rows each tab has; closed ones within the time asked for."""
    conditions = _conditions(wanted, region)
    timed = case((Callback.state == State.CLOSED, and_(*_in_time(wanted, Callback.closed_at))), else_=True)
    result = await connection.execute(
        select(Callback.state, func.count()).where(*conditions, timed).group_by(Callback.state)
    )
    counts = {state: int(count) for state, count in result}
    return {tab: counts.get(state, 0) for tab, state in TAB_STATES.items()}


async def read_funnel(
    connection: AsyncConnection, wanted: CallbackFilter, now: float, *, region: str
) -> Funnel:
    conditions = [*_conditions(wanted, region), *_in_time(wanted, Callback.created_at)]
    sums = (func.coalesce(func.sum(case((_at_stage(stage, now), 1), else_=0)), 0) for stage in Stage)
    row = (await connection.execute(select(*sums).where(*conditions))).one()
    return Funnel(*(int(count) for count in row))


async def dress(connection: AsyncConnection, rows: Sequence[CallbackRow]) -> tuple[CallbackRow, ...]:
    """Add requests and customers."""
    if not rows:
        return ()
    asked = await read_asked(connection, [row.id for row in rows])
    customers = await customers_of(connection, {row.number for row in rows})
    told = await _told(connection, [row.id for row in rows if row.state == State.INBOX])
    return tuple(
        replace(
            row,
            customers=customers.get(row.number, ()),
            told=told.get(row.id, ""),
            **asked.get(row.id, {}),
        )
        for row in rows
    )


async def _told(connection: AsyncConnection, ids: Collection[int]) -> dict[int, str]:
    """Why each of these was put into the inbox, the last time it was."""
    if not ids:
        return {}
    result = await connection.execute(
        select(CallbackStep.callback_id, CallbackStep.detail)
        .where(CallbackStep.callback_id.in_(ids), CallbackStep.kind == "inbox")
        .order_by(CallbackStep.id)
    )
    return {callback_id: detail or "" for callback_id, detail in result}


async def customers_of(
    connection: AsyncConnection, numbers: Collection[str]
) -> dict[str, tuple[CustomerRef, ...]]:
    """Customers by number (E.164), the latest contact first."""
    keys = {number: key_of(number) for number in numbers}
    result = await connection.execute(
        select(Identity.value, Customer.id, Customer.name, Customer.company)
        .join(Customer, Customer.id == Identity.customer_id)
        .where(Identity.kind == "phone", Identity.value.in_(keys.values()), Customer.merged_into_id.is_(None))
        .order_by(Customer.last_contact_at.desc(), Customer.id)
    )
    found: dict[str, list[CustomerRef]] = defaultdict(list)
    for key, customer_id, name, company in result:
        found[key].append(CustomerRef(customer_id, name or company))
    return {number: tuple(found[key]) for number, key in keys.items() if key in found}


def _conditions(wanted: CallbackFilter, region: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.department is not None:
        conditions.append(Callback.department == wanted.department)
    if wanted.source is not None:
        conditions.append(
            exists().where(Submission.callback_id == Callback.id, Submission.source == wanted.source)
        )
    if wanted.number is not None:
        conditions.append(Callback.number == (parse_number(wanted.number, region).e164 or wanted.number))
    return conditions


def _of_tab(wanted: CallbackFilter, now: float) -> list[ColumnElement[bool]]:
    if wanted.stage is not None:
        return [*_in_time(wanted, Callback.created_at), _at_stage(wanted.stage, now)]
    if wanted.tab is Tab.ALL:
        return _in_time(wanted, Callback.created_at)
    conditions: list[ColumnElement[bool]] = [Callback.state == TAB_STATES[wanted.tab]]
    if wanted.tab is Tab.CLOSED:
        conditions += _in_time(wanted, Callback.closed_at)
    return conditions


def _in_time(wanted: CallbackFilter, column: Any) -> list[ColumnElement[bool]]:
    time = wanted.time
    conditions = [Callback.id > 0]
    if time.when is not When.ALL and time.since is not None:
        conditions.append(column >= time.since)
    if time.when is not When.ALL and time.until is not None:
        conditions.append(column < time.until)
    return conditions


def _at_stage(stage: Stage, now: float) -> ColumnElement[bool]:
    match stage:
        case Stage.REQUESTED:
            return Callback.id > 0
        case Stage.PROMISED:
            return PROMISED
        case Stage.ATTEMPTED:
            return ATTEMPTED
        case Stage.REACHED:
            return REACHED
        case Stage.BRIDGED:
            return BRIDGED
        case Stage.ON_TIME:
            return ON_TIME
        case Stage.LATE:
            return late(now)


def _behind(order: _Order, place: float, callback_id: int) -> ColumnElement[bool]:
    column = order.column
    if order.is_rising:
        return or_(column > place, and_(column == place, Callback.id > callback_id))
    return or_(column < place, and_(column == place, Callback.id < callback_id))


def _read_cursor(text: str) -> tuple[float, int]:
    place, _, number = text.partition("~")
    try:
        at, callback_id = float(place), int(number)
    except ValueError:
        raise InvalidInputError("this cursor is none of ours", field="after") from None
    if not (abs(at) < LATEST and 0 < callback_id < 2**53):
        raise InvalidInputError("this cursor is none of ours", field="after")
    return at, callback_id
