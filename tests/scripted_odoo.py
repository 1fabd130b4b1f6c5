"""Odoo's JSON-RPC as Odoo 14 and 17 speak it and JSON-2 as Odoo 19's documentation describes it, with partners and
notes in memory: what connectors say over a real socket meets the shapes of the real thing, its refusals too."""

from __future__ import annotations

import re
from typing import Any

from tests.scripted import Asked, Scripted

DATABASE, USER, KEY, USER_ID = "firm", "ringback@example.com", "odoo-key", 7


class OdooBook:
    """`partners` by id with name, phone, mobile, comment; `notes` by id with res_id, body, message_id. Speaks as
    `version`. Who is in `unseen` is not in its search yet."""

    def __init__(self, version: int = 14) -> None:
        self.version = version
        self.partners: dict[int, dict[str, Any]] = {}
        self.notes: dict[int, dict[str, Any]] = {}
        self.unseen: set[int] = set()
        self.key = KEY

    def add(
        self,
        name: str,
        phone: str = "",
        mobile: str = "",
        company: str = "",
        comment: str = "",
        owner: str = "",
    ) -> int:
        number = 40 + len(self.partners)
        # Odoo writes False for an empty field.
        self.partners[number] = {
            "id": number,
            "name": name,
            "display_name": f"{company}, {name}" if company else name,
            "commercial_company_name": company or False,
            "phone": phone or False,
            "mobile": mobile or False,
            "comment": comment or False,
            "user_id": [7, owner] if owner else False,
        }
        return number

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/web/version":
            return self._said_version()
        if asked.path.startswith("/json/2/"):
            return self._json2(asked)
        assert (asked.method, asked.path) == ("POST", "/jsonrpc")
        assert self.version < 19
        call = asked.json
        params = call["params"]
        assert (call["jsonrpc"], call["method"]) == ("2.0", "call")
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return {**head, "result": self._serve(params["service"], params["method"], params["args"])}
        except PermissionError as error:
            data = {"name": "odoo.exceptions.AccessDenied", "message": str(error), "arguments": [str(error)]}
            return {**head, "error": {"code": 200, "message": "Odoo Server Error", "data": data}}

    def _said_version(self) -> Any:
        if self.version < 19:
            return 404, "<h1>Not Found</h1>"
        return {"version_info": [self.version, 0, 0, "final", 0, ""], "version": f"{self.version}.0"}

    def _json2(self, asked: Asked) -> Any:
        _, _, model, method = asked.path.strip("/").split("/")
        assert (asked.method, asked.headers["X-Odoo-Database"]) == ("POST", DATABASE)
        if asked.headers["Authorization"] != f"bearer {self.key}":
            what = {
                "name": "werkzeug.exceptions.Unauthorized",
                "message": "Invalid apikey",
                "debug": "Trace …",
            }
            return 401, what
        words = asked.json
        ids = [words.pop("ids")] if "ids" in words else []
        return self._method(model, method)(*ids, **words)

    def _method(self, model: str, name: str) -> Any:
        return getattr(self, f"_{model.replace('.', '_')}_{name}")

    def _serve(self, service: str, method: str, args: list[Any]) -> Any:
        if (service, method) == ("common", "version"):
            info = [self.version, 0, 0, "final", 0, ""]
            return {"server_version": f"{self.version}.0", "server_version_info": info, "protocol_version": 1}
        if (service, method) == ("common", "authenticate"):
            return USER_ID if args[:3] == [DATABASE, USER, self.key] else False
        assert (service, method) == ("object", "execute_kw")
        database, user_id, key, model, name, given, words = args
        if (database, user_id, key) != (DATABASE, USER_ID, self.key):
            raise PermissionError("Access Denied")
        return self._method(model, name)(*given, **words)

    def _res_partner_fields_get(self, allfields: list[str], attributes: list[str]) -> Any:
        has = ("phone",) if self.version >= 19 else ("phone", "mobile")
        return {name: dict.fromkeys(attributes, "char") for name in allfields if name in has}

    def _res_partner_search_read(self, domain: list[Any], fields: list[str], limit: int, order: str) -> Any:
        terms = [term for term in domain if term != "|"]
        assert domain[: len(terms) - 1] == ["|"] * (len(terms) - 1)
        seen = [one for number, one in self.partners.items() if number not in self.unseen]
        found = [one for one in seen if any(_like(one[f], op, p) for f, op, p in terms)]
        return [{field: one[field] for field in {"id", *fields}} for one in found[:limit]]

    def _res_partner_create(self, vals_list: list[dict[str, str]]) -> list[int]:
        return [self.add(**values) for values in vals_list]

    def _res_partner_message_post(self, ids: list[int], **words: Any) -> Any:
        assert words.pop("subtype_xmlid") == "mail.mt_note"
        assert words.pop("message_type") == "comment"
        if self.version >= 17:
            assert words.pop("body_is_html") is True
        number = 900 + len(self.notes)
        self.notes[number] = {"res_id": ids[0], **words}
        return [number] if self.version >= 17 else number

    def _mail_message_search_read(self, domain: list[Any], fields: list[str], limit: int) -> Any:
        [[field, _op, wanted]] = domain
        assert fields == ["id"]
        return [{"id": number} for number, one in self.notes.items() if one[field] == wanted][:limit]

    def _mail_message_write(self, ids: list[int], vals: dict[str, str]) -> bool:
        for number in ids:
            self.notes[number].update(vals)
        return True


def _like(value: str | bool, operator: str, given: str) -> bool:
    """SQL's LIKE, as `=like` hands it on, and `like` with % on both sides; an empty field is NULL and like nothing."""
    pattern = {"=like": given, "like": f"%{given}%"}[operator]
    parts = (".*" if one == "%" else re.escape(one) for one in pattern)
    return isinstance(value, str) and re.fullmatch("".join(parts), value) is not None


def scripted_odoo(version: int = 14) -> tuple[OdooBook, Scripted]:
    book = OdooBook(version)
    return book, Scripted(book)


def methods(asked: list[Asked]) -> list[str]:
    """What was asked of models, in order; log-ins and what an Odoo has left out."""
    named = [_method_of(one) for one in asked]
    return [one for one in named if one is not None and not one.endswith(".fields_get")]


def _method_of(asked: Asked) -> str | None:
    if asked.path.startswith("/json/2/"):
        return asked.path.removeprefix("/json/2/").replace("/", ".")
    if asked.path != "/jsonrpc" or asked.json["params"]["service"] != "object":
        return None
    args = asked.json["params"]["args"]
    return f"{args[3]}.{args[4]}"
