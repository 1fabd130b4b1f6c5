"""Every URL of the links to other CRMs, for people and for programs, its handler and the least role that may use it.
Part of `routes.py` and `api_routes.py`."""

from __future__ import annotations

from core.accounts import Role
from server.api import connectors, contacts
from server.connectors import page as connectors_page
from server.connectors import threecx
from server.desk import contacts as contact_desk
from server.web.routing import Route

__all__ = ["CONNECTOR_API_ROUTES", "CONNECTOR_ROUTES"]

ID = "[0-9]{1,9}"

CONNECTOR_ROUTES = (
    Route("POST", "/desk/calls/{call_id}/contact", contact_desk.pick, Role.AGENT),
    Route("GET", "/admin/connectors", connectors_page.index, Role.ADMINISTRATOR),
    Route("GET", "/admin/connectors/3cx.xml", threecx.download, Role.ADMINISTRATOR),
    Route("POST", "/admin/connectors/try", connectors_page.attempt, Role.ADMINISTRATOR),
    Route("POST", "/admin/connectors/calls/{id}/send", connectors_page.send_again, Role.ADMINISTRATOR),
    Route("POST", "/admin/connectors/calls/{id}/leave", connectors_page.leave, Role.ADMINISTRATOR),
)

API = "/api/v1/connectors"
CALLS = "/api/v1/connector-calls"
OF_CALL = "/api/v1/calls/{call_id}/contacts"

READ, WRITE, ADMIN = "connectors:read", "connectors:write", Role.ADMINISTRATOR

CONNECTOR_API_ROUTES = (
    Route("GET", API, connectors.list_connectors, ADMIN, scope=READ),
    Route("GET", f"{API}/{{name}}", connectors.read_connector, ADMIN, scope=READ),
    Route("POST", f"{API}/{{name}}/try", connectors.try_connector, ADMIN, scope=WRITE),
    Route("GET", CALLS, connectors.list_calls_elsewhere, ADMIN, scope=READ),
    Route("POST", f"{CALLS}/{{entry_id:{ID}}}/send", connectors.send_again, ADMIN, scope=WRITE),
    Route("POST", f"{CALLS}/{{entry_id:{ID}}}/leave", connectors.leave_unsent, ADMIN, scope=WRITE),
    Route("GET", OF_CALL, contacts.list_contacts, Role.AGENT, scope="customers:read"),
    Route("POST", OF_CALL, contacts.pick_contact, Role.AGENT, scope="customers:write"),
)
