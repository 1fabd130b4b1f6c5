"""The only AMI socket: keeps one user of one PBX logged in, and hands out what it says, in order.

In: a target, a clock, actions. Out: one ordered stream of messages and link changes
(`async for item in link`), and the answer to each action. It connects and reconnects by itself
and never sends an action twice. A PBX has two links, one for events and one for dialling.
What bytes mean is decided in `codec.py`, what replies mean in `session.py`.
"""

import asyncio
import contextlib
import os
import random
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from enum import StrEnum
from typing import Self, cast

from core.clock import Clock
from pbx_bridge.ami import target as ami_target
from pbx_bridge.ami.codec import ActionHeaders, HeaderValue, VocabularyAction, action_name
from pbx_bridge.ami.connection import AmiConnection, Ending, LinkOptions, LinkTimes, Recorder, Surroundings
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.queue import LinkGap, LinkItem, LinkLost, LinkQueue, LinkRefused, LinkUp, Received
from pbx_bridge.ami.session import AmiActionError, AmiList
from pbx_bridge.ami.target import AmiTarget

__all__ = [
    "AmiLink",
    "AmiTarget",
    "LinkGap",
    "LinkItem",
    "LinkLost",
    "LinkOptions",
    "LinkRefused",
    "LinkState",
    "LinkTimes",
    "LinkUp",
    "Received",
]

# A consumer that always finds work must still let the socket, pings and other tasks have a turn.
_ITEMS_PER_TURN = 256
_DICE = random.SystemRandom().random

GATHER_S = 0.002
"""Asterisk says one step of a call in several messages within a few milliseconds: one transaction for all of them,
where each its own would cost several times as much."""


