"""Who is really asking, and over what: the client's address, scheme and host as seen through trusted proxies only;
whether a request comes from our own pages; and whether the configured listener may be opened at all."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web

from config.settings import Public, Server, Settings
from core.errors import ForbiddenError, SettingsError
from server.keys import SETTINGS

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
    """The address of the browser: the first one, from our side, that is not a trusted proxy."""
    address = request.remote or ""
    forwarded = [
        part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()
    ]
    while forwarded and _is_trusted(request, address):
        address = forwarded.pop()
    return address


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to us or to a trusted proxy."""
    if request.secure:
        return True
    forwarded = request.headers.get("X-Forwarded-Proto", "").strip().lower()
    return forwarded == "https" and _is_trusted(request, request.remote or "")


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


def own_origins(request: web.Request) -> list[str]:
    """What the browser's Origin may be: the address it used, and the public one of the settings."""
    origins = [address_used(request)]
    if public := request.app[SETTINGS].server.public_url:
        origins.insert(0, origin_in(public))
    return origins


def address_used(request: web.Request) -> str:
    """The origin under which the browser reached us, through a trusted proxy or straight."""
    host = request.host
    if _is_trusted(request, request.remote or ""):
        host = request.headers.get("X-Forwarded-Host", host)
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
