"""A callback room on a real database, with a clock that stands still until a test moves it, and
asks as sources make them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from callback.ask import Ask, Proof, Signs, Visit
from callback.kinds import Source
from callback.requests import Requests
from callback.tables import Callback, CallbackStep, Submission
from config.settings import Settings
from core.bus import Bus
from core.db import Database
from core.fact_log import FactLogRow
from core.facts import CallbackChanged

MONDAY_10 = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()
"""10:00 in Warsaw, open."""

HOUR = 3600.0
DAY = 86400.0
MOBILE = "+48501234567"

SETTINGS: dict[str, Any] = {
    "site": {"region": "PL", "time_zone": "Europe/Warsaw"},
    "pbx": {"main": {"host": "pbx", "events": {"user": "u", "secret": "s"}, "trunks": ["PJSIP/trunk"]}},
    "department": {
        "sales": {"queue": "sales", "hours": ["mon-fri 09:00-17:00"], "slot_capacity": 2},
        "help": {"queue": "help", "return_missed": False},
    },
    "website": {
        "shop": {"origins": ["https://shop.example.com"], "department": "sales"},
        "dry": {"origins": ["https://dry.example.com"], "department": "sales", "dry_run": True},
        "abroad": {
            "origins": ["https://abroad.example.com"],
            "department": "help",
            "countries": ["PL", "DE"],
        },
    },
}


@dataclass(slots=True)
class Moment:
    """A clock that a test sets."""

    now: float = MONDAY_10

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Room:
    """`changed` are the callbacks that screens were told of, in order."""

    database: Database
    clock: Moment = field(default_factory=Moment)
    bus: Bus = field(default_factory=Bus)
    settings: Settings = field(default_factory=lambda: Settings(**SETTINGS))
    changed: list[int] = field(default_factory=list)
    proofs: int = 0
    requests: Requests = field(init=False)

    def __post_init__(self) -> None:
        self.requests = Requests(self.database, self.bus, self.clock, self.settings)
        self.bus.subscribe(CallbackChanged, self._hear, name="test")

    async def _hear(self, fact: CallbackChanged) -> None:
        self.changed.append(fact.callback_id)

    def web(self, number: str = MOBILE, *, visitor: str = "visitor-1", **changes: Any) -> Ask:
        """What a person at the shop's page sends: everything solved, a minute after the page was opened."""
        self.proofs += 1
        values: dict[str, Any] = {
            "source": Source.WEB,
            "number": number,
            "site": "shop",
            "visit": Visit(
                page_url="https://shop.example.com/kettles", address="198.51.100.7", visitor=visitor
            ),
            "signs": Signs(60.0, Proof(f"proof-{self.proofs}", self.clock.now + HOUR)),
        }
        return Ask(**(values | changes))

    async def callbacks(self) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(select(Callback).order_by(Callback.id)))

    async def callback(self) -> Any:
        """The only one there is."""
        (row,) = await self.callbacks()
        return row

    async def submissions(self) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(select(Submission).order_by(Submission.id)))

    async def told(self) -> list[dict[str, Any]]:
        """The durable facts, in their order."""
        async with self.database.read() as connection:
            asked = select(FactLogRow.kind, FactLogRow.body).order_by(FactLogRow.id)
            return [{"kind": row.kind, **json.loads(row.body)} for row in await connection.execute(asked)]

    async def steps(self, callback_id: int) -> list[str]:
        async with self.database.read() as connection:
            asked = select(CallbackStep.kind).where(CallbackStep.callback_id == callback_id)
            return list(await connection.scalars(asked.order_by(CallbackStep.id)))
