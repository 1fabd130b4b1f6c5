"""The alarm of calls that nobody but a person brings into a CRM: raised while one of them is failed or uncertain,
closed when none is left. Told on the caller's connection, with the change itself (`logs.py`)."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.alarms import close_alarm, raise_alarm, take_turn
from crm_link.connectors.tables import ConnectorLog, LogState

STUCK_ALARM = "crm-stuck"
STUCK = (LogState.FAILED, LogState.UNCERTAIN)


async def tell_stuck(connection: AsyncConnection, connector: str, now: float) -> None:
    """Look how many there are now of this CRM, and raise or close its alarm."""
    await take_turn(connection, STUCK_ALARM, connector)
    count = await connection.scalar(
        select(func.count()).where(ConnectorLog.connector == connector, ConnectorLog.state.in_(STUCK))
    )
    if count:
        text = (
            f"Of the CRM {connector}, calls that wait for somebody to look whether they are there: {count}."
        )
        await raise_alarm(connection, STUCK_ALARM, connector, text, now)
    else:
        await close_alarm(connection, STUCK_ALARM, connector, now)
