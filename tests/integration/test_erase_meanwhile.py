"""What goes on while a person is erased: their calls, merges, and what is written late. Nothing of them is left behind
unseen: it is refused, or met in the last transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update

from callback.tables import Callback
from config.settings import DatabaseSettings, Settings
from core.bus import Bus
from core.db import Database
from core.errors import ConflictError
from core.fact_log import FactConsumer, FactCursor, LoggedFact
from core.facts import CallbackChanged, CallEnded
from core.outside import Outside
from crm_link.connectors.intake import LogIntake
from crm_link.customers import Customers, NewCustomer
from crm_link.kinds import IdentityKind
from crm_link.merging.merge import Merges, Wanted
from crm_link.merging.views import MergeView
from crm_link.tables import CallCustomer, Customer
from crm_link.webhooks.intake import Intake
from crm_link.webhooks.kinds import EVENTS
from crm_link.webhooks.tables import WebhookDelivery
from pbx_bridge.tables import Call
from server.connectors.parts import make_parts
from server.people.command import open_database
from server.privacy.command import erase_person
from server.privacy.erase_person import read_person
from server.privacy.erase_tables import ErasureTry
from server.privacy.erase_told import clean_again, read_reached
from server.webhooks.parts import body_of
from tests.seed import NOW
from tests.sound_site import ANNAS, SoundSite, sound_site
from tests.zuzanna import NUMBER, deliveries, erase, owe, seed, traces

WHO = {"user": "x", "database": "x", "secret": "x"}
ODOO = Settings.model_validate({"connector": {"odoo": {"kind": "odoo", "url": "http://127.0.0.1"} | WHO}})


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[SoundSite]:
    async with sound_site(database, tmp_path) as running:
        yield running


async def test_nobody_is_erased_while_they_are_on_the_line(site: SoundSite) -> None:
    customer_id = await seed(site)
    async with site.database.write() as connection:
        await connection.execute(update(Call).where(Call.id == ANNAS).values(ended_at=None))
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data={"word": "erase"})
    assert answer.status == 409
    assert "call of theirs is going on: erase them when it is over" in answer.text
    key = await site.key("customers:erase")
    path, named = f"/api/v1/customers/{customer_id}/erase", {"customer_id": customer_id}
    told = await site.ask(path, method="POST", key=key, json=named)
    assert told.status == 409
    assert "erase them when it is over" in told.text
    async with site.database.read() as connection:
        assert await connection.scalar(select(Callback.number)) == NUMBER, "nothing was begun"


async def test_the_command_refuses_too(tmp_path: Path) -> None:
    settings = Settings(database=DatabaseSettings(url=f"sqlite:///{tmp_path}/ringback.db"))
    async with open_database(settings) as database:
        customers = Customers(database, Bus(), lambda: NOW, "PL")
        await customers.create(NewCustomer("Zuzanna", numbers=(NUMBER,)), None)
        call = {"id": "main-9", "pbx": "main", "direction": "inbound", "started_at": NOW}
        async with database.write() as connection:
            await connection.execute(insert(Call).values(**call, customer_number=NUMBER))
    with pytest.raises(ConflictError, match="erase them when it is over"):
        await erase_person(settings, 1, lambda _question: True)


@pytest.mark.parametrize("into_them", [True, False])
async def test_a_merge_meanwhile_is_met_and_nothing_of_the_customer_is_gone(
    site: SoundSite, into_them: bool
) -> None:
    customer_id = await seed(site)
    customers = Customers(site.database, site.bus, lambda: NOW, "PL")
    other_id = (await customers.create(NewCustomer("Zuzanna U.", numbers=("22 987 65 43",)), None)).id
    kept = customer_id if into_them else other_id
    merges: list[MergeView] = []

    async def merge(_fact: CallbackChanged) -> None:
        if not merges:
            wanted = Wanted(customer_id, other_id, keep=kept)
            merges.append(await Merges(site.database, Bus(), lambda: NOW).merge(wanted, None))

    site.bus.subscribe(CallbackChanged, merge, name="merge meanwhile")
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data={"word": "erase"})
    assert answer.status == 409, answer.text
    assert "erase them again" in answer.text
    assert len(merges) == 1
    async with site.database.read() as connection:
        there = select(func.count()).where(Customer.id.in_((customer_id, other_id)))
        assert await connection.scalar(there) == 2
    await erase(site, kept)
    assert await traces(site.database) == []


async def test_a_delivery_that_was_made_late_goes_with_the_customer(site: SoundSite) -> None:
    customer_id = await seed(site)
    async with site.database.read() as connection:
        person, reached = await read_person(connection, customer_id), await read_reached(connection)
    async with site.database.write() as connection:
        for table in (WebhookDelivery, FactCursor):
            await connection.execute(delete(table))
    await owe(site)
    assert await deliveries(site)
    gone: Counter[str] = Counter()
    async with site.database.write() as connection:
        await clean_again(connection, person, reached, gone)
    assert await deliveries(site) == set()
    assert gone["What other servers were told"] > 0


async def test_what_an_intake_read_before_is_not_written_after(site: SoundSite) -> None:
    outside = Outside(ODOO.outside)
    parts = make_parts(ODOO, outside, None, site.database, Bus(), lambda: NOW)
    connectors = LogIntake(site.database, lambda: NOW, parts.workers)
    await connectors.begin()
    customer_id = await seed(site)
    async with site.database.write() as connection:
        await connection.execute(delete(FactCursor))
    read: list[LoggedFact] = []

    async def remember(fact: LoggedFact) -> None:
        read.append(fact)

    await FactConsumer(site.database, "test", tuple(EVENTS), remember).deliver_batch()
    assert any("Zuzanna" in str(fact.body) for fact in read)
    await erase(site, customer_id)
    webhooks = Intake(site.database, lambda: NOW, body_of, lambda _endpoint: None)
    for fact in read:
        await webhooks.owe(fact)
        if fact.kind == CallEnded.__name__:
            await connectors.handle(fact)
    await outside.close()
    assert await deliveries(site), "what happened is told, without the person"
    assert await traces(site.database) == []


async def test_a_certificate_counts_what_an_earlier_try_took(site: SoundSite) -> None:
    customer_id = await seed(site)
    tries = 0

    async def change(_fact: CallbackChanged) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await customers.add_identity(customer_id, IdentityKind.EMAIL, "zuzanna2@unikalska.example", None)

    customers = Customers(site.database, site.bus, lambda: NOW, "PL")
    site.bus.subscribe(CallbackChanged, change, name="change meanwhile")
    form = {"word": "erase"}
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data=form)
    assert (answer.status, "erase them again" in answer.text) == (409, True)
    certificate = await erase(site, customer_id)
    erased = {one["what"]: one["count"] for one in certificate["erased"]}
    assert erased["Recordings"] == erased["Open callbacks, closed"] == erased["Customer records"] == 1
    assert erased["Calls, made anonymous"] == 2
    assert await traces(site.database) == []
    async with site.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(ErasureTry)) == 0


async def test_a_call_that_comes_meanwhile_is_not_left_behind(site: SoundSite) -> None:
    customer_id = await seed(site)

    async def ring(_fact: CallbackChanged) -> None:
        call = {"id": "main-9", "pbx": "main", "direction": "inbound", "started_at": NOW}
        linked = {"how": "matched", "rank": 1, "call_at": NOW}
        async with site.database.write() as connection:
            await connection.execute(insert(Call).values(**call, caller=NUMBER, customer_number=NUMBER))
            await connection.execute(
                insert(CallCustomer).values(call_id="main-9", customer_id=customer_id, **linked)
            )

    site.bus.subscribe(CallbackChanged, ring, name="ring meanwhile")
    form = {"word": "erase"}
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data=form)
    assert (answer.status, "erase them again" in answer.text) == (409, True)
    answer = await site.ask(f"/customers/{customer_id}/erase", "admin", method="POST", data=form)
    assert (answer.status, "is going on" in answer.text) == (409, True)
    async with site.database.write() as connection:
        await connection.execute(update(Call).where(Call.id == "main-9").values(ended_at=NOW))
    await erase(site, customer_id)
    assert await traces(site.database) == []
