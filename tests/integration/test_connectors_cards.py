"""Bitrix24's own card of a call beside our desk, against a scripted server that refuses whatever comes in another order
than register, show, hide, finish: shown to whoever's phone rings, closed for who does not take the call, once per call
whatever happens to that CRM or to us meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from config.connectors import ConnectorSettings
from config.settings import Site
from core.db import Database
from core.facts import (
    AgentLeft,
    CallAnswered,
    CallDescribed,
    CallsJoined,
    Fact,
    PhoneRinging,
    PhoneStopped,
    StopReason,
    Verdict,
)
from core.outside import Outside
from core.ports import CallCopies
from crm_link.connectors import logs
from crm_link.connectors.described import Described
from crm_link.connectors.make import make_connector
from crm_link.connectors.protocol import Contact
from crm_link.connectors.tables import ConnectorBegun, LogState
from tests.desk_site import desk_site
from tests.integration.test_connectors import START, Beside, Clock
from tests.integration.test_connectors_described import HOME, call, write
from tests.live_story import CUSTOMER, ended, inbound, internal, outbound, phone, started
from tests.scripted import Asked, Scripted
from tests.site import eventually

PEOPLE = {"PJSIP/101": "5", "102": "6"}
ANNA = "5"
STRANGER = "+48601000111"


@dataclass(slots=True)
class Bitrix:
    """Its calls: whether each is finished, who sees its card, and what was said of it."""

    contacts: list[dict[str, Any]] = field(
        default_factory=lambda: [{"ID": "9", "NAME": "Jan", "PHONE": [{"VALUE": CUSTOMER}]}]
    )
    strangers: frozenset[str] = frozenset()
    said: dict[str, list[str]] = field(default_factory=dict)
    finished: list[dict[str, Any]] = field(default_factory=list)
    registered: list[dict[str, Any]] = field(default_factory=list)
    shown: dict[str, set[str]] = field(default_factory=dict)
    attached: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Any:
        method = asked.path.rsplit("/", 1)[1].removesuffix(".json").rsplit(".", 1)[1]
        if method == "attachRecord":
            return self._attach(asked.json)
        if method == "list":
            is_asked = asked.json["filter"]["PHONE"] == CUSTOMER
            return {"result": self.contacts if is_asked else []}
        if method == "register":
            return self._register(asked.json)
        return self._go_on(method, asked.json)

    def _register(self, values: dict[str, Any]) -> Any:
        call_id = f"external.{len(self.registered) + 1}"
        self.registered.append(values)
        self.said[call_id] = [f"register {values['USER_ID']}"]
        self.shown[call_id] = set()
        return {"result": {"CALL_ID": call_id}}

    def _attach(self, values: dict[str, Any]) -> Any:
        call_id = values["CALL_ID"]
        assert self.said[call_id][-1].startswith("finish"), "attachRecord before the finish"
        assert values["FILENAME"].endswith(".mp3")
        self.attached.append(values)
        return {"result": {"FILE_ID": len(self.attached)}}

    def _go_on(self, method: str, values: dict[str, Any]) -> Any:
        call_id, user = values["CALL_ID"], values["USER_ID"]
        assert call_id in self.said, f"{method} of a call that was not registered"
        assert "finish" not in " ".join(self.said[call_id]), f"{method} after the finish"
        if method == "show" and user in self.strangers:
            return 400, {"error": "USER_ID is not found"}
        self.said[call_id].append(f"{method} {user}")
        if method == "show":
            self.shown[call_id].add(user)
        elif method == "hide":
            self.shown[call_id].remove(user)
        else:
            self.finished.append(values)
            self.shown[call_id].clear()
        return {"result": True}

    async def told(self, call_id: str = "external.1") -> list[str]:
        return self.said.get(call_id, [])

    async def has(self, *said: str, call_id: str = "external.1") -> None:
        await eventually(lambda: self.told(call_id), lambda found: found == list(said))


@dataclass(slots=True)
class Office:
    """A desk with this Bitrix24 beside it."""

    desk: Beside
    bitrix: Bitrix
    peer: Scripted

    async def tell(self, *facts: Fact) -> None:
        await self.desk.site.tell(*facts)

    async def rings(self, *extensions: str, call_id: str = "c1") -> None:
        at = self.desk.clock()
        await self.tell(started(call_id, at), *(PhoneRinging(call_id, at, phone(one)) for one in extensions))

    async def stops(self, extension: str, reason: StopReason, call_id: str = "c1") -> None:
        await self.tell(PhoneStopped(call_id, self.desk.clock(), phone(extension), reason))


@asynccontextmanager
async def office(
    database: Database,
    bitrix: Bitrix,
    peer: Scripted | None = None,
    copies: CallCopies | None = None,
    **more: Any,
) -> AsyncIterator[Office]:
    clock, peer = Clock(), peer or Scripted(bitrix)
    async with peer:
        settings = {"kind": "http", "description": "bitrix24", "url": f"{peer.url}/rest/17", "user": "17"}
        b24 = {**settings, "secret": "c0de", "people": PEOPLE, **more}
        sections = {"connector": {"b24": b24}, "outside": {"allow_networks": ["127.0.0.1"]}}
        async with desk_site(database, clock=clock, sections=sections, copies=copies) as site:
            yield Office(Beside(site, clock), bitrix, peer)


async def test_the_card_is_shown_while_phones_ring_and_stays_with_who_answers(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix) as at:
        await at.rings("101", "102")
        await bitrix.has("register 5", "show 5", "show 6")
        await at.tell(CallAnswered("c1", 5.0, phone("102")))
        await at.stops("101", StopReason.ANSWERED_ELSEWHERE)
        await bitrix.has("register 5", "show 5", "show 6", "hide 5")
        await at.desk.ends(fact=ended("c1", talked=("102",)))
        row = await at.desk.becomes(LogState.DONE)
    assert (row.reference, row.contact_name) == ("external.1", "Jan")
    assert (bitrix.said["external.1"][-1], len(bitrix.said)) == ("finish 6", 1)
    [begun] = bitrix.registered
    assert (begun["CRM_ENTITY_ID"], begun["CRM_CREATE"], begun["SHOW"]) == ("9", 0, 0)


async def test_a_call_that_nobody_takes_is_closed_everywhere(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix) as at:
        await at.rings("101", "102")
        await bitrix.has("register 5", "show 5", "show 6")
        await at.stops("101", StopReason.TIMEOUT)
        await at.stops("102", StopReason.TIMEOUT)
        await bitrix.has("register 5", "show 5", "show 6", "hide 5", "hide 6")
        await at.desk.ends(fact=ended("c1", result=Verdict.MISSED, rang=("101", "102")))
        await at.desk.becomes(LogState.DONE)
    assert (bitrix.finished[0]["STATUS_CODE"], bitrix.finished[0]["USER_ID"]) == ("304", "17")


async def test_a_transfer_takes_the_card_to_the_second_phone(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix) as at:
        await at.rings("101")
        await at.tell(CallAnswered("c1", 5.0, phone("101")))
        await bitrix.has("register 5", "show 5")
        await at.tell(PhoneRinging("c1", 20.0, phone("102")))
        await bitrix.has("register 5", "show 5", "show 6")
        await at.tell(AgentLeft("c1", 22.0, phone("101")), CallAnswered("c1", 22.0, phone("102")))
        await bitrix.has("register 5", "show 5", "show 6", "hide 5")
        await at.desk.ends(fact=ended("c1", talked=("101", "102")))
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said["external.1"][-1] == "finish 5"


async def test_who_was_asked_about_a_call_gets_its_card_with_it(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix) as at:
        await at.rings("101")
        await bitrix.has("register 5", "show 5")
        asks = started("c2", 10.0, internal("101", "102"))
        await at.tell(asks, CallAnswered("c2", 11.0, phone("102")), CallsJoined("c1", "c2", 20.0))
        await bitrix.has("register 5", "show 5", "show 6")


async def test_the_card_of_a_call_that_is_part_of_another_is_closed(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix) as at:
        await at.tell(started("c2", START, outbound("101")), CallAnswered("c2", START, phone("101")))
        await bitrix.has("register 5", "show 5")
        await at.tell(started("c1", START), CallsJoined("c1", "c2", 20.0))
        await bitrix.has("register 5", "show 5", "hide 5")
        await bitrix.has("register 5", "show 5", call_id="external.2")
        await at.desk.ends(fact=ended("c1", talked=("101",)))
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said["external.1"] == ["register 5", "show 5", "hide 5"]


async def test_we_stop_between_register_and_finish(database: Database) -> None:
    bitrix, peer = Bitrix(), Scripted(Bitrix())
    peer.answers = bitrix
    async with office(database, bitrix, peer) as at:
        await at.rings("101")
        await bitrix.has("register 5", "show 5")
    async with office(database, bitrix, peer) as at:
        await at.desk.ends()
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said == {"external.1": ["register 5", "show 5", "finish 5"]}


async def test_a_call_that_goes_on_after_a_restart_is_not_begun_anew(database: Database) -> None:
    bitrix, peer = Bitrix(), Scripted(Bitrix())
    peer.answers = bitrix
    async with office(database, bitrix, peer) as at:
        await at.rings("101")
        await bitrix.has("register 5", "show 5")
    async with office(database, bitrix, peer) as at:
        await at.rings("102")
        await bitrix.has("register 5", "show 5", "show 6")


async def test_a_register_whose_answer_got_lost_is_not_repeated_and_a_person_decides(
    database: Database,
) -> None:
    bitrix = Bitrix()
    peer = Scripted(bitrix, drops=lambda asked: "register" in asked.path)
    async with office(database, bitrix, peer) as at:
        await at.rings("101")
        await bitrix.has("register 5")
        await at.desk.ends()
        row = await at.desk.tried()
        assert "just being begun" in row.error
        await at.desk.later(61)
        await at.desk.becomes(LogState.UNCERTAIN)
        assert bitrix.said == {"external.1": ["register 5"]}
        at.peer.drops = lambda _asked: False
        async with database.write() as connection:
            await logs.send_again(connection, row.id, at.desk.clock())
        await at.desk.later(1)
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said["external.2"] == ["register 5", "finish 5"]


async def test_a_refused_finish_is_repeated_for_the_same_call(database: Database) -> None:
    bitrix, refused = Bitrix(), list[Asked]()

    def answers(asked: Asked) -> Any:
        if "finish" in asked.path and not refused:
            refused.append(asked)
            return 400, {"error": "not now"}
        return bitrix(asked)

    async with office(database, bitrix, Scripted(answers), people={}) as at:
        await at.rings("101")
        await at.desk.ends()
        await at.desk.tried()
        await at.desk.later(16)
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said == {"external.1": ["register 17", "finish 17"]}


async def test_a_card_is_about_the_number_that_the_call_turned_out_to_have(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix) as at:
        await at.tell(started("c1", START))
        found = await eventually(lambda: said_to(at.peer, "list"), bool)
        await at.tell(CallDescribed("c1", START, inbound(STRANGER)), PhoneRinging("c1", START, phone("101")))
        await eventually(lambda: said_to(at.peer, "list"), lambda now: len(now) > len(found))
        await at.desk.ends(fact=ended("c1", parties=inbound(STRANGER)))
        await at.desk.becomes(LogState.SKIPPED)
    assert bitrix.said == {}


async def test_no_card_is_opened_after_the_end_was_told() -> None:
    bitrix = Bitrix()
    async with Scripted(bitrix) as peer, Outside(HOME) as outside:
        settings = {"kind": "http", "description": "bitrix24", "url": f"{peer.url}/rest/17", "people": PEOPLE}
        crm = make_connector("b24", ConnectorSettings.model_validate(settings), Site(), outside)
        assert isinstance(crm, Described)
        reference = await write(crm, Contact("9", "Jan"), call(phones=("101", "PJSIP/101")))
        await crm.show_card(reference, CUSTOMER, ANNA)
    assert bitrix.said == {"external.1": ["register 5", "finish 5"]}


async def test_a_bitrix_that_hangs_loses_cards_and_no_call(database: Database) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix, seconds=2.0) as at:
        await at.rings("101")
        await bitrix.has("register 5", "show 5")
        at.peer.hangs = True
        await at.tell(PhoneRinging("c1", 2.0, phone("102")))
        await eventually(lambda: said_to(at.peer, "show"), lambda found: len(found) == 2)
        await at.desk.ends()
        await at.desk.tried()
        at.peer.hangs = False
        await at.rings("101", call_id="c2")  # within the minute in which nothing is shown
        await at.desk.ends("c2")
        await at.desk.becomes(LogState.DONE, "c2")
    assert bitrix.said["external.2"] == ["register 5", "finish 5"]


async def said_to(peer: Scripted, method: str) -> list[Asked]:
    return [one for one in peer.asked if one.path.endswith(f".{method}.json")]


async def test_a_refused_register_is_made_up_for_at_the_end(database: Database) -> None:
    bitrix = Bitrix()
    refused: list[Asked] = []

    def answers(asked: Asked) -> Any:
        if "register" in asked.path and not refused:
            refused.append(asked)
            return 400, {"error": "not now"}
        return bitrix(asked)

    async with office(database, bitrix, Scripted(answers)) as at:
        await at.rings("101")
        await eventually(lambda: rows(database), lambda found: bool(refused) and not found)
        await at.desk.ends()
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said == {"external.1": ["register 5", "finish 5"]}


async def rows(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(select(ConnectorBegun.reference)))


async def test_a_person_unknown_there_costs_nobody_else_the_card(database: Database) -> None:
    bitrix = Bitrix(strangers=frozenset({ANNA}))
    async with office(database, bitrix) as at:
        await at.rings("101", "102")
        await bitrix.has("register 5", "show 6")
        await at.desk.ends()
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said["external.1"] == ["register 5", "show 6", "finish 5"]


@pytest.mark.parametrize("settings", [{"people": {}}, {"people": {"PJSIP/109": "8"}}])
async def test_without_ids_of_our_people_a_call_is_told_when_it_is_over(
    database: Database, settings: dict[str, Any]
) -> None:
    bitrix = Bitrix()
    async with office(database, bitrix, **settings) as at:
        await at.rings("101")
        await at.desk.ends()
        await at.desk.becomes(LogState.DONE)
    assert bitrix.said == {"external.1": ["register 17", "finish 17"]}


async def test_nothing_is_shown_of_a_number_that_several_have(database: Database) -> None:
    bitrix = Bitrix()
    bitrix.contacts.append({"ID": "10", "NAME": "Ewa", "PHONE": [{"VALUE": CUSTOMER}]})
    async with office(database, bitrix) as at:
        await at.rings("101")
        await at.desk.ends()
        await at.desk.becomes(LogState.SKIPPED)
    assert bitrix.said == {}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"kind": "zammad"}, "`people` goes with kind http"),
        ({"look_up": False}, "`people` needs look_up and log_calls"),
    ],
)
def test_what_cards_need_is_said(more: dict[str, Any], says: str) -> None:
    settings = {"kind": "http", "url": "https://x.example", "description": "bitrix24", "people": {"101": "5"}}
    with pytest.raises(ValidationError, match=says):
        ConnectorSettings.model_validate({**settings, **more})
