"""*Pure.* The closed sets of deals and orders: what a row is, how it stands, and which states still ask for something.
The tables store these words."""

from __future__ import annotations

from enum import StrEnum


class DealKind(StrEnum):
    """A DEAL may come about, an ORDER has been placed."""

    DEAL = "deal"
    ORDER = "order"


class DealState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


STATES = {
    DealKind.DEAL: (DealState.OPEN, DealState.WON, DealState.LOST),
    DealKind.ORDER: (
        DealState.OPEN,
        DealState.PAID,
        DealState.SHIPPED,
        DealState.DELIVERED,
        DealState.RETURNED,
        DealState.CANCELLED,
    ),
}

PENDING = (DealState.OPEN, DealState.PAID, DealState.SHIPPED)
"""What a caller may be calling about: shown on the card."""
