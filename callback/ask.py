"""A request to be called back as it reaches the room from any source, and the three answers it can get. Shapes only:
who judges is `guard.py`, what is stored and promised is `requests.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callback.kinds import Source


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a visitor stood when they asked. `address` is theirs (IPv4 or IPv6), `visitor` the random name of their
    page session; `consent` the sentence they agreed to, as shown."""

    page_url: str | None = None
    referrer: str | None = None
    utm: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    consent: str | None = None
    address: str | None = None
    visitor: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof of work that the public side has checked. `signature` (its challenge's) is good once, until
    `expires_at`."""

    signature: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells a person at a page from a program. `page_age_s`: seconds since the site's token was given out, None
    without a token; `trapped`: a field that people do not see was filled."""

    page_age_s: float | None = None
    proof: Proof | None = None
    trapped: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """`number` as typed, read as one of `country` (ISO, None: the site's). Either `site` (a section [website.x]) or
    `department` is set. `wished_at` is a slot's beginning, None: as soon as possible; with `only_now` it is refused
    when we are closed. `arrived_at` is the customer's first turn to us when that was before now. `position` is the
    place in the queue that a caller left by key. `user_id` is the agent who promised, who then owns the callback.
    `idempotency_key` names its sender as well."""

    source: Source
    number: str
    department: str | None = None
    site: str | None = None
    country: str | None = None
    wished_at: float | None = None
    only_now: bool = False
    name: str = ""
    message: str = ""
    visit: Visit = Visit()
    signs: Signs = Signs()
    arrived_at: float | None = None
    call_id: str | None = None
    position: int | None = None
    user_id: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """It will be dialled. `link` is the visitor's token."""

    submission_id: int
    callback_id: int
    link: str


@dataclass(frozen=True, slots=True)
class Held:
    """Taken, and waits for a manager's word: answered like an acceptance, but no minute is promised."""

    submission_id: int
    callback_id: int
    link: str


@dataclass(frozen=True, slots=True)
class Correctable:
    """Not taken: `code` (stable, also the key of its sentence) and the `field` (number, wish) that can be changed."""

    code: str
    field: str


Answer = Accepted | Held | Correctable
