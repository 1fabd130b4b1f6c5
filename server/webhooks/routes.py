"""Every URL of webhooks, for people and for programs, its handler and the least role that may use it. Part of
`routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from server.api import webhooks
from server.web.routing import Route
from server.webhooks import page as webhooks_page

__all__ = ["WEBHOOK_API_ROUTES", "WEBHOOK_ROUTES"]

ID = "[0-9]{1,9}"
ONE = f"/admin/webhooks/{{id:{ID}}}"
DELIVERY = f"{ONE}/deliveries/{{delivery:{ID}}}"
API_ONE = f"/api/v1/webhooks/{{webhook_id:{ID}}}"
API_DELIVERY = f"{API_ONE}/deliveries/{{delivery_id:{ID}}}"
READ, WRITE = "webhooks:read", "webhooks:write"
ADMIN = Role.ADMINISTRATOR

WEBHOOK_ROUTES = (
    Route("GET", "/admin/webhooks", webhooks_page.index, ADMIN),
    Route("POST", "/admin/webhooks", webhooks_page.create, ADMIN),
    Route("GET", "/admin/webhooks/new", webhooks_page.new, ADMIN),
    Route("GET", ONE, webhooks_page.show, ADMIN),
    Route("POST", ONE, webhooks_page.edit, ADMIN),
    Route("GET", f"{ONE}/edit", webhooks_page.edit_form, ADMIN),
    Route("POST", f"{ONE}/test", webhooks_page.test, ADMIN),
    Route("POST", f"{ONE}/pause", webhooks_page.pause, ADMIN),
    Route("POST", f"{ONE}/resume", webhooks_page.resume, ADMIN),
    Route("POST", f"{ONE}/send-now", webhooks_page.hurry, ADMIN),
    Route("POST", f"{ONE}/rotate", webhooks_page.rotate, ADMIN),
    Route("GET", f"{ONE}/secret", webhooks_page.show_secret, ADMIN),
    Route("POST", f"{ONE}/remove", webhooks_page.remove, ADMIN),
    Route("GET", DELIVERY, webhooks_page.show_delivery, ADMIN),
    Route("POST", f"{DELIVERY}/replay", webhooks_page.replay_one, ADMIN),
)

WEBHOOK_API_ROUTES = (
    Route("GET", "/api/v1/webhooks", webhooks.list_webhooks, ADMIN, scope=READ),
    Route("POST", "/api/v1/webhooks", webhooks.create_webhook, ADMIN, scope=WRITE),
    Route("GET", API_ONE, webhooks.read_webhook, ADMIN, scope=READ),
    Route("PATCH", API_ONE, webhooks.edit_webhook, ADMIN, scope=WRITE),
    Route("DELETE", API_ONE, webhooks.delete_webhook, ADMIN, scope=WRITE),
    Route("POST", f"{API_ONE}/test", webhooks.test_webhook, ADMIN, scope=WRITE),
    Route("POST", f"{API_ONE}/rotate", webhooks.rotate_webhook, ADMIN, scope=WRITE),
    Route("GET", f"{API_ONE}/deliveries", webhooks.list_deliveries, ADMIN, scope=READ),
    Route("GET", API_DELIVERY, webhooks.read_one_delivery, ADMIN, scope=READ),
    Route("POST", f"{API_DELIVERY}/replay", webhooks.replay_delivery, ADMIN, scope=WRITE),
)
