"""CRMs described by the shipped files, each against a scripted server on a real socket that answers as that CRM's
documentation says: who has a number, and a call written once, in the CRM's own words and order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.connectors import ConnectorSettings
from config.outside import OutsideSettings
from config.settings import Site
from core.errors import SettingsError
from core.facts import Direction, Verdict
from core.outside import Outside
from crm_link.connectors.attempt import try_out
from crm_link.connectors.description import load_description, shipped
from crm_link.connectors.make import make_connector
from crm_link.connectors.protocol import Connector, ConnectorError, Contact, LoggedCall
from tests.scripted import Asked, Scripted

NUMBER = "+48221234567"
HOME = OutsideSettings(allow_networks=("127.0.0.1",))
SECRET = "s3cr3t/+key"


def call(**more: Any) -> LoggedCall:
    values: dict[str, Any] = {
        "call_id": "office-1700000000.1",
        "number": NUMBER,
        "direction": Direction.INBOUND,
        "result": Verdict.ANSWERED,
        "started_at": 1_700_000_000.0,
        "ended_at": 1_700_000_200.0,
        "talk_s": 185.4,
        "caller_name": "",
        "people": ("Anna Kowalska",),
        "extensions": ("101",),
        "ours": "500",
        "queue": "",
        "disposition": "Solved",
        "note": "Wants two",
        "summary": "Inbound call",
        "url": "",
    }
    return LoggedCall(**{**values, **more})


@dataclass(frozen=True, slots=True)
class Crm:
    """What a CRM answers, and what it must have been asked by the end."""

    answers: Callable[[Asked], Any]
    contact: tuple[str, str]
    link: str
    reference: str
    steps: tuple[tuple[str, str], ...]
    said: Callable[[list[Asked]], bool]
    user: str = ""
    path: str = ""


@dataclass(slots=True)
class Stored:
    """How the CRM keeps Jan's number, and in which of its fields, where it has several."""

    number: str = NUMBER
    field: str = ""


jans = Stored()
SUITECRM_FIELDS = ("phone_mobile", "phone_work", "phone_home", "phone_other")


@pytest.fixture(autouse=True)
def _as_e164() -> None:
    jans.number, jans.field = NUMBER, ""


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())


def _espocrm(asked: Asked) -> Any:
    assert asked.headers["X-Api-Key"] == SECRET
    if asked.method == "GET":
        assert asked.query["where[0][type]"] == "textFilter"
        near = {"id": "c9", "name": "Near Miss", "phoneNumberData": [{"phoneNumber": "+48221234568"}]}
        jan: dict[str, Any] = {
            "id": "c1",
            "name": "Jan Nowak",
            "accountName": "Example Ltd",
            "assignedUserName": "Ewa Lis",
        }
        jan["phoneNumberData"] = [{"phoneNumber": jans.number}]
        is_asked = _digits(jans.number).startswith(asked.query["where[0][value]"])
        return {"total": 2, "list": [near, jan] if is_asked else [near]}
    return {"id": "call1", "name": asked.json.get("name")}


def _suitecrm(asked: Asked) -> Any:
    if asked.path == "/Api/access_token":
        assert asked.body == "grant_type=client_credentials&client_id=client&client_secret=s3cr3t%2F%2Bkey"
        return {"token_type": "Bearer", "expires_in": 3600, "access_token": "tok"}
    assert asked.headers["Authorization"] == "Bearer tok"
    if asked.method == "GET":
        numbers = dict.fromkeys(SUITECRM_FIELDS, "") | {jans.field or "phone_mobile": jans.number}
        attributes = {
            "full_name": "Jan Nowak",
            "account_name": "",
            "assigned_user_name": "Ewa Lis",
            **numbers,
        }
        assert (asked.query["filter[operator]"], asked.query["filter[deleted][lt]"]) == ("or", "0")
        is_asked = any(asked.query.get(f"filter[{one}][eq]") == numbers[one] != "" for one in numbers)
        return {"data": [{"type": "Contact", "id": "c1", "attributes": attributes}] if is_asked else []}
    return 201, {"data": {"type": "Call", "id": "call1", "attributes": {}}}


