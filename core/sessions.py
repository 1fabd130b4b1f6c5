"""Who is logged in: a random token goes to the browser, its SHA-256 into the database, and back comes a `Session`.
Also the counter that slows down guessing of passwords; both survive a restart. The cookie itself is the business
of `server/web/login.py`."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Double, ForeignKey, String, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.accounts import User, find_user
from core.db import Base
from core.errors import TooManyRequestsError

LIFETIME_S = 7 * 86_400
"""The longest time between two logins, however busy the person is."""

IDLE_S = 12 * 3600
"""A shift and its overtime: who is away longer logs in again."""

TOUCH_S = 300
"""`seen_at` is written at most this often, so that reading a page is not a write."""

SESSIONS_PER_USER = 20
"""Browsers of one person; the oldest is logged out when another one comes."""

FREE_FAILURES = {"pair": 5, "login": 20, "address": 30}
"""Wrong passwords before waiting begins: for one login from one address, for one login, for one address (an office
behind one router shares it). After that the wait doubles from FIRST_WAIT_S to LONGEST_WAIT_S."""

FIRST_WAIT_S, LONGEST_WAIT_S = 15, 900
FORGET_AFTER_S = 3600

COUNT_LOCK = 0x4C4F474E
"""PostgreSQL advisory lock ("LOGN"): tries are counted one after the other, or a burst would count as one."""


class SessionRow(Base):
    __tablename__ = "user_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float] = mapped_column(Double)
    address: Mapped[str] = mapped_column(String(60))
    browser: Mapped[str] = mapped_column(String(200))


class LoginThrottleRow(Base):
    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[float] = mapped_column(Double)
    blocked_until: Mapped[float] = mapped_column(Double)


@dataclass(frozen=True, slots=True)
class Session:
    """`stale` says that `touch_session` is due."""

    token_hash: str
    user: User
    created_at: float
    stale: bool


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser somebody is logged in with."""

    token_hash: str
    seen_at: float
    address: str
    browser: str


async def start_session(
    connection: AsyncConnection, user_id: int, now: float, *, address: str, browser: str
) -> str:
    """A new session; returns the token for the cookie, which is stored nowhere."""
    token = secrets.token_urlsafe(32)
    await connection.execute(
        insert(SessionRow).values(
            token_hash=hash_token(token),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            expires_at=now + LIFETIME_S,
            address=address[:60],
            browser=browser[:200],
        )
    )
    await _drop_surplus(connection, user_id)
    return token


async def read_session(connection: AsyncConnection, token_hash: str, now: float) -> Session | None:
    """The living session with this hash of its token, or None when it expired, idled out or its user is disabled."""
    result = await connection.execute(select(SessionRow).where(SessionRow.token_hash == token_hash))
    row = result.first()
    if row is None or row.expires_at <= now or row.seen_at + IDLE_S <= now:
        return None
    user = await find_user(connection, row.user_id)
    if user is None or user.disabled:
        return None
    return Session(token_hash, user, row.created_at, stale=row.seen_at + TOUCH_S <= now)


async def touch_session(connection: AsyncConnection, token_hash: str, now: float) -> None:
    await connection.execute(
        update(SessionRow).where(SessionRow.token_hash == token_hash).values(seen_at=now)
    )


async def list_sessions(connection: AsyncConnection, user_id: int, now: float) -> list[OpenSession]:
    """Where this person is logged in, the latest used first."""
    result = await connection.execute(
        select(SessionRow.token_hash, SessionRow.seen_at, SessionRow.address, SessionRow.browser)
        .where(SessionRow.user_id == user_id, SessionRow.expires_at > now, SessionRow.seen_at > now - IDLE_S)
        .order_by(SessionRow.seen_at.desc())
    )
    return [OpenSession(*row) for row in result]


async def last_seen(connection: AsyncConnection) -> dict[int, float]:
    """User id → when they last used an open session, give or take TOUCH_S."""
    result = await connection.execute(
        select(SessionRow.user_id, func.max(SessionRow.seen_at).label("seen_at")).group_by(SessionRow.user_id)
    )
    return {row.user_id: row.seen_at for row in result}


async def end_session(connection: AsyncConnection, token_hash: str) -> None:
    await connection.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash))


async def end_user_sessions(connection: AsyncConnection, user_id: int) -> None:
    """Log somebody out everywhere."""
    await connection.execute(delete(SessionRow).where(SessionRow.user_id == user_id))


def hash_token(token: str) -> str:
    """256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


async def count_login_attempt(connection: AsyncConnection, login: str, address: str, now: float) -> None:
    """Count one try *before* its password is checked, so that a burst cannot outrun the counter.

    Raises TooManyRequestsError, without counting, while the login or the address has to wait.
    """
    keys = _throttle_keys(login, address)
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        await connection.execute(select(func.pg_advisory_xact_lock(COUNT_LOCK)))
    result = await connection.execute(select(LoginThrottleRow).where(LoginThrottleRow.key.in_(keys.values())))
    rows = {row.key: row for row in result}
    wait = max((row.blocked_until - now for row in rows.values()), default=0.0)
    if wait > 0:
        raise TooManyRequestsError(
            "too many wrong passwords: wait a little, then try again", retry_after=max(1, round(wait))
        )
    for kind, key in keys.items():
        row = rows.get(key)
        fresh = row is None or row.last_at + FORGET_AFTER_S <= now
        failures = 1 if row is None or fresh else row.failures + 1
        await _store_attempt(connection, key, failures, now + _wait(kind, failures), now)


async def forgive_login(connection: AsyncConnection, login: str, address: str) -> None:
    """The password was right: its own tries are forgotten; the address keeps its count, less this one try."""
    keys = _throttle_keys(login, address)
    await connection.execute(
        delete(LoginThrottleRow).where(LoginThrottleRow.key.in_([keys["pair"], keys["login"]]))
    )
    await connection.execute(
        update(LoginThrottleRow)
        .where(LoginThrottleRow.key == keys["address"])
        .values(failures=LoginThrottleRow.failures - 1, blocked_until=0.0)
    )


async def sweep_sessions(connection: AsyncConnection, now: float) -> None:
    """Delete what is over; called now and then."""
    await connection.execute(
        delete(SessionRow).where((SessionRow.expires_at <= now) | (SessionRow.seen_at + IDLE_S <= now))
    )
    await connection.execute(
        delete(LoginThrottleRow).where(LoginThrottleRow.last_at + 2 * FORGET_AFTER_S <= now)
    )


def _throttle_keys(login: str, address: str) -> dict[str, str]:
    login, address = login.strip().lower()[:64], address[:60]
    return {"pair": f"pair:{login}|{address}", "login": f"login:{login}", "address": f"address:{address}"}


def _wait(kind: str, failures: int) -> float:
    surplus = failures - FREE_FAILURES[kind]
    return 0.0 if surplus < 0 else float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(surplus, 10)))


async def _store_attempt(
    connection: AsyncConnection, key: str, failures: int, blocked_until: float, now: float
) -> None:
    values = {"failures": failures, "last_at": now, "blocked_until": blocked_until}
    result = await connection.execute(
        update(LoginThrottleRow).where(LoginThrottleRow.key == key).values(values)
    )
    if result.rowcount == 0:
        await connection.execute(insert(LoginThrottleRow).values(key=key, **values))


async def _drop_surplus(connection: AsyncConnection, user_id: int) -> None:
    kept = (
        select(SessionRow.token_hash)
        .where(SessionRow.user_id == user_id)
        .order_by(SessionRow.created_at.desc())
        .limit(SESSIONS_PER_USER)
    )
    await connection.execute(
        delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.token_hash.not_in(kept))
    )
