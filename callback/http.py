"""What the widget, and whoever builds their own form, asks of us: JSON in, JSON out (docs/widget.md). Pages for people
are `server/visitor/pages.py`'s, who may listen is `server/web/public.py`'s.

The website's pages live on other origins: each answer says which of them may read it, and a request of a page that is
none of the website's is refused. Answers that could tell whether somebody is known take a fixed time at least."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import phonenumbers
from aiohttp import web

from callback.ask import Ask, Correctable, Held, Signs, Visit
from callback.guard import Refusal
from callback.hours import Slot
from callback.kinds import Source
from callback.languages import language_of, texts
from callback.offers import Offers
from callback.page_tokens import PageTokens
from callback.proofs import Proofs
from callback.requests import Requests
from callback.visitor import Seen, Status
from config.callbacks import Website
from config.settings import Settings
from core.clock import from_iso, iso
from core.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError

LEAST_S = 0.25
"""Each answer about a number or a link takes at least so long: several times what any of them needs."""

LONGEST = {"number": 60, "name": 100, "message": 1000, "page": 2000, "referrer": 2000, "consent": 500}
"""Characters; a page's own limits are below."""

SLOT_GONE = Correctable(Refusal.SLOT_GONE, "wish")

MOST_TAGS = 10
LONGEST_TAG = 200


class OldPageError(ConflictError):
    """The page's token or proof is too old: the same request with new ones is welcome."""

    code = "old_page"


class RefusedError(InvalidInputError):
    """What the person can correct; `code` is the guard's."""

    def __init__(self, code: str, sentence: str, field: str) -> None:
        super().__init__(sentence, field=field)
        self.code = code


@dataclass(frozen=True, slots=True)
class Front:
    """Everything the public side works with. `address_of` is the visitor's network address, `own_origin` what they
    reach us by (`https://callback.example.com`)."""

    settings: Settings
    requests: Requests
    offers: Offers
    tokens: PageTokens
    proofs: Proofs
    address_of: Callable[[web.Request], str]
    own_origin: Callable[[web.Request], str]


FRONT: web.AppKey[Front] = web.AppKey("front")


# ---- what a website's page asks


async def offer(request: web.Request) -> web.Response:
    """GET /w/{site}/offer"""
    front = request.app[FRONT]
    site, website = website_of(request)
    found = await front.offers.look(website.department)
    region = front.settings.site.region
    zone = front.settings.department[website.department].time_zone or front.settings.site.time_zone
    return web.json_response(
        {
            "token": await front.tokens.make(site, origin_of(request)),
            "now": {"possible": found.minutes is not None, "minutes": found.minutes},
            "slots": [_slot(slot) for slot in found.slots],
            "opens": iso(found.opens),
            "open": found.is_open,
            "country": region,
            "countries": [_country(code) for code in website.countries or (region,)],
            "zone": zone,
            "consent": website.consent,
            "privacy_url": website.privacy_url,
        }
    )


async def challenge(request: web.Request) -> web.Response:
    """GET /w/{site}/challenge"""
    website_of(request)
    origin_of(request)
    return web.json_response(await request.app[FRONT].proofs.challenge())


async def submit(request: web.Request) -> web.Response:
    """POST /w/{site}/requests"""
    async with evenly():
        front = request.app[FRONT]
        site, _ = website_of(request)
        origin = origin_of(request)
        body = await _body(request)
        ask = await _ask(front, request, site, origin, body)
        language = language_of(_text(body, "language", 20), request.headers.get("Accept-Language"))
        answer = await front.requests.submit(ask)
        if isinstance(answer, Correctable):
            raise refused(answer, language)
        state = await state_of(front, await front.requests.by_link(answer.link))
        outcome = "held" if isinstance(answer, Held) else "accepted"
        link = f"{front.own_origin(request)}/r/{answer.link}"
        return web.json_response({"outcome": outcome, "link": link, **state}, status=201)


async def preflight(_request: web.Request) -> web.Response:
    """OPTIONS of everything that takes JSON. The origin is allowed by `add_cors`, or it is not."""
    methods = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Content-Type"}
    return web.Response(status=204, headers=methods | {"Access-Control-Max-Age": "7200"})


# ---- what the owner of a link asks


async def state(request: web.Request) -> web.Response:
    """GET /r/{link}/state"""
    async with evenly():
        front = request.app[FRONT]
        return web.json_response(await state_of(front, await front.requests.by_link(link_of(request))))


async def move(request: web.Request) -> web.Response:
    """POST /r/{link}/move"""
    async with evenly():
        body = await _body(request)
        return await _told(request, await take_move(request, _text(body, "wish", 40)))


async def word(request: web.Request) -> web.Response:
    """POST /r/{link}/word"""
    async with evenly():
        message = _text(await _body(request), "message", LONGEST["message"])
        return await _told(request, await request.app[FRONT].requests.add_word(link_of(request), message))


async def withdraw(request: web.Request) -> web.Response:
    """POST /r/{link}/withdraw"""
    async with evenly():
        return await _told(request, await request.app[FRONT].requests.withdraw(link_of(request)))


async def take_move(request: web.Request, wish: str) -> Seen:
    """Move the request of a link to another time. Raises RefusedError when it cannot be had."""
    wished_at, _ = read_wish(wish)
    try:
        return await request.app[FRONT].requests.move(link_of(request), wished_at)
    except InvalidInputError as error:
        raise refused(SLOT_GONE, language_of(request.headers.get("Accept-Language"))) from error


async def _told(request: web.Request, seen: Seen) -> web.Response:
    return web.json_response(await state_of(request.app[FRONT], seen))


