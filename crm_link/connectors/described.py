"""A CRM as its description says: values into the description's requests, answers through its paths. What a description
may say is `description.py`'s; here it is only followed, step by step, each request once."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

import jmespath
import phonenumbers
from phonenumbers import PhoneNumberFormat

from core.facts import Direction
from core.outside import OutsideError, OutsideRequest
from core.phone import parse_number
from core.ports import RecordingCopy
from crm_link.connectors.asking import one_line, read_json, reading
from crm_link.connectors.description import Ask, Description, Find
from crm_link.connectors.protocol import (
    MOST_CONTACTS,
    Beginning,
    ConnectorError,
    Contact,
    LoggedCall,
    Sender,
    Traits,
)
from crm_link.connectors.template import fill, fill_url, fill_values
from crm_link.connectors.trace import without

LARGE = "recording.content"
"""What may be tens of megabytes: requests with it are put together in a thread."""

REMEMBERED = 1000
"""Calls whose end was told lately, and whose cards are therefore closed."""


@dataclass(frozen=True, slots=True)
class DescribedAccount:
    """Where the CRM is and who we are there. `region` and `zone` are the site's; `people` are the CRM's ids of ours,
    by extension or device."""

    url: str
    user: str
    secret: str
    region: str
    zone: tzinfo
    seconds: float
    people: Mapping[str, str] = field(default_factory=dict)


class Described:
    """One CRM with a description."""

    def __init__(self, description: Description, account: DescribedAccount, sender: Sender) -> None:
        self._description = description
        self._account = account
        self._sender = sender
        self._token: tuple[str, float] | None = None
        self._one_by_one = asyncio.Lock()
        self._over: OrderedDict[str, None] = OrderedDict()
        self.traits = Traits(
            finds_contacts=bool(description.find),
            creates_contacts=description.create is not None,
            finds_made=description.find_made is not None,
            logs_calls=bool(description.log),
            finds_logs=description.find_log is not None,
            updates_logs=bool(description.update),
            needs_contact=description.needs_contact,
            begins_calls=description.begin is not None,
        )

    @property
    def has_cards(self) -> bool:
        """Whether it can show a call's card to people of ours while the call goes on."""
        return bool(self._description.show and self._account.people)

    async def find_contact(self, number: str) -> Sequence[Contact]:
        """Whom the first of the description's searches that finds somebody finds, in all its spellings."""
        for one in self._description.find:
            found = await self._search(one, number)
            if found:
                return list({contact.id: contact for contact in found}.values())[:MOST_CONTACTS]
        return ()

    async def _search(self, find: Find, number: str) -> list[Contact]:
        values = _of_number(number)
        spellings = dict.fromkeys(fill(one, values) for one in find.spellings or ("",))
        await self._fetch_token()  # once, before all of them ask for one
        asked = (self._ask(find, {**values, "spelling": one}) for one in spellings)
        answers = await asyncio.gather(*asked)
        return [self._contact(find, row) for answer in answers for row in self._rows(find, answer, number)]

    async def create_contact(self, number: str, name: str, marker: str) -> Contact:
        ask = self._description.create
        if ask is None:
            raise ConnectorError(f"{self._description.title} has no description of how to create a contact")
        values = {**_of_number(number), "name": name, "marker": marker}
        made = _text(_at(ask.id, await self._ask(ask, values)))
        if not made:
            raise ConnectorError("the answer does not say what was made", perhaps_done=True)
        return Contact(made, name, url=self._link(made, name))

    async def find_made(self, marker: str) -> Contact | None:
        ask = self._description.find_made
        if ask is None:
            raise ConnectorError(f"{self._description.title} cannot be asked for whom we made")
        rows = _list(ask, await self._ask(ask, {"marker": marker}))
        return self._contact(ask, rows[0]) if rows else None

    async def find_call_log(self, call: LoggedCall) -> str | None:
        ask = self._description.find_log
        if ask is None:
            raise ConnectorError(f"{self._description.title} cannot be asked for a call")
        answer = await self._ask(ask, {**self._of_call(call), "id": "", "name": ""})
        return _text(_at(ask.reference, answer)) or None

    def person_of(self, phones: Iterable[str]) -> str:
        """The CRM's id of whoever has the first of these phones (extensions and devices) that somebody has, "" for
        nobody."""
        return next((self._account.people[one] for one in phones if one in self._account.people), "")

    async def begin_call(self, contact: Contact | None, call: Beginning) -> str:
        ask = self._description.begin
        if ask is None:
            raise ConnectorError(f"{self._description.title} is told of finished calls only")
        answer = await self._ask(ask, {**self._of_beginning(call), **_whom(contact)})
        reference = _text(_at(ask.reference, answer))
        if not reference:
            raise ConnectorError("the answer does not say what was begun", perhaps_done=True)
        return reference

    async def show_card(self, reference: str, number: str, person: str) -> None:
        """Open the call's card for this person; nothing happens when the end of the call is told already."""
        await self._card(self._description.show, reference, number, person)

    async def hide_card(self, reference: str, number: str, person: str) -> None:
        """Close it again, likewise."""
        await self._card(self._description.hide, reference, number, person)

    async def _card(self, steps: Sequence[Ask], reference: str, number: str, person: str) -> None:
        async with self._one_by_one:
            if reference not in self._over:
                await self._steps(steps, {**_of_number(number), "reference": reference, "person": person})

    async def log_call(self, contact: Contact | None, call: LoggedCall) -> str:
        known = {**self._of_call(call), **_whom(contact), "reference": call.reference}
        async with self._one_by_one:
            if call.reference:
                self._remember_over(call.reference)
            kept = await self._steps(self._description.log, known)
        if not kept["reference"] and any("reference" in step.keep for step in self._description.log):
            raise ConnectorError("the answer does not say what was written", perhaps_done=True)
        return str(kept["reference"])

    def _remember_over(self, reference: str) -> None:
        self._over[reference] = None
        while len(self._over) > REMEMBERED:
            self._over.popitem(last=False)

    async def update_call_log(self, reference: str, call: LoggedCall) -> None:
        values = {**self._of_call(call), "id": "", "name": "", "reference": reference}
        await self._steps(self._description.update, values)

    async def attach_recording(self, reference: str, copy: RecordingCopy) -> None:
        coded = await asyncio.to_thread(base64.b64encode, copy.content)
        values = {"reference": reference, "recording.name": copy.name, LARGE: coded.decode("ascii")}
        await self._steps(self._description.attach, values)

    async def _steps(self, steps: Sequence[Ask], values: Mapping[str, str | int]) -> dict[str, str | int]:
        """In order; what a step keeps the next ones know. After the first one, a failure leaves something behind."""
        known = dict(values)
        for place, step in enumerate(steps):
            try:
                answer = await self._ask(step, known)
            except (ConnectorError, OutsideError) as error:
                raise ConnectorError(str(error), perhaps_done=error.perhaps_done or place > 0) from error
            for name, path in step.keep.items():
                known[name] = _text(_at(path, answer))
        return known

    async def _ask(self, ask: Ask, values: Mapping[str, str | int]) -> Any:
        token = await self._fetch_token()
        known = {**self._of_site(), "token": token, **values}
        description = self._description
        headers = {**description.headers, **ask.headers}
        try:
            return await self._send(ask, known, headers, description.query)
        except ConnectorError as error:
            self._token = None  # perhaps it ran out early
            said = without(str(error), [token])
            raise ConnectorError(said, perhaps_done=error.perhaps_done) from error

    async def _send(
        self,
        ask: Ask,
        known: Mapping[str, str | int],
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> Any:
        url = fill_url(ask.url, known)
        pairs = {name: fill(value, known) for name, value in {**query, **ask.query}.items()}
        if pairs:
            url += ("&" if "?" in url else "?") + urlencode(pairs)
        sent = {"Accept": "application/json"} | {
            name: _line(fill(one, known)) for name, one in headers.items()
        }
        if ask.form:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif ask.body is not None:
            sent.setdefault("Content-Type", "application/json")
        body = await asyncio.to_thread(_body, ask, known) if LARGE in known else _body(ask, known)
        request = OutsideRequest(ask.method, url, sent, body)
        answer = read_json(await self._sender.send(request, seconds=ask.timeout or self._account.seconds))
        if ask.success and not _at(ask.success, answer):
            raise ConnectorError(f"it says that this did not work: {_said(answer)}", perhaps_done=True)
        return answer

    async def _fetch_token(self) -> str:
        ask = self._description.token
        if ask is None:
            return ""
        if self._token is None or self._token[1] < time.monotonic():
            try:
                answer = await self._send(ask, {**self._of_site(), "token": ""}, ask.headers, {})
                token = _text(_at(ask.value, answer))
            except (ConnectorError, OutsideError) as error:
                raise ConnectorError(str(error)) from error  # nothing was asked for yet but the token
            if not token:
                raise ConnectorError("the answer holds no token")
            self._token = (token, time.monotonic() + ask.seconds)
        return self._token[0]

    def _rows(self, find: Find, answer: Any, number: str) -> list[Any]:
        rows = _list(find, answer)
        return [row for row in rows if not find.numbers or self._has(find, row, number)]

    def _has(self, find: Find, row: Any, number: str) -> bool:
        given = _at(find.numbers, row)
        spelt = given if isinstance(given, list) else [given]
        return any(parse_number(_text(one), self._account.region).e164 == number for one in spelt)

    def _contact(self, find: Find, row: Any) -> Contact:
        contact_id, name = _text(_at(find.id, row)), _text(_at(find.name, row))
        if not contact_id:
            raise ConnectorError(f"what stands at {find.id!r} is no id")
        company, owner = (_text(_at(path, row)) if path else "" for path in (find.company, find.owner))
        return Contact(contact_id, name, company, self._link(contact_id, name), owner)

    def _link(self, contact_id: str, name: str) -> str:
        known = {**self._of_site(), "secret": "", "token": "", "id": contact_id, "name": name}
        return fill_url(self._description.link, known)

    def _of_site(self) -> dict[str, str | int]:
        return {"url": self._account.url, "user": self._account.user, "secret": self._account.secret}

    def _of_beginning(self, call: Beginning) -> dict[str, str | int]:
        return {
            **_of_number(call.number),
            **_of_beginning(call, self._account.zone),
            **self._words(call.direction.value),
            "person": self.person_of(call.phones) or self._account.user,
        }

    def _of_call(self, call: LoggedCall) -> dict[str, str | int]:
        words = self._words(call.result.value, call.direction.value)
        return {**self._of_beginning(call.beginning), **_of_call(call), **words}

    def _words(self, *said: str) -> dict[str, str | int]:
        """`{word.x}` is what the table `words.x` has for the call's result, or else its direction."""
        keys = (*said, "*")
        found = {}
        for name, table in self._description.words.items():
            found[f"word.{name}"] = next((table[key] for key in keys if key in table), "")
        return found


def _body(ask: Ask, known: Mapping[str, str | int]) -> bytes | None:
    if ask.form:
        return urlencode({name: fill(one, known) for name, one in ask.form.items()}).encode()
    if ask.body is None:
        return None
    return json.dumps(fill_values(ask.body, known), ensure_ascii=False).encode()


def _at(path: str, answer: Any) -> Any:
    """What stands there. A path can be sound and still fail on what a CRM answered one day."""
    with reading(f"what stands at {path!r}"):
        return jmespath.search(path, answer)


def _list(find: Find, answer: Any) -> list[Any]:
    """Nothing there is an answer of another kind, such as an error with status 200, and not nobody."""
    rows = _at(find.each, answer)
    if not isinstance(rows, list):
        raise ConnectorError(f"what stands at {find.each!r} is no list: {_said(answer)}")
    return rows


def _of_number(number: str) -> dict[str, str | int]:
    """Each spelling a CRM may keep it in; `local` is as it is written in its own country, `spaced` abroad."""
    parsed = phonenumbers.parse(number, None)
    local = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    return {
        "number": number,
        "number.digits": number.lstrip("+"),
        "number.national": str(parsed.national_number),
        "number.spaced": phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL),
        "number.local": local,
        "number.local_digits": "".join(one for one in local if one.isdigit()),
    }


