"""Which texts can be found, and by what else: transcripts, what agents wrote of their calls, customers' notes, tasks,
deals and orders, with the names and numbers of whoever it is about, and the marks that lists are filtered by. Reads the
tables of three rooms; the index itself is `recordings/search/index.py`'s."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_link.deals.tables import Deal
from crm_link.tables import CallCustomer, Customer, Identity, Note
from crm_link.tasks.tables import Task
from pbx_bridge.tables import Call, CallPerson, CallWrapUp
from recordings.search.index import Document, DocumentKind, Labels
from recordings.search.words import mark
from recordings.tables import Recording, Transcript

MOST_NAMED = 5
"""Customers whose names a call is found by, while it is open whose call it is."""

MOST_IDENTITIES = 20
"""Numbers and addresses of one customer."""

NOTHING = Labels()


def kind_mark(kind: DocumentKind) -> str:
    return mark("kind", kind.value)


def hearer_mark(user_id: int) -> str:
    """The call was this person's. Whether they may read what was said is decided anew (`recordings/access.py`)."""
    return mark("of", user_id)


def phone_mark(pbx: str, extension: str) -> str:
    """This phone rang, talked or placed the call."""
    return mark("phone", f"{pbx}/{extension}")


def wrap_up_text(note: str, disposition: str | None) -> str:
    return f"{disposition}: {note}" if disposition and note else disposition or note


async def read_transcript(connection: AsyncConnection, recording_id: str) -> Document | None:
    """The current transcript of a recording, None when it has none."""
    found = await connection.execute(
        select(
            Transcript.id,
            Transcript.text,
            Recording.call_id,
            Recording.started_at.label("recorded_at"),
            Call.started_at.label("began_at"),
        )
        .join(Recording, Recording.id == Transcript.recording_id)
        .outerjoin(Call, Call.id == Recording.call_id)
        .where(Transcript.recording_id == recording_id, Transcript.is_current.is_(True))
        .order_by(Transcript.version.desc())
        .limit(1)
    )
    row = found.one_or_none()
    if row is None:
        return None
    labels = await read_labels(connection, [row.call_id] if row.call_id else [])
    return Document(
        kind=DocumentKind.TRANSCRIPT,
        source=transcript_source(recording_id),
        at=row.recorded_at if row.began_at is None else row.began_at,
        text=row.text,
        labels=of_kind(DocumentKind.TRANSCRIPT, labels.get(row.call_id, NOTHING)),
        call_id=row.call_id,
        recording_id=recording_id,
        transcript_id=row.id,
    )


def transcript_source(recording_id: str) -> str:
    return f"transcript:{recording_id}"


async def read_wrap_up(connection: AsyncConnection, call_id: str, user_id: int) -> Document | None:
    """What somebody wrote of a call, None when they wrote nothing."""
    found = await connection.execute(
        select(CallWrapUp.note, CallWrapUp.disposition, Call.started_at)
        .join(Call, Call.id == CallWrapUp.call_id)
        .where(CallWrapUp.call_id == call_id, CallWrapUp.user_id == user_id)
    )
    row = found.one_or_none()
    text = wrap_up_text(row.note, row.disposition) if row is not None else ""
    if row is None or not text:
        return None
    labels = await read_labels(connection, [call_id])
    return Document(
        kind=DocumentKind.WRAP_UP,
        source=wrap_up_source(call_id, user_id),
        at=row.started_at,
        text=text,
        labels=of_kind(DocumentKind.WRAP_UP, labels[call_id]),
        call_id=call_id,
        user_id=user_id,
    )


async def hold_texts(connection: AsyncConnection, document: Document) -> None:
    """Let nobody change the call that this text is of, nor what an agent wrote of it, until the transaction ends."""
    rows = (
        select(Call.id).where(Call.id == document.call_id),
        select(CallWrapUp.call_id).where(CallWrapUp.call_id == document.call_id),
    )
    for held in rows:
        await connection.execute(held.with_for_update(read=True))


def wrap_up_source(call_id: str, user_id: int) -> str:
    return f"wrap_up:{user_id}:{call_id}"


async def read_about(connection: AsyncConnection, customer_id: int) -> list[Document]:
    """What stands on a customer's page and can be found: notes, tasks, deals and orders."""
    written = [
        *[_note(row) for row in await _rows(connection, Note, customer_id)],
        *[_task(row) for row in await _rows(connection, Task, customer_id)],
        *[_deal(row) for row in await _rows(connection, Deal, customer_id)],
    ]
    if not written:
        return []
    names = tuple((await _names(connection, [customer_id])).get(customer_id, ()))
    of_calls = await read_labels(connection, {one.call_id for one in written if one.call_id})
    return [
        replace(
            one,
            labels=replace(
                of_kind(one.kind, of_calls.get(one.call_id or "", NOTHING)),
                names=names,
                customer_id=customer_id,
            ),
        )
        for one in written
    ]


