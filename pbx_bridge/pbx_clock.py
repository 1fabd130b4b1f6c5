"""Do the PBX's clock and ours agree? Calls are timed by the PBX's clock, logins, notes and blind windows by ours: when
they differ, one page tells times that do not fit together. In: an open link. Out: the difference, and an alarm that is
open as long as it is too large. Nothing is corrected here."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import close_alarm, raise_alarm
from core.clock import Clock
from pbx_bridge.ami.link import AmiLink

ALARM = "pbx-clock"

TOLERATED_S = 3.0
"""More than any network's delay and than a machine without a time service gains in a day."""

LONG_S = 120.0


async def ahead(link: AmiLink, clock: Clock) -> float | None:
    """By how many seconds the PBX's clock is ahead of ours (behind: negative), as far as that is certain: a slow reply
    never makes it look larger. None when the PBX does not tell. Raises AmiActionError."""
    asked = clock()
    # The reply to Ping tells the time on every version we support, with any rights.
    stamped = (await link.action({"Action": "Ping"})).timestamp
    told = clock()
    if stamped is None:
        return None
    return max(0.0, stamped - told) if stamped > asked else stamped - asked


async def judge(connection: AsyncConnection, pbx: str, ahead: float, at: float) -> None:
    """Open or close the alarm."""
    if abs(ahead) <= TOLERATED_S:
        await close_alarm(connection, ALARM, pbx, at)
        return
    way = "ahead of" if ahead > 0 else "behind"
    text = (
        f"the PBX's clock is {_length(abs(ahead))} {way} this server's: let NTP set both "
        "(timedatectl set-ntp true), or times on one page do not fit together"
    )
    await raise_alarm(connection, ALARM, pbx, text, at)


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < LONG_S else f"{seconds / 60:.0f} min"
