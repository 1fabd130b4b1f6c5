"""A believable site for pages to show: people with phones, customers, days of calls with their stories, blind windows
and alarms. Deterministic: the same `seed` gives the same rows. Names are hostile here and there on purpose."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import NewUser, Role, User, UserDevice, create_user
from core.alarms import raise_alarm
from core.db import Database
from core.passwords import hash_password
from crm_link.tables import CallCustomer, Customer, CustomerWord, Identity, IdentityKey, Note
from pbx_bridge.tables import BlindWindow, Call, CallMoment, CallPerson, CallTransfer, CallWrapUp

PASSWORD = "correct horse battery"
PBX = "office"
NOW = 1_795_300_000.0
"""21 November 2026, 22:26:40 UTC: the screen tests' clock stands here."""

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
    """A crowded site: `calls` of them over the last nine days."""
    dice = random.Random(seed)
    site = Site(users=await seed_people(database))
    async with database.write() as connection:
        site.customers = await _customers(connection, now)
        at = now - 120.0
        for number in range(calls):
            site.calls.append(await _call(connection, dice, site, number, at))
            at -= dice.expovariate(1 / (9 * 86_400 / calls))
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


async def _call(connection: AsyncConnection, dice: random.Random, site: Site, number: int, at: float) -> str:
    call_id = f"{PBX}-{int(at)}.{number}"
    direction = dice.choices(("inbound", "outbound", "internal"), (75, 20, 5))[0]
    results = (
        ("answered", "missed", "abandoned", "voicemail")
        if direction == "inbound"
        else ("answered", "busy", "failed", "missed")
    )
    result = dice.choices(results, (70, 10, 14, 6))[0]
    who = dice.choice(["101", "102", "103", "104"])
    index = dice.randrange(len(CUSTOMERS))
    withheld = direction == "inbound" and dice.random() < 0.05
    outside = None if withheld or direction == "internal" else _number(index)
    wait, talk = (
        round(dice.uniform(3, 60), 1),
        round(dice.expovariate(1 / 240), 1) if result == "answered" else 0.0,
    )
    queue = dice.choice(QUEUES) if direction == "inbound" else None
    open_call = number == 0
    row = {
        "id": call_id, "pbx": PBX, "direction": direction, "queue": queue, "started_at": at,
        "caller": outside if direction == "inbound" else who,
        "caller_name": "MALINOWSKI J" if outside and direction == "inbound" and dice.random() < 0.3 else None,
        "callee": {"inbound": "226000100", "outbound": outside, "internal": "100"}[direction],
        "customer_number": outside, "linkedids": call_id,
        "answered_at": at + wait if result == "answered" else None,
    }  # fmt: skip
    if not open_call:
        row |= {
            "result": result, "ended_at": at + wait + talk, "wait_s": wait, "talk_s": talk,
            "ended_by": dice.choice(("caller", "agent")) if result != "missed" else "pbx",
            "why": WHY[result].format(who=who, talk=round(talk), wait=round(wait)),
        }  # fmt: skip
    await connection.execute(insert(Call).values(row))
    if outside:
        link = {"how": "matched", "rank": 1, "call_at": at}
        await connection.execute(
            insert(CallCustomer).values(call_id=call_id, customer_id=site.customers[index], **link)
        )
    await _story(connection, dice, row, who, result)
    if result == "answered" and dice.random() < 0.6 and not open_call:
        await _wrap_up(connection, dice, site, row, who)
    return call_id


async def _story(
    connection: AsyncConnection, dice: random.Random, call: Mapping[str, object], who: str, result: str
) -> None:
    at, wait = float(str(call["started_at"])), float(str(call.get("wait_s") or 12.0))
    rings = ["101", "102", "103", "104"][: dice.randint(1, 4)] if call["queue"] else [who]
    rings = list(dict.fromkeys([*rings, who])) if call["direction"] == "inbound" else []
    moments: list[tuple[float, str, str | None, object]] = [(at, "started", None, call["callee"])]
    if call["queue"]:
        moments.append((at + 1, "queued", None, call["queue"]))
    moments += [(at + 2, "ringing", extension, None) for extension in rings]
    talked: list[str] = []
    if result == "answered":
        moments += [(at + wait, "stopped", other, "answered_elsewhere") for other in rings if other != who]
        moments.append((at + wait, "answered", who, None))
        talked = [who]
    else:
        moments += [(at + wait, "stopped", extension, "caller_gone") for extension in rings]
    if call["queue"]:
        moments.append((at + wait, "dequeued", None, call["queue"]))
    end = call.get("ended_at")
    if talked and end and float(str(end)) - at - wait > 60 and dice.random() < 0.4:
        talked.append(await _transfer(connection, call, moments, who, at + wait))
    if end:
        moments.append((float(str(end)), "ended", None, call["ended_by"]))
    rows = [
        {"call_id": call["id"], "at": when, "kind": kind, "extension": extension, "detail": detail}
        for when, kind, extension, detail in moments
    ]
    await connection.execute(insert(CallMoment), rows)
    people = [("rang", n, e) for n, e in enumerate(rings)] + [("talked", n, e) for n, e in enumerate(talked)]
    for role, position, extension in people:
        person = {"role": role, "position": position, "extension": extension}
        await connection.execute(insert(CallPerson).values(call_id=call["id"], **person))


async def _transfer(
    connection: AsyncConnection,
    call: Mapping[str, object],
    moments: list[tuple[float, str, str | None, object]],
    who: str,
    answered_at: float,
) -> str:
    to = "104" if who != "104" else "101"
    moments += [
        (answered_at + 20, "held", who, None),
        (answered_at + 30, "resumed", who, None),
        (answered_at + 40, "blind_transfer", who, to),
        (answered_at + 40, "left", who, None),
        (answered_at + 40, "ringing", to, None),
        (answered_at + 48, "answered", to, None),
    ]
    transfer = {"kind": "blind", "from_extension": who, "to": to, "at": answered_at + 40}
    await connection.execute(insert(CallTransfer).values(call_id=call["id"], position=0, **transfer))
    return to


async def _wrap_up(
    connection: AsyncConnection, dice: random.Random, site: Site, call: Mapping[str, object], who: str
) -> None:
    user = next(user for user in site.users.values() if any(d.extension == who for d in user.devices))
    ended = float(str(call["ended_at"]))
    note = dice.choice(("", "Wants the offer by e-mail.", "Delivery arrived damaged, photos follow."))
    values = {
        "disposition": dice.choice(DISPOSITIONS),
        "note": note,
        "opened_at": ended,
        "saved_at": ended + 15,
    }
    await connection.execute(insert(CallWrapUp).values(call_id=call["id"], user_id=user.id, **values))


async def _troubles(connection: AsyncConnection, now: float) -> None:
    reason = "the connection to the PBX was lost"
    for since, until in ((now - 5400, now - 5100), (now - 3 * 86_400, now - 3 * 86_400 + 31)):
        counts = {"calls_kept": 2, "calls_ended_unseen": 1, "calls_found": 0}
        await connection.execute(
            insert(BlindWindow).values(pbx=PBX, since=since, until=until, reason=reason, **counts)
        )
    await raise_alarm(connection, "pbx-clock", PBX, "The PBX's clock is 4.2 s ahead of ours.", now - 7200)
