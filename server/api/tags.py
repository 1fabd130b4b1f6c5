"""ETags of things that have no version: a hash of what is answered. In: a model and an `If-Match`; out: the tag, or
StaleError when it is another by now. Things with a version have `version_of` (`customers.py`)."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel

from core.errors import StaleError
from server.api.operation import Header

IfUnchanged = Annotated[
    str | None,
    Header(
        "If-Match", "The `ETag` of what you read: 412 when it is another by now. Left out: whatever is there."
    ),
]


def tag_of(shown: BaseModel) -> str:
    return f'"{hashlib.sha256(shown.model_dump_json().encode()).hexdigest()[:20]}"'


def refuse_changed(if_match: str | None, shown: BaseModel) -> None:
    """Raises StaleError unless `shown` is what the sender read."""
    if if_match is None or if_match.strip() in {"*", tag_of(shown)}:
        return
    raise StaleError("somebody changed this meanwhile: read it again, and decide again")
