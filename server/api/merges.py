"""Merging customers for programs: what a merge would do, merging, undoing, and the list of likely duplicates with
proposing and ruling out."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from core.errors import InvalidInputError
from crm_link.changes import Edit
from crm_link.merging.duplicates import Reason
from crm_link.merging.duplicates_book import dismiss, propose, read_duplicates, reconsider
from crm_link.merging.duplicates_search import read_last_search
from crm_link.merging.merge import Wanted
from crm_link.merging.views import Choices, Side, preview_merge, read_merge
from server.api.customers import LARGEST_ID, Customer, editor
from server.api.operation import Header, Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.customers.duplicates_parts import SEARCHES
from server.web.keys import CLOCK, DATABASE, MERGES


class Merge(Given):
    """A merge: `merged_id` became part of `kept_id`, and its id redirects there until that is undone."""

    id: int
    kept_id: int
    merged_id: int
    merged_title: str = Field(description="What the merged one was called.")
    merged_at: Instant
    merged_by: int | None = Field(description="Null for a program.")
    calls: int = Field(description="How many changed hands.")
    notes: int
    undone_at: Instant | None
    undone_by: int | None


class Moving(Given):
    what: str = Field(examples=["calls"])
    count: int


class MergePreview(Given):
    """What a merge would do."""

    kept: Customer
    merged: Customer
    moving: list[Moving] = Field(description="What would change hands.")
    conflicts: list[str] = Field(description="What both have and differ in: `name`, `company`, `owner`.")
    field_conflicts: list[str] = Field(description="Keys of the site's own fields both have and differ in.")
    name: str = Field(description="Of the kept customer afterwards.")
    company: str
    owner_id: int | None


class OtherQuery(Taken):
    other_id: int = Field(ge=1, le=LARGEST_ID)
    keep: int | None = Field(
        None, ge=1, le=LARGEST_ID, description="Who stays, instead of who has more history."
    )


class MergeBody(Taken):
    """The two as the preview showed them, and what stays where they differ: what is left out stays the kept
    customer's, unless they have none."""

    other_id: int = Field(ge=1, le=LARGEST_ID)
    keep: int | None = Field(
        None, ge=1, le=LARGEST_ID, description="The id of who stays; left out: who has more history."
    )
    kept_version: int | None = Field(None, ge=1, le=LARGEST_ID, description="Of `keep`.")
    merged_version: int | None = Field(None, ge=1, le=LARGEST_ID, description="Of the other one.")
    name: Side | None = None
    company: Side | None = None
    owner: Side | None = None
    fields: dict[str, Side] = Field({}, description="By key: whose value of an own field stays.")


IfAnything = Annotated[
    str | None,
    Header(
        "If-Match", "`*`: merge whatever is there. Else name `keep`, `kept_version` and `merged_version`."
    ),
]


class PairBody(Taken):
    first_id: int = Field(ge=1, le=LARGEST_ID)
    second_id: int = Field(ge=1, le=LARGEST_ID)


class Duplicate(Given):
    """Two customers who may be one."""

    first: Customer
    second: Customer
    reasons: list[Reason] = Field(description="Empty when only a person thinks so.")
    score: int = Field(ge=0, le=100, description="How likely they are one.")
    proposed_by: int | None = Field(description="The person who thinks so.")


class DuplicatePage(Page):
    duplicates: list[Duplicate] = Field(description="Likeliest first.")


class DuplicateSearch(Given):
    """The search for duplicates that began last."""

    is_running: bool
    began_at: Instant | None = Field(description="Null when there was none yet.")
    ended_at: Instant | None
    looked_at: int = Field(description="Rows read so far.")
    total: int = Field(description="Rows there were at the beginning.")
    found: int


@operation("What a merge would do", tag="Customers", problems=(409,))
async def preview_customer_merge(request: web.Request, customer_id: int, query: OtherQuery) -> MergePreview:
    """Nothing is changed. 409: the two are one customer already."""
    async with request.app[DATABASE].read() as connection:
        preview = await preview_merge(connection, customer_id, query.other_id, keep=query.keep)
    return MergePreview.model_validate(preview)


