"""Keeps the search index true: durable facts in (a transcript is ready, a call ended, a customer or what an agent wrote
changed), documents put, given other names or taken out. Every fact is answered by reading what stands there now, so
that the same fact twice, or late, does no harm. Nothing is written where nothing changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from functools import partial

from aiohttp import web
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Bus
from core.db import Database
from core.fact_log import FactConsumer, LoggedFact
from core.facts import (
    CallEnded,
    CallMatched,
    CustomerChanged,
    RecordingChanged,
    RecordingReady,
    TranscriptReady,
    WrapUpSaved,
)
from core.tasks import running
from crm_link.tables import CallCustomer
from recordings.search import forget
from recordings.search.index import (
    Document,
    DocumentKind,
    changed_of,
    fold,
    mislabelled,
    put,
    relabel,
    remove,
)
from recordings.search.tables import SearchDocument
from server.search.documents import (
    hold_texts,
    of_kind,
    read_about,
    read_labels,
    read_transcript,
    read_wrap_up,
    transcript_source,
    wrap_up_source,
)
from server.web.keys import CONSUMERS

DURABLE = (TranscriptReady, RecordingReady, CallEnded, CustomerChanged, WrapUpSaved)

OF_CALLS = (DocumentKind.TRANSCRIPT.value, DocumentKind.WRAP_UP.value)

AT_ONCE = 50
"""Documents changed in one transaction: a ringing call may have to wait for it."""

DUE = 1_000
"""Calls and recordings to look at again that are remembered; more come with their durable facts or not at all."""


Read = Callable[[AsyncConnection], Awaitable[Document | None]]


class SearchFeed:
    """`consumer` answers durable facts; `run` answers those that only the bus tells: that a call's customer was picked,
    that a recording found its call."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._due: asyncio.Queue[CallMatched | RecordingChanged] = asyncio.Queue(DUE)
        self.consumer = FactConsumer(database, "search", DURABLE, self.handle)

    def subscribe(self) -> None:
        for kind in DURABLE:
            self._bus.subscribe(kind, self._wake, name="search: wake")
        self._bus.subscribe(CallMatched, self._remember, name="search: calls")
        self._bus.subscribe(RecordingChanged, self._remember, name="search: recordings")

    async def run(self) -> None:
        """For ever."""
        while True:
            fact = await self._due.get()
            if isinstance(fact, CallMatched):
                await self._call(fact.call_id)
            else:
                await self._recording(fact.recording_id)

    async def handle(self, fact: LoggedFact) -> None:
        body = fact.body
        match fact.kind:
            case "TranscriptReady" | "RecordingReady":
                await self._recording(body["recording_id"])
            case "CallEnded":
                await self._call(body["call_id"])
            case "WrapUpSaved":
                await self._wrap_up(body["call_id"], body["user_id"])
            case "CustomerChanged":
                await self._customer(body["customer_id"])

    async def _recording(self, recording_id: str) -> None:
        read = partial(read_transcript, recording_id=recording_id)
        await self._follow(read, transcript_source(recording_id))

    async def _wrap_up(self, call_id: str, user_id: int) -> None:
        read = partial(read_wrap_up, call_id=call_id, user_id=user_id)
        await self._follow(read, wrap_up_source(call_id, user_id))

    async def _follow(self, read: Read, source: str) -> None:
        """One text of a call, as it stands when it is written."""
        while (document := await self._read(read)) is not None:
            if await self._put_as_read(document, read):
                return
        await self._remove([source])

    async def _read(self, read: Read) -> Document | None:
        async with self._database.read() as connection:
            return await read(connection)

    async def _put_as_read(self, document: Document, read: Read) -> bool:
        """False when it is another by now: who erases its customer is either seen here, or waits for us and then finds
        what we wrote."""
        async with self._database.read() as connection:
            changed = await changed_of(connection, [await fold(connection, document)])
        if not changed:
            return True
        async with self._database.write() as connection:
            await hold_texts(connection, document)
            if await read(connection) != document:
                return False
            for one in changed:
                await put(connection, one)
        return True

    async def _call(self, call_id: str) -> None:
        await self._relabel(SearchDocument.call_id == call_id)

    async def _customer(self, customer_id: int) -> None:
        """What is written about them, and everything that carries their name."""
        async with self._database.read() as connection:
            written = await read_about(connection, customer_id)
        await self._store(written)
        theirs = select(CallCustomer.call_id).where(CallCustomer.customer_id == customer_id)
        await self._relabel((SearchDocument.customer_id == customer_id) | SearchDocument.call_id.in_(theirs))

    async def _store(self, documents: Sequence[Document]) -> None:
        """With the row that such a text is of it goes from here, too: a foreign key refuses what comes too late."""
        async with self._database.read() as connection:
            folded = [await fold(connection, one) for one in documents]
            changed = await changed_of(connection, folded)
        for first in range(0, len(changed), AT_ONCE):
            async with self._database.write() as connection:
                for document in changed[first : first + AT_ONCE]:
                    await put(connection, document)

    async def _remove(self, sources: Collection[str]) -> None:
        async with self._database.read() as connection:
            held = await connection.execute(
                select(SearchDocument.source).where(SearchDocument.source.in_(sources))
            )
            gone = list(held.scalars())
        if gone:
            async with self._database.write() as connection:
                await remove(connection, gone)

    async def _relabel(self, condition: ColumnElement[bool]) -> None:
        """Calls' documents; what is written about a customer has their names, and comes with them."""
        is_of_call = (SearchDocument.call_id.is_not(None), SearchDocument.kind.in_(OF_CALLS))
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(SearchDocument.source, SearchDocument.kind, SearchDocument.call_id)
                .where(condition, *is_of_call)
                .order_by(SearchDocument.id.desc())
            )
            documents = rows.all()
        for first in range(0, len(documents), AT_ONCE):
            some = documents[first : first + AT_ONCE]
            async with self._database.read() as connection:
                labels = await read_labels(connection, {row.call_id for row in some})
                wanted = {
                    row.source: of_kind(DocumentKind(row.kind), labels[row.call_id])
                    for row in some
                    if row.call_id in labels
                }
                stale = await mislabelled(connection, wanted)
            if stale:
                async with self._database.write() as connection:
                    await relabel(connection, stale)

    async def _wake(self, _fact: object) -> None:
        self.consumer.wake()

    async def _remember(self, fact: CallMatched | RecordingChanged) -> None:
        if not self._due.full():
            self._due.put_nowait(fact)


def add_search(app: web.Application, database: Database, bus: Bus) -> None:
    """Put the upkeep of the search index into `app`."""
    feed = SearchFeed(database, bus)
    feed.subscribe()
    app[CONSUMERS].append(feed.consumer)

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with (
            running("search: facts", feed.consumer.run),
            running("search: picks", feed.run),
            running("search: removed words", partial(forget.run, database)),
        ):
            yield

    app.cleanup_ctx.append(part)