def _hubspot(asked: Asked) -> Any:
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"
    if asked.path.endswith("/search"):
        groups = asked.json["filterGroups"]
        assert len(groups) <= 5
        properties = {"firstname": "Jan", "lastname": "Nowak", "phone": None, "mobilephone": None}
        properties[jans.field or "phone"] = jans.number
        kind = "mobile" if jans.field == "mobilephone" else "phone"
        name, kept = f"hs_searchable_calculated_{kind}_number", _digits(jans.number).removeprefix("48")
        wanted = {"propertyName": name, "operator": "EQ", "value": kept.removeprefix("00")}
        is_asked = any(one["filters"] == [wanted] for one in groups)
        return {"results": [{"id": "c1", "properties": properties}] if is_asked else []}
    return 201, {"id": "call1", "properties": {}}


def _pipedrive(asked: Asked) -> Any:
    assert asked.headers["x-api-token"] == SECRET
    if asked.method == "GET":
        person = {"id": 11, "name": "Jan Nowak", "phones": [jans.number], "organization": None}
        is_asked = asked.query["term"] in jans.number
        return {"success": True, "data": {"items": [{"result_score": 1, "item": person}] if is_asked else []}}
    return 201, {"success": True, "data": {"id": 77, "type": "call"}}


def _bitrix24(asked: Asked) -> Any:
    head, method = asked.path.rsplit("/", 1)
    assert head == "/rest/17/s3cr3t/+key"
    if method == "crm.contact.add.json":
        assert asked.json["fields"]["ORIGIN_ID"] == "m1"
        return {"result": 5}
    if method == "crm.contact.list.json" and "ORIGIN_ID" in asked.json["filter"]:
        is_ours = asked.json["filter"] == {"ORIGINATOR_ID": "ringback", "ORIGIN_ID": "m1"}
        return {"result": [{"ID": "5", "NAME": "Jan", "LAST_NAME": "Nowak"}] if is_ours else []}
    if method == "crm.contact.list.json":
        if asked.json["filter"]["PHONE"] != jans.number:
            return {"result": [], "total": 0}
        phones = [{"ID": "3", "VALUE": jans.number, "VALUE_TYPE": "WORK"}]
        return {"result": [{"ID": "5", "NAME": "Jan", "LAST_NAME": "Nowak", "PHONE": phones}], "total": 1}
    if method == "telephony.externalcall.register.json":
        return {"result": {"CALL_ID": "externalCall.1", "CRM_ENTITY_TYPE": "CONTACT", "CRM_ENTITY_ID": 5}}
    return {"result": {"CALL_ID": "externalCall.1"}}