async def state_of(front: Front, seen: Seen) -> dict[str, Any]:
    """How a request stands, as its visitor may know it."""
    waits = seen.status is Status.WAITING and seen.promised_from is None
    minutes = await front.offers.minutes_left(seen.department, seen.callback_id) if waits else None
    return {
        "status": seen.status.value,
        "minutes": minutes,
        "from": iso(seen.promised_from),
        "until": iso(seen.promised_until),
        "number": international(seen.number),
        "may": list(seen.may),
        "fixed": seen.is_fixed,
    }


# ---- reading a request


def website_of(request: web.Request) -> tuple[str, Website]:
    """The website of the address. Raises NotFoundError."""
    site = request.match_info["site"]
    website = request.app[FRONT].settings.website.get(site)
    if website is None:
        raise NotFoundError("there is no such website here")
    return site, website


def link_of(request: web.Request) -> str:
    return request.match_info["link"]


def origin_of(request: web.Request) -> str:
    """The origin of the page that asks. Raises ForbiddenError when it is none of the website's, nor ours."""
    own = request.app[FRONT].own_origin(request)
    origin = request.headers.get("Origin") or (
        own if request.headers.get("Sec-Fetch-Site") == "same-origin" else ""
    )
    if origin != own and origin not in website_of(request)[1].origins:
        raise ForbiddenError(
            f"pages of {origin[:100] or 'no origin'} may not ask for this website: "
            "see `origins` in its section [website.…]"
        )
    return origin


async def add_cors(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: let the website's pages read the answer, errors included. Links are secrets of their own, so
    any page of a website of ours may use one."""
    front, origin = request.app[FRONT], request.headers.get("Origin")
    if "site" in request.match_info:
        named = front.settings.website.get(request.match_info["site"])
        websites = [named] if named else []
    else:
        websites = list(front.settings.website.values()) if "link" in request.match_info else []
    response.headers.add("Vary", "Origin")
    if origin is not None and any(origin in website.origins for website in websites):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("the body is no JSON") from error
    if not isinstance(body, dict):
        raise InvalidInputError("the body is no JSON object")
    return body


def _text(body: Mapping[str, Any], name: str, longest: int) -> str:
    """Raises InvalidInputError for something else than a text, or a longer one."""
    value = body.get(name) or ""
    if not isinstance(value, str) or "\0" in value:
        raise InvalidInputError(f"`{name}` must be a text", field=name)
    if len(value) > longest:
        raise InvalidInputError(f"`{name}` has more than {longest} characters", field=name)
    return value.strip()


async def _ask(front: Front, request: web.Request, site: str, origin: str, body: Mapping[str, Any]) -> Ask:
    limited = {name: _text(body, name, longest) for name, longest in LONGEST.items()}
    wished_at, only_now = read_wish(_text(body, "wish", 40))
    return Ask(
        source=Source.WEB,
        number=limited["number"],
        site=site,
        country=_text(body, "country", 2) or None,
        wished_at=wished_at,
        only_now=only_now,
        name=limited["name"],
        message=limited["message"],
        visit=Visit(
            page_url=limited["page"] or None,
            referrer=limited["referrer"] or None,
            utm=_tags(body),
            language=language_of(_text(body, "language", 20)),
            consent=limited["consent"] or None,
            address=front.address_of(request),
            visitor=_text(body, "visitor", 64) or None,
        ),
        signs=await _signs(front, site, origin, body),
    )


async def _signs(front: Front, site: str, origin: str, body: Mapping[str, Any]) -> Signs:
    """Raises OldPageError for a token that was good once: an honest page asks for a new one and sends again."""
    token, proof = _text(body, "token", 1000), _text(body, "proof", 8000)
    age = await front.tokens.age_s(token, site, origin)
    proven = await front.proofs.read(proof)
    if token and age is None:
        raise OldPageError(texts(language_of(_text(body, "language", 20)))["errors"]["old_page"])
    return Signs(page_age_s=age, proof=proven, trapped=bool(body.get("website")))


def _tags(body: Mapping[str, Any]) -> dict[str, str]:
    tags = body.get("utm")
    if not isinstance(tags, dict):
        return {}
    kept = [
        (name[:40], value[:LONGEST_TAG])
        for name, value in tags.items()
        if name.startswith("utm_") and isinstance(value, str) and "\0" not in name + value
    ]
    return dict(kept[:MOST_TAGS])


def read_wish(wish: str) -> tuple[float | None, bool]:
    """The wished instant (None: as soon as possible), and whether only now will do. Raises InvalidInputError."""
    if wish in ("now", "opening", ""):
        return None, wish == "now"
    try:
        return from_iso(wish), False
    except ValueError as error:
        raise InvalidInputError("`wish` is now, opening, or the beginning of a slot", field="wish") from error


def refused(answer: Correctable, language: str) -> RefusedError:
    """As the visitor reads it."""
    return RefusedError(answer.code, texts(language)["errors"][answer.code], answer.field)


# ---- writing an answer


def international(number: str) -> str:
    """E.164 as people write it."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _slot(slot: Slot) -> dict[str, str | None]:
    return {"from": iso(slot.begin), "until": iso(slot.end)}


def _country(code: str) -> dict[str, str]:
    """Its calling code, and a mobile number as people there write theirs."""
    sample = phonenumbers.example_number_for_type(code, phonenumbers.PhoneNumberType.MOBILE)
    national = phonenumbers.PhoneNumberFormat.NATIONAL
    return {
        "code": code,
        "prefix": str(phonenumbers.country_code_for_region(code)),
        "example": phonenumbers.format_number(sample, national) if sample else "",
    }


@asynccontextmanager
async def evenly() -> AsyncIterator[None]:
    """Whatever happens inside takes `LEAST_S`, so that nobody learns from the time who is known and who is not."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LEAST_S
    try:
        yield
    finally:
        await asyncio.sleep(max(0.0, until - loop.time()))
