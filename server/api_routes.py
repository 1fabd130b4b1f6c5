"""Every URL for programs, its handler, the least role of a person and the scope of a key that may use it. Part of
`routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server import health
from server.api import about, calls
from server.routing import PUBLIC, Route

__all__ = ["API_ROUTES"]

API_ROUTES = (
    Route("GET", "/api/v1/openapi.json", about.read_document, PUBLIC),
    Route("GET", "/api/v1/calls", calls.list_calls, Role.MANAGER, scope="calls:read"),
    Route("GET", "/api/v1/calls/{call_id}", calls.read_one_call, Role.MANAGER, scope="calls:read"),
    # For machines that watch this server: how much they are told depends on who they are (`observers.py`).
    Route("GET", "/health/live", health.live, PUBLIC),
    Route("GET", "/health/ready", health.ready, PUBLIC, scope="metrics:read"),
)
