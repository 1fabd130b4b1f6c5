"""How Odoo is spoken to: a method of a model with named arguments in, its value out. Odoo 19 and later have JSON-2
(`/json/2/<model>/<method>`, the key as bearer), earlier ones JSON-RPC (`/jsonrpc`, a log-in first); which one it is,
Odoo says itself. What is asked of contacts and notes is `odoo.py`'s."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from core.outside import OutsideAnswer, OutsideRequest
from crm_link.connectors.asking import ask_json, one_line, read_json, reading, refuse_failure
from crm_link.connectors.protocol import ConnectorError, Sender

HAS_JSON2 = 19
"""The first version with it. Its JSON-RPC is to go with version 22."""


@dataclass(frozen=True, slots=True)
class OdooAccount:
    """`url` without a slash at its end; `key` is an API key, or a password where JSON-RPC is spoken; `region` is that
    of the site's numbers."""

    url: str
    database: str
    user: str
    key: str
    region: str
    seconds: float


class Wire(Protocol):
    """A failed call was rolled back by Odoo, unless its `ConnectorError` says otherwise."""

    @property
    def version(self) -> int: ...

    async def call(self, model: str, method: str, ids: list[int] | None = None, **words: Any) -> Any:
        """`ids` for methods of records. Raises ConnectorError and OutsideError."""
        ...


async def open_wire(account: OdooAccount, sender: Sender) -> Wire:
    """Raises ConnectorError where the user or key is refused, or this is no Odoo."""
    version = await _json2_version(account, sender)
    return Json2(account, sender, version) if version >= HAS_JSON2 else await log_in(account, sender)


async def _json2_version(account: OdooAccount, sender: Sender) -> int:
    """What `/web/version` says; 0 for servers that have no such page, as versions before 19."""
    request = OutsideRequest("GET", f"{account.url}/web/version", {"Accept": "application/json"})
    answer = await sender.send(request, seconds=account.seconds)
    if 300 <= answer.status < 500:
        return 0
    refuse_failure(answer)
    try:
        return int(json.loads(answer.body)["version_info"][0])
    except (ValueError, LookupError, TypeError):
        return 0


class Json2:
    """JSON-2. Each request is a transaction of its own, and an error rolls it back."""

    def __init__(self, account: OdooAccount, sender: Sender, version: int) -> None:
        self._account = account
        self._sender = sender
        self.version = version

    async def call(self, model: str, method: str, ids: list[int] | None = None, **words: Any) -> Any:
        account = self._account
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"bearer {account.key}",
            "X-Odoo-Database": account.database,
        }
        given = words if ids is None else {"ids": ids, **words}
        body = json.dumps(given, ensure_ascii=False).encode()
        request = OutsideRequest("POST", f"{account.url}/json/2/{model}/{method}", headers, body)
        return read_json(_plain(await self._sender.send(request, seconds=account.seconds)))


def _plain(answer: OutsideAnswer) -> OutsideAnswer:
    """A refusal without its traceback: of what Odoo says, the message is for people."""
    if answer.status < 400:
        return answer
    try:
        said = str(json.loads(answer.body)["message"])
    except (ValueError, LookupError, TypeError):
        return answer
    return dataclasses.replace(answer, body=said.encode())


class JsonRpc:
    """JSON-RPC as user `user_id`."""

    def __init__(self, account: OdooAccount, sender: Sender, version: int, user_id: int) -> None:
        self._account = account
        self._sender = sender
        self._user_id = user_id
        self.version = version

    async def call(self, model: str, method: str, ids: list[int] | None = None, **words: Any) -> Any:
        account = self._account
        placed: list[Any] = [] if ids is None else [ids]
        if method == "create":  # the one method that JSON-RPC takes no names for
            placed = [words.pop("vals_list")]
        call = [account.database, self._user_id, account.key, model, method, placed, words]
        return await _rpc(account, self._sender, "object", "execute_kw", call)


async def log_in(account: OdooAccount, sender: Sender) -> JsonRpc:
    version = await _rpc(account, sender, "common", "version", [])
    login = [account.database, account.user, account.key, {}]
    user_id = await _rpc(account, sender, "common", "authenticate", login)
    if not user_id:
        raise ConnectorError("Odoo does not accept this user and key")
    with reading("Odoo's version"):
        return JsonRpc(account, sender, int(version["server_version_info"][0]), user_id)


_numbers = count(1)


async def _rpc(account: OdooAccount, sender: Sender, service: str, method: str, arguments: list[Any]) -> Any:
    params = {"service": service, "method": method, "args": arguments}
    body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": next(_numbers)}
    answer = await ask_json(sender, "POST", f"{account.url}/jsonrpc", body=body, seconds=account.seconds)
    if not isinstance(answer, dict):
        raise ConnectorError("this is no Odoo: is the address right?")
    if "error" in answer:
        raise ConnectorError(_complaint(answer["error"]))
    return answer.get("result")


def _complaint(error: Any) -> str:
    data = error.get("data") or {} if isinstance(error, dict) else {}
    said = data.get("message") or (error.get("message") if isinstance(error, dict) else "") or "an error"
    return f"Odoo says: {one_line(str(said))}"
