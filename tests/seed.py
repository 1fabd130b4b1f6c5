"""A believable site for pages to show: people with phones, customers, days of calls with their stories, blind windows
and alarms. Deterministic: the same `seed` gives the same rows. Names are hostile here and there on purpose."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import NewUser, Role, User, UserDevice, create_user
from core.alarms import raise_alarm
from core.db import Base, Database
from core.passwords import hash_password
from crm_link.tables import CallCustomer, Customer, CustomerWord, Identity, IdentityKey, Note
from pbx_bridge.tables import BlindWindow, Call, CallMoment, CallPerson, CallTransfer, CallWrapUp

PASSWORD = "correct horse battery"
PBX = "office"
NOW = 1_795_300_000.0
"""21 November 2026, 22:26:40 UTC: the screen tests' clock stands here."""

PHONES = ("101", "102", "103", "104")
IN_ORDER = (Call, CallCustomer, CallMoment, CallPerson, CallTransfer, CallWrapUp)

Row = dict[str, Any]
Rows = dict[type[Base], list[Row]]
Moment = tuple[float, str, str | None, str | None]
"""at, kind, extension, detail"""

STAFF = (
    ("admin", "Ada Administrator", Role.ADMINISTRATOR, None),
    ("maria", "Maria Wiśniewska", Role.MANAGER, "100"),
    ("anna", "Anna Kowalska", Role.AGENT, "101"),
    ("bartek", "Bartosz Nowak", Role.AGENT, "102"),
    ("celina", "Celina Zielińska-Brzęczyszczykiewicz", Role.AGENT, "103"),
    ("daniel", "Daniel Lewandowski", Role.AGENT, "104"),
)
CUSTOMERS = (
    ("Jan Malinowski", "Hurtownia Malin Sp. z o.o."), ("Żaneta Ćwiek", ""), ("Piotr Zając", "Zając i Synowie"),
    ("<script>alert(1)</script>", ""), ("Ewa Lis", "Kancelaria Lis & Partnerzy"), ("", ""),
    ("Tomasz Wójcik", ""), ("Maja Kamińska", "Fundacja Promień"), ("Robert Dąbrowski", "RD Budownictwo"),
    ("", "Przychodnia Zdrowie"), ("Karolina Jankowska", ""), ("O'Brien & Co", "O'Brien & Co"),
)  # fmt: skip
QUEUES = ("sales", "support", "complaints")
DISPOSITIONS = ("Order placed", "Question answered", "Complaint", "Call back later", "Wrong number")
RESULTS = {
    "inbound": ("answered", "missed", "abandoned", "voicemail"),
    "outbound": ("answered", "busy", "failed", "missed"),
}
WHY = {
    "answered": "Answered: {who} talked to the caller for {talk} s.",
    "missed": "Missed: the queue's time ran out after {wait} s and nobody of ours had answered.",
    "abandoned": "Abandoned: the caller hung up after {wait} s, before anybody answered.",
    "voicemail": "Voicemail: nobody answered and the caller ended in a mailbox.",
    "busy": "Busy: the number dialled was engaged.",
    "failed": "Failed: the network could not reach the number.",
}


@dataclass(slots=True)
class Site:
    """What was made: people by login, customers' ids, calls' ids (newest first)."""

    users: dict[str, User] = field(default_factory=dict)
    customers: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)


_hashed: str | None = None


async def seed_people(database: Database) -> dict[str, User]:
    """Everybody of STAFF, all with PASSWORD."""
    global _hashed
    _hashed = hashed = _hashed or await hash_password(PASSWORD)
    users = {}
    async with database.write() as connection:
        for login, name, role, extension in STAFF:
            phones = (UserDevice(PBX, f"PJSIP/{extension}", extension),) if extension else ()
            new = NewUser(login, name, role, hashed, phones)
            users[login] = await create_user(connection, new, NOW - 90 * 86_400)
    return users