CRMS = {
    "espocrm": Crm(
        _espocrm,
        ("c1", "Jan Nowak"),
        "/#Contact/view/c1",
        "call1",
        (("POST", "/api/v1/Call"), ("PUT", "/api/v1/Call/call1")),
        lambda asked: (
            (asked[0].json["direction"], asked[0].json["status"]) == ("Inbound", "Held")
            and asked[0].json["dateStart"] == "2023-11-14 22:13:20"
            and asked[1].json == {"description": "Inbound call\nSolved: Wants two"}
        ),
    ),
    "suitecrm": Crm(
        _suitecrm,
        ("c1", "Jan Nowak"),
        "/index.php?module=Contacts&action=DetailView&record=c1",
        "call1",
        (("POST", "/Api/V8/module"), ("PATCH", "/Api/V8/module")),
        lambda asked: asked[0].json["data"]["attributes"]["duration_minutes"] == 3,
        user="client",
    ),
    "hubspot": Crm(
        _hubspot,
        ("c1", "Jan Nowak"),
        "https://app.hubspot.com/contacts/42/contact/c1",
        "call1",
        (("POST", "/crm/v3/objects/calls"), ("PATCH", "/crm/v3/objects/calls/call1")),
        lambda asked: (
            asked[0].json["properties"]["hs_call_status"] == "COMPLETED"
            and asked[0].json["properties"]["hs_timestamp"] == 1_700_000_000_000
            and asked[0].json["associations"][0]["to"] == {"id": "c1"}
        ),
        user="42",
    ),
    "pipedrive": Crm(
        _pipedrive,
        ("11", "Jan Nowak"),
        "/person/11",
        "77",
        (("POST", "/api/v1/activities"), ("PUT", "/api/v1/activities/77")),
        lambda asked: (asked[0].json["duration"], asked[0].json["person_id"]) == ("00:03", "11"),
    ),
    "bitrix24": Crm(
        _bitrix24,
        ("5", "Jan Nowak"),
        "",
        "externalCall.1",
        (
            ("POST", "/rest/17/s3cr3t/+key/telephony.externalcall.register.json"),
            ("POST", "/rest/17/s3cr3t/+key/telephony.externalcall.finish.json"),
        ),
        lambda asked: (
            (asked[0].json["TYPE"], asked[0].json["CRM_CREATE"], asked[0].json["SHOW"]) == (2, 0, 0)
            and asked[1].json
            == {"CALL_ID": "externalCall.1", "USER_ID": "17", "DURATION": 185, "STATUS_CODE": "200"}
            and not any("RESPONSIBLE" in one.body or "ASSIGNED" in one.body for one in asked)
        ),
        user="17",
        path="/rest/17",
    ),
}


async def write(connector: Connector, contact: Contact, told: LoggedCall) -> str:
    """As the worker does it: what must be begun there first is."""
    if connector.traits.begins_calls:
        told = replace(told, reference=await connector.begin_call(contact, told.beginning))
    return await connector.log_call(contact, told)


def settings_of(peer: Scripted, name: str) -> ConnectorSettings:
    crm = CRMS[name]
    return ConnectorSettings.model_validate(
        {
            "kind": "http",
            "url": peer.url + crm.path,
            "secret": SECRET,
            "user": crm.user,
            "description": name,
        }
    )


@asynccontextmanager
async def connected(name: str) -> AsyncIterator[tuple[Connector, Scripted]]:
    async with Scripted(CRMS[name].answers) as peer, Outside(HOME) as outside:
        yield make_connector(name, settings_of(peer, name), Site(), outside), peer


def test_every_shipped_description_is_tested_and_says_how() -> None:
    assert shipped() == tuple(sorted(CRMS))
    assert {load_description(name).tested for name in shipped()} == {"a scripted server only"}


@pytest.mark.parametrize("name", CRMS)
async def test_somebody_is_found_by_exactly_the_number(name: str) -> None:
    async with connected(name) as (connector, peer):
        found = await connector.find_contact(NUMBER)
        link = CRMS[name].link
        whole = link if link.startswith("https") or not link else peer.url + link
        assert [(one.id, one.name, one.url) for one in found] == [(*CRMS[name].contact, whole)]
        assert await connector.find_contact("+48221234560") == ()


@pytest.mark.parametrize("number", ["+48 22 123 45 67", "48221234567", "22 123 45 67", "221234567"])
@pytest.mark.parametrize("name", CRMS)
async def test_somebody_is_found_however_the_number_is_kept(name: str, number: str) -> None:
    jans.number = number
    async with connected(name) as (connector, _peer):
        assert [one.id for one in await connector.find_contact(NUMBER)] == [CRMS[name].contact[0]]


@pytest.mark.parametrize(
    ("name", "field"), [*(("suitecrm", one) for one in SUITECRM_FIELDS), ("hubspot", "mobilephone")]
)
async def test_somebody_is_found_in_every_field_of_numbers(name: str, field: str) -> None:
    jans.field = field
    async with connected(name) as (connector, _peer):
        assert [one.id for one in await connector.find_contact(NUMBER)] == ["c1"]


@pytest.mark.parametrize("number", ["030 1234567", "0301234567", "0049301234567", "+49 30 1234567"])
@pytest.mark.parametrize("name", ["suitecrm", "bitrix24", "espocrm"])
async def test_a_number_is_found_with_its_trunk_prefix(name: str, number: str) -> None:
    jans.number = number
    async with Scripted(CRMS[name].answers) as peer, Outside(HOME) as outside:
        connector = make_connector(name, settings_of(peer, name), Site(region="DE"), outside)
        assert len(await connector.find_contact("+49301234567")) == 1


