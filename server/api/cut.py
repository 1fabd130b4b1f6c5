"""Pages of a list that is short enough to be read whole (agents, webhooks, prompts): all rows in, those of one page and
the cursor of the next one out. Rows go by a key that never changes, so that none is shifted. Lists that grow are cut by
the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from crm_link.paging import Part, cursor_of, parts_of
from server.api.shapes import Paging

T = TypeVar("T")
K = TypeVar("K", int, str)


def cut(rows: Iterable[T], query: Paging, key: Callable[[T], K], kind: type[K]) -> tuple[list[T], str | None]:
    """Raises InvalidInputError for a cursor that is none."""
    ordered = sorted(rows, key=key)
    if query.after is not None:
        [last] = parts_of(query.after, kind, field="after")
        ordered = [row for row in ordered if _is_behind(key(row), last)]
    page = ordered[: query.limit]
    return page, cursor_of(key(page[-1])) if len(ordered) > len(page) else None


def _is_behind(key: Part, last: Part) -> bool:
    return key > last  # type: ignore[operator]
