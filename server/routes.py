"""Every URL, its handler and the least role that may use it, on one screen. What is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server import assets, login
from server.api_routes import API_ROUTES
from server.routing import PUBLIC, Route

__all__ = ["ROUTES"]

ROUTES = (
    Route("GET", "/", login.home, Role.AGENT),
    Route("GET", "/login", login.show, PUBLIC),
    Route("POST", "/login", login.log_in, PUBLIC),
    Route("POST", "/logout", login.log_out, Role.AGENT),
    Route("POST", "/theme", login.choose_theme, PUBLIC),
    *API_ROUTES,
    Route("GET", "/static/{version}/{path:.+}", assets.serve, PUBLIC),
)