@operation("Merge two customers", tag="Customers", status=201, problems=(409,))
async def merge_customers(
    request: web.Request, customer_id: int, body: MergeBody, if_match: IfAnything
) -> Reply[Merge]:
    """Numbers, calls, notes, tags, tasks and deals change hands, and the merged one's id redirects. It can be undone.
    Say which versions of the two it is based on, as the preview shows them. 409: one of them was changed meanwhile, or
    they are one customer already."""
    theirs = frozenset(key for key, side in body.fields.items() if side is Side.MERGED)
    choices = Choices(body.name, body.company, body.owner, theirs)
    versions = _versions_of(if_match, body)
    wanted = Wanted(customer_id, body.other_id, keep=body.keep, choices=choices, versions=versions)
    done = await request.app[MERGES].merge(wanted, editor(request))
    return Reply(Merge.model_validate(done), {"Location": f"/api/v1/merges/{done.id}"})


@operation("One merge", tag="Customers")
async def read_one_merge(request: web.Request, merge_id: int) -> Merge:
    """The timeline of a customer names the merges they were part of."""
    async with request.app[DATABASE].read() as connection:
        return Merge.model_validate(await read_merge(connection, merge_id))


@operation("Undo a merge", tag="Customers", problems=(409,))
async def undo_merge(request: web.Request, merge_id: int) -> Merge:
    """The two are two again, with what each of them had; what came since on a number goes with the number. 409: it is
    undone already, or a later merge builds on it and has to be undone first."""
    return Merge.model_validate(await request.app[MERGES].undo(merge_id, editor(request)))


@operation("Likely duplicates", tag="Customers")
async def list_duplicates(request: web.Request, query: Paging) -> DuplicatePage:
    """What the last search found and what people propose, less what was ruled out."""
    async with request.app[DATABASE].read() as connection:
        page = await read_duplicates(connection, limit=query.limit, after=query.after)
    found = [Duplicate.model_validate(one) for one in page.duplicates]
    return DuplicatePage(duplicates=found, next=page.next)


@operation("Propose that two are one", tag="Customers", status=204, problems=(404, 409))
async def propose_duplicate(request: web.Request, body: PairBody) -> None:
    """They come first in the list; a manager decides. 409: somebody ruled it out, or they are one already."""
    edit = Edit(request.app[CLOCK](), editor(request))
    async with request.app[DATABASE].write() as connection:
        await propose(connection, body.first_id, body.second_id, edit)


@operation("Rule out that two are one", tag="Customers", status=204, problems=(404, 409))
async def rule_out_duplicate(request: web.Request, body: PairBody) -> None:
    """No search proposes them again. 409: they are one customer already."""
    edit = Edit(request.app[CLOCK](), editor(request))
    async with request.app[DATABASE].write() as connection:
        await dismiss(connection, body.first_id, body.second_id, edit)


@operation("Take back that two are not one", tag="Customers", status=204, problems=(404, 409))
async def reconsider_duplicate(request: web.Request, body: PairBody) -> None:
    """They are proposed again if they are alike. 409: they are one customer already."""
    async with request.app[DATABASE].write() as connection:
        await reconsider(connection, body.first_id, body.second_id)


@operation("Search for duplicates now", tag="Customers", status=202)
async def search_duplicates(request: web.Request) -> DuplicateSearch:
    """It runs in the background; one that runs already is enough."""
    if SEARCHES in request.app:
        request.app[SEARCHES].ask(editor(request))
    return await _search_now(request)


@operation("How far the search for duplicates is", tag="Customers")
async def read_duplicate_search(request: web.Request) -> DuplicateSearch:
    return await _search_now(request)


def _versions_of(if_match: str | None, body: MergeBody) -> tuple[int, int] | None:
    """Of the kept and of the merged customer; None for whatever is there."""
    kept, merged = body.kept_version, body.merged_version
    if if_match is None:
        if kept is None or merged is None or body.keep is None:
            missing = (
                "say what you merge: `keep`, `kept_version` and `merged_version`, as the preview shows them"
            )
            raise InvalidInputError(missing, field="If-Match")
        return kept, merged
    if if_match.strip() != "*":
        raise InvalidInputError("a merge has two versions: name both in the body", field="If-Match")
    if (kept, merged) != (None, None):
        raise InvalidInputError("say the versions once: If-Match or the body", field="If-Match")
    return None


async def _search_now(request: web.Request) -> DuplicateSearch:
    async with request.app[DATABASE].read() as connection:
        last = await read_last_search(connection)
    asked = SEARCHES in request.app and request.app[SEARCHES].is_asked
    if last is None:
        return DuplicateSearch(is_running=asked, began_at=None, ended_at=None, looked_at=0, total=0, found=0)
    return DuplicateSearch(
        is_running=asked or last.is_running(request.app[CLOCK]()),
        began_at=last.began_at,
        ended_at=last.ended_at,
        looked_at=last.looked_at,
        total=last.total,
        found=last.found,
    )
