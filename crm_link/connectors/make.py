"""One section of the settings in, the connector it speaks of out."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from config.connectors import ConnectorSettings
from config.settings import Site
from core.errors import SettingsError
from crm_link.connectors.described import Described, DescribedAccount
from crm_link.connectors.description import load_description
from crm_link.connectors.odoo import Odoo
from crm_link.connectors.odoo_wire import OdooAccount
from crm_link.connectors.protocol import Connector, Sender
from crm_link.connectors.zammad import Zammad


def make_connector(name: str, settings: ConnectorSettings, site: Site, sender: Sender) -> Connector:
    """Raises SettingsError. Numbers without a country code are read as the site's."""
    match settings.kind:
        case "odoo":
            secret = settings.secret.get_secret_value()
            account = OdooAccount(
                settings.url, settings.database, settings.user, secret, site.region, settings.seconds
            )
            return Odoo(account, sender)
        case "http":
            try:
                description = load_description(settings.description)
            except SettingsError as error:
                raise SettingsError(f"connector.{name}.description: {error}") from error
            if settings.send_recordings and not description.attach:
                raise SettingsError(
                    f"connector.{name}.send_recordings: {settings.description} has no [[attach]], which says how a "
                    "recording is put to a call there"
                )
            return Described(description, _account(settings, site), sender)
        case "zammad":
            return Zammad(settings.url, settings.seconds, sender)


def _account(settings: ConnectorSettings, site: Site) -> DescribedAccount:
    secret = settings.secret.get_secret_value()
    zone = ZoneInfo(site.time_zone)
    return DescribedAccount(
        settings.url, settings.user, secret, site.region, zone, settings.seconds, settings.people
    )
