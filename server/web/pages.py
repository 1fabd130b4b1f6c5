"""Pages: a template name and what it shows go in, an HTML answer comes out. Everything is escaped; times are in the
site's zone. What a page shows is read in `server/views/`, who may see it stands in `server/routes.py`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import phonenumbers
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from core.accounts import Role, User
from core.clock import iso
from server.web.guard import SESSION
from server.web.keys import CLOCK, DEMO, REQUEST_ID, SETTINGS, ZONE

HERE = Path(__file__).parents[1]
STATIC: Final = HERE / "static"
ENVIRONMENT = web.AppKey("templates", Environment)
THEMES = ("system", "light", "dark")
THEME_COOKIE: Final = "ringback-theme"

BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "Linux": "Linux",
}


@dataclass(frozen=True, slots=True)
class NavItem:
    """`is_rare`: opened now and then; where there is little room it stands behind "More"."""

    path: str
    label: str
    icon: str
    role: Role
    is_rare: bool = False

    def here(self, path: str) -> bool:
        return path == self.path or path.startswith(f"{self.path}/")


NAVIGATION = (
    NavItem("/desk", "Desk", "headset", Role.AGENT),
    NavItem("/calls", "Calls", "history", Role.MANAGER),
    NavItem("/search", "Search", "search", Role.AGENT),
    NavItem("/callbacks", "Callbacks", "undo-2", Role.MANAGER),
    NavItem("/inbox", "Inbox", "inbox", Role.MANAGER),
    NavItem("/customers", "Customers", "users", Role.AGENT),
    NavItem("/tasks", "Tasks", "square-check", Role.AGENT),
    NavItem("/admin/blocked", "Block list", "phone-off", Role.MANAGER, is_rare=True),
    NavItem("/admin/users", "People", "id-card", Role.ADMINISTRATOR, is_rare=True),
    NavItem("/admin/keys", "Keys", "key-round", Role.ADMINISTRATOR, is_rare=True),
    NavItem("/admin/webhooks", "Webhooks", "send", Role.ADMINISTRATOR, is_rare=True),
    NavItem("/admin/connectors", "Connectors", "plug", Role.ADMINISTRATOR, is_rare=True),
    NavItem("/admin/prompts", "Prompts", "audio-lines", Role.ADMINISTRATOR, is_rare=True),
    NavItem("/admin/pbx", "PBX", "server", Role.ADMINISTRATOR, is_rare=True),
)


def render(request: web.Request, template: str, status: int = 200, **context: Any) -> web.Response:
    """A whole page, or a fragment when the template's name starts with an underscore."""
    return _answer(_html(request, template, context), status)


async def render_long(request: web.Request, template: str, **context: Any) -> web.Response:
    """The same for a page on which hours of talk may stand: written in a thread, while calls go on ringing."""
    return _answer(await asyncio.to_thread(_html, request, template, context), 200)


def _answer(html: str, status: int) -> web.Response:
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")


def _html(request: web.Request, template: str, context: Mapping[str, Any]) -> str:
    session = request.get(SESSION)
    user = session.user if session else None
    theme = request.cookies.get(THEME_COOKIE, "system")
    common = {
        "user": user,
        "nav": navigation(user),
        "path": request.path,
        "request_id": request[REQUEST_ID],
        "theme": theme if theme in THEMES else "system",
    }
    return render_text(request.app, template, **common, **context)


def render_text(app: web.Application | Mapping[Any, Any], template: str, **context: Any) -> str:
    """HTML without a request, for what is pushed to a screen."""
    site = app[SETTINGS].site
    common = {"site": site, "zone": app[ZONE], "demo": app[DEMO], "now": app[CLOCK]()}
    environment: Environment = app[ENVIRONMENT]
    return environment.get_template(template).render(common | context)


def navigation(user: User | None) -> list[NavItem]:
    """What this person may open."""
    return [item for item in NAVIGATION if user is not None and user.role.covers(item.role)]


def see_other(path: str) -> web.HTTPSeeOther:
    """To be raised after a form was taken, so that a reload does not send it again."""
    return web.HTTPSeeOther(path)


def template_environment(folder: Path = HERE / "templates") -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"icon": icon, "asset": asset}
    environment.filters |= {
        "clock": _zoned("%H:%M"),
        "clock_s": _zoned("%H:%M:%S"),
        "day": _zoned("%a %-d %b %Y"),
        "moment": _zoned("%-d %b %H:%M"),
        "date_input": _zoned("%Y-%m-%d"),
        "iso": iso,
        "duration": duration,
        "phone": phone,
        "initials": initials,
        "browser": browser,
    }
    return environment


def icon(name: str, label: str = "") -> Markup:
    """An icon of the vendored sprite; with a label it speaks, without one it is decoration."""
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {} width="16" height="16"><use href="{}#{}"></use></svg>').format(
        spoken, asset("vendor/lucide/icons.svg"), name
    )


def asset(name: str) -> str:
    """The address of a static file. One version for all of them, so that scripts can import each other by
    relative names and still be cached for good. Raises FileNotFoundError for a misspelt name."""
    if not (STATIC / name).is_file():
        raise FileNotFoundError(f"server/static has no {name}")
    return f"/static/{static_version()}/{name}"


@cache
def static_version() -> str:
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def local(at: float, zone: ZoneInfo) -> datetime:
    """An instant as the site's wall clock shows it."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def duration(seconds: float | None) -> str:
    """0:07, 12:40, 1:02:05; an en dash for None."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def initials(name: str) -> str:
    """First letters of the first and the last word."""
    words = name.split()
    return "".join(word[0] for word in dict.fromkeys((words[0], words[-1]))).upper() if words else "?"


def browser(user_agent: str) -> str:
    """The browser's name as people know it; user agents pretend to be each other, so the order counts."""
    name = next((name for mark, name in BROWSERS.items() if mark in user_agent), "A browser")
    system = next((system for mark, system in SYSTEMS.items() if mark in user_agent), "")
    return f"{name} on {system}" if system else name


@lru_cache(maxsize=4096)
def phone(number: str | None) -> str:
    """E.164, or a block of such numbers, with the spaces people of that country expect; anything else as it is."""
    if not number or not number.startswith("+"):
        return number or ""
    if number.endswith("…"):
        return _begun(number[:-1]) + "…"
    first, dash, last = number.partition("–")
    try:
        parsed = phonenumbers.parse(first, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL) + dash + last


def _begun(digits: str) -> str:
    """The beginning of a number, as it looks while the rest is still to be dialled."""
    typed, shown = phonenumbers.AsYouTypeFormatter("ZZ"), digits
    for digit in digits:
        shown = typed.input_digit(digit)
    return shown


def _zoned(pattern: str) -> Any:
    @pass_context
    def in_zone(context: Context, at: float | None) -> str:
        if at is None:
            return "–"
        return str(escape(local(at, context["zone"]).strftime(pattern)))

    return in_zone
