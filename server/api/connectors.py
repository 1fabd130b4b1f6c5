"""Links to other CRMs for programs: how each stands, trying one out, and calls that are not there or not yet, to be
sent again by whoever has looked for them there. What the administrator's page shows and does."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from pydantic import Field

from core.errors import NotFoundError
from crm_link.connectors.lookups import CrmLookups
from crm_link.connectors.tables import LogPart, LogState
from server.api.cut import cut
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging, Seconds, Taken
from server.connectors import actions as connector_actions
from server.connectors.parts import CONNECTORS
from server.views.connectors import find_calls, read_counts
from server.web.keys import DATABASE, SETTINGS

OWED = (LogState.WAITING, LogState.RUNNING)


class Connector(Given):
    """One `[connector.…]` of the settings file."""

    name: str
    kind: str = Field(
        description="`odoo`, `zammad`, or the description of a CRM that is spoken to over HTTP."
    )
    url: str = Field(description="Without what is secret in it.")
    looks_up: bool = Field(description="It is asked who calls.")
    logs_calls: bool = Field(description="It is told of finished calls.")
    is_reachable: bool | None = Field(
        description="Whether it answered when it was last asked who calls; null: not asked since the start."
    )
    last_ok_at: Instant | None = Field(description="When it last answered that.")
    last_error: str = Field(description="Why it did not; empty when it did.")
    owed: int = Field(description="Calls that are to be written there.")
    calls: dict[LogState, int] = Field(description="Calls by how their writing stands.")


class ConnectorPage(Page):
    connectors: list[Connector] = Field(description="By name.")


class TryBody(Taken):
    number: str = Field(min_length=1, max_length=100, description="A telephone number in any spelling.")


class FoundContact(Given):
    id: str = Field(description="The CRM's own id.")
    name: str
    company: str
    owner: str
    url: str


class Exchanged(Given):
    """One request and its answer as text, secrets hidden, bodies cut."""

    request: str
    answer: str = Field(description="Or why there was none.")
    took_s: Seconds | None = Field(description="Null when no answer came.")


class Tried(Given):
    number: str = Field(description="In E.164.")
    contacts: list[FoundContact] = Field(description="Who has it there.")
    error: str = Field(description="Why it could not be asked; empty when it answered.")
    exchanges: list[Exchanged] = Field(description="What went over the line.")


class CallOfConnector(Given):
    """One call, or its recording, and one CRM."""

    id: int
    connector: str
    call_id: str
    part: LogPart = Field(description="What of the call is to be there.")
    state: LogState = Field(
        description="`skipped`: there is nobody to write it on; `uncertain`: it was sent, and nobody knows whether it "
        "arrived."
    )
    error: str = Field(description="Why it is not there, or not yet.")
    tries: int
    due_at: Instant = Field(description="Of one that waits: when it is tried next.")
    made_at: Instant
    contact_name: str = Field(description="On whom it was written.")
    contact_url: str
    can_send: bool = Field(description="Whether it may be sent again.")
    can_leave: bool = Field(description="Whether somebody has to look, and may leave it.")


class CallsOfConnectors(Page):
    calls: list[CallOfConnector] = Field(description="Newest first.")


class CallQuery(Paging):
    connector: str | None = Field(None, min_length=1, max_length=60)
    state: LogState | None = Field(None, description="Left out: every one that is not there, or not yet.")


@operation("Connectors", tag="Connectors")
async def list_connectors(request: web.Request, query: Paging) -> ConnectorPage:
    """All of the settings file."""
    names, after = cut(request.app[SETTINGS].connector, query, str, str)
    return ConnectorPage(connectors=await _stand(request, names), next=after)


@operation("One connector", tag="Connectors")
async def read_connector(request: web.Request, name: str) -> Connector:
    if name not in request.app[SETTINGS].connector:
        raise NotFoundError("there is no such connector")
    [one] = await _stand(request, [name])
    return one


@operation("Try a connector out", tag="Connectors")
async def try_connector(request: web.Request, name: str, body: TryBody) -> Tried:
    """Asks it who has this number, and shows what was asked and answered. Writes nothing, there or here."""
    return Tried.model_validate(await connector_actions.try_one(request.app, name, body.number))


@operation("Calls that are not in a CRM", tag="Connectors")
async def list_calls_elsewhere(request: web.Request, query: CallQuery) -> CallsOfConnectors:
    """Those that wait, failed, were skipped, or about which nobody knows whether they arrived."""
    async with request.app[DATABASE].read() as connection:
        page = await find_calls(
            connection, connector=query.connector, state=query.state, limit=query.limit, after=query.after
        )
    return CallsOfConnectors(
        calls=[CallOfConnector.model_validate(one) for one in page.calls], next=page.next
    )


@operation("Send a call to its CRM again", tag="Connectors", status=204, problems=(409,))
async def send_again(request: web.Request, entry_id: int) -> None:
    """Of one that is `uncertain` look there first: it may have arrived. 409: it is there, or about to be sent."""
    await connector_actions.send_again(request.app, entry_id)


@operation("Leave a call unsent", tag="Connectors", status=204, problems=(409,))
async def leave_unsent(request: web.Request, entry_id: int) -> None:
    """Somebody has looked there, and nothing is to be sent. 409 unless it is `uncertain` or `failed`."""
    await connector_actions.leave(request.app, entry_id)


async def _stand(request: web.Request, names: list[str]) -> list[Connector]:
    async with request.app[DATABASE].read() as connection:
        counts = await read_counts(connection)
    return [_shown(request.app, name, counts.get(name, {})) for name in names]


def _shown(app: web.Application, name: str, calls: Mapping[LogState, int]) -> Connector:
    parts, settings = app.get(CONNECTORS), app[SETTINGS].connector[name]
    asking = parts.lookups.get(name) if parts else None
    return Connector(
        name=name,
        kind=settings.description or settings.kind,
        url=settings.shown_url,
        looks_up=asking is not None,
        logs_calls=parts is not None and name in parts.workers,
        is_reachable=_is_reachable(asking) if asking else None,
        last_ok_at=asking.last_ok_at if asking else None,
        last_error=asking.last_error if asking else "",
        owed=sum(calls.get(state, 0) for state in OWED),
        calls=dict(calls),
    )


def _is_reachable(asking: CrmLookups) -> bool | None:
    if asking.last_error:
        return False
    return None if asking.last_ok_at is None else True
