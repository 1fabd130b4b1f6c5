"""Every URL for programs, its handler, the least role of a person and the scope of a key that may use it. Part of
`routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from recordings.upload import LARGEST
from server import health, metrics
from server.api import (
    about,
    agents,
    blind_windows,
    callbacks,
    calls,
    customers,
    dialling,
    events,
    history,
    lookup,
    notes,
    picks,
    recording_files,
    search,
)
from server.connectors.routes import CONNECTOR_API_ROUTES
from server.customers.affairs_routes import AFFAIRS_API_ROUTES
from server.customers.blocked_routes import BLOCKED_API_ROUTES
from server.customers.merge_routes import MERGE_API_ROUTES
from server.imports.routes import CUSTOMER_IMPORT_API_ROUTES
from server.privacy.erase_routes import ERASE_API_ROUTES
from server.recordings.prompt_routes import PROMPT_API_ROUTES
from server.recordings.routes import RECORDING_API_ROUTES
from server.web.routing import PUBLIC, Route
from server.webhooks.routes import WEBHOOK_API_ROUTES

__all__ = ["API_ROUTES"]

ID = "[0-9]{1,9}"
"""Within what every database takes for a number; anything else is no address of ours."""

CALLBACK = f"/api/v1/callbacks/{{callback_id:{ID}}}"
CUSTOMER = f"/api/v1/customers/{{customer_id:{ID}}}"
NOTE = f"{CUSTOMER}/notes/{{note_id:{ID}}}"

API_ROUTES = (
    Route("GET", "/api/docs", about.show, PUBLIC),
    Route("GET", "/api/v1/openapi.json", about.read_document, PUBLIC),
    Route("GET", "/api/v1/calls", calls.list_calls, Role.MANAGER, scope="calls:read"),
    Route("GET", "/api/v1/calls/{call_id}", calls.read_one_call, Role.MANAGER, scope="calls:read"),
    Route("POST", "/api/v1/calls", dialling.place_call, Role.AGENT, scope="calls:write"),
    Route(
        "POST", "/api/v1/calls/{call_id}/customer", picks.pick_customer, Role.AGENT, scope="customers:write"
    ),
    Route("GET", "/api/v1/callbacks", callbacks.list_callbacks, Role.MANAGER, scope="callbacks:read"),
    Route("POST", "/api/v1/callbacks", callbacks.create_callback, Role.MANAGER, scope="callbacks:write"),
    Route(
        "POST",
        "/api/v1/callbacks/withdraw",
        callbacks.withdraw_callback,
        Role.MANAGER,
        scope="callbacks:write",
    ),
    Route("GET", CALLBACK, callbacks.read_one_callback, Role.MANAGER, scope="callbacks:read"),
    Route("POST", f"{CALLBACK}/close", callbacks.close_callback, Role.MANAGER, scope="callbacks:write"),
    Route("GET", "/api/v1/suppressions", callbacks.list_suppressions, Role.MANAGER, scope="callbacks:read"),
    Route("POST", "/api/v1/suppressions", callbacks.add_suppression, Role.MANAGER, scope="callbacks:write"),
    Route(
        "DELETE",
        f"/api/v1/suppressions/{{suppression_id:{ID}}}",
        callbacks.remove_suppression,
        Role.MANAGER,
        scope="callbacks:write",
    ),
    Route("GET", "/api/v1/search", search.search, Role.AGENT, scope="recordings:read"),
    Route("GET", "/api/v1/lookup", lookup.look_up, Role.AGENT, scope="customers:read"),
    Route("GET", "/api/v1/customers", customers.list_customers, Role.AGENT, scope="customers:read"),
    Route("POST", "/api/v1/customers", customers.create_customer, Role.AGENT, scope="customers:write"),
    Route("GET", CUSTOMER, customers.read_one_customer, Role.AGENT, scope="customers:read"),
    Route("PATCH", CUSTOMER, customers.edit_customer, Role.AGENT, scope="customers:write"),
    Route("POST", f"{CUSTOMER}/identities", customers.add_identity, Role.AGENT, scope="customers:write"),
    Route(
        "DELETE",
        f"{CUSTOMER}/identities/{{identity_id:{ID}}}",
        customers.remove_identity,
        Role.AGENT,
        scope="customers:write",
    ),
    Route("PUT", f"{CUSTOMER}/tags/{{tag}}", customers.add_tag, Role.AGENT, scope="customers:write"),
    Route("DELETE", f"{CUSTOMER}/tags/{{tag}}", customers.remove_tag, Role.AGENT, scope="customers:write"),
    Route("GET", f"{CUSTOMER}/notes", notes.list_notes, Role.AGENT, scope="customers:read"),
    Route("POST", f"{CUSTOMER}/notes", notes.add_note, Role.AGENT, scope="customers:write"),
    Route("GET", NOTE, notes.read_one_note, Role.AGENT, scope="customers:read"),
    Route("PATCH", NOTE, notes.edit_note, Role.AGENT, scope="customers:write"),
    Route("DELETE", NOTE, notes.delete_note, Role.AGENT, scope="customers:write"),
    Route("GET", f"{CUSTOMER}/timeline", history.read_timeline, Role.AGENT, scope="customers:read"),
    Route("GET", "/api/v1/agents", agents.list_agents, Role.MANAGER, scope="agents:read"),
    Route("GET", f"/api/v1/agents/{{agent_id:{ID}}}", agents.read_agent, Role.MANAGER, scope="agents:read"),
    Route("GET", "/api/v1/blind-windows", blind_windows.list_blind_windows, Role.MANAGER, scope="calls:read"),
    Route("GET", "/api/v1/events", events.stream, Role.MANAGER, scope="live:read"),
    Route(
        "POST",
        "/api/v1/recordings/files",
        recording_files.upload,
        Role.ADMINISTRATOR,
        scope="recordings:write",
        body_limit=LARGEST,
        streams=True,
    ),
    *AFFAIRS_API_ROUTES,
    *MERGE_API_ROUTES,
    *BLOCKED_API_ROUTES,
    *CONNECTOR_API_ROUTES,
    *CUSTOMER_IMPORT_API_ROUTES,
    *ERASE_API_ROUTES,
    *RECORDING_API_ROUTES,
    *PROMPT_API_ROUTES,
    *WEBHOOK_API_ROUTES,
    # For machines that watch this server: how much they are told depends on who they are (`web/observers.py`).
    Route("GET", "/health/live", health.live, PUBLIC),
    Route("GET", "/health/ready", health.ready, PUBLIC, scope="metrics:read"),
    Route("GET", "/metrics", metrics.scrape, PUBLIC, scope="metrics:read"),
)
