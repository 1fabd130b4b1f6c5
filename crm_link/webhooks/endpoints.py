"""Who is told of what: an administrator's or a program's decisions in, rows of `webhook_endpoints` out. Whoever makes
or rotates a secret is shown it once. Whether the address may be reached at all is asked again at every request
(`core/outside.py`); here only what can be known without asking a name server is refused."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config.outside import Network
from core.accounts import clean_name
from core.alarms import close_alarm
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.fact_log import FactLogRow
from core.outside import OutsideRefusedError, checked_url, may_reach
from crm_link.webhooks.alarms import DISABLED_ALARM, alarm_subject, close_both
from crm_link.webhooks.kinds import EVENTS, EndpointState
from crm_link.webhooks.tables import LONGEST_URL, WebhookEndpoint

MOST_ENDPOINTS = 50
"""Each has its own connections; a site has a handful."""

SECRET_BYTES = 32
FORMER_S = 86_400.0
"""After a rotation the secret before signs too for a day: time to bring the new one to the receiver."""

MOST_FORMER = 4
"""Whoever lost the answer to a rotation asks for another one: each signs its day, for any may be the receiver's."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What people and programs see: everything but the secrets. `former_until` is set while several of them
    sign, `failing_since` and `fault` while no attempt succeeds."""

    id: int
    name: str
    url: str
    events: tuple[str, ...]
    state: EndpointState
    note: str | None
    former_until: float | None
    failing_since: float | None
    fault: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint as somebody typed it."""

    name: str
    url: str
    events: tuple[str, ...]

    def checked(self, networks: Iterable[Network]) -> Wanted:
        """Raises InvalidInputError naming the field."""
        return Wanted(clean_name(self.name), _checked_url(self.url, networks), _checked_events(self.events))


@dataclass(frozen=True, slots=True)
class Changes:
    """What somebody wants to change of an endpoint; None stays."""

    name: str | None = None
    url: str | None = None
    events: tuple[str, ...] | None = None

    def checked(self, networks: Iterable[Network]) -> Changes:
        """Raises InvalidInputError naming the field."""
        return Changes(
            None if self.name is None else clean_name(self.name),
            None if self.url is None else _checked_url(self.url, networks),
            None if self.events is None else _checked_events(self.events),
        )


async def create(connection: AsyncConnection, wanted: Wanted, now: float) -> tuple[Endpoint, str]:
    """A new endpoint, told of everything from now on, and its secret. `wanted` is checked."""
    count = await connection.scalar(select(func.count()).select_from(WebhookEndpoint))
    if (count or 0) >= MOST_ENDPOINTS:
        raise ConflictError(f"there are {MOST_ENDPOINTS} webhooks already: remove one first")
    secret = new_secret()
    values: dict[str, Any] = {
        "name": wanted.name,
        "url": wanted.url,
        "events": " ".join(wanted.events),
        "state": EndpointState.ACTIVE,
        "secret": secret,
        "after_fact": await _newest_fact(connection),
        "created_at": now,
    }
    made = await connection.execute(insert(WebhookEndpoint).values(values).returning(WebhookEndpoint.id))
    return await read(connection, int(made.scalar_one()), now), secret


async def edit(connection: AsyncConnection, endpoint_id: int, changes: Changes) -> None:
    """What is owed already goes to the new address. Raises NotFoundError. `changes` are checked."""
    values = {
        "name": changes.name,
        "url": changes.url,
        "events": None if changes.events is None else " ".join(changes.events),
    }
    if given := {name: value for name, value in values.items() if value is not None}:
        await _update(connection, endpoint_id, given)


async def set_state(connection: AsyncConnection, endpoint_id: int, state: EndpointState, now: float) -> None:
    """Pause, or go on. One that was disabled hears of what happens from now on. Raises NotFoundError."""
    row = await hold(connection, endpoint_id)
    values: dict[str, Any] = {"state": state, "note": None}
    if row.state == EndpointState.DISABLED:
        values["after_fact"] = await _newest_fact(connection)
        await close_alarm(connection, DISABLED_ALARM, alarm_subject(endpoint_id), now)
    await _update(connection, endpoint_id, values)


