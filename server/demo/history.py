"""Fills an empty database with the demo's past: people, customers, two weeks of calls with notes, a blind window. The
calls are told on a simulated PBX whose time passes at once and go through the real call book, log and matching, so
that every verdict, moment and reason is what a real PBX would have given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select

from config.settings import Settings
from core.accounts import NewUser, UserDevice, create_user
from core.bus import Bus
from core.db import Database
from core.fact_log import FactCursor, FactLogRow
from core.facts import BlindWindowClosed, CallEnded, CallRecord, CallsJoined, Direction, Fact, Verdict
from crm_link.annotations import Annotations
from crm_link.customers import Customers, NewCustomer
from crm_link.screen_pop import Caller, settle
from crm_link.tables import CallCustomer
from pbx_bridge import blindness, call_log
from pbx_bridge.calls import CallBook
from pbx_bridge.simulator import EVENTS_USER, Simulator
from pbx_bridge.simulator.clock import SteppedClock
from pbx_bridge.simulator.world import Emission
from pbx_bridge.tables import CallPerson, CallWrapUp
from server.demo.affairs import write_affairs
from server.demo.callbacks import write_callbacks
from server.demo.cast import Cast, layout
from server.demo.past_pops import past_pops
from server.demo.people import CALL_NOTES, CUSTOMERS, PEOPLE
from server.demo.recordings import write_recordings
from server.demo.scenes import Deck, Pace, Stage, play
from server.recordings.parts import make_store
from server.tables import PopRow

DAYS = 14
CALLS_A_DAY = {0: 20, 1: 22, 2: 19, 3: 20, 4: 17, 5: 4, 6: 0}
"""Monday is 0."""

OPENS, CLOSES = time(8, 0), time(17, 30)
CONSUMERS = ("call_links", "wrap_ups", "call_audio")
"""They would work through the whole past at the first start, and find everything done."""

SEED = 20_24
"""Any number: the same history at each start lets people compare what they see."""

LATEST_S = 900.0
"""The past ends so long before the demo starts: by then its last call is over and its wrap-up saved."""

PICKED_SHARE = 0.8
"""Of answered calls from a number of several customers."""

PACE = Pace(ring=(4, 22), talk=(35, 260))
RECORDED_PACE = Pace(ring=(4, 22), talk=(42.7, 43.0))
"""Of some calls: as long as the conversations of `recordings.py` that can be heard."""

RECORDED_EACH = 6
"""Every sixth call: each agent talks in some of them alone."""

CUSTOMER_SINCE_S = 200 * 86_400.0
NOT_SEEING = (3, time(14, 2), 300.0, "the connection to the PBX ended (connection reset by peer)")
"""Days ago, when, seconds, why."""


@dataclass(frozen=True, slots=True)
class Past:
    """Where the history is written and what time it ends at."""

    database: Database
    settings: Settings
    pbx: str
    until: float

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.site.time_zone)


async def write_history(past: Past, password_hash: str) -> None:
    """Everything, into a database whose tables exist and are empty."""
    users = await _people(past, password_hash)
    await _customers(past, users)
    records = await _calls(past, users)
    await _match(past, records)
    await _picks(past, users)
    await _wrap_ups(past, users, records)
    await _blind_window(past)
    await write_affairs(past.database, past.settings.site.region, users, past.until)
    await write_recordings(past.database, make_store(past.settings, past.database), past.pbx)
    for department in list(past.settings.department)[:1]:
        await write_callbacks(past.database, past.pbx, users, department, past.until)


async def _people(past: Past, password_hash: str) -> dict[str, int]:
    """User ids by extension."""
    users: dict[str, int] = {}
    async with past.database.write() as connection:
        for person in PEOPLE:
            phone = UserDevice(past.pbx, f"PJSIP/{person.extension}", person.extension)
            new = NewUser(person.login, person.name, person.role, password_hash, (phone,))
            user = await create_user(connection, new, past.until - CUSTOMER_SINCE_S)
            users[person.extension] = user.id
    return users


async def _customers(past: Past, users: dict[str, int]) -> None:
    dice = Random(SEED)  # noqa: S311
    clock = SteppedClock(past.until - CUSTOMER_SINCE_S)
    customers = Customers(past.database, Bus(), clock, past.settings.site.region)
    annotations = Annotations(past.database, Bus(), clock)
    authors = list(users.values())
    for sample in CUSTOMERS:
        by = dice.choice(authors)
        new = NewCustomer(name=sample.name, company=sample.company, numbers=sample.numbers, owner_id=by)
        customer = await customers.create(new, by)
        for tag in sample.tags:
            await annotations.add_tag(customer.id, tag, by)
        for number, note in enumerate(sample.notes):
            clock.now = _office_hour(past, clock.now + dice.uniform(0.2, 4) * 86_400, dice)
            await annotations.add_note(customer.id, note, by, is_pinned=number == 0)
        clock.now += dice.uniform(0.1, 1) * 86_400


def _office_hour(past: Past, at: float, dice: Random) -> float:
    """A moment of the next working day, when somebody is there to write."""
    day = datetime.fromtimestamp(at, past.zone).date() + timedelta(days=1)
    while not CALLS_A_DAY[day.weekday()]:
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, past.zone).timestamp() + dice.uniform(0, 8) * 3600


def moments(past: Past, dice: Random) -> Iterator[float]:
    """When calls began, in order: in business hours of the site, more before noon."""
    today = datetime.fromtimestamp(past.until, past.zone).date()
    for ago in range(DAYS, -1, -1):
        day = today - timedelta(days=ago)
        opens = datetime.combine(day, OPENS, past.zone).timestamp()
        closes = datetime.combine(day, CLOSES, past.zone).timestamp()
        starts = [
            dice.triangular(opens, closes, opens + (closes - opens) * 0.3)
            for _ in range(CALLS_A_DAY[day.weekday()])
        ]
        yield from (start for start in sorted(starts) if start < past.until - LATEST_S)


async def _calls(past: Past, users: dict[str, int]) -> list[CallRecord]:
    dice = Random(SEED)  # noqa: S311
    clock = SteppedClock(past.until - (DAYS + 2) * 86_400)
    pbx = Simulator(layout(), clock=clock)
    book = CallBook(pbx=past.pbx, trunks=(pbx.layout.trunk,), region=past.settings.site.region)
    facts: list[Fact] = []

    def hear(emission: Emission) -> None:
        if EVENTS_USER.hears(emission.message.event, emission.right):
            facts.extend(book.apply(emission.message, clock.now))

    pbx.world.listen(hear)
    cast, deck = Cast(dice), Deck(dice)
    for number, start in enumerate(moments(past, dice)):
        clock.now = max(clock.now + 20, start)
        pace = PACE if number % RECORDED_EACH else RECORDED_PACE
        await play(deck.draw(), Stage(pbx, cast, pace, []))
        clock.now += 10
        facts.extend(book.tick(clock.now))
    # Descriptions on the way leave no moment, and the last fact has the final one.
    told = [fact for fact in facts if isinstance(fact, CallsJoined) or type(fact) in call_log.MOMENTS]
    async with past.database.write() as connection:
        await call_log.record(connection, told)
        await connection.execute(insert(PopRow), past_pops(facts, users, dice))
    return [fact.record for fact in facts if isinstance(fact, CallEnded)]


async def _match(past: Past, records: list[CallRecord]) -> None:
    """Every call finds its customer; unknown callers become provisional ones. Who works through ended calls later
    (wrap-ups, for one) begins with those of the live script."""
    async with past.database.write() as connection:
        for record in records:
            if record.direction is not Direction.INTERNAL:
                await settle(connection, _caller(record))
        last = await connection.scalar(select(func.max(FactLogRow.id)))
        consumers = [{"consumer": name, "last_id": last or 0} for name in CONSUMERS]
        await connection.execute(insert(FactCursor), consumers)


async def _picks(past: Past, users: dict[str, int]) -> None:
    """Whoever took a call of a shared number mostly said whose it was; the others are still open."""
    dice = Random(SEED)  # noqa: S311
    customers = Customers(past.database, Bus(), SteppedClock(past.until), past.settings.site.region)
    holders = (
        select(CallCustomer.call_id, CallPerson.extension, func.min(CallCustomer.customer_id).label("first"))
        .join(CallPerson, CallPerson.call_id == CallCustomer.call_id)
        .where(CallPerson.role == "talked", CallPerson.position == 0)
        .group_by(CallCustomer.call_id, CallPerson.extension)
        .having(func.count() > 1)
        .order_by(CallCustomer.call_at)
    )
    async with past.database.read() as connection:
        shared = (await connection.execute(holders)).all()
    for call_id, extension, first in shared:
        if dice.random() < PICKED_SHARE:
            await customers.pick(call_id, first + dice.choice((0, 0, 1)), users.get(extension))


def _caller(record: CallRecord) -> Caller:
    inbound = record.direction is Direction.INBOUND
    name = (record.caller_name or "") if inbound else ""
    number = record.customer_number
    return Caller(record.call_id, record.started_at, number, name, creates=inbound and number is not None)


async def _wrap_ups(past: Past, users: dict[str, int], records: list[CallRecord]) -> None:
    dice = Random(SEED)  # noqa: S311
    known = [word for word in past.settings.desk.dispositions if word in CALL_NOTES]
    rows: list[dict[str, object]] = []
    for record in records:
        if record.direction is Direction.INTERNAL or record.result is not Verdict.ANSWERED:
            continue
        for extension in record.talked:
            if extension in users:
                rows.append(_wrap_up(record, users[extension], known, dice))
    async with past.database.write() as connection:
        await connection.execute(insert(CallWrapUp), rows)


def _wrap_up(record: CallRecord, user_id: int, known: list[str], dice: Random) -> dict[str, object]:
    disposition = dice.choices(known, [60, 20, 10, 4, 3][: len(known)])[0]
    note = dice.choice(CALL_NOTES[disposition]) if dice.random() < 0.55 else ""
    return {
        "call_id": record.call_id,
        "user_id": user_id,
        "disposition": disposition,
        "note": note,
        "opened_at": record.ended_at,
        "saved_at": record.ended_at + dice.uniform(5, 50),
    }


async def _blind_window(past: Past) -> None:
    ago, when, seconds, reason = NOT_SEEING
    day = datetime.fromtimestamp(past.until, past.zone).date() - timedelta(days=ago)
    since = datetime.combine(day, when, past.zone).timestamp()
    closed = BlindWindowClosed(past.pbx, since, since + seconds, reason, 1, 0, 0)
    async with past.database.write() as connection:
        await blindness.open_window(connection, past.pbx, since, reason)
        await blindness.close_window(connection, closed)
