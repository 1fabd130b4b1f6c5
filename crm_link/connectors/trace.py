"""A way out that also writes down what went over it, for the person who sets a connector up: requests and answers come
out as text, with every secret of the settings hidden, in whatever spelling it was sent, and every token that was lent
to us on the way (`hiding.py`)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from core.errors import RingbackError
from core.outside import LONGEST_S, OutsideAnswer, OutsideRequest
from crm_link.connectors.hiding import HIDDEN, Hiding
from crm_link.connectors.protocol import Sender

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
LONGEST_SHOWN = 4000
"""Characters of a body."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, as a person may see them. `took_s` is None when no answer came."""

    request: str
    answer: str
    took_s: float | None


class Traced:
    """Sends through `sender`. `secrets` are hidden wherever they stand, and so is what was once called a secret."""

    def __init__(self, sender: Sender, secrets: Iterable[str]) -> None:
        self._sender = sender
        self._secrets = tuple(secrets)
        self._hiding = Hiding()
        self.exchanges: list[Exchange] = []

    async def send(self, request: OutsideRequest, *, seconds: float = LONGEST_S) -> OutsideAnswer:
        asked = self._shown(f"{request.method} {request.url}", request.headers, request.body or b"")
        try:
            answer = await self._sender.send(request, seconds=seconds)
        except RingbackError as error:
            self.exchanges.append(Exchange(asked, self.hide(str(error)), None))
            raise
        said = self._shown(str(answer.status), answer.headers, answer.body)
        self.exchanges.append(Exchange(asked, said, answer.took_s))
        return answer

    def hide(self, text: str) -> str:
        return without(text, (*self._secrets, *self._hiding.found))

    def _shown(self, first: str, headers: Mapping[str, str], body: bytes) -> str:
        lines = [self._hiding.text(first)]
        lines += [
            f"{name}: {HIDDEN if name.lower() in SECRET_HEADERS else value}"
            for name, value in headers.items()
        ]
        text = self._hiding.body(body.decode(errors="replace"))
        cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + " …"
        return self.hide("\n".join([*lines, "", cut]).rstrip())


def without(text: str, secrets: Iterable[str]) -> str:
    """`text` with these secrets hidden: a CRM may repeat the key it refuses."""
    for secret in secrets:
        for spelling in _spellings(secret) if secret else ():
            text = text.replace(spelling, HIDDEN)
    return text


def _spellings(secret: str) -> set[str]:
    """As it is, in an address, in a form, and in base64 as Basic authentication has it."""
    return {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()}