class LinkState(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    LOST = "lost"
    REFUSED = "refused"
    STOPPED = "stopped"


class AmiLink:
    """`start` it, iterate over it with one consumer, ask it actions, `stop` it.

    `clock` gives the instants in the stream; `dice` the random part of waits (0 to 1);
    `new_recorder` is asked for a recorder at each connection, to store the bytes as received.
    """

    def __init__(
        self,
        target: AmiTarget,
        *,
        clock: Clock,
        options: LinkOptions | None = None,
        dice: Callable[[], float] = _DICE,
        new_recorder: Callable[[], Recorder] | None = None,
    ) -> None:
        self.target = target
        self.state = LinkState.CONNECTING
        self.last_error: str | None = None
        self.queue = LinkQueue((options or LinkOptions()).queue)
        self._options = options or LinkOptions()
        self._clock = clock
        self._dice = dice
        self._new_recorder = new_recorder
        self._connection: AmiConnection | None = None
        self._connections = 0
        self._heard_at = 0.0
        self._up_at: float | None = None
        self._announced: LinkState | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._handed_out = 0

    @property
    def is_up(self) -> bool:
        return self.state is LinkState.UP

    # ---- life

    async def start(self) -> None:
        """Begin to connect; returns at once. The stream tells when the link is up."""
        self._heard_at = self._clock()
        self._task = asyncio.create_task(
            self._keep_connected(), name=f"ami-{self.target.key}.{self.target.role}"
        )

    async def stop(self) -> None:
        """Close; actions in flight fail, the stream ends after what is already in it."""
        self.state = LinkState.STOPPED
        if self._connection is not None:
            self._connection.end(Ending("stopped by us"))
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._news.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # ---- actions

    async def action(
        self,
        action: ActionHeaders | VocabularyAction,
        *,
        timeout: float = 5.0,
        variables: Mapping[str, HeaderValue] | None = None,
    ) -> AmiMessage:
        """Do one action and return the PBX's reply.

        Raises `AmiActionError` (refused, late, or no connection; see its `perhaps_executed`) and
        `AmiEncodeError` (never sent).
        """
        return cast(AmiMessage, await self._up(action).ask(action, timeout, variables, is_list=False))

    async def list_action(
        self, action: ActionHeaders | VocabularyAction, *, timeout: float = 10.0
    ) -> AmiList:
        """Do an action that answers with a list; returns it only when whole, else raises as `action`."""
        return cast(AmiList, await self._up(action).ask(action, timeout, None, is_list=True))

    def _up(self, action: ActionHeaders | VocabularyAction) -> AmiConnection:
        if self._connection is None or not self.is_up:
            raise AmiActionError(
                f"{action_name(action)} was not sent: {self.last_error or 'not connected to the PBX'}"
            )
        return self._connection

    # ---- the stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LinkItem:
        self._handed_out += 1
        if self._handed_out % _ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)
        while (item := self.queue.pop()) is None:
            if self.state is LinkState.STOPPED:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        if self._connection is not None and self.queue.has_room:
            self._connection.room_again()
        return item

    async def batches(self, limit: int) -> AsyncIterator[list[LinkItem]]:
        """The same stream in lists: waits for one item and a moment for its companions, then takes what is there, at
        most `limit`."""
        async for first in self:
            batch = [first]
            if not len(self.queue):
                await asyncio.sleep(GATHER_S)
            while len(batch) < limit and (item := self.queue.pop()) is not None:
                batch.append(item)
            yield batch

    # ---- connecting

    async def _keep_connected(self) -> None:
        attempt = 0
        while True:
            self._up_at = None
            ending = await self._connect_once()
            if self._up_at is not None and self._clock() - self._up_at >= self._options.times.steady:
                attempt = 0
            self._announce(ending)
            luck = self._dice()
            await asyncio.sleep(self._options.times.wait(attempt, luck, is_refusal=ending.is_refusal))
            attempt += 1

    async def _connect_once(self) -> Ending:
        """Connect, and return when that connection (or the attempt) is over."""
        target, times = self.target, self._options.times
        try:
            secure = ssl.create_default_context(cafile=target.tls_ca) if target.tls else None
        except OSError as error:
            return Ending(ami_target.tls_failed(target, f"{target.tls_ca}: {_cause(error)}"))
        try:
            async with asyncio.timeout(times.connect):
                connection = await self._open(secure)
        except ssl.SSLError as error:
            return Ending(ami_target.tls_failed(target, error.reason or str(error)))
        except TimeoutError:
            return Ending(ami_target.unreachable(target, f"no answer within {times.connect:g} s"))
        except OSError as error:
            return Ending(ami_target.unreachable(target, _cause(error)))
        return await self._serve(connection)

    async def _serve(self, connection: AmiConnection) -> Ending:
        self._connection = connection
        try:
            return await connection.ended
        finally:
            if self._up_at is not None:
                self._heard_at = connection.heard_at
            self._connection = None

    async def _open(self, secure: ssl.SSLContext | None) -> AmiConnection:
        self._connections += 1
        target = self.target
        around = Surroundings(target, self._options, self.queue, self._clock, self._logged_in, self._news.set)
        recorder = self._new_recorder() if self._new_recorder is not None else None
        prefix = f"rb-{target.role}-{self._connections}"
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: AmiConnection(around, prefix, recorder), target.host, target.port, ssl=secure
        )
        return connection

    def _logged_in(self, banner: str) -> None:
        self._up_at = self._clock()
        self.state = LinkState.UP
        self._announced = None
        self.last_error = None
        self.queue.put_change(LinkUp(self._up_at, self._heard_at, banner))

    def _announce(self, ending: Ending) -> None:
        """Say once per outage that, and why, there is no connection; once more if the kind changes."""
        self.last_error = ending.sentence
        self.state = LinkState.REFUSED if ending.is_refusal else LinkState.LOST
        if self._announced is not self.state:
            self._announced = self.state
            change = LinkRefused if ending.is_refusal else LinkLost
            self.queue.put_change(change(self._clock(), self._heard_at, ending.sentence))
        self._news.set()


def _cause(error: OSError) -> str:
    """`Connection refused` and the like, without asyncio's words around it."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