async def rotate(connection: AsyncConnection, endpoint_id: int, now: float) -> str:
    """A new secret; the one before signs too for `FORMER_S`, and those before it as long as they were promised.
    Raises NotFoundError, and ConflictError when that would be more than `MOST_FORMER`."""
    row = await hold(connection, endpoint_id)
    former = [(row.secret, now + FORMER_S), *_former(row, now)]
    if len(former) > MOST_FORMER:
        raise ConflictError(f"it was given {MOST_FORMER} new secrets within a day: use one of them, or wait")
    secret = new_secret()
    await _update(connection, endpoint_id, {"secret": secret, "former_secrets": json.dumps(former)})
    return secret


async def remove(connection: AsyncConnection, endpoint_id: int, now: float) -> None:
    """With all that is owed to it, and the log of it. Raises NotFoundError."""
    gone = await connection.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id))
    if gone.rowcount != 1:
        raise _unknown(endpoint_id)
    await close_both(connection, endpoint_id, now)


async def read(connection: AsyncConnection, endpoint_id: int, now: float) -> Endpoint:
    """Raises NotFoundError."""
    for one in await read_all(connection, now):
        if one.id == endpoint_id:
            return one
    raise _unknown(endpoint_id)


async def read_all(connection: AsyncConnection, now: float) -> list[Endpoint]:
    """By name. There are at most `MOST_ENDPOINTS`."""
    rows = await connection.execute(
        select(WebhookEndpoint).order_by(func.lower(WebhookEndpoint.name), WebhookEndpoint.id)
    )
    return [_endpoint(row, now) for row in rows]


async def hold(connection: AsyncConnection, endpoint_id: int) -> Any:
    """The row with its secrets, locked until the end of the transaction. Raises NotFoundError."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    row = (await connection.execute(query)).first()
    if row is None:
        raise _unknown(endpoint_id)
    return row


async def secrets_of(connection: AsyncConnection, endpoint_id: int, now: float) -> tuple[str, Sequence[str]]:
    """The address, and the secrets that sign a request now, the newest first. Raises NotFoundError."""
    row = (await connection.execute(select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id))).first()
    if row is None:
        raise _unknown(endpoint_id)
    return row.url, signing(row, now)


def signing(row: Any, now: float) -> tuple[str, ...]:
    """The secrets of a row that sign now, the newest first."""
    return row.secret, *(secret for secret, _ in _former(row, now))


def _former(row: Any, now: float) -> list[tuple[str, float]]:
    """Those before the last rotation that still sign, and how long each of them does."""
    known = json.loads(row.former_secrets or "[]")
    return [(secret, until) for secret, until in known if now < until]


def new_secret() -> str:
    """As Standard Webhooks writes them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _checked_events(events: Sequence[str]) -> tuple[str, ...]:
    known = set(EVENTS.values())
    if not events:
        raise InvalidInputError("choose at least one event", field="events")
    if not known.issuperset(events):
        raise InvalidInputError(f"events are one or more of {', '.join(sorted(known))}", field="events")
    return tuple(sorted({*events}))


def _checked_url(text: str, networks: Iterable[Network]) -> str:
    text = text.strip()
    if any(char.isspace() for char in text):
        raise InvalidInputError("an address has no spaces in it: write %20 where one belongs", field="url")
    if len(text) > LONGEST_URL:
        raise InvalidInputError(f"the address has more than {LONGEST_URL} characters", field="url")
    try:
        url = checked_url(text)
    except OutsideRefusedError as error:
        raise InvalidInputError(str(error), field="url") from error
    try:
        address = str(ip_address(url.host or ""))
    except ValueError:
        return str(url.with_fragment(None))
    if not may_reach(address, networks):
        raise InvalidInputError(
            f"{address} is not a public address: an administrator of this machine must list it in "
            "outside.allow_networks of the settings first",
            field="url",
        )
    return str(url.with_fragment(None))


def _endpoint(row: Any, now: float) -> Endpoint:
    return Endpoint(
        id=row.id,
        name=row.name,
        url=row.url,
        events=tuple(row.events.split()),
        state=EndpointState(row.state),
        note=row.note,
        former_until=max((until for _, until in _former(row, now)), default=None),
        failing_since=row.failing_since,
        fault=row.fault,
        created_at=row.created_at,
    )


async def _update(connection: AsyncConnection, endpoint_id: int, values: dict[str, Any]) -> None:
    done = await connection.execute(
        update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(values)
    )
    if done.rowcount != 1:
        raise _unknown(endpoint_id)


async def _newest_fact(connection: AsyncConnection) -> int:
    return await connection.scalar(select(func.max(FactLogRow.id))) or 0


def _unknown(endpoint_id: int) -> NotFoundError:
    return NotFoundError(f"there is no webhook {endpoint_id}")
