"""The whole server beside a PBX (the simulated one) and an Odoo (a scripted one): a caller known only there, and the
call written there once although Odoo goes away in mid-call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from config.connectors import ConnectorSettings
from config.outside import OutsideSettings
from crm_link.connectors.tables import ConnectorContacts, ConnectorLog, LogState
from pbx_bridge.simulator import Party, Simulator
from server.connectors.parts import CONNECTORS
from tests.scripted_odoo import DATABASE, KEY, USER, scripted_odoo
from tests.site import Site, eventually, running, settings_for

CALLER = "+48226011111"


async def rows(site: Site, table: Any) -> list[Any]:
    async with site.database.read() as connection:
        return list((await connection.execute(select(*table.__table__.c))).all())


async def test_a_caller_known_only_to_odoo(tmp_path: Path) -> None:
    book, odoo = scripted_odoo()
    partner = book.add("Jan Nowak", phone="(022) 601 11 11")
    async with Simulator() as pbx, odoo:
        account = {"kind": "odoo", "url": odoo.url, "database": DATABASE, "user": USER, "secret": KEY}
        settings = settings_for((pbx.host, pbx.port), "change-me-events", tmp_path).model_copy(
            update={
                "connector": {"odoo": ConnectorSettings.model_validate(account)},
                "outside": OutsideSettings(allow_networks=("127.0.0.1",)),
            }
        )
        async with running(settings) as site:
            await site.sees_the_pbx()
            call = pbx.rings_phone(Party(CALLER, ""), "101")
            [said] = await eventually(lambda: rows(site, ConnectorContacts))
            assert (said.number, "Jan Nowak" in said.contacts) == (CALLER, True)
            call.answers("101")
            await odoo.stop()
            call.caller_hangs_up()
            [waiting] = await eventually(
                lambda: rows(site, ConnectorLog), lambda one: bool(one and one[0].error)
            )
            assert "cannot connect" in waiting.error
            await odoo.start()
            # What the ladder waits for is not waited for here.
            async with site.database.write() as connection:
                await connection.execute(update(ConnectorLog).values(due_at=0.0))
            site.app[CONNECTORS].workers["odoo"].wake()
            await eventually(lambda: rows(site, ConnectorLog), lambda one: one[0].state == LogState.DONE)
    assert [note["res_id"] for note in book.notes.values()] == [partner]
