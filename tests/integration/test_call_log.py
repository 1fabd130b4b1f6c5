"""What `call_log.record` leaves in the tables, on both databases: open calls, final rows, joined calls, duties."""

from __future__ import annotations

from sqlalchemy import func, insert, select

from core.accounts import NewUser, Role, create_user
from core.db import Base, Database
from core.fact_log import FactLogRow
from core.facts import (
    CallAnswered,
    CallQueued,
    CallRecord,
    CallsJoined,
    CallStarted,
    CallTransferred,
    Direction,
    EndedBy,
    Fact,
    Parties,
    Phone,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Transfer,
    TransferKind,
    Verdict,
)
from core.facts import CallEnded as Ended
from pbx_bridge import call_log, journal
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.tables import Call, CallMoment, CallPerson, CallTransfer, CallWrapUp
from tests.customers import Desk

CALLER = "+48221234567"
PARTIES = Parties(Direction.INBOUND, CALLER, "Jan", "500", CALLER)
ANNA, MAREK = Phone("PJSIP/101", "101"), Phone("PJSIP/102", "102")
TRANSFER = Transfer(TransferKind.BLIND, "101", "102", 20.0)
STORY: tuple[Fact, ...] = (
    CallStarted("c1", "main", 1.0, PARTIES),
    CallQueued("c1", 2.0, "sales"),
    PhoneRinging("c1", 3.0, ANNA),
    PhoneRinging("c1", 3.0, MAREK),
    CallAnswered("c1", 7.0, ANNA),
    PhoneStopped("c1", 7.0, MAREK, StopReason.ANSWERED_ELSEWHERE),
    CallTransferred("c1", 20.0, TRANSFER),
    CallAnswered("c1", 22.0, MAREK),
)


def ended(call_id: str = "c1", name: str = "Jan") -> Ended:
    record = CallRecord(
        call_id=call_id,
        pbx="main",
        linkedids=("1.1", "1.7"),
        direction=Direction.INBOUND,
        caller=CALLER,
        caller_name=name,
        callee="500",
        customer_number=CALLER,
        queue="sales",
        result=Verdict.ANSWERED,
        started_at=1.0,
        answered_at=7.0,
        ended_at=60.0,
        wait_s=6.0,
        talk_s=51.0,
        rang=("101", "102"),
        talked=("101", "102"),
        transfers=(TRANSFER,),
        ended_by=EndedBy.CALLER,
        why="101 answered",
    )
    return Ended(call_id, 60.0, record)


async def tell(database: Database, *facts: Fact) -> None:
    async with database.write() as connection:
        await call_log.record(connection, facts)


async def count(database: Database, table: type) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def test_an_open_call_has_its_row(database: Database) -> None:
    await tell(database, *STORY)
    async with database.read() as connection:
        row = (
            await connection.execute(select(Call.queue, Call.answered_at, Call.ended_at, Call.result))
        ).one()
        kinds = (await connection.execute(select(CallMoment.kind).order_by(CallMoment.id))).scalars().all()
    assert tuple(row) == ("sales", 7.0, None, None)
    assert kinds == [
        "started", "queued", "ringing", "ringing", "answered", "stopped", "blind_transfer", "answered",
    ]  # fmt: skip


async def test_the_last_fact_makes_the_row_final(database: Database) -> None:
    await tell(database, *STORY, ended())
    async with database.read() as connection:
        row = (
            await connection.execute(select(Call.result, Call.talk_s, Call.ended_by, Call.linkedids))
        ).one()
        people = (
            await connection.execute(
                select(CallPerson.role, CallPerson.extension).order_by(CallPerson.role, CallPerson.position)
            )
        ).all()
        transfer = (await connection.execute(select(CallTransfer.from_extension, CallTransfer.to))).one()
    assert tuple(row) == ("answered", 51.0, "caller", "1.1 1.7")
    assert [tuple(one) for one in people] == [
        ("rang", "101"), ("rang", "102"), ("talked", "101"), ("talked", "102"),
    ]  # fmt: skip
    assert tuple(transfer) == ("101", "102")


async def test_a_finished_call_owes_work_exactly_once(database: Database) -> None:
    await tell(database, *STORY, ended())
    async with database.read() as connection:
        rows = (await connection.execute(select(FactLogRow.kind, FactLogRow.subject))).all()
    assert [tuple(row) for row in rows] == [("CallEnded", "c1")]


async def test_a_call_nobody_saw_begin_is_still_logged(database: Database) -> None:
    await tell(database, ended())
    assert await count(database, Call) == 1
    assert await count(database, CallPerson) == 4


async def test_telling_the_end_again_doubles_nothing(database: Database) -> None:
    await tell(database, ended())
    await tell(database, ended())
    assert await count(database, Call) == 1
    assert await count(database, CallPerson) == 4


async def test_a_consultation_is_no_call_of_its_own(database: Database) -> None:
    consultation = Parties(Direction.INTERNAL, "101", None, "102")
    await tell(database, *STORY, CallStarted("c2", "main", 10.0, consultation))
    async with database.write() as connection:
        person = NewUser(login="anna", name="Anna", role=Role.AGENT, password_hash="x")
        anna = await create_user(connection, person, 1.0)
        await connection.execute(
            insert(CallWrapUp).values(call_id="c2", user_id=anna.id, note="asked Marek", opened_at=11.0)
        )
    await tell(database, CallsJoined("c1", "c2", 15.0))
    async with database.read() as connection:
        calls = (await connection.execute(select(Call.id))).scalars().all()
        note = (await connection.execute(select(CallWrapUp.call_id, CallWrapUp.note))).one()
        story = (await connection.execute(select(CallMoment.call_id).distinct())).scalars().all()
    assert calls == ["c1"]
    assert tuple(note) == ("c1", "asked Marek")
    assert story == ["c1"]


async def test_names_of_any_length_fit(database: Database) -> None:
    name = "Ł" * 5000
    await tell(database, ended(name=name))
    async with database.read() as connection:
        assert await connection.scalar(select(Call.caller_name)) == name


async def test_the_journal_lives_as_long_as_the_call(database: Database) -> None:
    message = AmiMessage.of({"Event": "Newchannel", "Uniqueid": "1.1"})
    entries = [journal.Entry(message, 1.0, "c1"), journal.Entry(message, 2.0, "other")]
    async with database.write() as connection:
        await journal.write(connection, "main", entries)
        await call_log.record(connection, [ended()])
    async with database.read() as connection:
        left = await journal.recover(connection, "main")
        assert await journal.recover(connection, "branch") == []
    assert [(one.get("Event"), at) for one, at in left] == [("Newchannel", 2.0)]


async def test_the_longest_ids_of_a_pbx_fit_everywhere(database: Database) -> None:
    """60 characters of the PBX's name, Asterisk's 149 of a channel (its system name is in it), and a number."""
    call_id = f"{'m' * 60}-{'s' * 128}-1795303339.1234567890-12"
    assert len(call_id) > 200
    desk = Desk(database)
    await tell(database, CallStarted(call_id, "m" * 60, 1.0, PARTIES))
    async with database.write() as connection:
        message = AmiMessage(b"Event: Newchannel\r\n\r\n")
        await journal.write(connection, "m" * 60, [journal.Entry(message, 1.0, call_id)])
    await desk.call(call_id)
    await tell(database, ended(call_id))
    async with database.read() as connection:
        assert call_id in (await connection.scalars(select(FactLogRow.subject))).all()
    short = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name == "call_id" and column.type.length < len(call_id)  # type: ignore[attr-defined]
    ]
    assert short == []
