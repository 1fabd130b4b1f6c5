"""The named steps of an attempt at which something breaks, in order. Those `IN_THE_SERVER` are places in our own code,
where the server under test halts and asks (`server.py`); the others are seen at the phones."""

from __future__ import annotations

from enum import StrEnum


class Step(StrEnum):
    """Each is reached when the words are true and nothing after it has happened in the server."""

    COMMITTING = "the attempt is written, not committed"
    COMMITTED = "the attempt is committed, its order not sent"
    SENT = "the order is sent, its reply not read"
    REPLIED = "the reply is read, not written down"
    AGENT_RINGS = "the agent's phone rings"
    AGENT_ANSWERED = "the agent hears the announcement"
    CUSTOMER_RINGS = "the customer's phone rings"
    TALKING = "both talk"
    ENDED = "the end of the call is in the log, the attempt does not know"
    SETTLED = "the attempt's end is committed, the reader of the log has not noted it"


IN_THE_SERVER = frozenset(
    {Step.COMMITTING, Step.COMMITTED, Step.SENT, Step.REPLIED, Step.ENDED, Step.SETTLED}
)
