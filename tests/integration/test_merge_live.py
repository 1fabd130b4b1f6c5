"""A merge while the phone rings: the card on the agent's screen becomes the kept customer's, and after the undo it is
the caller's own again."""

from __future__ import annotations

from core.clock import system_clock
from core.db import Database
from core.facts import PhoneRinging
from crm_link.customers import NewCustomer
from crm_link.merging.merge import Wanted
from server.web.keys import CUSTOMERS, MERGES
from tests.desk_site import desk_site
from tests.live_client import LiveClient
from tests.live_story import phone, started


async def test_the_card_follows_a_merge_and_its_undo(database: Database) -> None:
    async with desk_site(database) as site, LiveClient(site, "anna") as anna:
        known = await site.app[CUSTOMERS].create(NewCustomer(name="Anna Kowalska", company="Acme"), None)
        at = system_clock()
        await site.tell(started("c1", at), PhoneRinging("c1", at, phone("101")))
        await anna.until(lambda one: bool(one.cards and one.cards["c1"]["customers"]))
        caller = anna.cards["c1"]["customers"][0]["id"]
        merge = await site.app[MERGES].merge(Wanted(caller, known.id, keep=known.id), None)
        await anna.until(lambda one: [who["id"] for who in one.cards["c1"]["customers"]] == [known.id])
        await anna.until(lambda one: one.cards["c1"]["customers"][0]["name"] == "Anna Kowalska")
        await site.app[MERGES].undo(merge.id, None)
        await anna.until(lambda one: [who["id"] for who in one.cards["c1"]["customers"]] == [caller])
        assert not site.bus.failures
