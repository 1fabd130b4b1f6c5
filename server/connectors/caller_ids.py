"""Which number of ours the customer of a callback sees, asked of the CRMs that route by it before the call is dialled:
an order to dial in, the number out. A CRM that is slow or away costs the call a second and its own proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import structlog
from aiohttp import web

from core.errors import RingbackError
from core.ports import DialOrder
from crm_link.connectors.zammad import Zammad
from server.connectors.parts import CONNECTORS
from server.web.keys import SETTINGS

log = structlog.get_logger(__name__)

WAITS_S = 1.0
"""For all of them together."""


class AskedCallerIds:
    """Implements `core.ports.CallerIds` with the connectors of the application."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    async def to_show(self, order: DialOrder, call_id: str) -> str | None:
        """As `CallerIds` has it: the first that proposes one."""
        try:
            async with asyncio.timeout(WAITS_S):
                for name, zammad in self._asked():
                    shown = await self._propose(name, zammad, order, call_id)
                    if shown is not None:
                        return shown
        except TimeoutError:
            log.warning("no caller id in time", call_id=call_id)
        return None

    async def not_dialled(self, order: DialOrder, call_id: str) -> None:
        """As `CallerIds` has it."""
        for name, zammad in self._asked():
            try:
                async with asyncio.timeout(WAITS_S):
                    await zammad.withdraw(call_id, _ours(order), order.number)
            except (RingbackError, TimeoutError) as error:
                log.warning("an event was not told", connector=name, call_id=call_id, why=str(error))

    async def _propose(self, name: str, zammad: Zammad, order: DialOrder, call_id: str) -> str | None:
        try:
            return await zammad.propose(call_id, _ours(order), order.number)
        except RingbackError as error:
            log.warning("no caller id was proposed", connector=name, call_id=call_id, why=str(error))
            return None

    def _asked(self) -> Iterator[tuple[str, Zammad]]:
        made = self._app[CONNECTORS].made if CONNECTORS in self._app else {}
        for name, one in made.items():
            if isinstance(one, Zammad) and self._app[SETTINGS].connector[name].caller_ids:
                yield name, one


def _ours(order: DialOrder) -> str:
    return order.agent.extension if order.agent is not None else order.queue or ""