@pytest.mark.parametrize("name", CRMS)
async def test_a_call_is_written_in_the_crms_words(name: str) -> None:
    crm = CRMS[name]
    async with connected(name) as (connector, peer):
        assert await write(connector, Contact(*crm.contact), call()) == crm.reference
        if connector.traits.updates_logs:
            await connector.update_call_log(crm.reference, call())
        asked = [one for one in peer.asked if not one.path.endswith("access_token")]
    assert tuple((one.method, one.path) for one in asked) == crm.steps
    assert crm.said(asked)


@pytest.mark.parametrize("name", CRMS)
async def test_an_unknown_number_becomes_a_contact(name: str) -> None:
    async with connected(name) as (connector, peer):
        made = await connector.create_contact(NUMBER, "Jan Nowak", "m1")
        assert (made.id, made.name) != ("", "")
        asked = peer.asked[-1]
        assert (asked.method, NUMBER in asked.body, "Jan Nowak" in asked.body) == ("POST", True, True)
        if connector.traits.finds_made:
            found = await connector.find_made("m1")
            assert found is not None
            assert found.id == made.id
            assert await connector.find_made("m2") is None


OWNERS = frozenset(
    {
        "assignedUserId", "assigned_user_id", "ASSIGNED_BY_ID", "RESPONSIBLE_ID", "hubspot_owner_id", "ownerId",
        "owner_id", "user_id", "assignedUserName", "assigned_user_name",
    }
)  # fmt: skip
"""What these CRMs call the responsible person of a contact or call."""


@pytest.mark.parametrize("name", CRMS)
async def test_who_is_responsible_is_never_written(name: str) -> None:
    crm = CRMS[name]
    async with connected(name) as (connector, peer):
        await connector.create_contact(NUMBER, "Jan Nowak", "m1")
        await write(connector, Contact(*crm.contact, owner="Ewa Lis"), call())
        if connector.traits.updates_logs:
            await connector.update_call_log(crm.reference, call())
    written = [one for one in peer.asked if one.method != "GET" and "token" not in one.path]
    assert written
    for one in written:
        assert OWNERS.isdisjoint(_keys(one.json)), one.path
        assert "Ewa Lis" not in one.body


@pytest.mark.parametrize("name", ["espocrm", "suitecrm"])
async def test_who_is_responsible_is_read_where_the_crm_says_so(name: str) -> None:
    async with connected(name) as (connector, _peer):
        assert [one.owner for one in await connector.find_contact(NUMBER)] == ["Ewa Lis"]


def _keys(values: Any) -> set[str]:
    """Of every object in a JSON value."""
    if isinstance(values, dict):
        return set(values).union(*(_keys(one) for one in values.values()))
    return set().union(*(_keys(one) for one in values)) if isinstance(values, list) else set()


TWO_STEPS = """
title = "X"
tested = "nothing"

[[log]]
method = "POST"
url = "{url}/call"
keep = { reference = "id" }

[[log]]
method = "POST"
url = "{url}/call/{reference}/note"
"""


