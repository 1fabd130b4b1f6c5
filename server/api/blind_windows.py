"""Times in which a PBX could not be seen. A program that counts calls must know them: what happened then is in the log
only as far as the comparison afterwards gave it back."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field, model_validator
from sqlalchemy import or_, select, tuple_

from crm_link.paging import cursor_of, parts_of
from pbx_bridge.tables import BlindWindow as Row
from server.api.operation import operation
from server.api.shapes import Given, Instant, Page, Paging
from server.web.keys import DATABASE


class BlindQuery(Paging):
    """Windows that touch the time asked for."""

    since: Instant | None = None
    until: Instant | None = None
    pbx: str | None = Field(None, min_length=1, max_length=60)

    @model_validator(mode="after")
    def _in_order(self) -> BlindQuery:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("the time asked for is empty: until must be later than since")
        return self


class BlindWindow(Given):
    pbx: str
    since: Instant
    until: Instant | None = Field(description="Null while it lasts.")
    reason: str
    calls_kept: int = Field(description="Calls that were open before and still were afterwards.")
    calls_ended_unseen: int = Field(
        description="Calls that ended meanwhile; their end is known to the window only."
    )
    calls_found: int = Field(description="Calls that had begun meanwhile and were still going on.")


class BlindPage(Page):
    blind_windows: list[BlindWindow] = Field(description="Newest first.")


@operation("Times we could not see a PBX", tag="PBX")
async def list_blind_windows(request: web.Request, query: BlindQuery) -> BlindPage:
    """A call that began and ended within such a time is not in the log."""
    statement = select(*Row.__table__.c).order_by(Row.since.desc(), Row.id.desc()).limit(query.limit + 1)
    if query.since is not None:
        statement = statement.where(or_(Row.until.is_(None), Row.until > query.since))
    if query.until is not None:
        statement = statement.where(Row.since < query.until)
    if query.pbx is not None:
        statement = statement.where(Row.pbx == query.pbx)
    if query.after is not None:
        statement = statement.where(
            tuple_(Row.since, Row.id) < tuple_(*parts_of(query.after, float, int, field="after"))
        )
    async with request.app[DATABASE].read() as connection:
        rows = (await connection.execute(statement)).all()
    shown = rows[: query.limit]
    more = cursor_of(shown[-1].since, shown[-1].id) if len(rows) > query.limit else None
    return BlindPage(blind_windows=[BlindWindow.model_validate(row) for row in shown], next=more)
