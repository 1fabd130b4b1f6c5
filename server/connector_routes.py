"""Every URL of the links to other CRMs, its handler and the least role that may use it. Part of `routes.py`."""

from __future__ import annotations

from core.accounts import Role
from server import connectors_page, contact_desk, threecx
from server.api import contacts
from server.routing import Route

__all__ = ["CONNECTOR_API_ROUTES", "CONNECTOR_ROUTES"]

CONNECTOR_ROUTES = (
    Route("POST", "/desk/calls/{call_id}/contact", contact_desk.pick, Role.AGENT),
    Route("GET", "/admin/connectors", connectors_page.index, Role.ADMINISTRATOR),
    Route("GET", "/admin/connectors/3cx.xml", threecx.download, Role.ADMINISTRATOR),
    Route("POST", "/admin/connectors/try", connectors_page.attempt, Role.ADMINISTRATOR),
    Route("POST", "/admin/connectors/calls/{id}/send", connectors_page.send_again, Role.ADMINISTRATOR),
)

OF_CALL = "/api/v1/calls/{call_id}/contacts"

CONNECTOR_API_ROUTES = (
    Route("GET", OF_CALL, contacts.list_contacts, Role.AGENT, scope="customers:read"),
    Route("POST", OF_CALL, contacts.pick_contact, Role.AGENT, scope="customers:write"),
)
