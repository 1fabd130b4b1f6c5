"""Who is really asking, and over what: the client's address, scheme and host as seen through trusted proxies only;
whether a request comes from our own pages; and whether the configured listener may be opened at all."""

from __future__ import annotations

import codecs
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

from config.settings import Public, Server, Settings
from core.errors import ForbiddenError, SettingsError
from server.web.keys import SETTINGS

Network = IPv4Network | IPv6Network
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class CrossSiteError(ForbiddenError):
    """The request was made by another website, or by a browser that does not say who made it."""

    code = "cross-site"


class PlainHttpError(ForbiddenError):
    """Somebody reached us over a network without TLS."""

    code = "plain-http"


def check_listener(settings: Settings) -> None:
    """Call before listening. Raises SettingsError when passwords or numbers would cross a network in clear."""
    trusted_networks(settings)
    _check_privacy(settings, "server", settings.server, "passwords")
    if settings.public.port is not None:
        _check_privacy(settings, "public", settings.public, "visitors' numbers")


def _check_privacy(settings: Settings, name: str, listener: Server | Public, what: str) -> None:
    if listener.tls_certificate is not None or settings.server.trusted_proxies or _is_loopback(listener.host):
        return
    raise SettingsError(
        f"`{name}.host` is {listener.host}, which others can reach, and plain HTTP would send {what} in clear: "
        f"set {name}.tls_certificate and {name}.tls_key, or name your TLS proxy in server.trusted_proxies, "
        "or listen on 127.0.0.1"
    )


def trusted_networks(settings: Settings) -> tuple[Network, ...]:
    """The proxies we believe. Raises SettingsError when one is no address or network."""
    try:
        return tuple(ip_network(text, strict=False) for text in settings.server.trusted_proxies)
    except ValueError as error:
        raise SettingsError(
            f"`server.trusted_proxies`: {error}; write addresses or networks such as 10.0.0.5 or 10.0.0.0/24"
        ) from error


def client_address(request: web.Request) -> str:
    """The address of the browser: the first one, from our side, that is not a trusted proxy. Where a proxy wrote
    something that is no address, its own stands: it answers for whoever is behind it."""
    address = _address_in(request.remote or "") or ""
    # Some proxies append to the line they got, others add a line of their own: theirs is the last either way.
    lines = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in lines.split(",") if part.strip()]
    while forwarded and _is_trusted(request, address):
        before = _address_in(forwarded.pop())
        if before is None:
            return address
        address = before
    return address


def _address_in(text: str) -> str | None:
    """`text` without a port, an IPv4 address within IPv6 as such; None when it is no address."""
    try:
        ip = ip_address(text)
    except ValueError:
        try:
            ip = ip_address(urlsplit(f"//{text}").hostname or "")
        except ValueError:
            return None
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to us or to a trusted proxy."""
    if request.secure:
        return True
    return _said_by_proxy(request, "X-Forwarded-Proto").lower() == "https"


def _said_by_proxy(request: web.Request, header: str) -> str:
    """What the trusted proxy next to us says, empty when it says nothing or there is none. It is the last word: what
    stands before it may have come from the browser."""
    if not _is_trusted(request, _address_in(request.remote or "") or ""):
        return ""
    return ",".join(request.headers.getall(header, [])).split(",")[-1].strip()


def refuse_plain_http(request: web.Request) -> None:
    """Raises PlainHttpError for a browser that came over a network without TLS, past the proxy."""
    if not is_secure(request) and not _is_loopback(client_address(request)):
        raise PlainHttpError("this server is reached over HTTPS only")


def refuse_cross_site(request: web.Request) -> None:
    """Raises CrossSiteError unless the browser says that one of our own pages sent this request."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    if site not in {None, "same-origin"}:
        raise CrossSiteError("this request came from another website and was refused")
    if origin is None and site is None:
        raise CrossSiteError("this request does not say where it comes from and was refused")
    if origin is not None and origin not in own_origins(request):
        raise CrossSiteError(
            f"this request came from {origin[:100]}, but this server is {own_origins(request)[0]}; behind a proxy, "
            "set server.public_url and server.trusted_proxies"
        )


def refuse_unknown_charset(request: web.Request) -> None:
    """Raises HTTPUnsupportedMediaType for a body in letters that nobody knows."""
    try:
        codecs.lookup(request.charset or "utf-8")
    except LookupError:
        raise web.HTTPUnsupportedMediaType(text="this charset is not known: send UTF-8") from None


def own_origins(request: web.Request) -> list[str]:
    """What the browser's Origin may be: the address it used, and the public one of the settings."""
    origins = [address_used(request)]
    if public := request.app[SETTINGS].server.public_url:
        origins.insert(0, origin_in(public))
    return origins


def address_used(request: web.Request) -> str:
    """The origin under which the browser reached us, through a trusted proxy or straight."""
    host = _said_by_proxy(request, "X-Forwarded-Host") or request.host
    return f"{'https' if is_secure(request) else 'http'}://{host}"


def origin_in(url: str) -> str:
    """Scheme and host of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_trusted(request: web.Request, address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in trusted_networks(request.app[SETTINGS]))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
