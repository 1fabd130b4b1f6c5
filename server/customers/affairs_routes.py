"""Every URL of tasks, of deals and orders, and of a site's own fields, for people and for programs, its handler and the
least role that may use it. Part of `routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server.api import deals, fields, tasks
from server.customers import affairs as customer_affairs
from server.customers import deals_page, tasks_page
from server.desk import tasks as tasks_desk
from server.web.routing import Route

__all__ = ["AFFAIRS_API_ROUTES", "AFFAIRS_ROUTES"]

ID = "[0-9]{1,9}"
TASK = f"/api/v1/tasks/{{task_id:{ID}}}"
DEAL = f"/api/v1/deals/{{deal_id:{ID}}}"
DEAL_CALL = f"{DEAL}/calls/{{call_id}}"
EXTERNAL_DEAL = "/api/v1/deals/by/{source}/{external_id}"
CUSTOMER_FIELDS = f"/api/v1/customers/{{customer_id:{ID}}}/fields"
READ, WRITE, REMOVE = "customers:read", "customers:write", "customers:remove"

AFFAIRS_ROUTES = (
    Route("GET", "/tasks", tasks_page.index, Role.AGENT),
    Route("POST", "/tasks/{task}", tasks_page.edit, Role.AGENT),
    Route("POST", "/tasks/{task}/done", tasks_page.finish, Role.AGENT),
    Route("POST", "/tasks/{task}/remove", tasks_page.remove, Role.MANAGER),
    Route("POST", "/customers/{id}/tasks", tasks_page.create, Role.AGENT),
    Route("POST", "/customers/{id}/deals", deals_page.create, Role.AGENT),
    Route("POST", "/customers/{id}/fields", customer_affairs.edit_fields, Role.AGENT),
    Route("POST", "/deals/{deal}", deals_page.edit, Role.AGENT),
    Route("POST", "/deals/{deal}/remove", deals_page.remove, Role.MANAGER),
    Route("POST", "/calls/{call_id}/deals", deals_page.link, Role.AGENT),
    Route("POST", "/desk/tasks/{task}/done", tasks_desk.finish, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/tasks", tasks_desk.create, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/deals", tasks_desk.link_deal, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/owner", tasks_desk.own_customer, Role.AGENT),
)

AFFAIRS_API_ROUTES = (
    Route("GET", "/api/v1/tasks", tasks.list_tasks, Role.AGENT, scope=READ),
    Route("POST", "/api/v1/tasks", tasks.create_task, Role.AGENT, scope=WRITE),
    Route("GET", TASK, tasks.read_one_task, Role.AGENT, scope=READ),
    Route("PATCH", TASK, tasks.edit_task, Role.AGENT, scope=WRITE),
    Route("DELETE", TASK, tasks.delete_task, Role.MANAGER, scope=REMOVE),
    Route("POST", f"{TASK}/done", tasks.finish_task, Role.AGENT, scope=WRITE),
    Route("POST", f"{TASK}/reopen", tasks.reopen_task, Role.AGENT, scope=WRITE),
    Route("GET", "/api/v1/deals", deals.list_all_deals, Role.AGENT, scope=READ),
    Route("POST", "/api/v1/deals", deals.create_deal, Role.AGENT, scope=WRITE),
    Route("PUT", EXTERNAL_DEAL, deals.put_deal, Role.AGENT, scope=WRITE),
    Route("GET", DEAL, deals.read_one_deal, Role.AGENT, scope=READ),
    Route("PATCH", DEAL, deals.edit_deal, Role.AGENT, scope=WRITE),
    Route("DELETE", DEAL, deals.delete_deal, Role.MANAGER, scope=REMOVE),
    Route("PUT", DEAL_CALL, deals.link_call, Role.AGENT, scope=WRITE),
    Route("DELETE", DEAL_CALL, deals.unlink_call, Role.AGENT, scope=WRITE),
    Route("GET", "/api/v1/customer-fields", fields.list_fields, Role.AGENT, scope=READ),
    Route("PATCH", CUSTOMER_FIELDS, fields.edit_fields, Role.AGENT, scope=WRITE),
)