async def _rows(
    connection: AsyncConnection, table: type[Note | Task | Deal], customer_id: int
) -> Sequence[Row[Any]]:
    found = await connection.execute(select(*table.__table__.c).where(table.customer_id == customer_id))
    return found.all()


def _note(row: Row[Any]) -> Document:
    return Document(
        kind=DocumentKind.NOTE,
        source=f"note:{row.id}",
        at=row.created_at,
        text=row.text,
        call_id=row.call_id,
        note_id=row.id,
    )


def _task(row: Row[Any]) -> Document:
    return Document(
        kind=DocumentKind.TASK,
        source=f"task:{row.id}",
        at=row.created_at,
        text=task_text(row.title, row.text),
        call_id=row.call_id,
        task_id=row.id,
    )


def _deal(row: Row[Any]) -> Document:
    return Document(
        kind=DocumentKind.DEAL,
        source=f"deal:{row.id}",
        at=row.opened_at,
        text=deal_text(row.title, row.source, row.external_id),
        deal_id=row.id,
    )


def task_text(title: str, text: str) -> str:
    return f"{title}: {text}" if text else title


def deal_text(title: str, source: str | None, external_id: str | None) -> str:
    """With what the shop or CRM calls it: that is what a customer reads out."""
    return f"{title}, {source} {external_id}" if source else title


def of_kind(kind: DocumentKind, labels: Labels) -> Labels:
    """A call's labels as the documents of one kind carry them."""
    return replace(labels, marks=labels.marks | {kind_mark(kind)})


async def read_labels(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, Labels]:
    """By what the documents of these calls are found; calls that the log does not have are left out."""
    calls = (await connection.execute(select(*Call.__table__.c).where(Call.id.in_(call_ids)))).all()
    links = await connection.execute(
        select(CallCustomer.call_id, CallCustomer.customer_id)
        .where(CallCustomer.call_id.in_(call_ids))
        .order_by(CallCustomer.rank)
    )
    customers: dict[str, list[int]] = defaultdict(list)
    for link in links:
        customers[link.call_id].append(link.customer_id)
    names = await _names(connection, {one for ids in customers.values() for one in ids[:MOST_NAMED]})
    people = await _people(connection, call_ids)
    owners = await _owners(connection, call_ids)
    return {
        call.id: Labels(
            names=tuple(_call_names(call, customers[call.id], names)),
            marks=frozenset((*_call_marks(call, people[call.id]), *map(hearer_mark, owners[call.id]))),
            customer_id=customers[call.id][0] if len(customers[call.id]) == 1 else None,
        )
        for call in calls
    }


def _call_names(
    call: Row[Any], customers: Sequence[int], names: Mapping[int, Sequence[str]]
) -> Iterator[str]:
    yield from (text for text in (call.customer_number, call.caller_name) if text)
    for customer_id in customers[:MOST_NAMED]:
        yield from names.get(customer_id, ())


def _call_marks(call: Row[Any], people: Collection[str]) -> Iterator[str]:
    """What the call log filters by (`server/views/calls.py`), as marks."""
    yield mark("direction", call.direction)
    if call.result is not None:
        yield mark("result", call.result)
    if call.queue is not None:
        yield mark("queue", call.queue)
    for number in {call.customer_number, call.caller, call.callee, *people} - {None}:
        yield mark("number", number)
    for extension in people:
        yield phone_mark(call.pbx, extension)
    if call.direction != "inbound" and call.caller is not None:
        yield phone_mark(call.pbx, call.caller)


async def _people(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, set[str]]:
    people: dict[str, set[str]] = defaultdict(set)
    found = await connection.execute(
        select(CallPerson.call_id, CallPerson.extension).where(CallPerson.call_id.in_(call_ids))
    )
    for row in found:
        people[row.call_id].add(row.extension)
    return people


async def _owners(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, set[int]]:
    owners: dict[str, set[int]] = defaultdict(set)
    found = await connection.execute(
        select(CallWrapUp.call_id, CallWrapUp.user_id).where(CallWrapUp.call_id.in_(call_ids))
    )
    for row in found:
        owners[row.call_id].add(row.user_id)
    return owners


async def _names(connection: AsyncConnection, customer_ids: Collection[int]) -> dict[int, list[str]]:
    """Customers' names, companies, numbers and addresses."""
    names: dict[int, list[str]] = defaultdict(list)
    if not customer_ids:
        return names
    found = await connection.execute(
        select(Customer.id, Customer.name, Customer.company).where(Customer.id.in_(customer_ids))
    )
    for row in found:
        names[row.id] += [text for text in (row.name, row.company) if text]
    identities = await connection.execute(
        select(Identity.customer_id, Identity.value)
        .where(Identity.customer_id.in_(customer_ids))
        .order_by(Identity.customer_id, Identity.id)
        .limit(MOST_IDENTITIES * len(customer_ids))
    )
    for identity in identities:
        names[identity.customer_id].append(identity.value)
    return names
