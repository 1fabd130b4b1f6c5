"""Keys for programs: a name and scopes go in, a secret shown once comes out (`rb_<prefix>_<secret>`), of which only
the SHA-256 is kept. Which URL needs which scope stands in `server/routes.py`."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Double, String, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.accounts import clean_name
from core.db import Base
from core.errors import InvalidInputError, NotFoundError

SCOPES = (
    "calls:read",
    "calls:write",
    "callbacks:read",
    "callbacks:write",
    "customers:read",
    "customers:write",
    "customers:merge",
    "customers:remove",
    "customers:import",
    "customers:export",
    "customers:erase",
    "blocked:check",
    "blocked:write",
    "agents:read",
    "recordings:read",
    "recordings:write",
    "recordings:export",
    "prompts:read",
    "prompts:write",
    "live:read",
    "webhooks:read",
    "webhooks:write",
    "connectors:read",
    "connectors:write",
    "metrics:read",
)
TOUCH_S = 60
"""`last_used_at` is written at most this often."""

_KEY = re.compile(r"rb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class ApiKeyRow(Base):
    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    prefix: Mapped[str] = mapped_column(String(12), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(400))
    created_at: Mapped[float] = mapped_column(Double)
    last_used_at: Mapped[float | None] = mapped_column(Double)
    revoked_at: Mapped[float | None] = mapped_column(Double)


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: int
    name: str
    prefix: str
    scopes: frozenset[str]
    created_at: float
    last_used_at: float | None
    revoked: bool


async def create_key(
    connection: AsyncConnection, name: str, scopes: Iterable[str], now: float
) -> tuple[ApiKey, str]:
    """The key and its secret text, which cannot be read again. Raises InvalidInputError for an unknown scope."""
    wanted = frozenset(scopes)
    if not wanted or not wanted <= set(SCOPES):
        raise InvalidInputError(f"scopes are one or more of {', '.join(SCOPES)}", field="scopes")
    prefix, secret, shown = secrets.token_hex(6), secrets.token_urlsafe(32), clean_name(name)
    values = {
        "name": shown,
        "prefix": prefix,
        "secret_hash": _hash(secret),
        "scopes": " ".join(sorted(wanted)),
        "created_at": now,
    }
    result = await connection.execute(insert(ApiKeyRow).values(values).returning(ApiKeyRow.id))
    key = ApiKey(int(result.scalar_one()), shown, prefix, wanted, now, None, revoked=False)
    return key, f"rb_{prefix}_{secret}"


async def read_key(connection: AsyncConnection, text: str) -> ApiKey | None:
    """The living key whose secret this is, or None."""
    parts = _KEY.fullmatch(text)
    if parts is None:
        return None
    result = await connection.execute(select(ApiKeyRow).where(ApiKeyRow.prefix == parts[1]))
    row = result.first()
    if row is None or row.revoked_at is not None:
        return None
    if not hmac.compare_digest(row.secret_hash, _hash(parts[2])):
        return None
    return _key(row)


async def touch_key(connection: AsyncConnection, key_id: int, now: float) -> None:
    await connection.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(last_used_at=now))


async def list_keys(connection: AsyncConnection) -> list[ApiKey]:
    """All keys, newest first, revoked ones included."""
    result = await connection.execute(select(ApiKeyRow).order_by(ApiKeyRow.id.desc()))
    return [_key(row) for row in result]


async def revoke_key(connection: AsyncConnection, key_id: int, now: float) -> None:
    """Raises NotFoundError when there is no such living key."""
    result = await connection.execute(
        update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None)).values(revoked_at=now)
    )
    if result.rowcount != 1:
        raise NotFoundError(f"there is no living API key {key_id}")


def _key(row: object) -> ApiKey:
    values = row._mapping  # type: ignore[attr-defined]
    return ApiKey(
        id=values["id"],
        name=values["name"],
        prefix=values["prefix"],
        scopes=frozenset(values["scopes"].split()),
        created_at=values["created_at"],
        last_used_at=values["last_used_at"],
        revoked=values["revoked_at"] is not None,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
