"""`ringback connector test`: asks one CRM of the settings who has a number, and prints what went over the line with the
secrets hidden. Writes nothing, there or here."""

from __future__ import annotations

from collections.abc import Iterator

from config.settings import Settings
from core.errors import NotFoundError
from core.outside import Outside
from crm_link.connectors.attempt import Attempt, try_out


async def test_connector(settings: Settings, name: str, number: str) -> bool:
    """Whether the CRM answered. Raises NotFoundError, InvalidInputError, SettingsError."""
    if name not in settings.connector:
        known = ", ".join(settings.connector) or "there is none"
        raise NotFoundError(f"the settings have no [connector.{name}]: {known}")
    async with Outside(settings.outside) as outside:
        attempt = await try_out(name, settings.connector[name], settings.site, outside, number)
    print("\n".join(report(attempt)))
    return not attempt.error


def report(attempt: Attempt) -> Iterator[str]:
    for exchange in attempt.exchanges:
        yield "\n".join(f"> {line}" for line in exchange.request.splitlines())
        took = "" if exchange.took_s is None else f" ({exchange.took_s * 1000:.0f} ms)"
        yield "\n".join(f"< {line}" for line in exchange.answer.splitlines()) + took
        yield ""
    if attempt.error:
        yield f"failed: {attempt.error}"
        return
    for contact in attempt.contacts:
        yield " · ".join(one for one in (contact.name, contact.company, contact.url) if one)
    if not attempt.contacts:
        yield f"nobody there has {attempt.number}"
