"""Call facts in, `CallMatched` out: who is calling, said on the bus once per call and number, after it was stored. An
unknown caller becomes a provisional customer; a call of ours to an unknown number is matched only. The same fact told
again (after a restart) finds what is stored and says it again. What the card shows is not decided here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.bus import Aside, Bus
from core.db import Database
from core.equivalences import key_of
from core.fact_log import LoggedFact, as_it_stands
from core.facts import (
    CallDescribed,
    CallEnded,
    CallsJoined,
    CallStarted,
    CustomerChanged,
    Direction,
    Parties,
)
from core.folding import clean_line
from core.ports import OpenPromises
from crm_link.blocks.claims import attach_strays
from crm_link.call_links import (
    CallLinks,
    attach,
    hold_links,
    join_links,
    open_links,
    read_links,
    replace_links,
)
from crm_link.call_mentions import join_mentions
from crm_link.changes import announce
from crm_link.identities import Claim, keep_holders, match_number, match_or_create, touch_seen
from crm_link.kinds import Confidence, IdentityKind, LinkHow, Source
from crm_link.match import Exact, Match, ids_of, is_by_block
from crm_link.records import hold_customer, touch_contact
from crm_link.relabel import attach_unattached


@dataclass(frozen=True, slots=True)
class Caller:
    """The outside party of one call, as far as known. `number` is the telephone's key, `spelled` how the network wrote
    it where that is another. `creates` says that an unknown one becomes a customer."""

    call_id: str
    at: float
    number: str | None
    name: str
    creates: bool
    spelled: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Whose call it is. `is_new`: decided just now; `changed` when that made a customer."""

    links: CallLinks
    is_new: bool = False
    changed: CustomerChanged | None = None


class ScreenPop:
    """Subscribe it before the first fact is published. Keeps nothing that the database does not have but which
    calls it has spoken of, and forgets those when they end."""

    def __init__(self, database: Database, bus: Bus, promises: OpenPromises | None = None) -> None:
        self._database = database
        self._bus = bus
        self._promises = promises
        self._said: dict[str, Caller] = {}

    def subscribe(self, to: Bus | Aside) -> None:
        to.subscribe(CallStarted, self._described, name="screen_pop")
        to.subscribe(CallDescribed, self._described, name="screen_pop")
        to.subscribe(CallsJoined, self._joined, name="screen_pop")
        to.subscribe(CallEnded, self._ended, name="screen_pop")

    async def _described(self, fact: CallStarted | CallDescribed) -> None:
        caller = _caller_of(fact.call_id, fact.at, fact.parties)
        if caller is not None:
            await self._match(caller)

    async def _match(self, caller: Caller) -> None:
        said = self._said.get(caller.call_id)
        if said is not None and (said.number, said.creates) == (caller.number, caller.creates):
            return
        async with self._database.write() as connection:
            settled = await settle(connection, caller, self._promises)
        self._said[caller.call_id] = caller
        await self._say(settled, caller.at)

    async def _say(self, settled: Settled, at: float) -> None:
        if settled.changed is not None:
            await self._bus.publish(settled.changed)
        await self._bus.publish(settled.links.fact(at))

    async def _joined(self, fact: CallsJoined) -> None:
        self._said.pop(fact.absorbed_id, None)
        async with self._database.write() as connection:
            await join_mentions(connection, fact.call_id, fact.absorbed_id)
            moved = await join_links(connection, fact.call_id, fact.absorbed_id)
            links = await read_links(connection, fact.call_id)
        if moved and links is not None:
            await self._bus.publish(links.fact(fact.at))

    async def catch_up(self, ended: LoggedFact) -> None:
        """A consumer of `CallEnded` from the fact log: a call that was never seen ringing, or whose match was lost
        in a crash, gets its customer now. Calls that have theirs stay as they are, and nothing is said of them."""
        caller = _caller_of_record(ended)
        if caller is None:
            return
        async with self._database.read() as connection:
            known = await read_links(connection, caller.call_id)
        if known is not None and _stands(known, caller):
            return
        async with self._database.write() as connection:
            settled = await settle(connection, caller, self._promises)
            # Last, in the order in which a person is erased: who was erased since the fact was read comes to nothing.
            now = await as_it_stands(connection, ended)
            if now is None or _caller_of_record(now) != caller:
                await connection.rollback()
                return
        if settled.is_new:
            await self._say(settled, ended.at)

    async def _ended(self, fact: CallEnded) -> None:
        self._said.pop(fact.call_id, None)


