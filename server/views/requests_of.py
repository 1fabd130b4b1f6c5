"""Whose requests to be called are whose: those of a customer, and with whom else each may stand. A request stands with
the customers who were written down for it when it came in (`crm_link/request_links.py`, or those of its call); only
where there is none it stands with whoever holds its number now. What was only counted, or made anonymous, is nobody's:
it has no words. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callback.tables import Callback, Submission
from core.equivalences import key_of, spellings
from crm_link.kinds import IdentityKind
from crm_link.tables import CallCustomer, Identity

AT_ONCE = 400
"""Ids in one question to the database."""


async def held_numbers(connection: AsyncConnection, customer_ids: Sequence[int]) -> list[str]:
    """Their telephones in every valid spelling."""
    phones = Identity.kind == IdentityKind.PHONE.value
    held = await connection.scalars(
        select(Identity.value).where(phones, Identity.customer_id.in_(customer_ids)).distinct()
    )
    return [number for key in held for number in spellings(key)]


def are_of(customer_ids: Sequence[int], numbers: Sequence[str]) -> ColumnElement[bool]:
    """Requests (rows of `submissions`) that stand with one of these customers, whose `numbers` these are, maybe with
    others too."""
    written_down = (
        select(Submission.id)
        .join(CallCustomer, CallCustomer.call_id == Submission.known_as)
        .where(CallCustomer.customer_id.in_(customer_ids))
    )
    by_number = (
        select(Submission.id)
        .join(Callback, Callback.id == Submission.callback_id)
        .where(Callback.number.in_(numbers), ~exists().where(CallCustomer.call_id == Submission.known_as))
    )
    mine = or_(Submission.id.in_(written_down), Submission.id.in_(by_number))
    return Submission.known_as.is_not(None) & mine


async def read_candidates(
    connection: AsyncConnection, request_ids: Sequence[int]
) -> Mapping[int, frozenset[int]]:
    """The customers each of these requests may be of."""
    found: dict[int, set[int]] = defaultdict(set)
    nobodys: dict[int, str] = {}
    for first in range(0, len(request_ids), AT_ONCE):
        rows = await connection.execute(
            select(Submission.id, Callback.number, CallCustomer.customer_id)
            .join(Callback, Callback.id == Submission.callback_id)
            .outerjoin(CallCustomer, CallCustomer.call_id == Submission.known_as)
            .where(Submission.id.in_(request_ids[first : first + AT_ONCE]))
        )
        for row in rows:
            if row.customer_id is None:
                nobodys[row.id] = key_of(row.number)
            else:
                found[row.id].add(row.customer_id)
    holders = await _holders(connection, sorted(set(nobodys.values())))
    return {one: frozenset(found[one] or holders[nobodys[one]]) for one in (*found, *nobodys)}


async def read_sure(
    connection: AsyncConnection, callback_ids: Collection[int], customer_ids: Collection[int]
) -> tuple[frozenset[int], frozenset[int]]:
    """Of these callbacks: the requests that are surely of these customers (ids of one person), and the callbacks
    nobody else has a part in."""
    requests: dict[int, int] = {}
    ids = sorted(callback_ids)
    for first in range(0, len(ids), AT_ONCE):
        rows = await connection.execute(
            select(Submission.id, Submission.callback_id).where(
                Submission.callback_id.in_(ids[first : first + AT_ONCE]), Submission.known_as.is_not(None)
            )
        )
        requests.update({row.id: row.callback_id for row in rows})
    candidates = await read_candidates(connection, list(requests))
    sure = {one for one, whose in candidates.items() if whose and whose <= set(customer_ids)}
    mixed = {callback_id for one, callback_id in requests.items() if one not in sure}
    return frozenset(sure), frozenset(set(requests.values()) - mixed)


async def _holders(connection: AsyncConnection, keys: Sequence[str]) -> Mapping[str, set[int]]:
    holders: dict[str, set[int]] = defaultdict(set)
    for first in range(0, len(keys), AT_ONCE):
        rows = await connection.execute(
            select(Identity.value, Identity.customer_id).where(
                Identity.kind == IdentityKind.PHONE.value,
                Identity.value.in_(keys[first : first + AT_ONCE]),
            )
        )
        for row in rows:
            holders[row.value].add(row.customer_id)
    return holders
