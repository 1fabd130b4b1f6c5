"""Pages for visitors, whole without JavaScript: the form that a website links to, and the page behind a visitor's
link. In: forms and links. Out: HTML in the visitor's language. Where there is JavaScript the form page shows the widget
and the request's page follows its state by itself; rules are `callback/requests.py`'s."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from callback.ask import Ask, Correctable, Signs, Visit
from callback.hours import Slot
from callback.http import (
    FRONT,
    LONGEST,
    evenly,
    international,
    link_of,
    read_wish,
    refused,
    state_of,
    take_move,
    website_of,
)
from callback.kinds import Source
from callback.languages import language_of, texts
from callback.visitor import OVER
from core.clock import iso
from core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from server.web.pages import local, render, see_other
from server.web.routing import Handler

FOLDER: Final = Path(__file__).parent

Act = Callable[[web.Request, dict[str, str]], Awaitable[None]]


# ---- the form


async def show_form(request: web.Request) -> web.Response:
    """GET /w/{site}/form"""
    return await _form_page(request, {}, None)


async def take_form(request: web.Request) -> web.Response:
    """POST /w/{site}/form: held until a manager releases it, since nothing shows that a person sent it."""
    async with evenly():
        typed = await _typed(request)
        if request.headers.get("Origin") not in (None, request.app[FRONT].own_origin(request)):
            raise ForbiddenError("this form is only sent from its own page")
        try:
            link = await _submit(request, typed)
        except InvalidInputError as error:
            return await _form_page(request, typed, error)
        raise see_other(f"/r/{link}")


async def _submit(request: web.Request, typed: dict[str, str]) -> str:
    """The token of the visitor's link. Raises InvalidInputError for what they can correct."""
    front, language = request.app[FRONT], _language(request)
    site, website = website_of(request)
    wished_at, _ = read_wish(typed.get("wish", ""))
    ask = Ask(
        source=Source.FORM,
        number=typed.get("number", ""),
        site=site,
        wished_at=wished_at,
        name=typed.get("name", ""),
        message=typed.get("message", ""),
        visit=Visit(
            page_url=request.headers.get("Referer", "")[: LONGEST["page"]] or None,
            language=language,
            consent=website.consent or texts(language)["consent"],
            address=front.address_of(request),
        ),
        signs=Signs(trapped=bool(typed.get("website"))),
    )
    answer = await front.requests.submit(ask)
    if isinstance(answer, Correctable):
        raise refused(answer, language)
    return answer.link


async def _form_page(
    request: web.Request, typed: dict[str, str], error: InvalidInputError | None
) -> web.Response:
    front = request.app[FRONT]
    site, website = website_of(request)
    found = await front.offers.look(website.department)
    return _page(
        request,
        "form.html",
        status=422 if error else 200,
        site_key=site,
        website=website,
        days=_days(found.slots, _zone(request, website.department)),
        typed=dict.fromkeys(("number", "wish", "name", "message"), "") | typed,
        fault=str(error) if error else "",
        fault_field=(error.field or "") if error else "",
    )


# ---- the page behind a link


async def show_request(request: web.Request) -> web.Response:
    """GET /r/{link}"""
    async with evenly():
        return await _request_page(request)


async def _request_page(request: web.Request, fault: str = "", status: int = 200) -> web.Response:
    front = request.app[FRONT]
    try:
        seen = await front.requests.by_link(link_of(request))
    except NotFoundError:
        return _page(request, "error.html", status=404, sentence=_errors(request)["not-found"])
    language = seen.language if seen.language in ("en", "pl", "es") else None
    slots: tuple[Slot, ...] = ()
    if "move" in seen.may and seen.department in front.settings.department:
        slots = (await front.offers.look(seen.department)).slots
    zone = _zone(request, seen.department)
    return _page(
        request,
        "request.html",
        status=status,
        language=language,
        seen=seen,
        state=await state_of(front, seen),
        number=international(seen.number),
        promised=_slot(Slot(seen.promised_from, seen.promised_until or seen.promised_from), zone)
        if seen.promised_from is not None
        else None,
        days=_days(slots, zone),
        over=seen.status in OVER,
        fault=fault,
    )


async def move(request: web.Request, typed: dict[str, str]) -> None:
    await take_move(request, typed.get("wish", ""))


async def word(request: web.Request, typed: dict[str, str]) -> None:
    if message := typed.get("message", ""):
        await request.app[FRONT].requests.add_word(link_of(request), message)


async def withdraw(request: web.Request, _typed: dict[str, str]) -> None:
    await request.app[FRONT].requests.withdraw(link_of(request))


def by_form(act: Act, by_json: Handler) -> Handler:
    """One address for two: a form sent from our page comes back to it, everything else gets JSON."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/x-www-form-urlencoded":
            return await by_json(request)
        async with evenly():
            try:
                await act(request, await _typed(request))
            except NotFoundError:
                return await _request_page(request)
            except (InvalidInputError, ConflictError) as error:
                code = error.code if error.code in _errors(request) else "conflict"
                return await _request_page(request, _errors(request)[code], 422)
            raise see_other(f"/r/{link_of(request)}")

    return handle


# ---- what all of them need


async def _typed(request: web.Request) -> dict[str, str]:
    """Every field of the form, cut to what it may have."""
    form = await request.post()
    return {
        name: value.replace("\0", "").strip()[: LONGEST.get(name, 100)]
        for name, value in form.items()
        if isinstance(value, str)
    }


def _language(request: web.Request) -> str:
    return language_of(request.query.get("lang"), request.headers.get("Accept-Language"))


def _errors(request: web.Request) -> dict[str, str]:
    return dict(texts(_language(request))["errors"])


def _page(
    request: web.Request, template: str, *, status: int = 200, language: str | None = None, **context: Any
) -> web.Response:
    language = language or _language(request)
    return render(request, template, status=status, t=texts(language), lang=language, **context)


def _zone(request: web.Request, department: str) -> ZoneInfo:
    settings = request.app[FRONT].settings
    found = settings.department.get(department)
    return ZoneInfo((found.time_zone if found else None) or settings.site.time_zone)


def _days(slots: tuple[Slot, ...], zone: ZoneInfo) -> dict[str, list[dict[str, str | None]]]:
    """Slots by day, as a list of choices shows them."""
    days: dict[str, list[dict[str, str | None]]] = {}
    for slot in slots:
        days.setdefault(local(slot.begin, zone).strftime("%-d.%m.%Y"), []).append(_slot(slot, zone))
    return days


def _slot(slot: Slot, zone: ZoneInfo) -> dict[str, str | None]:
    """Figures only, which all our languages read alike; `request.js` writes it as the visitor's browser would."""
    begin, end = local(slot.begin, zone), local(slot.end, zone)
    text = f"{begin:%-H:%M} – {end:%-H:%M}"
    return {"from": iso(slot.begin), "until": iso(slot.end), "time": text, "day": f"{begin:%-d.%m.%Y}"}
