"""The part of the settings that speaks of requests to other people's servers (webhooks, connectors): which addresses
of the site's own network they may reach. Nothing on a screen changes it. The checking itself is `core/outside.py`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import Field, field_validator

from config.part import Part

Network = IPv4Network | IPv6Network


class OutsideSettings(Part):
    """`[outside]`."""

    allow_networks: tuple[str, ...] = Field(
        (),
        description="private networks that requests may go to, e.g. 192.168.1.20/32; else only public ones",
    )

    keep_deliveries_days: int = Field(
        30, ge=1, le=3650, description="webhooks that were delivered or given up can be replayed so long"
    )

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            try:
                ip_network(text)
            except ValueError as error:
                raise ValueError(
                    f"{text!r} is no network: write 192.168.1.0/24, or one address such as 192.168.1.20"
                ) from error
        return given

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(ip_network(text) for text in self.allow_networks)
