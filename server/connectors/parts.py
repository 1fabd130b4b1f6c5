"""Brings together the links to other CRMs: who is asked about a caller, who is told of finished calls, and the one way
out that all of them use. The application goes in with its settings; the parts are reachable from it by key afterwards.
A site without `[connector.…]` has none of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from config.connectors import ConnectorSettings
from config.settings import Settings
from core.accounts import UserDeviceRow
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.facts import CallEnded, TranscriptReady, WrapUpSaved
from core.outside import Outside
from core.ports import CallCopies
from core.tasks import running
from crm_link.connectors.cards import CallCards, CardRules
from crm_link.connectors.described import Described
from crm_link.connectors.intake import LogIntake
from crm_link.connectors.log_worker import LogRules, LogWorker
from crm_link.connectors.lookups import CrmLookups, LookupRules, Lookups
from crm_link.connectors.make import make_connector
from crm_link.connectors.picking import ContactPicks
from crm_link.connectors.protocol import Connector
from crm_link.connectors.starts import begin
from crm_link.connectors.words import CallWords
from crm_link.connectors.zammad import Zammad, ZammadLive
from pbx_bridge.tables import CallWrapUp
from server.views.calls import people_by_extension
from server.web.keys import CONSUMERS


@dataclass(frozen=True, slots=True)
class Connectors:
    """By their names in the settings. Who is not asked is not in `lookups`, who is not told not in `workers`."""

    outside: Outside
    made: Mapping[str, Connector]
    lookups: Mapping[str, CrmLookups]
    workers: Mapping[str, LogWorker]
    picks: ContactPicks


CONNECTORS = web.AppKey("connectors", Connectors)


def add_connectors(
    app: web.Application,
    settings: Settings,
    copies: CallCopies | None,
    database: Database,
    bus: Bus,
    clock: Clock,
) -> None:
    """Put them into `app`, after the desks, which hear of a call first, and the recordings. Without `copies` no audio
    leaves. Raises SettingsError."""
    if not settings.connector:
        app.cleanup_ctx.append(_without(database))
        return
    outside = Outside(settings.outside)
    app[CONNECTORS] = parts = make_parts(settings, outside, copies, database, bus, clock)
    live = {
        name: ZammadLive(name, one, bus, clock)
        for name, one in parts.made.items()
        if isinstance(one, Zammad) and settings.connector[name].log_calls
    }
    cards = {
        name: CallCards(name, _card_rules(one, settings.connector[name]), database, bus, clock)
        for name, one in parts.made.items()
        if isinstance(one, Described) and one.has_cards
    }
    for told in live.values():
        told.subscribe()
    for shown in cards.values():
        shown.subscribe()
    intake = LogIntake(database, clock, parts.workers)
    app[CONSUMERS].append(intake.consumer)

    async def wake(_fact: CallEnded | WrapUpSaved | TranscriptReady) -> None:
        intake.consumer.wake()

    bus.subscribe(CallEnded, wake, name="connectors: calls")
    bus.subscribe(WrapUpSaved, wake, name="connectors: calls")
    bus.subscribe(TranscriptReady, wake, name="connectors: calls")

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name, crm in parts.lookups.items():
                await stack.enter_async_context(running(f"contacts of {name}", crm.run))
            for name, zammad in live.items():
                await stack.enter_async_context(running(f"calls now for {name}", zammad.run))
            for name, card in cards.items():
                await stack.enter_async_context(running(f"cards of {name}", card.run))
            for name, worker in parts.workers.items():
                await stack.enter_async_context(running(f"calls for {name}", worker.run))
            await stack.enter_async_context(running("connectors: calls", intake.run))
            yield
        await outside.close()

    app.cleanup_ctx.append(part)


def _without(database: Database) -> Callable[[web.Application], AsyncIterator[None]]:
    """A CRM that comes back one day is told nothing of the time without it."""

    async def part(_app: web.Application) -> AsyncIterator[None]:
        async with database.write() as connection:
            await begin(connection, ())
        yield

    return part


def make_parts(
    settings: Settings,
    outside: Outside,
    copies: CallCopies | None,
    database: Database,
    bus: Bus,
    clock: Clock,
) -> Connectors:
    """Nothing runs yet. Raises SettingsError."""
    made: dict[str, Connector] = {}
    lookups: dict[str, CrmLookups] = {}
    workers: dict[str, LogWorker] = {}
    describe = partial(call_words, public_url=settings.server.public_url or "")
    for name, one in settings.connector.items():
        made[name] = connector = make_connector(name, one, settings.site, outside)
        if one.look_up and connector.traits.finds_contacts:
            asking = LookupRules(connector, one.seconds, one.fresh_minutes * 60.0, one.secrets)
            lookups[name] = CrmLookups(name, asking, database, bus, clock)
        if one.log_calls and connector.traits.logs_calls:
            sent = copies if one.send_recordings else None
            rules = LogRules(connector, one.send_notes, one.create_contacts, sent, one.secrets)
            workers[name] = LogWorker(name, rules, database, clock, describe)
    heard = Lookups(lookups)
    heard.subscribe(bus)
    picks = ContactPicks(database, bus, clock, heard, workers)
    return Connectors(outside, made, lookups, workers, picks)


def _card_rules(crm: Described, settings: ConnectorSettings) -> CardRules:
    return CardRules(crm, settings.fresh_minutes * 60.0, settings.secrets)


def refused_elsewhere(app: web.Application, number: str) -> str | None:
    """Why a CRM wants this caller (E.164) refused, as far as it said so of their last call."""
    made = app[CONNECTORS].made if CONNECTORS in app else {}
    said = ((name, one.refusal(number)) for name, one in made.items() if isinstance(one, Zammad))
    return next((f"Blocked in {name} ({why})" for name, why in said if why is not None), None)


async def call_words(connection: AsyncConnection, record: Mapping[str, Any], *, public_url: str) -> CallWords:
    """Who our people in this call are, and what the last of them who saved a wrap-up said."""
    call_id, pbx = record["call_id"], record["pbx"]
    people = await people_by_extension(connection)
    said = (
        await connection.execute(
            select(CallWrapUp.disposition, CallWrapUp.note)
            .where(CallWrapUp.call_id == call_id, CallWrapUp.saved_at.is_not(None))
            .order_by(CallWrapUp.saved_at.desc())
            .limit(1)
        )
    ).one_or_none()
    return CallWords(
        people={extension: name for (of, extension), (_id, name) in people.items() if of == pbx},
        disposition=(said.disposition or "") if said else "",
        note=said.note if said else "",
        url=f"{public_url.rstrip('/')}/calls/{call_id}" if public_url else "",
        devices=await _devices(connection, pbx),
    )


async def _devices(connection: AsyncConnection, pbx: str) -> dict[str, str]:
    """By extension."""
    found = await connection.execute(
        select(UserDeviceRow.extension, UserDeviceRow.device).where(UserDeviceRow.pbx == pbx)
    )
    return {row.extension: row.device for row in found}
