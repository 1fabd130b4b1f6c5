"""The guard's counters: how often something happened lately, kept in the database, so that a restart forgets nothing.
In: an ask that was read; out: the limits it is above. They cap what is dialled, not what is taken: an ask above a limit
is held. What they mean for an answer is decided in `guard.py`.

A limit's window slides in twelfths, and the twelfth that is half over counts whole: whichever way a window is cut, it
never holds more than the limit, and room comes back a twelfth late at most."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.kinds import Limit
from callback.tables import GuardCount, Submission, UsedProof
from config.callbacks import CallbackLimits

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
PREFIX_LESS = 4
"""Digits that numbers of one prefix may differ in."""

KEY_LENGTH = 120

PARTS = 12
"""Of a limit's window. More of them are more rows, fewer give room back later."""


class Tally(NamedTuple):
    """What is counted together: under one key, in windows of so many seconds, `kept` of them after the first."""

    key: str
    seconds: int
    kept: int = 1


INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(GuardCount),
    "postgresql": postgresql.insert(GuardCount),
}
ADD = {
    dialect: statement.on_conflict_do_update(
        index_elements=[GuardCount.key, GuardCount.window], set_={"count": GuardCount.count + 1}
    )
    for dialect, statement in INSERTS.items()
}
COUNTED = select(GuardCount.key, GuardCount.window, GuardCount.count).where(
    GuardCount.key.in_(bindparam("keys", expanding=True)), GuardCount.ends_at > bindparam("since")
)


@dataclass(frozen=True, slots=True)
class Counter:
    """At most `cap` in `seconds`. `of_source` says that it counts who asks, not whom the ask names: held asks count
    there too, while nobody can use up a stranger's limit with asks that are not dialled."""

    limit: Limit
    subject: str
    seconds: int
    cap: int
    of_source: bool

    @property
    def key(self) -> str:
        return f"{self.limit.value}:{self.subject}"[:KEY_LENGTH]

    @property
    def tally(self) -> Tally:
        return Tally(self.key, self.seconds // PARTS, PARTS)


def of_number(number: str, caps: CallbackLimits) -> Counter:
    """How often this number (E.164) may be promised a call."""
    return Counter(Limit.NUMBER, number, DAY_S, caps.number_a_day, of_source=False)


def of_prefix(number: str, caps: CallbackLimits) -> Counter:
    """The same for all numbers of its block together."""
    return Counter(Limit.PREFIX, number[:-PREFIX_LESS], HOUR_S, caps.prefix_an_hour, of_source=False)


def of_site(caps: CallbackLimits) -> Counter:
    """How many strangers' requests are promised a call in a minute, all together."""
    return Counter(Limit.SITE, "all", MINUTE_S, caps.calls_a_minute, of_source=False)


def of_public(number: str, address: str | None, visitor: str | None, caps: CallbackLimits) -> list[Counter]:
    """All limits of an ask from the street; `visitor` is hashed."""
    found = [of_number(number, caps), of_prefix(number, caps), of_site(caps)]
    if address is not None:
        found += [
            Counter(Limit.ADDRESS, address, HOUR_S, caps.address_an_hour, of_source=True),
            Counter(Limit.NETWORK, network_of(address), HOUR_S, caps.network_an_hour, of_source=True),
        ]
    if visitor is not None:
        found.append(Counter(Limit.VISITOR, visitor, HOUR_S, caps.visitor_numbers_an_hour, of_source=True))
    return found


def network_of(address: str) -> str:
    """The /24 of an IPv4 address, the /56 of an IPv6 one: what a provider gives one customer. Other text stays."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 56}", strict=False))


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted lately: (key, number of the window) → how often."""

    rows: Mapping[tuple[str, int], int]
    now: float

    def rate(self, counter: Counter) -> int:
        """How often within the counter's window up to now, and what is left of its first part."""
        last = int(self.now // counter.tally.seconds)
        return sum(self.rows.get((counter.key, last - back), 0) for back in range(PARTS + 1))

    def has_room(self, counter: Counter) -> bool:
        """Whether one more stays within the cap."""
        return self.rate(counter) + 1 <= counter.cap

    def holds(self, key: str) -> bool:
        """Whether it was counted at all, in this window or the one before."""
        return any(key[:KEY_LENGTH] == known for known, _ in self.rows)


async def read(connection: AsyncConnection, keys: Iterable[str], now: float) -> Counts:
    """What was counted under these keys."""
    asked = {"keys": [key[:KEY_LENGTH] for key in keys], "since": now}
    rows = await connection.execute(COUNTED, asked)
    return Counts({(key, window): count for key, window, count in rows}, now)


async def add(connection: AsyncConnection, tallies: Iterable[Tally], now: float) -> None:
    """Count one more in each."""
    rows = [_row(tally, now) for tally in tallies]
    if rows:
        await connection.execute(ADD[connection.dialect.name], rows)


def outcome(code: str) -> Tally:
    """Every answer of the guard is counted by day under its code, also those that leave no row."""
    return Tally(f"outcome:{code}", DAY_S)


def penalty(source: str) -> Tally:
    """Whoever asked in somebody else's name is held for the rest of the day, and the next."""
    return Tally(f"penalty:{source}", DAY_S)


def pair(visitor: str, number_hash: str) -> Tally:
    """One visitor's one number: their limit is of different ones."""
    return Tally(f"pair:{visitor[:32]}:{number_hash[:32]}", HOUR_S)


def _row(tally: Tally, now: float) -> dict[str, object]:
    window = int(now // tally.seconds)
    ends_at = float((window + tally.kept + 1) * tally.seconds)
    return {"key": tally.key[:KEY_LENGTH], "window": window, "count": 1, "ends_at": ends_at}


async def sweep(connection: AsyncConnection, now: float, address_days: int) -> None:
    """Forget counters, proofs and visitors' addresses that are old enough; called now and then."""
    await connection.execute(delete(GuardCount).where(GuardCount.ends_at <= now))
    await connection.execute(delete(UsedProof).where(UsedProof.expires_at <= now))
    await connection.execute(
        update(Submission)
        .where(Submission.at < now - address_days * DAY_S, Submission.address.is_not(None))
        .values(address=None, visitor=None)
    )
