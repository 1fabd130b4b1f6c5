"""JSON over HTTP with another CRM: what is to be asked goes in, what it answered comes out as JSON values, and every
answer that is no success, or has another shape than it should, becomes a `ConnectorError` with a sentence for
people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from core.outside import OutsideAnswer, OutsideRequest
from core.shown import shown
from crm_link.connectors.protocol import ConnectorError, Sender

SAID = 200
"""Characters of a refusal that are kept for people."""

TIMED_OUT = 408
"""With this, as with every 5xx, nothing is said of what was done before: a row is saved and a hook after it fails, or a
proxy was tired of waiting for the CRM behind it (502, 504, Cloudflare's 524)."""


async def ask_json(
    sender: Sender,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    seconds: float,
) -> Any:
    """One request; its answer as JSON values, None for an empty one. Raises ConnectorError and OutsideError."""
    sent = {"Accept": "application/json", **(headers or {})}
    raw = None
    if body is not None:
        sent["Content-Type"] = "application/json"
        raw = json.dumps(body, ensure_ascii=False).encode()
    return read_json(await sender.send(OutsideRequest(method, url, sent, raw), seconds=seconds))


def read_json(answer: OutsideAnswer) -> Any:
    """The body's values. Raises ConnectorError for an answer that is no success, cut off, or no JSON."""
    refuse_failure(answer)
    if not answer.is_whole:
        raise ConnectorError("the answer is too long to be read", perhaps_done=True)
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ConnectorError("the answer is no JSON: is the address right?", perhaps_done=True) from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Around whatever takes an answer apart, which is a stranger's: raises ConnectorError where a part is missing, or
    of another type than the documentation says. `what` names the part, for people."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        said = one_line(f"{type(error).__name__}: {error}")
        raise ConnectorError(f"{what} cannot be read in the answer: {said}", perhaps_done=True) from error


def refuse_failure(answer: OutsideAnswer) -> None:
    """Raises ConnectorError unless the status says success."""
    if 200 <= answer.status < 300:
        return
    said = one_line(answer.body.decode(errors="replace"))
    words = {
        401: "it does not accept our key",
        403: "it does not allow this to us",
        429: "it was asked too often",
    }
    what = words.get(answer.status, f"it answered {answer.status}")
    if 300 <= answer.status < 400:
        what = f"it answered {answer.status} and points elsewhere, which is not followed"
    perhaps_done = answer.status >= 500 or answer.status == TIMED_OUT
    raise ConnectorError(f"{what}: {said}" if said else what, perhaps_done=perhaps_done)


def one_line(text: str) -> str:
    return " ".join(shown(text).split())[:SAID]
