"""Somebody says whose call it is (P8): one of those whose call it may be. Said again, the new word counts, and what
came with the first one follows (`call_corrections.py`). Works inside the caller's transaction; who may is the caller's
to decide."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import ConflictError, NotFoundError
from core.facts import CallMatched, CustomerChanged
from crm_link.call_corrections import Mistake, correct, hold_contact_ids
from crm_link.call_links import CallLinks, hold_links, read_links, replace_links
from crm_link.changes import Edit, announce
from crm_link.identities import keep_holders, keep_pick, match_number, touch_seen
from crm_link.kinds import LinkHow
from crm_link.match import ids_of
from crm_link.records import hold_customer, touch_contact


@dataclass(frozen=True, slots=True)
class Pick:
    """`as_default`: the customer is suggested first for the next calls of the number, when they hold it.
    `candidates_only`: one of those whose call it may be, nobody else."""

    call_id: str
    customer_id: int
    as_default: bool = True
    candidates_only: bool = False


async def keep(
    connection: AsyncConnection, pick: Pick, edit: Edit
) -> tuple[CallMatched, list[CustomerChanged]]:
    """What is to be told of the call, and of its customers where somebody was wrong before.

    Raises NotFoundError for a call or customer we do not know, or no candidate; ConflictError when it is known to be
    another one's and nobody had to pick.
    """
    links = await hold_links(connection, pick.call_id)
    if links is None:
        raise NotFoundError(f"there is no call {pick.call_id} with somebody outside")
    await hold_contact_ids(connection, pick.call_id)
    if links.number is not None:
        await keep_holders(connection, links.number, alone=True)
    before = links.customer_ids if len(links.customer_ids) == 1 else ()
    held = {one: await hold_customer(connection, one) for one in sorted({pick.customer_id, *before})}
    current = held[pick.customer_id]
    if pick.candidates_only:
        await _check_candidate(connection, links, current)
    picked = CallLinks(pick.call_id, links.number, links.call_at, (current,), LinkHow.PICKED)
    await replace_links(connection, picked, picked_by=edit.user_id)
    wrong = [held[one] for one in before if held[one] != current]
    for one in wrong:
        await correct(connection, Mistake(picked, one, current), edit)
    await _touch(connection, picked, current)
    if links.number is not None and pick.as_default:
        await keep_pick(connection, links.number, current, edit)
    changed = sorted({current, *wrong}) if wrong else []
    return picked.fact(edit.at), [await announce(connection, one, edit.at) for one in changed]


async def _touch(connection: AsyncConnection, picked: CallLinks, customer_id: int) -> None:
    if picked.number is not None:
        await touch_seen(connection, customer_id, picked.number, picked.call_at)
    await touch_contact(connection, [customer_id], picked.call_at)


async def read_candidates(connection: AsyncConnection, call_id: str) -> tuple[int, ...]:
    """Whose call it may be, the likeliest first. Raises NotFoundError."""
    links = await read_links(connection, call_id)
    if links is None:
        raise NotFoundError(f"there is no call {call_id} with somebody outside")
    return await _candidates(connection, links)


async def _candidates(connection: AsyncConnection, links: CallLinks) -> tuple[int, ...]:
    """Where somebody picked, also the others who have the number: the pick may have been wrong."""
    if links.how is not LinkHow.PICKED:
        return links.customer_ids
    others = ids_of(await match_number(connection, links.number))
    return tuple(dict.fromkeys((*links.customer_ids, *others)))


async def _check_candidate(connection: AsyncConnection, links: CallLinks, customer_id: int) -> None:
    if customer_id in await _candidates(connection, links):
        return
    if len(links.customer_ids) == 1 and links.how is not LinkHow.PICKED:
        raise ConflictError(f"it is known already whose call this is: customer {links.customer_ids[0]}")
    raise NotFoundError("this customer is not one of the candidates of this call")
