"""Pure. The cursor of a page: a position in, opaque text out, and back. A cursor comes back from strangers, so every
part is checked before it reaches the database."""

from __future__ import annotations

import base64
import json
import math
from types import UnionType

from core.errors import InvalidInputError

Part = float | int | str
Kind = type[Part] | UnionType

LARGEST_ID = 2**63 - 1
"""What a database id can be at most."""

LONGEST = 600
"""Characters: more than any cursor of ours."""


def cursor_of(*parts: Part) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def parts_of(cursor: str, *kinds: Kind, field: str) -> list[Part]:
    """The parts of a cursor, one per kind. Raises InvalidInputError for text that is no such cursor."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode())) if len(cursor) <= LONGEST else None
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(kinds):
        raise _refusal(field)
    if not all(_fits(part, kind) for part, kind in zip(parts, kinds, strict=True)):
        raise _refusal(field)
    return parts


def check_part(part: Part, kind: Kind, *, field: str) -> None:
    """Raises InvalidInputError when a part is not of the kind its reader needs."""
    if not _fits(part, kind):
        raise _refusal(field)


def _fits(part: object, kind: Kind) -> bool:
    match part:
        case bool():
            return False
        case float():
            return isinstance(part, kind) and math.isfinite(part)
        case int():
            return isinstance(part, kind) and 0 <= part <= LARGEST_ID
        case str():
            return isinstance(part, kind) and "\0" not in part
        case _:
            return False


def _refusal(field: str) -> InvalidInputError:
    return InvalidInputError("this cursor is not one of ours: start again without it", field=field)
