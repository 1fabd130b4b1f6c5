"""Which Asterisk to connect to, and the sentences that say why it did not work and what to change.

Pure. Each sentence names the PBX, the cause, and the setting (or the line of manager.conf) to
look at. No secret ever stands in one.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from config.settings import AmiUser, Pbx
from pbx_bridge.ami.session import Credentials


class LinkRole(StrEnum):
    """The two connections of a PBX: one listens and never dials, the other dials."""

    EVENTS = "events"
    DIAL = "dial"


@dataclass(frozen=True, slots=True)
class AmiTarget:
    """One AMI user of one PBX. `name` and `role` are the settings' keys: `pbx.<name>.<role>`."""

    name: str
    host: str
    port: int
    credentials: Credentials
    role: LinkRole = LinkRole.EVENTS
    tls: bool = False
    tls_ca: Path | None = None

    @property
    def key(self) -> str:
        """Where its settings stand, e.g. `pbx.main`."""
        return f"pbx.{self.name}"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def target_of(name: str, pbx: Pbx, user: AmiUser, role: LinkRole) -> AmiTarget:
    """One of the two users of `[pbx.<name>]` as a target."""
    credentials = Credentials(user.user, user.secret.get_secret_value())
    return AmiTarget(name, pbx.host, pbx.port, credentials, role=role, tls=pbx.tls, tls_ca=pbx.tls_ca)


def unreachable(target: AmiTarget, cause: str) -> str:
    return (
        f"{target.key}: cannot reach Asterisk at {target.address} ({cause}). Check {target.key}.host and "
        f"{target.key}.port, and enabled, bindaddr and port in manager.conf"
    )


def not_ami(target: AmiTarget, cause: str) -> str:
    return (
        f"{target.key}: {target.address} answers, but not as an Asterisk Manager ({cause}). Set "
        f"{target.key}.port to the port in manager.conf (usually 5038, with TLS 5039 and {target.key}.tls)"
    )


def refused(target: AmiTarget, cause: str) -> str:
    user = f"{target.key}.{target.role}"
    return (
        f"{target.key}: Asterisk at {target.address} refused the login of {target.credentials.user!r} ({cause}). "
        f"Check {user}.user and {user}.secret against manager.conf, and its permit= lines"
    )


def bad_credentials(target: AmiTarget, cause: str) -> str:
    user = f"{target.key}.{target.role}"
    return f"{target.key}: {user}.user or {user}.secret cannot be sent to Asterisk ({cause}). Change it"


def tls_failed(target: AmiTarget, cause: str) -> str:
    return (
        f"{target.key}: no TLS with {target.address} ({cause}). Check {target.key}.tls_ca, tlsenable in "
        f"manager.conf, and that {target.key}.host is the name in its certificate"
    )


def closed(target: AmiTarget, cause: str) -> str:
    return f"{target.key}: the connection to {target.address} ended ({cause})"
