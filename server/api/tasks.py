"""Tasks for programs: what is to be done for customers, until when and by whom. Edits name the version they are based
on, as those of customers do."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field, model_validator

from core.clock import Clock
from crm_link.customers import UNCHANGED
from crm_link.records import resolve
from crm_link.tasks.edit import LONGEST_TEXT, LONGEST_TITLE, NewTask, TaskEdit
from crm_link.tasks.read import Show, TaskView, Whose, find_tasks, read_task
from server.api.customers import LARGEST_ID, IfMatch, editor, version_of, without_default
from server.api.operation import Reply, operation
from server.api.shapes import Given, Instant, Page, Paging, Taken
from server.web.keys import CLOCK, DATABASE, TASKS

Person = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class Task(Given):
    """Something one of ours is to do for a customer."""

    id: int
    customer_id: int
    customer: str = Field(description="What to call the customer.")
    call_id: str | None = Field(description="The call it came up in.")
    title: str
    text: str
    due_at: Instant
    assigned_to: int | None = Field(description="Who is to do it; null: nobody has been named.")
    version: int = Field(description="Grows with every edit; name it in `If-Match` when editing.")
    created_at: Instant
    created_by: int | None = Field(description="Null for a program.")
    done_at: Instant | None
    done_by: int | None


class TaskPage(Page):
    tasks: list[Task] = Field(description="Open ones by when they are due, done ones latest first.")


class TaskQuery(Paging):
    show: Show = Field(Show.OPEN, description="`overdue`: open, and the instant has passed.")
    assigned_to: int | None = Field(None, ge=1, le=LARGEST_ID, description="Of one person.")
    customer_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    call_id: str | None = Field(
        None, min_length=1, max_length=120, description="Those that came up in a call."
    )


class NewTaskBody(Taken):
    customer_id: int = Field(ge=1, le=LARGEST_ID)
    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    due_at: Instant
    text: str = Field("", max_length=LONGEST_TEXT)
    assigned_to: Person | None = None
    call_id: str | None = Field(None, min_length=1, max_length=120)


class TaskChanges(Taken):
    """What to change; what is left out stays."""

    title: str = Field("", min_length=1, max_length=LONGEST_TITLE, json_schema_extra=without_default)
    text: str = Field("", max_length=LONGEST_TEXT, json_schema_extra=without_default)
    due_at: Instant = Field(0.0, json_schema_extra=without_default)
    assigned_to: Person | None = Field(None, description="Null: nobody.")
    version: int | None = Field(None, ge=1, le=LARGEST_ID, description="Instead of the header If-Match.")

    @model_validator(mode="after")
    def _something(self) -> TaskChanges:
        if not self.model_fields_set - {"version"}:
            raise ValueError("say what to change: title, text, due_at or assigned_to")
        return self


@operation("Tasks", tag="Tasks", problems=(404,))
async def list_tasks(request: web.Request, query: TaskQuery) -> TaskPage:
    """Open ones unless asked otherwise."""
    clock: Clock = request.app[CLOCK]
    async with request.app[DATABASE].read() as connection:
        customer_id = query.customer_id
        if customer_id is not None:
            customer_id = await resolve(connection, customer_id)
        page = await find_tasks(
            connection,
            show=query.show,
            whose=query.assigned_to if query.assigned_to is not None else Whose.ALL,
            now=clock(),
            customer_id=customer_id,
            call_id=query.call_id,
            limit=query.limit,
            after=query.after,
        )
    return TaskPage(tasks=[Task.model_validate(one) for one in page.tasks], next=page.next)


@operation("One task", tag="Tasks")
async def read_one_task(request: web.Request, task_id: int) -> Reply[Task]:
    """`ETag` is the version."""
    async with request.app[DATABASE].read() as connection:
        return _shown(await read_task(connection, task_id))


@operation("Make a task", tag="Tasks", status=201, problems=(404,))
async def create_task(request: web.Request, body: NewTaskBody) -> Reply[Task]:
    """It stands at once on the desk of whoever it is assigned to."""
    new = NewTask(body.customer_id, body.title, body.due_at, body.text, body.assigned_to, body.call_id)
    made = await request.app[TASKS].add(new, editor(request))
    reply = _shown(made)
    return Reply(reply.body, {**reply.headers, "Location": f"/api/v1/tasks/{made.id}"})


@operation("Edit a task", tag="Tasks", problems=(409, 412))
async def edit_task(request: web.Request, task_id: int, body: TaskChanges, if_match: IfMatch) -> Reply[Task]:
    """Say which version the edit is based on, by `If-Match` or `version`; when somebody was faster the answer is 412
    (409 with `version`) and nothing has changed."""
    given = body.model_fields_set
    changes = TaskEdit(
        title=body.title if "title" in given else UNCHANGED,
        text=body.text if "text" in given else UNCHANGED,
        due_at=body.due_at if "due_at" in given else UNCHANGED,
        assigned_to=body.assigned_to if "assigned_to" in given else UNCHANGED,
    )
    version = version_of(if_match, body.version)
    return _shown(await request.app[TASKS].edit(task_id, changes, editor(request), version))


@operation("A task is done", tag="Tasks")
async def finish_task(request: web.Request, task_id: int) -> Reply[Task]:
    """Saying it twice changes nothing."""
    return _shown(await request.app[TASKS].finish(task_id, editor(request)))


@operation("A task is to be done again", tag="Tasks")
async def reopen_task(request: web.Request, task_id: int) -> Reply[Task]:
    """For one that is open this changes nothing."""
    return _shown(await request.app[TASKS].finish(task_id, editor(request), done=False))


@operation("Remove a task", tag="Tasks", status=204)
async def delete_task(request: web.Request, task_id: int) -> None:
    """That it was there stays in the customer's history."""
    await request.app[TASKS].remove(task_id, editor(request))


def _shown(view: TaskView) -> Reply[Task]:
    return Reply(Task.model_validate(view), {"ETag": f'"{view.version}"'})