async def seed_site(database: Database, *, calls: int = 160, seed: int = 7, now: float = NOW) -> Site:
    """A crowded site: `calls` of them over the last nine days, the newest still going on."""
    dice = random.Random(seed)
    site = Site(users=await seed_people(database))
    rows: Rows = {table: [] for table in IN_ORDER}
    async with database.write() as connection:
        site.customers = await _customers(connection, now)
        at = now - 120.0
        for number in range(calls):
            call = _call(dice, site, number, at)
            site.calls.append(str(call["id"]))
            rows[Call].append(call)
            _around(rows, dice, site, call)
            at -= dice.expovariate(1 / (9 * 86_400 / calls))
        for table in IN_ORDER:
            if rows[table]:
                await connection.execute(insert(table), rows[table])
        await _troubles(connection, now)
    return site


async def _customers(connection: AsyncConnection, now: float) -> list[int]:
    ids = []
    for index, (name, company) in enumerate(CUSTOMERS):
        number = _number(index)
        row = {
            "name": name,
            "company": company,
            "is_provisional": not name and not company,
            "version": 1,
            "created_at": now - 50 * 86_400,
            "created_from": "call",
            "last_contact_at": now - index * 4000,
        }
        result = await connection.execute(insert(Customer).values(row).returning(Customer.id))
        customer_id = int(result.scalar_one())
        await connection.execute(insert(IdentityKey).values(kind="phone", value=number))
        claim = {"kind": "phone", "value": number, "source": "call", "confidence": "seen"}
        seen = {"first_seen": now - 50 * 86_400, "last_seen": now}
        await connection.execute(insert(Identity).values(customer_id=customer_id, **claim, **seen))
        for word in {*name.lower().split(), *company.lower().split()}:
            await connection.execute(insert(CustomerWord).values(word=word, customer_id=customer_id))
        ids.append(customer_id)
    note = {"text": "Prefers to be called before noon.\nInvoice address changed in May.", "created_at": now}
    await connection.execute(insert(Note).values(customer_id=ids[0], is_pinned=False, **note))
    return ids


def _number(index: int) -> str:
    return f"+48226{index:06d}"


def _call(dice: random.Random, site: Site, number: int, at: float) -> Row:
    direction = dice.choices(("inbound", "outbound", "internal"), (75, 20, 5))[0]
    result = dice.choices(RESULTS.get(direction, RESULTS["outbound"]), (70, 10, 14, 6))[0]
    who = dice.choice(PHONES)
    withheld = direction == "inbound" and dice.random() < 0.05
    index = dice.randrange(len(CUSTOMERS))
    outside = None if withheld or direction == "internal" else _number(index)
    wait = round(dice.uniform(3, 60), 1)
    talk = round(dice.expovariate(1 / 240), 1) if result == "answered" else 0.0
    why = WHY[result].format(who=who, talk=round(talk), wait=round(wait))
    call_id = f"{PBX}-{int(at)}.{number}"
    call: Row = {
        "id": call_id, "pbx": PBX, "direction": direction, "started_at": at, "linkedids": call_id,
        "queue": dice.choice(QUEUES) if direction == "inbound" else None,
        "caller": outside if direction == "inbound" else who,
        "caller_name": "MALINOWSKI J" if outside and direction == "inbound" and dice.random() < 0.3 else None,
        "callee": {"inbound": "226000100", "outbound": outside, "internal": "100"}[direction],
        "customer_number": outside, "answered_at": at + wait if result == "answered" else None,
        "result": result, "ended_at": at + wait + talk, "wait_s": wait, "talk_s": talk, "why": why,
        "ended_by": dice.choice(("caller", "agent")) if result != "missed" else "pbx",
    }  # fmt: skip
    if number == 0:
        call |= dict.fromkeys(("result", "ended_at", "wait_s", "talk_s", "why", "ended_by"))
    return call


