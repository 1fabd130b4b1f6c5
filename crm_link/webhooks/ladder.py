"""*Pure.* When a failed delivery is tried again: the number of attempts made in, seconds out, or None when it is given
up. Chance is an argument (0 to 1), so that many deliveries which failed together do not come back together."""

from __future__ import annotations

LADDER_S = (5.0, 30.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""As Standard Webhooks proposes: some seconds for a restart, three days for a weekend."""

JITTER = 0.2
"""Each wait is up to so much shorter or longer."""

LONGEST_S = 86_400.0
"""How long a receiver may ask us to wait (`Retry-After`)."""


def wait_after(attempts: int, luck: float, *, asked_s: float | None = None) -> float | None:
    """Seconds until the next attempt after `attempts` of them; None: no more."""
    if attempts > len(LADDER_S):
        return None
    wait = LADDER_S[attempts - 1] * (1 - JITTER + 2 * JITTER * luck)
    return max(wait, min(asked_s or 0.0, LONGEST_S))