def _caller_of_record(ended: LoggedFact) -> Caller | None:
    record = ended.body["record"]
    parties = Parties(
        direction=Direction(record["direction"]),
        caller=record["caller"],
        caller_name=record["caller_name"],
        callee=record["callee"],
        customer_number=record["customer_number"],
    )
    return _caller_of(record["call_id"], record["started_at"], parties)


def _caller_of(call_id: str, at: float, parties: Parties) -> Caller | None:
    """None for internal calls: nobody outside is part of them."""
    if parties.direction is Direction.INTERNAL:
        return None
    inbound = parties.direction is Direction.INBOUND
    number = parties.customer_number
    key = None if number is None else key_of(number)
    return Caller(
        call_id=call_id,
        at=at,
        number=key,
        name=clean_line(parties.caller_name or "") if inbound else "",
        creates=inbound and number is not None,
        spelled=number if number != key else None,
    )


async def settle(
    connection: AsyncConnection, caller: Caller, promises: OpenPromises | None = None
) -> Settled:
    """Decide and store whose call it is; what was decided before stands unless the number is another. `promises` ranks
    customers who share the number."""
    # Two processes, or the bus and the fact log, may come with the same call: the second one waits here.
    is_new = await open_links(connection, caller.call_id, caller.number, caller.at)
    known = None if is_new else await hold_links(connection, caller.call_id)
    if known is not None and _stands(known, caller):
        return Settled(known)
    result, created = await _find(connection, caller, promises)
    ids = ids_of(result)
    if is_by_block(result):
        # Nobody holds the number, so nothing kept a merge from happening since the look.
        ids = tuple(dict.fromkeys([await hold_customer(connection, one) for one in ids]))
    links = CallLinks(
        call_id=caller.call_id,
        number=caller.number,
        call_at=known.call_at if known else caller.at,
        customer_ids=ids,
        how=LinkHow.CREATED if created else LinkHow.BLOCK if is_by_block(result) else LinkHow.MATCHED,
    )
    await (attach(connection, links) if is_new else replace_links(connection, links))
    await _bring_back(connection, links)
    if isinstance(result, Exact) and caller.number is not None:
        await touch_contact(connection, ids, caller.at)
        await touch_seen(connection, result.customer_id, caller.number, caller.at, caller.spelled)
    changed = await announce(connection, created, caller.at) if created else None
    return Settled(links, is_new=True, changed=changed)


async def _bring_back(connection: AsyncConnection, links: CallLinks) -> None:
    """Calls of the number from before its provisional customer expired stand with whom it is seen to belong to now."""
    if links.number is None or len(links.customer_ids) != 1:
        return
    if links.how is LinkHow.CREATED:
        await attach_unattached(connection, links.customer_ids[0], links.number)
    elif links.how is LinkHow.BLOCK:
        await attach_strays(connection, links.customer_ids[0], [links.number])


def _stands(known: CallLinks, caller: Caller) -> bool:
    """A person's pick outlives any number; a number once known is not forgotten for a later silence."""
    if known.how is LinkHow.PICKED:
        return True
    same_number = caller.number in (None, known.number)
    return same_number and (bool(known.customer_ids) or not caller.creates)


async def _find(
    connection: AsyncConnection, caller: Caller, promises: OpenPromises | None
) -> tuple[Match, int | None]:
    if caller.creates and caller.number is not None:
        claim = Claim(IdentityKind.PHONE, caller.number, Source.CALL, Confidence.SEEN, caller.spelled)
        return await match_or_create(connection, claim, caller.name, caller.at, promises)
    if caller.number is not None:
        await keep_holders(connection, caller.number)
    return await match_number(connection, caller.number, promises), None
