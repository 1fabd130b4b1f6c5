"""What stands on a customer's page beside names and numbers: what is to be done for them, what they buy, what only this
site keeps of them, and the timeline with its filter. Reads on the page's connection; forms are `tasks_page.py`,
`deals_page.py` and here for the fields."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from core.accounts import list_users
from crm_link.deals.kinds import STATES
from crm_link.deals.read import read_deals_of
from crm_link.directory import CustomerView
from crm_link.fields.values import LONGEST, words_of
from crm_link.tasks.read import read_tasks_of
from server.callbacks import words as callback_words
from server.customers.deals_page import DEAL_LOOKS
from server.customers.tasks_page import task_context
from server.recordings.access import asker_of
from server.views.timeline import GROUPS, TIMELINE, Group, hearable
from server.web.forms import id_of, text_of, whole_of
from server.web.guard import current_user
from server.web.keys import FIELDS, SETTINGS
from server.web.pages import see_other

SHOWN_FIRST = 5
"""Tasks, and deals, of a customer who has many: the rest is a click away, and does not push everything else down."""

MOST_SHOWN = 50
"""Tasks, and deals, beside the timeline, which has them all."""


async def read_affairs(
    request: web.Request, connection: AsyncConnection, customer: CustomerView
) -> dict[str, Any]:
    """The context of the page's templates."""
    before, group = request.query.get("before"), _group(request)
    kinds = GROUPS[group] if group is not None else None
    timeline = await TIMELINE.page(connection, customer.id, before=before, kinds=kinds)
    asker, settings = asker_of(request), request.app[SETTINGS]
    values = request.app[FIELDS].shown(customer.fields)
    users = await list_users(connection)
    return {
        "entries": timeline.entries,
        "next": timeline.next,
        "show": group,
        "groups": Group,
        "heard": await hearable(connection, asker, settings.recordings, timeline.entries),
        "tasks": await read_tasks_of(connection, customer.id, limit=MOST_SHOWN),
        "deals": await read_deals_of(connection, customer.id, limit=MOST_SHOWN),
        "shown_first": SHOWN_FIRST,
        "most_shown": MOST_SHOWN,
        "deal_states": STATES,
        "deal_looks": DEAL_LOOKS,
        "fields": [(one, words_of(values.get(one.key))) for one in request.app[FIELDS].declared],
        "departments": {key: one.name or key for key, one in settings.department.items()},
        "words": callback_words,
        **task_context(request, users),
    }


async def edit_fields(request: web.Request) -> web.StreamResponse:
    """All fields of the form at once; an empty one has no value."""
    fields, customer_id = request.app[FIELDS], id_of(request, "id", "customer")
    given = {one.key: await text_of(request, f"field-{one.key}", LONGEST) for one in fields.declared}
    version = await whole_of(request, "version")
    current = await fields.edit(customer_id, given, current_user(request).id, version)
    raise see_other(f"/customers/{current}")


def _group(request: web.Request) -> Group | None:
    asked = request.query.get("show", "")
    return Group(asked) if asked in tuple(Group) else None
