"""Writes finished calls to one CRM, one after the other: rows from `logs.py` in, requests out, how it went back into
the row. Exactly once as far as a CRM allows: that it is about to be told is committed before it is, and whatever was
perhaps told is looked for there before it is told again; where a CRM cannot be asked, a person decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import Standing
from core.clock import Clock
from core.db import Database
from core.errors import RingbackError
from core.outside import OutsideError
from core.ports import CallCopies
from core.tasks import woken
from crm_link.connectors import logs
from crm_link.connectors.attaching import Attacher
from crm_link.connectors.begun import SETTLES_S, Beginner
from crm_link.connectors.begun_rows import Begun, read_begun
from crm_link.connectors.logs import LogJob
from crm_link.connectors.making import ContactMaker
from crm_link.connectors.picks import chosen, read_pick
from crm_link.connectors.protocol import Connector, ConnectorError, Contact, LoggedCall
from crm_link.connectors.tables import LogPart
from crm_link.connectors.trace import without
from crm_link.connectors.words import CallWords, told

log = structlog.get_logger(__name__)

LONGEST_IDLE_S = 60.0
"""It looks by itself so often: for rows of another process, and for a lease that ran out."""

FORGET_EVERY_S = 86_400.0

AWAY_S = 3600.0
"""A CRM that took nothing for so long is not just being restarted: somebody should look."""

AWAY_ALARM = "crm-away"

Describe = Callable[[AsyncConnection, Mapping[str, Any]], Awaitable[CallWords]]
"""A call's record in, what other rooms know of the call out."""


@dataclass(frozen=True, slots=True)
class LogRules:
    """`send_notes`: with the wrap-up; `create_contacts`: an unknown number becomes a contact there;
    `copies` gives the recordings that it is sent, None: it is sent none; `secrets` are kept out of what is said of its
    faults."""

    connector: Connector
    send_notes: bool
    create_contacts: bool
    copies: CallCopies | None = None
    secrets: tuple[str, ...] = ()


