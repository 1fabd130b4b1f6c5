"""What the demo's customers have with us beside calls: tasks that colleagues owe them, orders, a deal, and one record
that somebody seems to have made twice. Made through the same doors as on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from core.bus import Bus
from core.db import Database
from crm_link.customers import Customers, NewCustomer
from crm_link.deals.edit import Deals, NewDeal
from crm_link.deals.kinds import DealKind, DealState
from crm_link.merging.duplicates_search import DuplicateFinder
from crm_link.tables import Customer
from crm_link.tasks.edit import NewTask, Tasks
from pbx_bridge.simulator.clock import SteppedClock

HOUR_S, DAY_S = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class SampleTask:
    """`due_s` after the demo starts, before it when negative; `extension` is whose it is."""

    customer: str
    title: str
    due_s: float
    extension: str
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class SampleDeal:
    customer: str
    kind: DealKind
    title: str
    amount: str
    state: DealState


TASKS = (
    SampleTask("Bogna Mak", "Send the price list for spring bulbs", 3 * HOUR_S, "101"),
    SampleTask("Ignacy Nogawka", "Ask for the two open invoices", -20 * HOUR_S, "101"),
    SampleTask("Oskar Zębatka", "Say how warranty case 2231 stands", DAY_S, "102"),
    SampleTask("Celina Stronnica", "Post the spring catalogue", 2 * DAY_S, "103"),
    SampleTask("Halina Rogal", "Change her standing order to 240 rolls", -2 * DAY_S, "102", is_done=True),
)
DEALS = (
    SampleDeal(
        "Halina Rogal", DealKind.ORDER, "Order 4698, lamps for the shop window", "412.50", DealState.SHIPPED
    ),
    SampleDeal("Bogna Mak", DealKind.ORDER, "Order 4711, twelve garden lamps", "1284.00", DealState.PAID),
    SampleDeal("Bogna Mak", DealKind.ORDER, "Order 4402, path lights", "356.80", DealState.DELIVERED),
    SampleDeal("Emil Probierz", DealKind.DEAL, "Lighting of the new hall", "18400", DealState.OPEN),
)
CURRENCY = "PLN"
TWICE = NewCustomer(name="Tadeusz Szprych", company="Spoke & Son Bicycles", numbers=("+48711110203",))
"""Tadeusz Szprycha of the same firm, with another number."""


async def write_affairs(database: Database, region: str, users: Mapping[str, int], until: float) -> None:
    """`users` are ids by extension. Made in the days before `until`."""
    clock, bus = SteppedClock(until - 3 * DAY_S), Bus()
    tasks, deals = Tasks(database, bus, clock), Deals(database, bus, clock, region)
    async with database.read() as connection:
        known = {row.name: row.id for row in await connection.execute(select(Customer.id, Customer.name))}
    for task in TASKS:
        whose = users[task.extension]
        made = await tasks.add(
            NewTask(known[task.customer], task.title, until + task.due_s, assigned_to=whose), whose
        )
        if task.is_done:
            await tasks.finish(made.id, whose)
        clock.now += HOUR_S
    for deal in DEALS:
        new = NewDeal(known[deal.customer], deal.kind, deal.title, deal.state, deal.amount, CURRENCY)
        await deals.add(new, users["102"])
        clock.now += HOUR_S
    await Customers(database, bus, clock, region).create(TWICE, users["103"])
    clock.now = until
    await DuplicateFinder(database, clock).search(None)
