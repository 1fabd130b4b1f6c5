"""What people see of other CRMs: the administrator's page with its try-out and "send again", the customer's and the
call's page, on both databases."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from aiohttp import ClientSession, CookieJar
from sqlalchemy import select, update

from core.accounts import NewUser, Role, create_user
from core.db import Database
from crm_link.connectors import logs
from crm_link.connectors.stuck import tell_stuck
from crm_link.connectors.tables import ConnectorLog, LogState
from server.views.connectors import SHOWN
from tests.integration.test_connectors import START, Beside, alarms, beside
from tests.live_story import CUSTOMER
from tests.scripted import Scripted
from tests.scripted_odoo import KEY, OdooBook, scripted_odoo
from tests.site import eventually


class Office:
    """A desk beside an Odoo, and an administrator's browser."""

    def __init__(self, desk: Beside, book: OdooBook, peer: Scripted, session: ClientSession) -> None:
        self.desk, self.book, self.peer, self._session = desk, book, peer, session

    async def page(self, path: str, form: dict[str, str] | None = None) -> str:
        url = self.desk.site.url(path)
        headers = {"Accept": "text/html", "Origin": self.desk.site.url("/").rstrip("/")}
        method = "GET" if form is None else "POST"
        async with self._session.request(method, url, data=form, headers=headers) as response:
            text = await response.text()
            assert response.status in (200, 422), text
            return text


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    book, peer = scripted_odoo()
    async with peer, beside(database, peer) as desk:
        async with database.write() as connection:
            new = NewUser("admin", "Ada Min", Role.ADMINISTRATOR, "nobody types it", ())
            desk.site.users["admin"] = await create_user(connection, new, desk.clock())
        cookies = await desk.site.cookie("admin")
        async with ClientSession(cookie_jar=CookieJar(unsafe=True), cookies=cookies) as session:
            yield Office(desk, book, peer, session)


async def test_a_number_can_be_tried_and_the_key_is_hidden(office: Office) -> None:
    office.book.add("Jan <b>Nowak</b>", phone="22 123 45 67")
    text = await office.page("/admin/connectors/try", {"connector": "odoo", "number": "022 1234567"})
    assert "Jan &lt;b&gt;Nowak&lt;/b&gt;" in text
    assert "search_read" in text
    assert KEY not in text
    wrong = await office.page("/admin/connectors/try", {"connector": "odoo", "number": "nobody"})
    assert "this is not a telephone number" in wrong


async def test_a_call_nobody_could_be_found_for_is_sent_again_by_hand(office: Office) -> None:
    await office.desk.rings()
    await office.desk.ends()
    row = await office.desk.becomes(LogState.SKIPPED)
    assert "Nobody there has this number." not in await office.page("/admin/connectors")
    text = await office.page("/admin/connectors?show=skipped")
    assert "Nobody there has this number." in text
    office.book.add("Jan Nowak", phone=CUSTOMER)
    await office.page(f"/admin/connectors/calls/{row.id}/send", {})
    await office.desk.becomes(LogState.DONE)
    assert len(office.book.notes) == 1
    assert "Send again" not in await office.page("/admin/connectors?show=skipped")


async def test_what_needs_somebody_comes_first_and_is_an_alarm_until_nothing_does(office: Office) -> None:
    async with office.desk.site.database.write() as connection:
        await logs.ask(connection, ["odoo"], {"call_id": "stuck"}, START)
        await connection.execute(update(ConnectorLog).values(state=LogState.FAILED))
        for number in range(SHOWN + 1):
            await logs.ask(connection, ["odoo"], {"call_id": f"s{number}"}, START)
        await connection.execute(
            update(ConnectorLog).where(ConnectorLog.call_id != "stuck").values(state=LogState.SKIPPED)
        )
        await tell_stuck(connection, "odoo", START)
    text = await office.page("/admin/connectors")
    assert ("/calls/stuck" in text, "/calls/s0" in text) == (True, False)
    [alarm] = await alarms(office.desk.site.database)
    assert (alarm.code, alarm.subject, alarm.closed_at) == ("crm-stuck", "odoo", None)
    text = await office.page("/admin/connectors?show=skipped")
    assert ("/calls/s50" in text, '/calls/s0"' in text) == (True, False)
    [older] = re.findall(r'href="(/admin/connectors[^"]*after=[^"]*)"', text)
    assert '/calls/s0"' in await office.page(unescape(older))
    row = await office.desk.row("stuck")
    await office.page(f"/admin/connectors/calls/{row.id}/leave", {})
    assert (await office.desk.row("stuck")).state == LogState.SKIPPED
    [alarm] = await alarms(office.desk.site.database)
    assert alarm.closed_at is not None


async def test_a_call_that_gives_up_raises_the_alarm_and_sending_it_again_closes_it(office: Office) -> None:
    office.book.add("Jan Nowak", phone=CUSTOMER)
    office.book.key = "another"
    await office.desk.rings()
    await office.desk.ends()
    await office.desk.tried()
    await office.desk.later(8 * 86_400)
    row = await office.desk.becomes(LogState.FAILED)
    assert "crm-stuck" in await _open_alarms(office)
    office.book.key = KEY
    await office.page(f"/admin/connectors/calls/{row.id}/send", {})
    assert "crm-stuck" not in await _open_alarms(office)
    await office.desk.becomes(LogState.DONE)


async def _open_alarms(office: Office) -> list[str]:
    return [one.code for one in await alarms(office.desk.site.database) if one.closed_at is None]


async def test_the_customer_and_the_call_say_where_they_are_elsewhere(office: Office) -> None:
    partner = office.book.add("Jan Nowak", phone=CUSTOMER)
    await office.desk.rings()
    await office.desk.ends()
    await office.desk.becomes(LogState.DONE)
    link = f'href="{office.peer.url}/web#id={partner}&amp;model=res.partner&amp;view_type=form"'
    assert link in await office.page("/calls/c1")
    crm_said = await eventually(lambda: office.page("/customers/1"), lambda text: "Jan Nowak" in text)
    assert link in crm_said


async def test_the_log_keeps_no_key_although_the_crm_repeats_it(office: Office) -> None:
    office.peer.answers = lambda _asked: (403, {"error": f"{KEY} is no key of ours"})
    await office.desk.rings()
    await office.desk.ends()
    await office.desk.tried()
    async with office.desk.site.database.read() as connection:
        rows = (await connection.execute(select(*ConnectorLog.__table__.c))).all()
    assert KEY not in str(rows)
    assert "••• is no key of ours" in await office.page("/admin/connectors?show=owed")