class LogWorker:
    """One per CRM that is told of calls. `run` until cancelled; `wake` saves it the idle wait."""

    def __init__(
        self, name: str, rules: LogRules, database: Database, clock: Clock, describe: Describe
    ) -> None:
        self.name = name
        self._rules = rules
        self._database = database
        self._clock = clock
        self._describe = describe
        self._beginner = Beginner(name, rules.connector, database, clock)
        self._maker = ContactMaker(name, rules.connector, database, clock)
        self._attacher = (
            Attacher(name, rules.connector, rules.copies, database, clock) if rules.copies else None
        )
        self._woken = asyncio.Event()
        self._forgot_at = 0.0
        self._failing_since: float | None = None
        self._away = Standing(database, clock, AWAY_ALARM, name)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            while await self.work_one():
                pass
            await self._forget_old()
            await woken(self._woken, await self._idle_s())

    async def work_one(self) -> bool:
        """Do the next row that is due; False when nothing is."""
        async with self._database.write() as connection:
            job = await logs.take(connection, self.name, self._clock())
        if job is None:
            return False
        try:
            await self._do(job)
        except asyncio.CancelledError:
            async with self._database.write() as connection:
                await logs.give_back(connection, job, self._clock())
            raise
        except RingbackError as error:
            await self._failed(job, error)
        except Exception as error:
            # A mistake of ours: the row says so and climbs the ladder, the task is started anew and logs it.
            await self._failed(job, ConnectorError(f"Ringback made a mistake: {type(error).__name__}"))
            raise
        else:
            self._failing_since = None
            await self._away.tell(None)
        return True

    async def _do(self, job: LogJob) -> None:
        if job.part is LogPart.CALL:
            await self._tell(job)
        elif self._attacher is not None:
            await self._attacher.attach(job)
        else:
            await self._skip_recording(job)

    async def _skip_recording(self, job: LogJob) -> None:
        async with self._database.write() as connection:
            await logs.skipped(connection, job, "Recordings are not sent there any more.", self._clock())

    async def _tell(self, job: LogJob) -> None:
        async with self._database.read() as connection:
            words = await self._describe(connection, job.record)
        if not self._rules.send_notes:
            words = replace(words, disposition="", note="")
        call = told(job.record, words)
        if job.written:
            await self._update(job, call)
            return
        if job.maybe_sent and not await self._is_free(job, call):
            return
        async with self._database.read() as connection:
            begun = await read_begun(connection, self.name, job.call_id)
        if begun is not None and not begun.reference:
            await self._ask_whether_begun(job, begun)
            return
        await self._write(job, call, begun)

    async def _ask_whether_begun(self, job: LogJob, begun: Begun) -> None:
        """Begun by a card just now, or by a try whose answer got lost: whether it is there, a person sees."""
        if self._clock() - begun.at < SETTLES_S:
            raise ConnectorError("the call is just being begun there: it is looked at again")
        async with self._database.write() as connection:
            await logs.uncertain(connection, job, self._clock())

    async def _is_free(self, job: LogJob, call: LoggedCall) -> bool:
        """Whether the CRM surely has nothing of this call. What is found, or cannot be known, is put into the row."""
        if not self._rules.connector.traits.finds_logs:
            async with self._database.write() as connection:
                await logs.uncertain(connection, job, self._clock())
            return False
        found = await self._rules.connector.find_call_log(call)
        if found is None:
            return True
        await self._done(job, call, found, None)
        return False

    async def _write(self, job: LogJob, call: LoggedCall, begun: Begun | None) -> None:
        if begun is None:
            contact, why = None, ""
            if self._rules.connector.traits.needs_contact:
                contact, why = await self._contact(call)
            if why:
                await self._skip(job, why)
                return
            begun = await self._begin(contact, call)
        contact = begun.contact
        async with self._database.write() as connection:
            await logs.about_to_send(connection, job)
        try:
            known = replace(call, reference=begun.reference)
            reference = await self._rules.connector.log_call(contact, known)
        except (ConnectorError, OutsideError) as error:
            if not error.perhaps_done:
                async with self._database.write() as connection:
                    await logs.not_sent(connection, job)
            raise
        await self._done(job, call, reference, contact)

    async def _done(self, job: LogJob, call: LoggedCall, reference: str, contact: Contact | None) -> None:
        """The call stands there; what was said in it comes after it."""
        name, url = (contact.name, contact.url) if contact else ("", "")
        async with self._database.write() as connection:
            await logs.done(connection, job, reference, self._clock(), name=name, url=url)
            if self._attacher is not None and call.talk_s > 0:
                await logs.ask_recording(connection, job, reference, self._clock())

    async def _begin(self, contact: Contact | None, call: LoggedCall) -> Begun:
        if not self._rules.connector.traits.begins_calls:
            return Begun(contact, "", self._clock())
        return await self._beginner.begin(contact, call.beginning)

    async def _skip(self, job: LogJob, why: str) -> None:
        """Written on nobody, unless somebody has picked one since we looked."""
        async with self._database.write() as connection:
            await logs.skipped(connection, job, why, self._clock())
            if await read_pick(connection, self.name, job.call_id) is not None:
                await logs.ask_skipped(connection, self.name, job.call_id, self._clock())

    async def _contact(self, call: LoggedCall) -> tuple[Contact | None, str]:
        """The one who has the number, or why there is none: never silently the first of several."""
        async with self._database.read() as connection:
            picked = await read_pick(connection, self.name, call.call_id)
        if picked is not None:
            return picked.contact, ""
        found = {one.id: one for one in await self._rules.connector.find_contact(call.number)}
        if len(found) > 1:
            async with self._database.read() as connection:
                one = await chosen(connection, self.name, call.call_id, found)
            if one is None:
                return (
                    None,
                    f"{len(found)} contacts there have this number: nobody has said which one it was.",
                )
            return found[one].presentable(), ""
        if found:
            return next(iter(found.values())).presentable(), ""
        if not (self._rules.create_contacts and self._rules.connector.traits.creates_contacts):
            return None, "Nobody there has this number."
        return await self._maker.make(call.number, call.caller_name or call.number), ""

    async def _update(self, job: LogJob, call: LoggedCall) -> None:
        if self._rules.connector.traits.updates_logs and job.reference:
            await self._rules.connector.update_call_log(job.reference, call)
        async with self._database.write() as connection:
            await logs.done(connection, job, job.reference, self._clock())

    async def _failed(self, job: LogJob, error: RingbackError) -> None:
        why = without(str(error), self._rules.secrets)
        log.warning("a call was not written elsewhere", connector=self.name, call_id=job.call_id, why=why)
        async with self._database.write() as connection:
            await logs.failed(connection, job, why, self._clock())
        self._failing_since = self._failing_since or self._clock()
        if self._clock() - self._failing_since >= AWAY_S:
            await self._away.tell(
                f"The CRM {self.name} has taken no call for more than an hour. Calls wait, and are written when it is "
                f"back within a week. {why}"
            )

    async def _idle_s(self) -> float:
        async with self._database.read() as connection:
            due = await logs.next_due(connection, self.name)
        wait = LONGEST_IDLE_S if due is None else due - self._clock()
        return max(0.05, min(wait, LONGEST_IDLE_S))

    async def _forget_old(self) -> None:
        now = self._clock()
        if now - self._forgot_at > FORGET_EVERY_S:
            self._forgot_at = now
            async with self._database.write() as connection:
                await logs.forget(connection, self.name, now)