def _whom(contact: Contact | None) -> dict[str, str]:
    return {"id": contact.id, "name": contact.name} if contact else {"id": "", "name": ""}


def _of_beginning(call: Beginning, zone: tzinfo) -> dict[str, str | int]:
    inbound = call.direction is Direction.INBOUND
    return {
        "call.started": _utc(call.started_at),
        "call.started_local": datetime.fromtimestamp(call.started_at, zone).isoformat(timespec="seconds"),
        "call.started_ms": round(call.started_at * 1000),
        "call.marker": call.marker,
        "call.direction": call.direction.value,
        "call.ours": call.ours,
        "call.from": call.number if inbound else call.ours,
        "call.to": call.ours if inbound else call.number,
    }


def _of_call(call: LoggedCall) -> dict[str, str | int]:
    seconds = round(call.talk_s)
    inbound = call.direction is Direction.INBOUND
    said = ": ".join(one for one in (call.disposition, call.note) if one)
    return {
        "call.summary": call.summary,
        "call.text": "\n".join(one for one in (call.summary, said, call.url) if one),
        "call.ended": _utc(call.ended_at),
        "call.seconds": seconds,
        "call.ms": round(call.talk_s * 1000),
        "call.minutes": round(call.talk_s / 60),
        "call.hours": seconds // 3600,
        "call.rest_minutes": seconds % 3600 // 60,
        "call.clock": f"{seconds // 3600:02}:{seconds % 3600 // 60:02}",
        "call.result": call.result.value,
        "call.people": ", ".join(call.people),
        "call.extension": next(iter(call.extensions), "" if inbound else call.ours),
        "call.queue": call.queue,
        "call.disposition": call.disposition,
        "call.note": call.note,
        "call.url": call.url,
    }


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _text(value: Any) -> str:
    """In one piece and without what no database keeps: NUL, and halves of characters."""
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).encode(errors="ignore").decode().replace("\0", "").strip()


def _said(answer: Any) -> str:
    """The beginning of an answer, for people."""
    return one_line(json.dumps(answer, ensure_ascii=False))


def _line(text: str) -> str:
    if not text.isprintable():
        raise ConnectorError("a header would hold a line break: look at the key in the settings")
    return text