def _around(rows: Rows, dice: random.Random, site: Site, call: Row) -> None:
    """What belongs to one call: its customer, moments, people, transfer and what the agent wrote."""
    if call["customer_number"]:
        customer_id = site.customers[int(call["customer_number"][-6:])]
        link = {"customer_id": customer_id, "how": "matched", "rank": 1, "call_at": call["started_at"]}
        rows[CallCustomer].append({"call_id": call["id"]} | link)
    inbound = call["direction"] == "inbound"
    who = dice.choice(PHONES) if inbound else call["caller"]
    rings = list(dict.fromkeys([*dice.sample(PHONES, dice.randint(1, 4)), who])) if inbound else []
    moments, talked = _moments(call, who, rings)
    if call["answered_at"] and (call["talk_s"] or 0) > 60 and dice.random() < 0.4:
        talked.append(_transfer(rows, call, moments, who))
    if call["ended_at"]:
        moments.append((call["ended_at"], "ended", None, call["ended_by"]))
    for at, kind, extension, detail in moments:
        moment = {"at": at, "kind": kind, "extension": extension, "detail": detail}
        rows[CallMoment].append({"call_id": call["id"]} | moment)
    for role, extensions in (("rang", rings), ("talked", talked)):
        for position, extension in enumerate(extensions):
            person = {"role": role, "position": position, "extension": extension}
            rows[CallPerson].append({"call_id": call["id"]} | person)
    if call["result"] == "answered" and dice.random() < 0.6:
        rows[CallWrapUp].append(_wrap_up(dice, site, call, who))


def _moments(call: Row, who: str, rings: list[str]) -> tuple[list[Moment], list[str]]:
    at = call["started_at"]
    settled = call["answered_at"] or at + (call["wait_s"] or 30.0)
    moments: list[Moment] = [(at, "started", None, call["callee"])]
    if call["queue"]:
        moments.append((at + 1, "queued", None, call["queue"]))
    moments += [(at + 2, "ringing", extension, None) for extension in rings]
    if call["answered_at"]:
        moments += [(settled, "stopped", other, "answered_elsewhere") for other in rings if other != who]
        moments.append((settled, "answered", who, None))
    else:
        moments += [(settled, "stopped", extension, "caller_gone") for extension in rings]
    if call["queue"]:
        moments.append((settled, "dequeued", None, call["queue"]))
    return moments, [who] if call["answered_at"] else []


def _transfer(rows: Rows, call: Row, moments: list[Moment], who: str) -> str:
    to, at = "104" if who != "104" else "101", call["answered_at"]
    moments += [
        (at + 20, "held", who, None),
        (at + 30, "resumed", who, None),
        (at + 40, "blind_transfer", who, to),
        (at + 40, "left", who, None),
        (at + 40, "ringing", to, None),
        (at + 48, "answered", to, None),
    ]
    transfer = {"kind": "blind", "from_extension": who, "to": to, "at": at + 40}
    rows[CallTransfer].append({"call_id": call["id"], "position": 0} | transfer)
    return to


def _wrap_up(dice: random.Random, site: Site, call: Row, who: str) -> Row:
    user = next(user for user in site.users.values() if any(d.extension == who for d in user.devices))
    note = dice.choice(("", "Wants the offer by e-mail.", "Delivery arrived damaged, photos follow."))
    written = {"disposition": dice.choice(DISPOSITIONS), "note": note}
    times = {"opened_at": call["ended_at"], "saved_at": call["ended_at"] + 15}
    return {"call_id": call["id"], "user_id": user.id} | written | times


async def _troubles(connection: AsyncConnection, now: float) -> None:
    reason = "the connection to the PBX was lost"
    for since, until in ((now - 5400, now - 5100), (now - 3 * 86_400, now - 3 * 86_400 + 31)):
        counts = {"calls_kept": 2, "calls_ended_unseen": 1, "calls_found": 0}
        await connection.execute(
            insert(BlindWindow).values(pbx=PBX, since=since, until=until, reason=reason, **counts)
        )
    await raise_alarm(connection, "pbx-clock", PBX, "The PBX's clock is 4.2 s ahead of ours.", now - 7200)
