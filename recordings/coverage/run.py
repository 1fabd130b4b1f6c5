"""One comparison, step by step: the store's listing, the recordings, the calls, the PBXs' folders. Parts that look go
in; their findings are written down, what can be brought together is, and what is not seen any more is closed.

Everything is walked in pages, and nothing is kept over a page but the originals without a row. A run that is killed
leaves what it has found; the next one begins anew and comes to the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import structlog

from core.db import Database
from recordings.coverage.book import Book, Step, open_findings
from recordings.coverage.calls import Calls, Seen
from recordings.coverage.files import PAGE, Files
from recordings.coverage.findings import OF_CALLS, OF_RECORDINGS, Finding, FindingKind
from recordings.coverage.places import Places
from recordings.coverage.relink import Relinker
from recordings.kinds import AudioState
from recordings.store import StoreError

log = structlog.get_logger(__name__)

COPIES_PER_RECORDING = 4
"""In the store, about: for the progress of a listing whose length nobody knows."""

NOT_LOST_AT_ONCE = 20
"""An empty store that should hold so many was not robbed: it is another one."""

Tell = Callable[[Step, float], None]
"""Hears which step is at work and how much of it is done, 0 to 1."""


@dataclass(slots=True)
class Run:
    """`days` are each day with its beginning and end, the first one first; `homes` the recordings folders by PBX."""

    database: Database
    book: Book
    days: Sequence[tuple[date, float, float]]
    homes: Mapping[str, Path]
    late_s: float
    tell: Tell
    calls: Calls
    files: Files
    places: Places
    relinker: Relinker

    async def go(self) -> None:
        """Once through everything. Raises StoreError, OSError, ConflictError when another run took our place."""
        await self._store()
        await self._link()
        await self._recordings()
        await self._calls()
        await self._folders()

    @property
    def _since(self) -> float:
        return self.days[0][1] if self.days else self.book.started_at

    async def _store(self) -> None:
        """Everything in the store against the rows."""
        book = self.book
        recordings = await self.files.count(0.0)
        if recordings >= NOT_LOST_AT_ONCE and await self.places.is_nothing_stored():
            raise StoreError(
                f"the store is empty, though the audio of {recordings} recordings should be in it: "
                "is its disk mounted, and does every server see the same folder?"
            )
        expected = COPIES_PER_RECORDING * max(1, recordings)
        await self._beat(Step.STORE, 0.0, now=True)
        async for entries in self.places.listed():
            found = await self.places.strays(entries)
            await book.note(found)
            for one in found:
                self.relinker.remember(one)
            book.counts.objects += len(entries)
            await self._beat(Step.STORE, book.counts.objects / expected)
        await book.close_unseen({FindingKind.STRAY})

    async def _link(self) -> None:
        """What has lost its other half, and is known to belong to it."""
        await self.book.note(await self.relinker.adopt_known())
        async for findings in self.relinker.link_rows():
            await self.book.note(findings)
            await self._beat(Step.STORE, 1.0)
        await self.book.close_unseen({FindingKind.NO_CALL})

    async def _recordings(self) -> None:
        """What each recording should be against what lies in the store."""
        counts = self.book.counts
        total = max(1, await self.files.count(self._since))
        await self._beat(Step.RECORDINGS, 0.0, now=True)
        async for page in self.files.since(self._since):
            await self.book.note(await self.files.look(page))
            counts.recordings += len(page)
            counts.bytes_read = self.files.bytes_read
            await self._beat(Step.RECORDINGS, counts.recordings / total)
        async for recording_ids in self._still_open(OF_RECORDINGS):
            await self.book.note(await self.files.look(await self.files.these(recording_ids)))
        counts.bytes_read = self.files.bytes_read
        await self.book.close_unseen(OF_RECORDINGS)

    async def _calls(self) -> None:
        """How the audio of each answered call stands, what is lost from the store included; counted by day and
        queue."""
        total = max(1, await self.calls.count(self._since))
        await self._beat(Step.CALLS, 0.0, now=True)
        for day, since, until in self.days:
            tally: Counter[tuple[str, str, str]] = Counter()
            async for page in self.calls.between(since, until):
                for one in await self._brought_together(page):
                    tally[one.facts.queue or "", one.judged.state, one.judged.reason or ""] += 1
                self.book.counts.calls += len(page)
                await self._beat(Step.CALLS, self.book.counts.calls / total)
            await self.book.write_day(day, tally)
        async for call_ids in self._still_open(OF_CALLS):
            await self._brought_together(await self.calls.these(call_ids))
        await self.book.close_unseen(OF_CALLS)

    async def _brought_together(self, page: list[Seen]) -> list[Seen]:
        """The same calls, as they stand when what belongs to them was given to them."""
        adopted: list[Finding] = []
        for one in page:
            if one.judged.state is AudioState.MISSING:
                adopted += await self.relinker.adopt_for(one)
        await self.book.note(adopted)
        if adopted:
            page = await self.calls.these([one.facts.id for one in page])
        await self.calls.settle(page)
        await self.book.note([one.judged.finding for one in page if one.judged.finding is not None])
        return page

    async def _folders(self) -> None:
        """What nobody took from the PBXs' folders. One that cannot be read has an alarm of the collector's."""
        await self._beat(Step.FOLDERS, 0.0, now=True)
        for pbx, home in self.homes.items():
            try:
                found = await self.places.left_behind(pbx, home, self.late_s)
            except OSError as error:
                log.warning("a recordings folder cannot be read", pbx=pbx, why=error.strerror)
                continue
            await self.book.note(found)
            await self.book.close_unseen({FindingKind.LEFT_BEHIND}, pbx)

    async def _still_open(self, kinds: Iterable[FindingKind]) -> AsyncIterator[list[str]]:
        """Subjects of findings about older calls and recordings: looked at again, so that they can close."""
        wanted, after = list(kinds), 0
        while True:
            async with self.database.read() as connection:
                page = await open_findings(connection, wanted, self._since, after, PAGE)
            if page:
                yield [subject for _, subject in page]
            if len(page) < PAGE:
                return
            after = page[-1][0]

    async def _beat(self, step: Step, part: float, *, now: bool = False) -> None:
        self.tell(step, min(1.0, part))
        await self.book.beat(step, part, now=now)
        await asyncio.sleep(0)
