"""A real Odoo 14 beside the whole server: whom only Odoo knows is named on the desk with a link, the call is written on
their page once, and an Odoo that goes away in mid-call keeps nothing waiting."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import select, update

from config.connectors import ConnectorSettings
from config.outside import OutsideSettings
from config.settings import Settings
from core.outside import Outside
from crm_link.connectors.make import make_connector
from crm_link.connectors.protocol import Connector, ConnectorError
from crm_link.connectors.tables import ConnectorContacts, ConnectorLog, LogState
from pbx_bridge.simulator import Party, Simulator
from server.connectors.parts import CONNECTORS
from tests.asterisk.lab import Lab
from tests.asterisk.pbx import AMI_SECRETS, Pbx
from tests.e2e.conftest import open_desk
from tests.integration.test_connectors_described import call
from tests.odoo.install import USER
from tests.odoo.server import OdooServer
from tests.scripted import Asked, Scripted
from tests.site import DEADLINE_S, Site, eventually, running, settings_for

pytestmark = pytest.mark.odoo

HOME = OutsideSettings(allow_networks=("127.0.0.1",))
DIRECT_101 = "48221000901"
_tails = itertools.count(110_000)


def new_number() -> tuple[str, str]:
    """A number nobody has yet, and how somebody typed it into Odoo."""
    tail = str(next(_tails))
    return f"+48226{tail}", f"(022) 6{tail[:2]} {tail[2:4]}-{tail[4:]}"


def beside(settings: Settings, odoo: OdooServer, **more: Any) -> Settings:
    # A busy machine's Odoo takes its time, and who calls is asked once.
    section = ConnectorSettings.model_validate({**odoo.account, "seconds": 30, **more})
    return settings.model_copy(update={"connector": {"odoo": section}, "outside": HOME})


@asynccontextmanager
async def connected(odoo: OdooServer, **more: Any) -> AsyncIterator[Connector]:
    settings = beside(Settings(), odoo, **more)
    async with Outside(settings.outside) as outside:
        yield make_connector("odoo", settings.connector["odoo"], settings.site, outside)


async def rows(site: Site, table: Any) -> list[Any]:
    async with site.database.read() as connection:
        return list((await connection.execute(select(*table.__table__.c))).all())


async def is_done(site: Site) -> bool:
    return [row.state for row in await rows(site, ConnectorLog)] == [LogState.DONE]


async def test_contacts_are_found_in_any_spelling_and_no_others(odoo: OdooServer) -> None:
    number, _ = new_number()
    national = number[3:]
    spelt = [number, f"0048 {national}", f"{national[:2]}/{national[2:5]}-{national[5:]}"]
    ours = [await odoo.add_partner(f"Firm {place}", phone=one) for place, one in enumerate(spelt)]
    ours.append(await odoo.add_partner("Mobile", mobile=f"tel:{number}"))
    await odoo.add_partner("Longer", phone=f"{number}0")
    await odoo.add_partner("Abroad", phone=f"+49{national}")
    async with connected(odoo) as connector:
        found = await connector.find_contact(number)
    assert sorted(int(one.id) for one in found) == sorted(ours)


async def test_company_and_page_of_a_contact(odoo: OdooServer) -> None:
    number, spelt = new_number()
    firm = await odoo.add_partner("Example Ltd", is_company=True)
    partner = await odoo.add_partner("Jan Nowak", phone=spelt, parent_id=firm)
    async with connected(odoo) as connector:
        [found] = await connector.find_contact(number)
    page = f"{odoo.url}/web#id={partner}&model=res.partner&view_type=form"
    assert (found.name, found.company, found.url) == ("Jan Nowak", "Example Ltd", page)


async def test_a_note_is_found_again_and_written_over(odoo: OdooServer) -> None:
    number, _ = new_number()
    async with connected(odoo) as connector:
        contact = await connector.create_contact(number, "New <b>one</b>", f"m{number}")
        assert await connector.find_made(f"m{number}") == contact
        assert await connector.find_made("another") is None
        first = call(call_id=f"c{contact.id}", number=number, note="", disposition="")
        assert await connector.find_call_log(first) is None
        reference = await connector.log_call(contact, first)
        assert await connector.find_call_log(first) == reference
        later = call(call_id=f"c{contact.id}", number=number, note="a < b\n& more", disposition="Solved")
        await connector.update_call_log(reference, later)
    [note] = await odoo.notes_on(int(contact.id))
    assert "Solved: a &lt; b<br>&amp; more" in note["body"].replace("<br/>", "<br>").replace("<br />", "<br>")
    assert note["subtype_id"][1] == "Note"
    [named] = await odoo.ask("res.partner", "read", [int(contact.id)], ["name"])
    assert named["name"] == "New <b>one</b>"


async def test_who_is_responsible_for_a_contact_is_read_and_stays(odoo: OdooServer) -> None:
    number, spelt = new_number()
    [other] = await odoo.ask("res.users", "search_read", [["login", "=", "admin"]], fields=["name"])
    partner = await odoo.add_partner("Jan Nowak", phone=spelt, user_id=other["id"])
    async with connected(odoo) as connector:
        [found] = await connector.find_contact(number)
        assert found.owner == other["name"]
        await connector.log_call(found, call(call_id=f"c{partner}", number=number))
    [kept] = await odoo.ask("res.partner", "read", [partner], ["user_id"])
    assert kept["user_id"][0] == other["id"]


async def test_a_wrong_key_is_refused(odoo: OdooServer) -> None:
    async with connected(odoo, secret="wrong") as connector:
        with pytest.raises(ConnectorError, match="does not accept this user and key"):
            await connector.find_contact("+48226000000")


async def test_a_removed_contact_is_a_plain_complaint(odoo: OdooServer) -> None:
    number, spelt = new_number()
    await odoo.add_partner("Short Lived", phone=spelt)
    async with connected(odoo) as connector:
        [found] = await connector.find_contact(number)
        gone = type(found)("999999", found.name)
        with pytest.raises(ConnectorError, match="Odoo says: ") as caught:
            await connector.log_call(gone, call())
    assert "Traceback" not in str(caught.value)


async def test_without_an_e_mail_address_odoo_takes_no_notes(odoo: OdooServer) -> None:
    """What administrators are told then: it is Odoo's own sentence."""
    number, _ = new_number()
    async with connected(odoo) as connector:
        contact = await connector.create_contact(number, "New", "marker")
        [us] = await odoo.ask("res.users", "search_read", [["login", "=", USER]], fields=["partner_id"])
        await odoo.ask("res.partner", "write", [us["partner_id"][0]], {"email": False})
        with pytest.raises(ConnectorError, match="configure the sender's email address"):
            await connector.log_call(contact, call(number=number))
        await odoo.ask("res.partner", "write", [us["partner_id"][0]], {"email": USER})


