"""Calls of the log: the same rows, filters and order as the managers' page (`server/views/calls.py`), with the field
names of `ringback replay`."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from pydantic import AliasChoices, Field, model_validator

from core.errors import NotFoundError
from core.facts import Direction, EndedBy, TransferKind, Verdict
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Seconds
from server.views.call_filter import CallFilter, When
from server.views.call_parts import CallParts, WrittenUp, read_moments, read_parts, read_wrap_ups
from server.views.calls import CallRow, read_call, read_calls
from server.web.keys import DATABASE, SETTINGS


class CallQuery(Paging):
    """Which calls; all given conditions must hold."""

    since: Instant | None = Field(None, description="Calls that began at this instant or later.")
    until: Instant | None = Field(None, description="Calls that began before this instant.")
    direction: Direction | None = None
    result: Verdict | None = Field(None, description="Calls that are over, with this verdict.")
    agent: int | None = Field(
        None, ge=1, le=2**31 - 1, description="Id of a person whose phone rang, talked, or placed the call."
    )
    queue: str | None = Field(None, min_length=1, max_length=80)
    number: str | None = Field(
        None,
        min_length=1,
        max_length=80,
        description="A telephone number in any spelling, or an extension; whole, never a part of one.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> CallQuery:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("the time asked for is empty: until must be later than since")
        return self


class CustomerRef(Given):
    id: int
    title: str = Field(description="What to call them; empty for an unknown caller without a name.")


class Transfer(Given):
    kind: TransferKind
    from_extension: str = Field(alias="from")
    to: str = Field(description="What was dialled.")
    at: Instant


class EndedCall(Given):
    """A call as it is told when it ends: the fields of the log, but for whose call it is."""

    id: str = Field(validation_alias=AliasChoices("id", "call_id"))
    pbx: str = Field(description="Name of the PBX in the settings.")
    linkedids: list[str] = Field(description="The PBX's own ids of this conversation.")
    direction: Direction
    caller: str | None = Field(
        description="Inbound: the customer in E.164, null when withheld. Else our extension."
    )
    caller_name: str | None
    callee: str | None = Field(description="The number as dialled; internal: the other extension.")
    customer_number: str | None = Field(description="The outside party in E.164.")
    queue: str | None = Field(description="The first queue joined.")
    result: Verdict | None = Field(description="The verdict; null while the call goes on.")
    started_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None = Field(description="Null while the call goes on.")
    wait_s: Seconds | None = Field(description="Seconds to the first human answer, or to the end.")
    talk_s: Seconds | None = Field(description="Seconds the customer was connected to a human.")
    rang: list[str] = Field(description="Extensions whose phone rang.")
    talked: list[str] = Field(description="Our people who were connected, in order.")
    transfers: list[Transfer]
    ended_by: EndedBy | None
    why: str | None = Field(description="One sentence that explains the verdict.")


class Call(EndedCall):
    """One conversation, from first ring to last hang-up, across transfers and parking."""

    customers: list[CustomerRef] = Field(
        description="Whose call it is. Several, likeliest first, when the number belongs to several and nobody "
        "has picked yet."
    )
    blocked: str | None = Field(description="Why the caller was on the block list; null when they were not.")


class CallPage(Page):
    calls: list[Call] = Field(description="Newest first.")


class Person(Given):
    extension: str
    user_id: int | None = Field(description="Null for a phone that belongs to nobody.")
    name: str | None
    rang: bool
    talked: bool


class Moment(Given):
    """One step of the call's story."""

    at: Instant
    kind: str = Field(examples=["ringing"])
    extension: str | None
    detail: str | None


class WrapUp(Given):
    """What an agent wrote of the call."""

    user_id: int
    name: str
    disposition: str | None
    note: str
    opened_at: Instant
    saved_at: Instant | None = Field(description="Null while they are still at it.")


class CallDetail(Call):
    """A call with all that is known of it."""

    people: list[Person]
    moments: list[Moment]
    wrap_ups: list[WrapUp]


@operation("Calls of the log, newest first", tag="Calls")
async def list_calls(request: web.Request, query: CallQuery) -> CallPage:
    """Calls that go on are in the list too: their `result` is null, and their seconds appear when they end."""
    async with request.app[DATABASE].read() as connection:
        page = await read_calls(
            connection,
            filter_of(query),
            region=request.app[SETTINGS].site.region,
            after=query.after,
            limit=query.limit,
        )
        parts = await read_parts(connection, [row.id for row in page.calls])
    return CallPage(calls=[call_of(row, parts[row.id]) for row in page.calls], next=page.next)


@operation("One call with its people, transfers and story", tag="Calls")
async def read_one_call(request: web.Request, call_id: str) -> CallDetail:
    """`moments` is the story step by step; a consultation that became part of this call is told here too."""
    async with request.app[DATABASE].read() as connection:
        row = await read_call(connection, call_id)
        if row is None:
            raise NotFoundError(f"there is no call {call_id[:120]}")
        parts = await read_parts(connection, [call_id])
        moments = await read_moments(connection, call_id)
        wrap_ups = await read_wrap_ups(connection, call_id)
    return CallDetail(
        **dict(call_of(row, parts[call_id])),
        people=_people(row),
        moments=[Moment.model_validate(moment) for moment in moments],
        wrap_ups=_written(wrap_ups),
    )


def filter_of(query: CallQuery) -> CallFilter:
    """The same conditions as the pages write them."""
    return CallFilter(
        when=When.ALL,
        since=query.since,
        until=query.until,
        direction=query.direction,
        verdict=query.result,
        agent=query.agent,
        queue=query.queue,
        number=query.number,
    )


def call_of(row: CallRow, parts: CallParts) -> Call:
    """A row of the log as the API shows it."""
    return Call(
        id=row.id,
        pbx=row.pbx,
        linkedids=list(parts.linkedids),
        direction=Direction(row.direction),
        caller=row.caller,
        caller_name=row.caller_name,
        callee=row.callee,
        customer_number=row.customer_number,
        queue=row.queue,
        result=Verdict(row.result) if row.result else None,
        started_at=row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        wait_s=row.wait_s,
        talk_s=row.talk_s,
        rang=[person.extension for person in row.rang],
        talked=[person.extension for person in row.talked],
        transfers=[Transfer.model_validate(one) for one in parts.transfers],
        ended_by=EndedBy(row.ended_by) if row.ended_by else None,
        why=row.why,
        customers=[CustomerRef.model_validate(one) for one in row.customers],
        blocked=row.blocked,
    )


def _people(row: CallRow) -> list[Person]:
    """Everybody once: who rang first, then those who only talked (a pick-up, an outside mobile)."""
    rang, talked = set(row.rang), set(row.talked)
    return [
        Person(
            extension=person.extension,
            user_id=person.user_id,
            name=person.name,
            rang=person in rang,
            talked=person in talked,
        )
        for person in dict.fromkeys((*row.rang, *row.talked))
    ]


def _written(wrap_ups: Iterable[WrittenUp]) -> list[WrapUp]:
    return [WrapUp.model_validate(one) for one in wrap_ups]
