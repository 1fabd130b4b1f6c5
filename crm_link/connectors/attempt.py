"""Trying a connector out: a number goes in, what the CRM said and all that went over the line come out, secrets hidden.
Nothing is written, there or here."""

from __future__ import annotations

from dataclasses import dataclass

from config.connectors import ConnectorSettings
from config.settings import Site
from core.errors import InvalidInputError, RingbackError
from core.phone import parse_number
from crm_link.connectors.make import make_connector
from crm_link.connectors.protocol import Contact, Sender
from crm_link.connectors.trace import Exchange, Traced


@dataclass(frozen=True, slots=True)
class Attempt:
    """`error` is why there is no answer, "" when there is one."""

    number: str
    contacts: tuple[Contact, ...]
    error: str
    exchanges: tuple[Exchange, ...]


async def try_out(name: str, settings: ConnectorSettings, site: Site, sender: Sender, text: str) -> Attempt:
    """Ask who has the number `text`. Raises InvalidInputError when it is none, SettingsError for the settings."""
    number = parse_number(text, site.region).e164
    if number is None:
        raise InvalidInputError("this is not a telephone number", field="number")
    traced = Traced(sender, settings.secrets)
    connector = make_connector(name, settings, site, traced)
    contacts: tuple[Contact, ...] = ()
    error = ""
    try:
        contacts = tuple(one.presentable() for one in await connector.find_contact(number))
    except RingbackError as failure:
        error = traced.hide(str(failure))
    return Attempt(number, contacts, error, tuple(traced.exchanges))