@pytest.mark.asterisk
@pytest.mark.browser
async def test_whom_only_odoo_knows_is_named_and_the_call_is_written_once(
    odoo: OdooServer, pbx: Pbx, lab: Lab, chromium: Browser, tmp_path: Path
) -> None:
    number, spelt = new_number()
    partner = await odoo.add_partner("Zofia Example", phone=spelt)
    settings = beside(settings_for(pbx.ami, AMI_SECRETS["ringback-events"], tmp_path), odoo)
    async with running(settings) as site:
        await site.add_person("anna", "101")
        await site.sees_the_pbx()
        anna = await open_desk(chromium, site, "anna")
        phone = await lab.phone("101")
        customer = await lab.trunk.dial(DIRECT_101, caller=number)
        ringing = await phone.rings()
        card = await anna.shows("ringing", "Zofia Example")
        link = card.get_by_role("list", name="In other CRMs").get_by_role("link")
        page = f"{odoo.url}/web#id={partner}&model=res.partner&view_type=form"
        await expect(link).to_have_attribute("href", page, timeout=DEADLINE_S * 1000)
        await ringing.answer()
        await anna.shows("talking")
        await customer.hears()
        await customer.hangup()
        await eventually(lambda: is_done(site))
        await anna.visit.page.close()
    [note] = await odoo.notes_on(partner)
    assert f"Inbound call from {number}: answered" in note["body"]
    assert "with Anna" in note["body"]


