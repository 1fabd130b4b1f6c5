"""Whose a request to be called is that came without a call (a website's form, a program, a colleague): decided by its
number when it comes in, with the rules of calls, and kept in their tables, so that it stays with its person when the
number goes to another. Works inside the caller's transaction. A typed number proves nothing: nobody is created for it,
and nobody counts as seen."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from core.equivalences import key_of
from crm_link.call_links import CallLinks, attach, open_links
from crm_link.identities import keep_holders, match_number
from crm_link.kinds import LinkHow
from crm_link.match import ids_of, is_by_block
from crm_link.records import hold_customer


async def tie_request(connection: AsyncConnection, known_as: str, number: str, at: float) -> None:
    """`known_as` begins with REQUEST_PREFIX, `number` is E.164 in any of its spellings. Nobody's request finds its
    customer when somebody is given the number."""
    key = key_of(number)
    if not await open_links(connection, known_as, key, at):
        return
    await keep_holders(connection, key)
    found = await match_number(connection, key)
    ids = ids_of(found)
    if is_by_block(found):
        # Nobody holds the number, so nothing kept a merge from happening since the look.
        ids = tuple(dict.fromkeys([await hold_customer(connection, one) for one in ids]))
    how = LinkHow.BLOCK if is_by_block(found) else LinkHow.MATCHED
    await attach(connection, CallLinks(known_as, key, at, ids, how))
