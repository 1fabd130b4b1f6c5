"""Odoo, versions 14 and later: contacts are `res.partner`, found by telephone and mobile number in any spelling; a
call is a note on the contact's page. The note carries an id of ours, so that a note whose answer got lost is found
again and not written twice. How Odoo is spoken to is `odoo_wire.py`'s; when, is not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import phonenumbers

from core.phone import parse_number
from core.ports import RecordingCopy
from crm_link.connectors.asking import reading
from crm_link.connectors.odoo_wire import OdooAccount, Wire, open_wire
from crm_link.connectors.protocol import (
    MOST_CONTACTS,
    Beginning,
    ConnectorError,
    Contact,
    LoggedCall,
    Sender,
    Traits,
)

TRAITS = Traits(finds_made=True, finds_logs=True, updates_logs=True)

CANDIDATES = 80
"""Contacts whose numbers have these digits in this order somewhere; each is compared as a number afterwards."""

CONTACT_FIELDS = ("id", "name", "display_name", "commercial_company_name", "user_id")

NUMBER_FIELDS = ("phone", "mobile")
"""Of `res.partner`; Odoo 19 has no `mobile` any more."""

MADE = "Made by Ringback for a call:"
"""What stands on a contact of ours, before its marker."""

TAKES_HTML = 17
"""From this version on a note's body is escaped unless it is said to be HTML."""


class Odoo:
    """One Odoo database."""

    traits = TRAITS

    def __init__(self, account: OdooAccount, sender: Sender) -> None:
        self._account = account
        self._sender = sender
        self._known: tuple[Wire, tuple[str, ...]] | None = None

    async def find_contact(self, number: str) -> Sequence[Contact]:
        """Odoo keeps numbers as people typed them: what has our digits in order is fetched, and read as a number."""
        _, fields = await self._open()
        pattern = _digits_in_order(number)
        terms: list[Any] = ["|"] * (len(fields) - 1) + [[field, "=like", pattern] for field in fields]
        rows = await self._call(
            "res.partner",
            "search_read",
            domain=terms,
            fields=[*CONTACT_FIELDS, *fields],
            limit=CANDIDATES,
            order="write_date desc, id desc",
        )
        with reading("a contact"):
            found = [row for row in rows if self._has(row, fields, number)]
            return [self._contact(row) for row in found[:MOST_CONTACTS]]

    async def create_contact(self, number: str, name: str, marker: str) -> Contact:
        """The marker goes into the contact's internal note: `ref` is printed on invoices."""
        values = {"name": name, "phone": number, "comment": f"{MADE} {marker}"}
        made = _id(await self._call("res.partner", "create", vals_list=[values]))
        return Contact(str(made), name, url=self._page(made))

    async def find_made(self, marker: str) -> Contact | None:
        rows = await self._call(
            "res.partner",
            "search_read",
            domain=[["comment", "like", f"{MADE} {marker}"]],
            fields=list(CONTACT_FIELDS),
            limit=1,
            order="id",
        )
        with reading("a contact"):
            return self._contact(rows[0]) if rows else None

    async def find_call_log(self, call: LoggedCall) -> str | None:
        ours = [["message_id", "=", _message_id(call)]]
        # `search` calls its domain otherwise in version 14.
        found = await self._call("mail.message", "search_read", domain=ours, fields=["id"], limit=1)
        with reading("a note"):
            return str(_id(found[0]["id"])) if found else None

    async def attach_recording(self, reference: str, copy: RecordingCopy) -> None:  # noqa: ARG002
        raise ConnectorError("Odoo is sent no recordings")

    async def begin_call(self, contact: Contact | None, call: Beginning) -> str:  # noqa: ARG002
        raise ConnectorError("Odoo is told of finished calls only")

    async def log_call(self, contact: Contact | None, call: LoggedCall) -> str:
        if contact is None:
            raise ConnectorError("Odoo keeps notes on contacts only")
        wire, _ = await self._open()
        words: dict[str, Any] = {
            "body": _body(call),
            "message_type": "comment",
            "subtype_xmlid": "mail.mt_note",
            "message_id": _message_id(call),
        }
        if wire.version >= TAKES_HTML:
            words["body_is_html"] = True
        return str(_id(await self._call("res.partner", "message_post", [int(contact.id)], **words)))

    async def update_call_log(self, reference: str, call: LoggedCall) -> None:
        await self._call("mail.message", "write", [int(reference)], vals={"body": _body(call)})

    def _has(self, row: dict[str, Any], fields: tuple[str, ...], number: str) -> bool:
        return any(parse_number(row[field] or "", self._account.region).e164 == number for field in fields)

    def _contact(self, row: dict[str, Any]) -> Contact:
        name = str(row["name"] or row["display_name"] or "")
        company = str(row.get("commercial_company_name") or "")
        owner = str(row["user_id"][1]) if row["user_id"] else ""
        number = _id(row["id"])
        return Contact(str(number), name, company if company != name else "", self._page(number), owner)

    def _page(self, partner_id: int) -> str:
        return f"{self._account.url}/web#id={partner_id}&model=res.partner&view_type=form"

    async def _open(self) -> tuple[Wire, tuple[str, ...]]:
        """The wire, and which fields hold numbers there: asked once."""
        if self._known is None:
            wire = await open_wire(self._account, self._sender)
            has = await wire.call(
                "res.partner", "fields_get", allfields=list(NUMBER_FIELDS), attributes=["type"]
            )
            with reading("the fields of a contact"):
                self._known = wire, tuple(field for field in NUMBER_FIELDS if field in has)
        return self._known

    async def _call(self, model: str, method: str, ids: list[int] | None = None, **words: Any) -> Any:
        wire, _ = await self._open()
        try:
            return await wire.call(model, method, ids, **words)
        except ConnectorError:
            self._known = None  # another key, or another version since yesterday: begin anew
            raise


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
