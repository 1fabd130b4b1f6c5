"""Pure. The closed sets of the customers' room: kinds of identity, where things come from, how far a claim can be
believed, and why a call stands with a customer. The tables store these words."""

from __future__ import annotations

from enum import StrEnum


class IdentityKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"
    EXTERNAL = "external"


class Source(StrEnum):
    """Where a customer or a claim comes from."""

    CALL = "call"
    PERSON = "person"
    IMPORT = "import"
    API = "api"


class Confidence(StrEnum):
    """How far a claim can be believed: the network said so, somebody said so, or it was checked with them."""

    SEEN = "seen"
    STATED = "stated"
    CONFIRMED = "confirmed"


class LinkHow(StrEnum):
    """Why a call stands with a customer. `block`: its number lies in a block of theirs, and is nobody's own."""

    MATCHED = "matched"
    CREATED = "created"
    PICKED = "picked"
    RELABELLED = "relabelled"
    BLOCK = "block"
