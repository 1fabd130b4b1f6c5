"""A client of Ringback's API with nothing but Python: whose number is this, which calls were missed, add somebody once,
rename them without overwriting a colleague. It waits when it is told to and asks again when nobody answered.

RINGBACK_URL and RINGBACK_KEY say where and as whom; the key needs calls:read, customers:read and customers:write.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TRIES = 5


class ApiError(Exception):
    """What Ringback refused: branch on `code`, show the text to a person."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.status = status
        self.code = problem["code"]


class Ringback:
    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self.key = key

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer's value and headers. Raises ApiError, and URLError when nobody answers."""
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        if method == "POST":  # the same key in every try: it happens once, however often it is sent
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        data = None if body is None else json.dumps(body).encode()
        for attempt in range(TRIES):
            try:
                asked = Request(self.url + path, data, sent, method=method)  # noqa: S310 - our own setting
                with urlopen(asked, timeout=30) as answer:  # noqa: S310
                    text = answer.read()
                    return (json.loads(text) if text else None), answer.headers
            except HTTPError as error:
                wait = int(error.headers.get("Retry-After", 2**attempt))
                if error.code not in {429, 503} or attempt == TRIES - 1:
                    raise ApiError(error.code, json.load(error)) from error
            except URLError:
                wait = 2**attempt
                if attempt == TRIES - 1:
                    raise
            time.sleep(wait)
        raise AssertionError("unreachable")

    def pages(self, path: str, rows: str, **query: str) -> Iterator[Any]:
        """Every row of a list, page by page."""
        after: str | None = None
        while True:
            given = query | {"limit": "200"} | ({"after": after} if after else {})
            page, _ = self.ask("GET", f"{path}?{urlencode(given)}")
            yield from page[rows]
            after = page["next"]
            if after is None:
                return


def main(words: list[str]) -> None:
    ringback = Ringback(os.environ["RINGBACK_URL"], os.environ["RINGBACK_KEY"])
    match words:
        case ["lookup", number]:
            found, _ = ringback.ask("GET", f"/api/v1/lookup?{urlencode({'number': number})}")
            for customer in found["customers"]:
                print(customer["id"], customer["title"])
        case ["missed", since]:
            for call in ringback.pages("/api/v1/calls", "calls", result="missed", since=since):
                print(call["started_at"], call["caller"] or "withheld")
        case ["add", name, number]:
            made, _ = ringback.ask("POST", "/api/v1/customers", {"name": name, "numbers": [number]})
            print(made["id"], made["title"])
        case ["rename", customer_id, name]:
            path = f"/api/v1/customers/{customer_id}"
            _, headers = ringback.ask("GET", path)
            edited, _ = ringback.ask("PATCH", path, {"name": name}, {"If-Match": headers["ETag"]})
            print(edited["id"], edited["title"])
        case _:
            raise SystemExit("lookup NUMBER | missed SINCE | add NAME NUMBER | rename ID NAME")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ApiError as error:
        raise SystemExit(f"{error.status} {error.code}: {error}") from error
