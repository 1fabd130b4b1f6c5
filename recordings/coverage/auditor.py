"""Says when recordings are audited (each night, and when somebody asks) and what with. Settings go in; a run is made
of the parts that look (`run.py`), and it ends in its row, with findings and coverage (`tables.py`). Who
listened to what is another matter: `audit.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.recordings import NEVER, RecordingSettings
from core.alarms import close_alarm, raise_alarm, take_turn
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.errors import ConflictError, RingbackError
from core.tasks import woken
from recordings.coverage import book as auditor_book
from recordings.coverage.book import Book, Outcome
from recordings.coverage.calls import Calls, Rules
from recordings.coverage.files import Files
from recordings.coverage.places import Places
from recordings.coverage.relink import Relinker
from recordings.coverage.run import Run, Tell
from recordings.intake import Intake
from recordings.store import Store

log = structlog.get_logger(__name__)

NIGHT = "night"
"""Who asked for a run that began by itself."""

LOOK_S = 60.0
"""How often the time of day is looked at: clocks are set, and machines sleep."""

ALARM, DAMAGED = "recordings-audit", "recordings-damaged"


@dataclass(frozen=True, slots=True)
class Site:
    """What is compared: the store, the recordings folder of each PBX that shares one, and the PBXs that record at
    all."""

    store: Store
    homes: Mapping[str, Path]
    recorded: frozenset[str]
    zone: ZoneInfo


class Auditor:
    """`run` for ever in the server; `audit` is one comparison, also for the command."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        bus: Bus,
        clock: Clock,
        settings: RecordingSettings,
        site: Site,
    ) -> None:
        self._database = database
        self._intake = intake
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._site = site
        self._woken = asyncio.Event()
        self._asked_by: str | None = None

    def ask(self, asked_by: str) -> None:
        """Begin one as soon as possible; returns at once."""
        self._asked_by = asked_by
        self._woken.set()

    @property
    def is_asked(self) -> bool:
        """Whether one is to begin now."""
        return self._asked_by is not None

    async def run(self) -> None:
        """For ever: each night, and when somebody asks."""
        began = self._clock()
        while True:
            self._woken.clear()
            if not (self.is_asked or await self._is_night(began)) or not await self._try():
                await woken(self._woken, LOOK_S)

    async def _is_night(self, began: float) -> bool:
        """Whether its time has come since the last run, or since we began when there was none."""
        async with self._database.read() as connection:
            last = await auditor_book.last_started(connection)
        due = next_at(self._settings.audit.at, began if last is None else last, self._site.zone)
        return due is not None and due <= self._clock()

    async def _try(self) -> bool:
        try:
            await self.audit(self._asked_by or NIGHT)
        except (RingbackError, SQLAlchemyError, OSError) as error:
            # What went wrong stands in the run's row, or another run goes on.
            log.warning("an audit of recordings ended early", why=str(error))
            return False
        finally:
            self._asked_by = None
        return True

    async def audit(self, asked_by: str, since: date | None = None, tell: Tell | None = None) -> int:
        """One whole run from `since` on (a day of the site; else as the settings say); returns its id. Raises
        ConflictError while another goes on, StoreError and OSError when store or database cannot be used."""
        first = since or self._today() - timedelta(days=self._settings.audit.days - 1)
        book = await auditor_book.begin(self._database, self._clock, asked_by, self._midnight(first))
        try:
            await self._run(book, first, tell).go()
        except ConflictError:
            raise
        except BaseException as error:
            await self._fail(book, error)
            raise
        await book.end(Outcome.DONE)
        await self._tell_damage()
        counts = book.counts
        log.info(
            "recordings were audited", calls=counts.calls, recordings=counts.recordings, mended=counts.mended
        )
        return book.run_id

    async def _tell_damage(self) -> None:
        """An alarm as long as stored audio is lost or changed; the one of a failed run is over."""
        now = self._clock()
        async with self._database.write() as connection:
            await close_alarm(connection, ALARM, "", now)
            await take_turn(connection, DAMAGED, "")
            damaged = await auditor_book.count_damaged(connection)
            if damaged:
                text = f"{damaged} stored recordings are lost or changed: see /recordings/coverage"
                await raise_alarm(connection, DAMAGED, "", text, now)
            else:
                await close_alarm(connection, DAMAGED, "", now)

    async def _fail(self, book: Book, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            await book.end(Outcome.BROKEN)
            return
        why = str(error) if isinstance(error, RingbackError) else type(error).__name__
        await book.end(Outcome.FAILED, why)
        async with self._database.write() as connection:
            text = f"recordings could not be compared: {why}"
            await raise_alarm(connection, ALARM, "", text, self._clock())

    def _run(self, book: Book, first: date, tell: Tell | None) -> Run:
        site, settings = self._site, self._settings
        store, late_s = site.store, settings.late_minutes * 60.0
        rules = Rules(site.recorded, frozenset(settings.off_queues), late_s)
        return Run(
            database=self._database,
            book=book,
            days=self._days(first),
            homes=site.homes,
            late_s=late_s,
            tell=tell or (lambda _step, _part: None),
            calls=Calls(self._database, self._clock, rules),
            files=Files(self._database, store, self._clock, settings.audit.read_mb * 1_000_000),
            places=Places(self._database, store, self._clock),
            relinker=Relinker(self._database, store, self._intake, self._bus, self._clock),
        )

    def _days(self, first: date) -> list[tuple[date, float, float]]:
        """Each day from `first` to today with its beginning and end."""
        days = [first + timedelta(days=number) for number in range((self._today() - first).days + 1)]
        return [(day, self._midnight(day), self._midnight(day + timedelta(days=1))) for day in days]

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), UTC).astimezone(self._site.zone).date()

    def _midnight(self, day: date) -> float:
        return datetime.combine(day, time(), self._site.zone).timestamp()


def next_at(at: str, after: float, zone: ZoneInfo) -> float | None:
    """The first instant after `after` at which the site's clocks show `at` (`03:30`); None for `never`."""
    if at == NEVER:
        return None
    hour, minute = map(int, at.split(":"))
    day = datetime.fromtimestamp(after, UTC).astimezone(zone).date()
    for one in (day, day + timedelta(days=1), day + timedelta(days=2)):
        instant = datetime.combine(one, time(hour, minute), zone).timestamp()
        if instant > after:
            return instant
    raise AssertionError("every day has every time of day")
