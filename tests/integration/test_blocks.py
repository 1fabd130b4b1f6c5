"""A firm's block of numbers: who calls from inside is somebody of theirs, unless a customer has that very number."""

from __future__ import annotations

import pytest

from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import Direction, MatchKind
from crm_link.blocks.edit import Blocks
from crm_link.call_links import read_links
from crm_link.customers import NewCustomer
from crm_link.kinds import IdentityKind, LinkHow
from crm_link.tables import Customer, CustomerChange
from tests.customers import Office, count

BLOCK = "+48 22 123 45 00–99"
INSIDE, ALSO_INSIDE, OUTSIDE = "+48221234507", "+48221234577", "+48221234607"


class Firm(Office):
    """An office with one firm, Acme, that has a block."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.blocks = Blocks(database, self.desk.bus, lambda: self.now, "PL")
        self.acme = 0

    async def open(self, block: str = BLOCK) -> Firm:
        self.acme = (await self.customers.create(NewCustomer(company="Acme"), None)).id
        await self.blocks.add(self.acme, block, None)
        return self


async def test_a_stranger_from_inside_is_somebody_of_the_firm(database: Database) -> None:
    firm = await Firm(database).open()
    said = await firm.desk.call("c1", INSIDE)
    assert (said.match, said.customer_ids) == (MatchKind.EXACT, (firm.acme,))
    assert (said.by_block, said.created) == (True, False)
    outside = await firm.desk.call("c2", OUTSIDE)
    assert (outside.by_block, outside.created) == (False, True)
    again = await firm.desk.call("c3", INSIDE, direction=Direction.OUTBOUND)
    assert (again.by_block, again.customer_ids) == (True, (firm.acme,))
    assert await count(database, Customer) == 2


async def test_who_has_the_very_number_wins(database: Database) -> None:
    firm = await Firm(database).open()
    await firm.desk.call("c1", INSIDE)
    anna = await firm.customers.create(NewCustomer("Anna", company="Acme", numbers=(INSIDE,)), None)
    said = await firm.desk.call("c2", INSIDE)
    assert (said.customer_ids, said.by_block) == ((anna.id,), False)
    async with database.read() as connection:
        links = await read_links(connection, "c1")
    assert links is not None
    assert (links.customer_ids, links.how) == ((anna.id,), LinkHow.RELABELLED), "her old calls come along"


async def test_the_narrowest_block_counts_and_equal_ones_are_several(database: Database) -> None:
    firm = await Firm(database).open()
    branch = await firm.customers.create(NewCustomer(company="Acme, Gdynia branch"), None)
    await firm.blocks.add(branch.id, "+48 22 123 45 00–09", None)
    assert (await firm.desk.call("c1", INSIDE)).customer_ids == (branch.id,)
    assert (await firm.desk.call("c2", ALSO_INSIDE)).customer_ids == (firm.acme,)
    twin = await firm.customers.create(NewCustomer(company="Acme Services"), None)
    await firm.blocks.add(twin.id, BLOCK, None)
    said = await firm.desk.call("c3", ALSO_INSIDE)
    assert (said.match, set(said.customer_ids), said.by_block) == (
        MatchKind.SEVERAL,
        {firm.acme, twin.id},
        True,
    )


async def test_strangers_from_before_the_block_are_taken_in(database: Database) -> None:
    firm = Firm(database)
    stranger = await firm.desk.call("c1", INSIDE)
    known = await firm.desk.call("c2", ALSO_INSIDE)
    await firm.notes.add_note(known.customer_ids[0], "Jan, asks for Maria", None)
    await firm.desk.call("c3", "+48221234511", direction=Direction.OUTBOUND)
    await firm.open()
    assert (await firm.desk.call("c4", INSIDE)).customer_ids == (firm.acme,)
    assert (await firm.desk.call("c5", ALSO_INSIDE)).customer_ids == known.customer_ids, (
        "something is known of him"
    )
    async with database.read() as connection:
        for call_id in ("c1", "c3"):
            links = await read_links(connection, call_id)
            assert links is not None
            assert (links.customer_ids, links.how) == ((firm.acme,), LinkHow.BLOCK)
        with pytest.raises(NotFoundError):
            await firm.customers.add_identity(stranger.customer_ids[0], IdentityKind.PHONE, OUTSIDE, None)


async def test_a_block_taken_away_leaves_calls_where_they_are(database: Database) -> None:
    firm = await Firm(database).open()
    await firm.desk.call("c1", INSIDE)
    (held,) = await firm.blocks.of(firm.acme)
    assert await firm.blocks.remove(firm.acme, held.id, None) == ()
    assert (await firm.desk.call("c2", INSIDE)).created
    async with database.read() as connection:
        links = await read_links(connection, "c1")
    assert links is not None
    assert links.customer_ids == (firm.acme,)
    with pytest.raises(NotFoundError):
        await firm.blocks.remove(firm.acme, held.id, None)


async def test_a_block_is_given_once_and_to_somebody_known(database: Database) -> None:
    firm = await Firm(database).open()
    changes = await count(database, CustomerChange)
    assert len(await firm.blocks.add(firm.acme, "+48 22 123 45 xx", None)) == 1
    assert await count(database, CustomerChange) == changes
    stranger = (await firm.desk.call("c1", OUTSIDE)).customer_ids[0]
    with pytest.raises(ConflictError):
        await firm.blocks.add(stranger, "+48 22 123 46 xx", None)
    with pytest.raises(InvalidInputError):
        await firm.blocks.add(firm.acme, "22", None)
