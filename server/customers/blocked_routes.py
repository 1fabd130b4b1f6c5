"""Every URL of blocks of numbers and of the block list, for people and for programs. Part of `routes.py` and
`api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server.api import blocked
from server.customers import blocked_page
from server.desk import blocking as blocked_desk
from server.web.routing import Route

__all__ = ["BLOCKED_API_ROUTES", "BLOCKED_ROUTES"]

ID = "[0-9]{1,9}"
CUSTOMER = f"/api/v1/customers/{{customer_id:{ID}}}"
READ, WRITE = "customers:read", "customers:write"
CHECK, BLOCK = "blocked:check", "blocked:write"
"""A PBX's key stands in its dialplan, and in its events: it opens nothing else."""

BLOCKED_ROUTES = (
    Route("POST", "/desk/calls/{call_id}/block", blocked_desk.block_caller, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/unblock", blocked_desk.take_back, Role.AGENT),
    Route("GET", "/admin/blocked", blocked_page.index, Role.MANAGER),
    Route("POST", "/admin/blocked", blocked_page.add, Role.MANAGER),
    Route("POST", f"/admin/blocked/{{id:{ID}}}/end", blocked_page.end, Role.MANAGER),
    Route("POST", f"/customers/{{id:{ID}}}/unblock", blocked_page.unblock_customer, Role.AGENT),
    Route("POST", f"/customers/{{id:{ID}}}/blocks", blocked_page.add_block, Role.AGENT),
    Route(
        "POST", f"/customers/{{id:{ID}}}/blocks/{{block:{ID}}}/remove", blocked_page.remove_block, Role.AGENT
    ),
)

BLOCKED_API_ROUTES = (
    Route("GET", "/api/v1/blocked", blocked.list_blocked, Role.MANAGER, scope=READ),
    Route("POST", "/api/v1/blocked", blocked.block, Role.MANAGER, scope=BLOCK),
    Route("GET", "/api/v1/blocked/check", blocked.check, Role.AGENT, scope=CHECK),
    Route("DELETE", f"/api/v1/blocked/{{blocked_id:{ID}}}", blocked.unblock, Role.MANAGER, scope=BLOCK),
    Route("GET", f"{CUSTOMER}/blocks", blocked.list_blocks, Role.AGENT, scope=READ),
    Route("POST", f"{CUSTOMER}/blocks", blocked.add_block, Role.AGENT, scope=WRITE),
    Route("DELETE", f"{CUSTOMER}/blocks/{{block_id:{ID}}}", blocked.remove_block, Role.AGENT, scope=WRITE),
)
