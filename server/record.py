"""`ringback capture`: which PBX of the settings to record, and what to say about it on the terminal. The recording
itself is `pbx_bridge/capture.py`'s."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from config.settings import Pbx, Settings
from core.clock import system_clock
from core.errors import InvalidInputError
from pbx_bridge.ami.target import LinkRole, target_of
from pbx_bridge.capture import capture


async def record(
    settings: Settings, out: Path, pbx: str | None, seconds: float | None, *, anonymise: bool
) -> None:
    """Record until `seconds` are over or Ctrl+C. Raises InvalidInputError, CaptureError."""
    name, chosen = _chosen(settings, pbx)
    target = target_of(name, chosen, chosen.events, LinkRole.EVENTS)
    region = settings.site.region
    work = asyncio.ensure_future(
        capture(target, out, system_clock, seconds=seconds, anonymise=anonymise, region=region)
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, work.cancel)
    until = "Ctrl+C stops" if seconds is None else f"for {seconds:g} s"
    print(f"recording {name} into {out} ({until})", flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    trunks = " ".join(f"--trunk {trunk}" for trunk in chosen.trunks)
    print(f"recorded; look at it with: ringback replay {out} {trunks}")


def _chosen(settings: Settings, pbx: str | None) -> tuple[str, Pbx]:
    names = ", ".join(settings.pbx) or "none"
    if pbx is None and len(settings.pbx) == 1:
        return next(iter(settings.pbx.items()))
    if pbx is None or pbx not in settings.pbx:
        raise InvalidInputError(f"say which PBX with --pbx NAME (in the settings: {names})")
    return pbx, settings.pbx[pbx]
