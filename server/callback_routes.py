"""Every page of callbacks, its handler and the least role that may use it. Part of `routes.py`; what is not here does
not exist. Agents may act on what their own departments owe (`callback_access.py`)."""

from __future__ import annotations

from core.accounts import Role
from server import callback_ticks, callbacks_page
from server.routing import Route

__all__ = ["CALLBACK_ROUTES"]

CALLBACK_ROUTES = (
    Route("GET", "/callbacks", callbacks_page.index, Role.MANAGER),
    Route("GET", "/callbacks/live", callback_ticks.connect, Role.AGENT, websocket=True),
    Route("GET", "/callbacks/{id}", callbacks_page.show, Role.MANAGER),
    Route("POST", "/callbacks/{id}/release", callbacks_page.release, Role.MANAGER),
    Route("POST", "/callbacks/{id}/refuse", callbacks_page.refuse, Role.MANAGER),
    Route("POST", "/callbacks/{id}/take", callbacks_page.take, Role.AGENT),
    Route("POST", "/callbacks/{id}/postpone", callbacks_page.postpone, Role.AGENT),
    Route("POST", "/callbacks/{id}/close", callbacks_page.close, Role.AGENT),
)
