"""How long the announcement lasts in which the agent of a callback can still say "not now". A site may change it in
`[ringback-settings]` of its dialplan, so the PBX is asked. In: an open link. Out: seconds. A prompt of the site's own
that is longer plays to its end, which nothing tells; nothing is counted here."""

from __future__ import annotations

import re

from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ami.session import AmiActionError

CONTEXT = "ringback-settings"

SHIPPED_S = 5.0
"""In config/asterisk/extensions_ringback.conf."""

_LINE = re.compile(r"\s*RINGBACK_ANNOUNCEMENT\s*=\s*(\d{1,3})\s*")


async def announcement_s(link: AmiLink) -> float | None:
    """None when the PBX does not show such a line: our dialplan is not loaded, or the value is an expression."""
    try:
        shown = await link.list_action({"Action": "ShowDialPlan", "Context": CONTEXT})
    except AmiActionError:
        return None
    lines = (_LINE.fullmatch(item.get("AppData") or "") for item in shown.items)
    return next((float(line[1]) for line in lines if line is not None), None)
