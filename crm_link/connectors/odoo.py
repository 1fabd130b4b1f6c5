"""Odoo over JSON-RPC (`/jsonrpc`, as versions 14 to 18 have it): contacts are `res.partner`, found by telephone and
mobile number in any spelling; a call is a note on the contact's page. The note carries an id of ours, so that a note
whose answer got lost is found again and not written twice. When Odoo is asked is not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import Any

import phonenumbers

from core.phone import parse_number
from crm_link.connectors.asking import ask_json, one_line
from crm_link.connectors.protocol import (
    MOST_CONTACTS,
    ConnectorError,
    Contact,
    LoggedCall,
    Sender,
    Traits,
)

TRAITS = Traits(finds_logs=True, updates_logs=True)

CANDIDATES = 80
"""Contacts whose numbers have these digits in this order somewhere; each is compared as a number afterwards."""

NUMBER_FIELDS = ("phone", "mobile")
"""Of `res.partner`; Odoo 19 has no `mobile` any more."""

TAKES_HTML = 17
"""From this version on a note's body is escaped unless it is said to be HTML."""


@dataclass(frozen=True, slots=True)
class OdooAccount:
    """`url` without a slash at its end; `key` is an API key or a password; `region` is that of the site's numbers."""

    url: str
    database: str
    user: str
    key: str
    region: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Session:
    user_id: int
    version: int
    fields: tuple[str, ...]


class Odoo:
    """One Odoo database."""

    traits = TRAITS

    def __init__(self, account: OdooAccount, sender: Sender) -> None:
        self._account = account
        self._sender = sender
        self._numbers = count(1)
        self._session: _Session | None = None

    async def find_contact(self, number: str) -> Sequence[Contact]:
        """Odoo keeps numbers as people typed them: what has our digits in order is fetched, and read as a number."""
        fields = (await self._open()).fields
        pattern = _digits_in_order(number)
        terms: list[Any] = ["|"] * (len(fields) - 1) + [[field, "=like", pattern] for field in fields]
        wanted = ["id", "name", "display_name", "commercial_company_name", *fields]
        rows = await self._call(
            "res.partner",
            "search_read",
            [terms],
            {"fields": wanted, "limit": CANDIDATES, "order": "write_date desc, id desc"},
        )
        found = [row for row in rows if self._has(row, fields, number)]
        return [self._contact(row) for row in found[:MOST_CONTACTS]]

    async def create_contact(self, number: str, name: str) -> Contact:
        made = await self._call("res.partner", "create", [{"name": name, "phone": number}])
        return Contact(str(_id(made)), name, url=self._page(_id(made)))

    async def find_call_log(self, call: LoggedCall) -> str | None:
        found = await self._call(
            "mail.message", "search", [[["message_id", "=", _message_id(call)]]], {"limit": 1}
        )
        return str(found[0]) if found else None

    async def log_call(self, contact: Contact | None, call: LoggedCall) -> str:
        if contact is None:
            raise ConnectorError("Odoo keeps notes on contacts only")
        session = await self._open()
        words: dict[str, Any] = {
            "body": _body(call),
            "message_type": "comment",
            "subtype_xmlid": "mail.mt_note",
            "message_id": _message_id(call),
        }
        if session.version >= TAKES_HTML:
            words["body_is_html"] = True
        return str(_id(await self._call("res.partner", "message_post", [[int(contact.id)]], words)))

    async def update_call_log(self, reference: str, call: LoggedCall) -> None:
        await self._call("mail.message", "write", [[int(reference)], {"body": _body(call)}])

    def _has(self, row: dict[str, Any], fields: tuple[str, ...], number: str) -> bool:
        return any(parse_number(row[field] or "", self._account.region).e164 == number for field in fields)

    def _contact(self, row: dict[str, Any]) -> Contact:
        name = row["name"] or row["display_name"] or ""
        company = row.get("commercial_company_name") or ""
        return Contact(str(row["id"]), name, company if company != name else "", self._page(row["id"]))

    def _page(self, partner_id: int) -> str:
        return f"{self._account.url}/web#id={partner_id}&model=res.partner&view_type=form"

    async def _open(self) -> _Session:
        """Log in once; what this Odoo has is asked once too. A changed key shows as a refusal, and logs in anew."""
        if self._session is None:
            account = self._account
            version = await self._rpc("common", "version", [])
            login = [account.database, account.user, account.key, {}]
            user_id = await self._rpc("common", "authenticate", login)
            if not user_id:
                raise ConnectorError("Odoo does not accept this user and key")
            arguments = [account.database, user_id, account.key, "res.partner", "fields_get"]
            has = await self._rpc("object", "execute_kw", [*arguments, [list(NUMBER_FIELDS), ["type"]], {}])
            fields = tuple(field for field in NUMBER_FIELDS if field in has)
            self._session = _Session(user_id, int(version["server_version_info"][0]), fields)
        return self._session

    async def _call(self, model: str, method: str, arguments: list[Any], words: Any = None) -> Any:
        session, account = await self._open(), self._account
        call = [account.database, session.user_id, account.key, model, method, arguments, words or {}]
        return await self._rpc("object", "execute_kw", call)

    async def _rpc(self, service: str, method: str, arguments: list[Any]) -> Any:
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "params": {"service": service, "method": method, "args": arguments},
            "id": next(self._numbers),
        }
        answer = await ask_json(
            self._sender, "POST", f"{self._account.url}/jsonrpc", body=body, seconds=self._account.seconds
        )
        if not isinstance(answer, dict):
            raise ConnectorError("this is no Odoo: is the address right?")
        if "error" in answer:
            # The transaction in Odoo was rolled back: whatever was asked for did not happen.
            self._session = None
            raise ConnectorError(_complaint(answer["error"]))
        return answer.get("result")


def _digits_in_order(number: str) -> str:
    """An SQL pattern for every spelling of a number: the digits after the country code, anything between them."""
    national = str(phonenumbers.parse(number, None).national_number)
    return "%" + "%".join(national) + "%"


def _message_id(call: LoggedCall) -> str:
    return f"<call.{call.marker}@ringback>"


def _body(call: LoggedCall) -> str:
    lines = [escape(call.summary)]
    said = ": ".join(escape(one) for one in (call.disposition, call.note) if one)
    if said:
        lines.append(said.replace("\n", "<br/>"))
    if call.url:
        lines.append(f'<a href="{escape(call.url)}">Ringback</a>')
    return "<p>" + "<br/>".join(lines) + "</p>"


def _id(answer: Any) -> int:
    """An id, which newer versions put into a list."""
    one = answer[0] if isinstance(answer, list) and answer else answer
    if isinstance(one, bool) or not isinstance(one, int):
        raise ConnectorError("Odoo did not say what it made", perhaps_done=True)
    return one


def _complaint(error: Any) -> str:
    data = error.get("data") or {} if isinstance(error, dict) else {}
    said = data.get("message") or (error.get("message") if isinstance(error, dict) else "") or "an error"
    return f"Odoo says: {one_line(str(said))}"
