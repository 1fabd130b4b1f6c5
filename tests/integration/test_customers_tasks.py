"""Tasks on both databases and by the API: made, edited by version, done once, listed by who and when, and told of."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.accounts import NewUser, Role, create_user, set_disabled
from core.clock import iso
from core.db import Database
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.facts import TaskChanged
from crm_link.customers import NewCustomer
from crm_link.tasks.edit import NewTask, TaskEdit, Tasks
from crm_link.tasks.read import Show, Whose, count_tasks, find_tasks, read_own_tasks
from tests.customers import Office
from tests.integration.api_server import NOW, ApiServer, Json, answered_call, api_server

TASKS = "/api/v1/tasks"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[ApiServer]:
    async with api_server(database) as server:
        yield server


async def person(database: Database, login: str) -> int:
    async with database.write() as connection:
        return (await create_user(connection, NewUser(login, login.title(), Role.AGENT, "x"), 1.0)).id


async def test_a_task_is_told_to_whoever_has_it_and_had_it(database: Database) -> None:
    office = Office(database)
    heard: list[TaskChanged] = []

    async def hear(fact: TaskChanged) -> None:
        heard.append(fact)

    office.desk.bus.subscribe(TaskChanged, hear, name="test")
    tasks = Tasks(database, office.desk.bus, lambda: office.now)
    anna, ewa = await person(database, "anna"), await person(database, "ewa")
    customer = await office.customers.create(NewCustomer("Jan"), None)
    task = await tasks.add(NewTask(customer.id, "Send the offer", 5000.0, assigned_to=anna), ewa)
    moved = await tasks.edit(task.id, TaskEdit(assigned_to=ewa), anna, task.version)
    done = await tasks.finish(task.id, ewa)
    assert await tasks.finish(task.id, anna) == done
    assert [fact.user_ids for fact in heard] == [(anna,), (anna, ewa), (ewa,)]
    assert (done.done_by, done.done_at, done.version) == (ewa, 1000.0, moved.version + 1)
    with pytest.raises(ConflictError):
        await tasks.edit(task.id, TaskEdit(title="Call"), anna, task.version)
    again = await tasks.finish(task.id, anna, done=False)
    assert again.is_open
    await tasks.remove(task.id, anna)
    with pytest.raises(NotFoundError):
        await tasks.finish(task.id, anna)


async def test_lists_say_whose_and_what_is_late(database: Database) -> None:
    office = Office(database)
    tasks = Tasks(database, office.desk.bus, lambda: office.now)
    anna = await person(database, "anna")
    customer = await office.customers.create(NewCustomer("Jan"), None)
    for due, who in ((900.0, anna), (2000.0, anna), (950.0, None), (3000.0, None)):
        await tasks.add(NewTask(customer.id, f"until {due:.0f}", due, assigned_to=who), None)
    async with database.read() as connection:
        mine = await read_own_tasks(connection, anna, limit=10)
        late = await find_tasks(connection, show=Show.OVERDUE, whose=Whose.ALL, now=1000.0)
        nobodys = await find_tasks(connection, show=Show.OPEN, whose=Whose.NOBODY, now=1000.0)
        counts = await count_tasks(connection, Whose.ALL, 1000.0)
        seen, after = [], None
        for _ in range(4):
            page = await find_tasks(
                connection, show=Show.OPEN, whose=Whose.ALL, now=1000.0, limit=1, after=after
            )
            seen += [task.title for task in page.tasks]
            after = page.next
    assert [task.title for task in mine] == ["until 900", "until 2000"]
    assert [task.title for task in late.tasks] == ["until 900", "until 950"]
    assert [task.title for task in nobodys.tasks] == ["until 950", "until 3000"]
    assert counts == {Show.OPEN: 4, Show.OVERDUE: 2}
    assert (seen, after) == (["until 900", "until 950", "until 2000", "until 3000"], None)


async def test_open_tasks_of_whoever_left_are_nobodys(database: Database) -> None:
    office = Office(database)
    tasks = Tasks(database, office.desk.bus, lambda: office.now)
    anna = await person(database, "anna")
    customer = await office.customers.create(NewCustomer("Jan"), None)
    left = await tasks.add(NewTask(customer.id, "left behind", 900.0, assigned_to=anna), None)
    done = await tasks.add(NewTask(customer.id, "done in time", 800.0, assigned_to=anna), None)
    await tasks.finish(done.id, anna)
    async with database.write() as connection:
        await set_disabled(connection, anna, True, 1000.0)
    async with database.read() as connection:
        nobodys = await find_tasks(connection, show=Show.OPEN, whose=Whose.NOBODY, now=1000.0)
        counts = await count_tasks(connection, Whose.NOBODY, 1000.0)
        of_done = await find_tasks(connection, show=Show.DONE, whose=Whose.NOBODY, now=1000.0)
    assert nobodys.tasks == (left,)
    assert counts == {Show.OPEN: 1, Show.OVERDUE: 1}
    assert of_done.tasks == ()
    kept = await tasks.edit(left.id, TaskEdit(title="Left behind", assigned_to=anna), None)
    assert kept.assigned_to == anna, "an edit of something else takes nobody their task"
    with pytest.raises(InvalidInputError, match="could do it"):
        await tasks.add(NewTask(customer.id, "new", 900.0, assigned_to=anna), None)


async def test_a_task_that_makes_no_sense_is_refused(database: Database) -> None:
    office = Office(database)
    tasks = Tasks(database, office.desk.bus, lambda: office.now)
    customer = await office.customers.create(NewCustomer("Jan"), None)
    for wrong in (
        NewTask(customer.id, " \u202e ", 1.0),
        NewTask(customer.id, "x", 1e12),
        NewTask(customer.id, "x", 1.0, "long" * 2000),
        NewTask(customer.id, "x", 1.0, assigned_to=99),
    ):
        with pytest.raises(InvalidInputError):
            await tasks.add(wrong, None)
    with pytest.raises(NotFoundError):
        await tasks.add(NewTask(99, "x", 1.0), None)


async def test_programs_make_edit_and_finish_tasks(api: ApiServer) -> None:
    customer = await api.send("POST", "/api/v1/customers", {"name": "Jan"}, 201)
    anna = await api.add_person("anna", "101")
    body: Json = {"customer_id": customer["id"], "title": "Send the offer", "due_at": iso(NOW + 3600)}
    made = await api.send("POST", TASKS, body | {"assigned_to": anna}, 201)
    assert (made["customer"], made["due_at"], made["done_at"]) == ("Jan", iso(NOW + 3600), None)
    path = f"{TASKS}/{made['id']}"
    etag = (await api.ask("GET", path)).headers["ETag"]
    late = await api.send("PATCH", path, {"due_at": iso(NOW - 60)}, headers={"If-Match": etag})
    assert late["due_at"] == iso(NOW - 60)
    assert (await api.send("PATCH", path, {"title": "x"}, 412, headers={"If-Match": etag}))["code"] == "stale"
    overdue = await api.get(TASKS, params={"show": "overdue", "assigned_to": anna})
    assert [one["id"] for one in overdue["tasks"]] == [made["id"]]
    done = await api.send("POST", f"{path}/done")
    assert (done["done_at"], (await api.send("POST", f"{path}/done"))["version"]) == (
        iso(NOW),
        done["version"],
    )
    timeline = await api.get(f"/api/v1/customers/{customer['id']}/timeline", params={"show": "tasks"})
    assert {one["kind"] for one in timeline["entries"]} == {"task", "task_done"}
    assert (await api.send("POST", f"{path}/reopen"))["done_at"] is None
    await api.send("DELETE", path, status=204)
    await api.get(path, 404)


async def test_programs_list_tasks_of_a_call_and_of_a_merged_customer(api: ApiServer) -> None:
    await api.tell(*answered_call("c1"))
    [caller] = (await api.get("/api/v1/customers"))["customers"]
    jan = await api.send("POST", "/api/v1/customers", {"name": "Jan"}, 201)
    body: Json = {"title": "Send the offer", "due_at": iso(NOW)}
    of_call = await api.send("POST", TASKS, {**body, "customer_id": caller["id"], "call_id": "c1"}, 201)
    await api.send("POST", TASKS, {**body, "customer_id": jan["id"]}, 201)
    assert (await api.get(TASKS, params={"call_id": "c1"}))["tasks"] == [of_call]
    merge = {"other_id": caller["id"], "keep": jan["id"]}
    place = f"/api/v1/customers/{jan['id']}/merge"
    await api.send("POST", place, merge, 201, headers={"If-Match": "*"})
    assert len((await api.get(TASKS, params={"customer_id": caller["id"]}))["tasks"]) == 2
    await api.get(TASKS, 404, params={"customer_id": 999})
