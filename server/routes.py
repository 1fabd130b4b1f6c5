"""Every URL, its handler and the least role that may use it, on one screen. What is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server import pbx_page
from server.api_routes import API_ROUTES
from server.callbacks.routes import CALLBACK_ROUTES
from server.calls import page as calls_page
from server.calls import picks as call_picks
from server.connectors.routes import CONNECTOR_ROUTES
from server.customers import page as customers_page
from server.customers.affairs_routes import AFFAIRS_ROUTES
from server.customers.blocked_routes import BLOCKED_ROUTES
from server.customers.merge_routes import MERGE_ROUTES
from server.desk import page as desk
from server.imports.routes import CUSTOMER_IMPORT_ROUTES
from server.live import socket as live_socket
from server.people import account_page, keys_page
from server.people import page as people_page
from server.privacy.erase_routes import ERASE_ROUTES
from server.recordings.prompt_routes import PROMPT_ROUTES
from server.recordings.routes import RECORDING_ROUTES
from server.search import page as search_page
from server.web import assets, login
from server.web.routing import PUBLIC, Route
from server.webhooks.routes import WEBHOOK_ROUTES

__all__ = ["ROUTES"]

ROUTES = (
    Route("GET", "/", login.home, Role.AGENT),
    Route("GET", "/login", login.show, PUBLIC),
    Route("POST", "/login", login.log_in, PUBLIC),
    Route("POST", "/logout", login.log_out, Role.AGENT),
    Route("POST", "/theme", login.choose_theme, PUBLIC),
    Route("GET", "/live", live_socket.connect, Role.AGENT, websocket=True),
    Route("GET", "/desk", desk.show, Role.AGENT),
    Route("POST", "/desk/state", desk.set_state, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/note", desk.save_note, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/close", desk.close_wrap_up, Role.AGENT),
    Route("POST", "/desk/wrap-ups/close", desk.close_pile, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/customer", desk.pick_customer, Role.AGENT),
    Route("GET", "/desk/calls/{call_id}/candidates", desk.list_candidates, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/name", desk.name_customer, Role.AGENT),
    Route("POST", "/desk/calls/{call_id}/tags", desk.tag_customer, Role.AGENT),
    Route("GET", "/calls", calls_page.index, Role.MANAGER),
    Route("GET", "/calls.csv", calls_page.export, Role.MANAGER),
    Route("GET", "/calls/{id}", calls_page.show, Role.MANAGER),
    Route("POST", "/calls/{id}/customer", call_picks.pick_customer, Role.MANAGER),
    Route("POST", "/calls/{id}/contact", call_picks.pick_contact, Role.MANAGER),
    *BLOCKED_ROUTES,
    *RECORDING_ROUTES,
    *CALLBACK_ROUTES,
    Route("GET", "/search", search_page.index, Role.AGENT),
    Route("GET", "/customers", customers_page.index, Role.AGENT),
    Route("POST", "/customers", customers_page.create, Role.AGENT),
    Route("GET", "/customers/new", customers_page.new, Role.AGENT),
    *CUSTOMER_IMPORT_ROUTES,
    *ERASE_ROUTES,
    *MERGE_ROUTES,
    Route("GET", "/customers/{id}", customers_page.show, Role.AGENT),
    Route("POST", "/customers/{id}", customers_page.edit, Role.AGENT),
    Route("POST", "/customers/{id}/identities", customers_page.add_identity, Role.AGENT),
    Route("POST", "/customers/{id}/identities/{identity}/remove", customers_page.remove_identity, Role.AGENT),
    Route("POST", "/customers/{id}/tags", customers_page.add_tag, Role.AGENT),
    Route("POST", "/customers/{id}/tags/remove", customers_page.remove_tag, Role.AGENT),
    Route("POST", "/customers/{id}/notes", customers_page.add_note, Role.AGENT),
    Route("POST", "/customers/{id}/notes/{note}", customers_page.edit_note, Role.AGENT),
    Route("POST", "/customers/{id}/notes/{note}/pin", customers_page.pin_note, Role.AGENT),
    Route("POST", "/customers/{id}/notes/{note}/delete", customers_page.delete_note, Role.AGENT),
    *AFFAIRS_ROUTES,
    Route("GET", "/account", account_page.show, Role.AGENT),
    Route("POST", "/account/password", account_page.change_password, Role.AGENT),
    Route("POST", "/account/sessions/end", account_page.end_sessions, Role.AGENT),
    Route("GET", "/admin/users", people_page.index, Role.ADMINISTRATOR),
    Route("POST", "/admin/users", people_page.create, Role.ADMINISTRATOR),
    Route("GET", "/admin/users/new", people_page.new, Role.ADMINISTRATOR),
    Route("GET", "/admin/users/{id}", people_page.edit, Role.ADMINISTRATOR),
    Route("POST", "/admin/users/{id}", people_page.update, Role.ADMINISTRATOR),
    Route("GET", "/admin/users/{id}/password", people_page.show_password, Role.ADMINISTRATOR),
    Route("POST", "/admin/users/{id}/password", people_page.reset_password, Role.ADMINISTRATOR),
    Route("POST", "/admin/users/{id}/disable", people_page.disable, Role.ADMINISTRATOR),
    Route("POST", "/admin/users/{id}/enable", people_page.enable, Role.ADMINISTRATOR),
    Route("GET", "/admin/keys", keys_page.index, Role.ADMINISTRATOR),
    Route("POST", "/admin/keys", keys_page.create, Role.ADMINISTRATOR),
    Route("GET", "/admin/keys/new", keys_page.new, Role.ADMINISTRATOR),
    Route("GET", "/admin/keys/{id}/secret", keys_page.show_secret, Role.ADMINISTRATOR),
    Route("POST", "/admin/keys/{id}/revoke", keys_page.revoke, Role.ADMINISTRATOR),
    *PROMPT_ROUTES,
    *WEBHOOK_ROUTES,
    *CONNECTOR_ROUTES,
    Route("GET", "/admin/pbx", pbx_page.show, Role.ADMINISTRATOR),
    *API_ROUTES,
    Route("GET", "/static/{version}/{path:.+}", assets.serve, PUBLIC),
)
