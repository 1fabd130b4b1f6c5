"""Every URL of prompts, for people and for programs, its handler and the least role that may use it. Part of
`routes.py` and `api_routes.py`; what is not here does not exist."""

from __future__ import annotations

from core.accounts import Role
from recordings.prompts.book import LARGEST
from server.api import prompts
from server.recordings import prompts_page
from server.web.routing import Route

__all__ = ["PROMPT_API_ROUTES", "PROMPT_ROUTES"]

ONE = "/admin/prompts/{name:[0-9A-Za-z._-]{1,100}}"
API_ONE = "/api/v1/prompts/{name}"
READ, WRITE = "prompts:read", "prompts:write"
ADMIN = Role.ADMINISTRATOR

PROMPT_ROUTES = (
    Route("GET", "/admin/prompts", prompts_page.index, ADMIN),
    Route("POST", ONE, prompts_page.upload, ADMIN, body_limit=LARGEST, streams=True),
    Route("POST", f"{ONE}/remove", prompts_page.remove, ADMIN),
    Route("GET", f"{ONE}/sound", prompts_page.sound, ADMIN),
    Route("GET", f"{ONE}/original", prompts_page.original, ADMIN),
)

PROMPT_API_ROUTES = (
    Route("GET", "/api/v1/prompts", prompts.list_prompts, ADMIN, scope=READ),
    Route("GET", "/api/v1/prompts/manifest", prompts.read_manifest, ADMIN, scope=READ),
    Route("POST", "/api/v1/prompts/fetched", prompts.note_fetched, ADMIN, scope=READ),
    Route("PUT", API_ONE, prompts.put_prompt, ADMIN, scope=WRITE, body_limit=LARGEST, streams=True),
    Route("DELETE", API_ONE, prompts.delete_prompt, ADMIN, scope=WRITE),
    Route("GET", f"{API_ONE}/sound", prompts.read_sound, ADMIN, scope=READ),
)