async def test_what_failed_between_two_steps_was_perhaps_done(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(TWO_STEPS)

    def answers(asked: Asked) -> Any:
        return (500, {"error": "no"}) if asked.path == "/call/7/note" else {"id": 7}

    async with Scripted(answers) as peer, Outside(HOME) as outside:
        settings = ConnectorSettings(kind="http", url=peer.url, description=str(path))
        connector = make_connector("x", settings, Site(), outside)
        with pytest.raises(ConnectorError, match="it answered 500") as raised:
            await connector.log_call(Contact("5", "Jan"), call())
    assert raised.value.perhaps_done


async def test_trying_it_out_shows_everything_but_the_secrets() -> None:
    async with Scripted(_bitrix24) as peer, Outside(HOME) as outside:
        attempt = await try_out("b", settings_of(peer, "bitrix24"), Site(), outside, "22 123 45 67")
    assert [one.name for one in attempt.contacts] == ["Jan Nowak"]
    shown = "\n".join(one.request + one.answer for one in attempt.exchanges)
    assert "/rest/17/•••/crm.contact.list.json" in shown
    assert '"LAST_NAME": "Nowak"' in shown
    assert "s3cr3t" not in shown


async def test_trying_it_out_says_what_went_wrong() -> None:
    def answers(asked: Asked) -> Any:
        return 401, {"error": f"unknown key {asked.headers['X-Api-Key']}"}

    async with Scripted(answers) as peer, Outside(HOME) as outside:
        attempt = await try_out("e", settings_of(peer, "espocrm"), Site(), outside, NUMBER)
    assert attempt.error.startswith("it does not accept our key")
    assert SECRET not in attempt.error + attempt.exchanges[0].request + attempt.exchanges[0].answer


LENT = """
title = "X"
tested = "nothing"
headers = { "Authorization" = "Bearer {token}" }

[token]
method = "POST"
url = "{url}/token?api_key={secret}"
form = { client_secret = "{secret}", refresh_token = "REFRESH-123" }

[[find]]
url = "{url}/find/{token}"
each = "rows"
"""


@pytest.mark.parametrize(
    "answer",
    [
        {"token_type": "Bearer", "access_token": "LIVE-TOKEN-1", "more": {"refresh_token": "REFRESH-456"}},
        b'{"token_type": "Bearer", "access_token": "LIVE-TOKEN-1", "refresh_token": "REFRESH-456',
    ],
)
async def test_trying_it_out_shows_no_token_that_was_lent_to_us(tmp_path: Path, answer: Any) -> None:
    path = tmp_path / "x.toml"
    path.write_text(LENT)

    def answers(asked: Asked) -> Any:
        if asked.path == "/token":
            return answer
        return 403, {"error": "LIVE-TOKEN-1 may not read contacts"}

    async with Scripted(answers) as peer, Outside(HOME) as outside:
        settings = ConnectorSettings(
            kind="http", url=peer.url, secret=SecretStr(SECRET), description=str(path)
        )
        tried = await try_out("x", settings, Site(), outside, NUMBER)
    shown = "\n".join(one.request + one.answer for one in tried.exchanges) + tried.error
    assert "Bearer" in shown
    for secret in ("LIVE-TOKEN", "REFRESH", SECRET):
        assert secret not in shown


BASE = 'title = "X"\ntested = "nothing"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[find]]\nurl = "{url}"\neach = "a["', "find.0.each: .*is no JMESPath"),
        ('[[find]]\nurl = "{urll}"\neach = "a"', "find names {urll}, which is not known there"),
        ('[[log]]\nurl = "{url}/{reference}"', "log names {reference}"),
        ('[[find]]\nurl = "{url}"\neach = "a"\nwhat = 1', "find.0.what: Extra inputs"),
        ("[[find", "Expected"),
        ('[create]\nurl = "{url}"', "create needs find"),
        ('[[show]]\nurl = "{url}"', "show and hide need begin"),
        ('[begin]\nurl = "{url}"\nreference = "id"', "begin needs log"),
        (
            '[begin]\nurl = "{url}/{call.note}"\nreference = "id"\n[[log]]\nurl = "{url}"',
            "begin names {call.note}",
        ),
        ('[[find]]\nurl = "{url}/{spelling}"\neach = "a"', "find names {spelling}"),
        ('[[find]]\nurl = "{url}"\neach = "a"\nspellings = ["{user}"]', "spellings of find names {user}"),
    ],
)
def test_a_mistake_in_a_description_is_said(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "crm.toml"
    path.write_text(BASE + text)
    with pytest.raises(SettingsError, match=says):
        load_description(str(path))


def test_a_description_that_is_not_there_is_said() -> None:
    with pytest.raises(SettingsError, match="shipped ones are bitrix24, espocrm"):
        load_description("/nowhere.toml")
