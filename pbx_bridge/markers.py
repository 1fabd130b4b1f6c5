"""Where the shipped dialplan keeps how far an attempt came: one AstDB family per weekday. *Pure.*

In: an instant. Out: the families to look into. Only the dialplan writes and clears them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def families(at: float) -> tuple[str, ...]:
    """Today's, yesterday's and tomorrow's, in that order: attempts around midnight, on a PBX whose clock is not ours.
    Of tomorrow's the dialplan lets nothing stand that is a week old."""
    today = datetime.fromtimestamp(at, UTC)
    return tuple(f"ringback-{(today + timedelta(days=days)).isoweekday()}" for days in (0, -1, 1))
