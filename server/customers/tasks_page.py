"""Tasks: the page that says who is to do what until when, and the forms that make, edit and finish one. A form goes
back to where it was sent from: the customer, a call, or the list with its filter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from core.accounts import Role, User, list_users
from crm_link.tasks.edit import LONGEST_TEXT, NewTask, TaskEdit
from crm_link.tasks.read import Show, TaskView, Whose, count_tasks, find_tasks
from server.customers.task_words import due_of, due_words, form_day, form_time
from server.web.forms import call_of, id_of, page_of, text_of, whole_of
from server.web.guard import current_user
from server.web.keys import CLOCK, DATABASE, TASKS, ZONE
from server.web.pages import render, see_other

ME = "me"
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What the page was asked for. `who` is `me`, `all`, `nobody` or a user's id as text."""

    who: str
    show: Show

    def query(self, **other: str) -> str:
        return urlencode({"who": self.who, "show": self.show.value} | other)

    def whose(self, user: User) -> int | Whose:
        if self.who == ME:
            return user.id
        return int(self.who) if self.who.isdigit() else Whose(self.who)


async def index(request: web.Request) -> web.StreamResponse:
    """The whole page; for htmx the list, or the rows that follow a cursor."""
    user, now, after = current_user(request), request.app[CLOCK](), request.query.get("after")
    chosen = _filter(user, request.query.get("who", ""), request.query.get("show", ""))
    whose = chosen.whose(user)
    async with request.app[DATABASE].read() as connection:
        page = await find_tasks(connection, show=chosen.show, whose=whose, now=now, after=after)
        counts = await count_tasks(connection, whose, now)
        users = await list_users(connection)
    template = "tasks/index.html"
    if "HX-Request" in request.headers:
        template = "tasks/_rows.html" if after else "tasks/_list.html"
    return render(
        request, template, page=page, filter=chosen, counts=counts, shows=Show, **task_context(request, users)
    )


def task_context(request: web.Request, users: list[User]) -> dict[str, Any]:
    """What every template with tasks needs."""
    zone, now = request.app[ZONE], request.app[CLOCK]()
    return {
        "users": [user for user in users if not user.disabled],
        "names": {user.id: user.name for user in users},
        "due": partial(due_words, now=now, zone=zone),
        "due_day": partial(form_day, zone=zone),
        "due_time": partial(form_time, zone=zone),
        "tomorrow": form_day(now + DAY_S, zone),
    }


async def create(request: web.Request) -> web.StreamResponse:
    new = NewTask(
        customer_id=id_of(request, "id", "customer"),
        title=await text_of(request, "title"),
        due_at=await _due(request),
        text=await text_of(request, "text", LONGEST_TEXT),
        assigned_to=await whole_of(request, "assigned_to"),
        call_id=await call_of(request),
    )
    raise await _back(request, await request.app[TASKS].add(new, current_user(request).id))


async def edit(request: web.Request) -> web.StreamResponse:
    changes = TaskEdit(
        title=await text_of(request, "title"),
        text=await text_of(request, "text", LONGEST_TEXT),
        due_at=await _due(request),
        assigned_to=await whole_of(request, "assigned_to"),
    )
    task_id, version = id_of(request, "task", "task"), await whole_of(request, "version")
    raise await _back(
        request, await request.app[TASKS].edit(task_id, changes, current_user(request).id, version)
    )


async def finish(request: web.Request) -> web.StreamResponse:
    """Done, or with `again` to be done again."""
    done = not await text_of(request, "again")
    task_id = id_of(request, "task", "task")
    raise await _back(request, await request.app[TASKS].finish(task_id, current_user(request).id, done=done))


async def remove(request: web.Request) -> web.StreamResponse:
    task_id = id_of(request, "task", "task")
    raise await _back(request, await request.app[TASKS].remove(task_id, current_user(request).id))


async def _due(request: web.Request) -> float:
    return due_of(await text_of(request, "day"), await text_of(request, "time"), request.app[ZONE])


async def _back(request: web.Request, task: TaskView) -> web.HTTPSeeOther:
    who = await text_of(request, "who")
    if not who:
        return see_other(await page_of(request, task.customer_id))
    chosen = _filter(current_user(request), who, await text_of(request, "show"))
    return see_other(f"/tasks?{chosen.query()}")


def _filter(user: User, who: str, show: str) -> TaskFilter:
    """Managers begin with everybody's, others with their own."""
    first = Whose.ALL.value if user.role.covers(Role.MANAGER) else ME
    is_known = who in (ME, *Whose) or (who.isascii() and who.isdigit() and len(who) <= 9)
    return TaskFilter(who if is_known else first, Show(show) if show in tuple(Show) else Show.OPEN)
