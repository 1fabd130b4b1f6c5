"""Every page of callbacks, its handler and the least role that may use it. Part of `routes.py`; what is not here does
not exist. Agents may act on what their own departments owe (`access.py`)."""

from __future__ import annotations

from core.accounts import Role
from server.callbacks import inbox_page, lists_page
from server.callbacks import page as callbacks_page
from server.callbacks import ticks as callback_ticks
from server.desk import callbacks as callback_desk
from server.web.routing import Route

__all__ = ["CALLBACK_ROUTES"]

CALLBACK_ROUTES = (
    Route("GET", "/callbacks", callbacks_page.index, Role.MANAGER),
    Route("GET", "/callbacks/live", callback_ticks.connect, Role.AGENT, websocket=True),
    Route("GET", "/callbacks/suppressions", inbox_page.suppressions, Role.MANAGER),
    Route("POST", "/callbacks/suppressions", inbox_page.suppress, Role.MANAGER),
    Route("POST", "/callbacks/suppressions/allow", inbox_page.allow_number, Role.MANAGER),
    Route("POST", "/callbacks/suppressions/{id}/remove", inbox_page.allow_again, Role.MANAGER),
    Route("GET", "/callbacks/lists", lists_page.index, Role.MANAGER),
    Route("POST", "/callbacks/lists", lists_page.add, Role.MANAGER, body_limit=lists_page.BODY_LIMIT),
    Route("GET", "/callbacks/lists/{id}", lists_page.show, Role.MANAGER),
    Route("POST", "/callbacks/lists/{id}/submit", lists_page.submit, Role.MANAGER),
    Route("POST", "/callbacks/lists/{id}/drop", lists_page.drop, Role.MANAGER),
    Route("GET", "/callbacks/lists/{id}/refused.csv", lists_page.refused, Role.MANAGER),
    Route("GET", "/inbox", inbox_page.index, Role.MANAGER),
    Route("POST", "/inbox/dismiss", inbox_page.dismiss, Role.MANAGER),
    Route("POST", "/inbox/dismissals/{id}/undo", inbox_page.owe_again, Role.MANAGER),
    Route("GET", "/callbacks/{id}", callbacks_page.show, Role.MANAGER),
    Route("POST", "/callbacks/{id}/release", callbacks_page.release, Role.MANAGER),
    Route("POST", "/callbacks/{id}/refuse", callbacks_page.refuse, Role.MANAGER),
    Route("POST", "/callbacks/{id}/take", callbacks_page.take, Role.AGENT),
    Route("POST", "/callbacks/{id}/postpone", callbacks_page.postpone, Role.AGENT),
    Route("POST", "/callbacks/{id}/close", callbacks_page.close, Role.AGENT),
    Route("POST", "/callbacks/{id}/call", callback_desk.call_back, Role.AGENT),
    Route("GET", "/desk/callbacks", callback_desk.owed, Role.AGENT),
    Route("POST", "/desk/call", callback_desk.call_number, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/connect", callback_desk.connect, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/decline", callback_desk.decline, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/machine", callback_desk.machine, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/promise", callback_desk.promise, Role.AGENT),
)
