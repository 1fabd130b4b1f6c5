"""Every URL of merges and likely duplicates, for people and for programs, its handler and the least role that may use
it. Part of `routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server.api import merges
from server.customers import duplicates_page, merge_page
from server.web.routing import Route

__all__ = ["MERGE_API_ROUTES", "MERGE_ROUTES"]

ID = "[0-9]{1,9}"
API_CUSTOMER = f"/api/v1/customers/{{customer_id:{ID}}}"
API_MERGE = f"/api/v1/merges/{{merge_id:{ID}}}"
READ, WRITE, MERGE = "customers:read", "customers:write", "customers:merge"

MERGE_ROUTES = (
    Route("GET", "/customers/duplicates", duplicates_page.index, Role.MANAGER),
    Route("GET", "/customers/duplicates/search", duplicates_page.show_search, Role.MANAGER),
    Route("POST", "/customers/duplicates/search", duplicates_page.search, Role.MANAGER),
    Route("POST", "/customers/duplicates/rule-out", duplicates_page.rule_out, Role.MANAGER),
    Route("POST", "/customers/duplicates/look-again", duplicates_page.look_again, Role.MANAGER),
    Route("GET", "/customers/{id}/merge", merge_page.show, Role.AGENT),
    Route("POST", "/customers/{id}/merge", merge_page.merge, Role.MANAGER),
    Route("POST", "/customers/{id}/merge/propose", merge_page.suggest, Role.AGENT),
    Route("POST", f"/customers/merges/{{merge:{ID}}}/undo", merge_page.undo, Role.MANAGER),
)

MERGE_API_ROUTES = (
    Route("GET", f"{API_CUSTOMER}/merge", merges.preview_customer_merge, Role.AGENT, scope=READ),
    Route("POST", f"{API_CUSTOMER}/merge", merges.merge_customers, Role.MANAGER, scope=MERGE),
    Route("GET", API_MERGE, merges.read_one_merge, Role.AGENT, scope=READ),
    Route("POST", f"{API_MERGE}/undo", merges.undo_merge, Role.MANAGER, scope=MERGE),
    Route("GET", "/api/v1/duplicates", merges.list_duplicates, Role.MANAGER, scope=READ),
    Route("POST", "/api/v1/duplicates", merges.propose_duplicate, Role.AGENT, scope=WRITE),
    Route("POST", "/api/v1/duplicates/rule-out", merges.rule_out_duplicate, Role.MANAGER, scope=MERGE),
    Route("POST", "/api/v1/duplicates/look-again", merges.reconsider_duplicate, Role.MANAGER, scope=MERGE),
    Route("GET", "/api/v1/duplicates/search", merges.read_duplicate_search, Role.MANAGER, scope=READ),
    Route("POST", "/api/v1/duplicates/search", merges.search_duplicates, Role.MANAGER, scope=MERGE),
)
