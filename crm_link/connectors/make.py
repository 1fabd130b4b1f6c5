"""One section of the settings in, the connector it speaks of out."""

from __future__ import annotations

from config.connectors import ConnectorSettings
from core.errors import SettingsError
from crm_link.connectors.odoo import Odoo, OdooAccount
from crm_link.connectors.protocol import Connector, Sender


def make_connector(name: str, settings: ConnectorSettings, region: str, sender: Sender) -> Connector:
    """Raises SettingsError. `region` is the site's, by which numbers without a country code are read."""
    match settings.kind:
        case "odoo":
            secret = settings.secret.get_secret_value()
            account = OdooAccount(
                settings.url, settings.database, settings.user, secret, region, settings.seconds
            )
            return Odoo(account, sender)
        case _:
            raise SettingsError(f"connector.{name}.kind {settings.kind!r} is not known")