async def test_an_odoo_that_dies_in_mid_call_is_told_later_once(odoo: OdooServer, tmp_path: Path) -> None:
    number, spelt = new_number()
    partner = await odoo.add_partner("Jan Nowak", phone=spelt)
    async with Simulator() as pbx:
        address = pbx.host, pbx.port
        settings = beside(settings_for(address, "change-me-events", tmp_path), odoo)
        async with running(settings) as site:
            await site.sees_the_pbx()
            first = pbx.rings_phone(Party(number, ""), "101")
            await eventually(lambda: rows(site, ConnectorContacts))
            first.answers("101")
            odoo.kill()
            try:
                first.caller_hangs_up()
                [row] = await eventually(lambda: rows(site, ConnectorLog), _was_tried)
                assert "cannot connect" in row.error
                second = pbx.rings_phone(Party(number, ""), "101")
                second.answers("101")
                second.caller_hangs_up()
                await eventually(lambda: rows(site, ConnectorLog), lambda found: len(found) == 2)
            finally:
                await odoo.start()
            await _try_now(site)
            await eventually(lambda: rows(site, ConnectorLog), _are_done)
    assert len(await odoo.notes_on(partner)) == 2


async def test_a_note_whose_answer_was_lost_is_not_written_twice(odoo: OdooServer, tmp_path: Path) -> None:
    """Odoo does what it was asked, and the line is cut before its answer."""
    number, spelt = new_number()
    partner = await odoo.add_partner("Jan Nowak", phone=spelt)
    lost: list[Asked] = []

    def drops(asked: Asked) -> bool:
        if "message_post" not in asked.body or lost:
            return False
        lost.append(asked)
        return True

    async with Simulator() as pbx, Scripted(lambda asked: _pass_on(odoo, asked)) as between:
        between.drops = drops
        settings = settings_for((pbx.host, pbx.port), "change-me-events", tmp_path)
        async with running(beside(settings, odoo, url=between.url)) as site:
            await site.sees_the_pbx()
            one = pbx.rings_phone(Party(number, ""), "101")
            await eventually(lambda: rows(site, ConnectorContacts))
            one.answers("101")
            one.caller_hangs_up()
            await eventually(lambda: rows(site, ConnectorLog), _was_tried)
            await _try_now(site)
            await eventually(lambda: rows(site, ConnectorLog), _are_done)
    assert len(lost) == 1
    assert len(await odoo.notes_on(partner)) == 1


def _pass_on(odoo: OdooServer, asked: Asked) -> Any:
    sent = Request(odoo.url + asked.path, asked.body.encode() or None, {"Content-Type": "application/json"})
    try:
        with urlopen(sent) as answer:
            return json.load(answer)
    except HTTPError as error:
        return error.code, None


def _was_tried(found: list[Any]) -> bool:
    return bool(found and found[0].error and found[0].state == LogState.WAITING)


def _are_done(found: list[Any]) -> bool:
    return bool(found) and all(one.state == LogState.DONE for one in found)


async def _try_now(site: Site) -> None:
    """What the ladder waits for is not waited for here."""
    async with site.database.write() as connection:
        waiting = ConnectorLog.state == LogState.WAITING
        await connection.execute(update(ConnectorLog).where(waiting).values(due_at=0.0))
    site.app[CONNECTORS].workers["odoo"].wake()
