"""A scripted Asterisk 22 on a loopback port. `Simulator` joins the parts: a world with phones and queues, the AMI
server in front of it, faults, and what a script may do with the whole (ring in, dial out, play a capture, restart).

    async with Simulator() as pbx:
        call = pbx.rings_queue(Party("+48221234567", "Jan"), "sales")
        await pbx.clock.sleep(4)
        call.answers("101")
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.simulator import playback, transfers
from pbx_bridge.simulator.call import SimulatedCall
from pbx_bridge.simulator.clock import PbxClock
from pbx_bridge.simulator.dialplan import Step, steps
from pbx_bridge.simulator.faults import Faults
from pbx_bridge.simulator.layout import Layout
from pbx_bridge.simulator.originate import Habits, Originator
from pbx_bridge.simulator.server import ManagerConnection, Office
from pbx_bridge.simulator.state import RING, Party, channel_headers
from pbx_bridge.simulator.users import USERS, ManagerUser
from pbx_bridge.simulator.world import World

SHIPPED_DIALPLAN = Path(__file__).parents[2] / "config" / "asterisk" / "extensions_ringback.conf"

ACTIONS_KEPT = 1_000
"""For tests that look at what they sent; a demo runs for days."""


class Simulator:
    """Use it as an async context manager, or `start` and `stop` it. `port` 0 takes a free one; `clock` replaces the
    clock of `speed`. Without a socket (never started) it can still tell stories to who listens to its world."""

    def __init__(
        self,
        layout: Layout | None = None,
        *,
        port: int = 0,
        speed: float = 1.0,
        clock: PbxClock | None = None,
        users: Sequence[ManagerUser] = USERS,
        habits: Habits | None = None,
        dialplan: Sequence[Step] | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.faults = Faults()
        self.habits = habits or Habits()
        self.clock = clock or PbxClock(speed)
        self.layout = layout or Layout()
        self.world = World(self.layout, self.clock)
        self.connections: dict[ManagerConnection, asyncio.Future[None]] = {}
        self.actions: deque[AmiMessage] = deque(maxlen=ACTIONS_KEPT)
        plan = steps(SHIPPED_DIALPLAN.read_text(encoding="utf-8")) if dialplan is None else dialplan
        self._originator = Originator(self.habits, self._keep)
        self._office = Office(self.world, users, self.faults, plan, self._originate)
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ---- the socket

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self.open_port()

    async def stop(self) -> None:
        """No more socket, no more stories."""
        await self.close_port()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take_port(self) -> int:
        """Bind the port before any event loop runs, for who must know it early. Raises OSError."""
        self._socket = socket.create_server((self.host, self.port))
        self.port = self._socket.getsockname()[1]
        return self.port

    async def open_port(self) -> None:
        if self._server is not None:
            return
        if self._socket is None:
            self.take_port()
        self._server = await asyncio.start_server(self._serve, sock=self._socket)
        self._socket = None

    async def close_port(self) -> None:
        """Nobody can connect any more, and everybody who was connected sees EOF. The PBX itself goes on."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            over = tuple(self.connections.values())
            self.cut()
            await asyncio.gather(*over)
            await server.wait_closed()

    def cut(self) -> None:
        """Every connection ends now; new ones are welcome."""
        for connection in tuple(self.connections):
            connection.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ManagerConnection(self._office, reader, writer, self.actions.append)
        over = asyncio.get_running_loop().create_future()
        self.connections[connection] = over
        try:
            await connection.serve()
        finally:
            del self.connections[connection]
            over.set_result(None)

    async def restart(self, *, kill: bool = True, down: float = 0.0) -> None:
        """The PBX dies (or stops in good order) and starts again after `down` seconds: no channels, uniqueids and
        channel names from the beginning, another start-up time. Like a real one it needs more than a second, so that
        no uniqueid (the second and a number) is ever given twice."""
        if not kill:
            self._say_goodbye()
            await asyncio.gather(*(connection.finish() for connection in self.connections))
        self.world.is_dead = True
        await self.close_port()
        await self.clock.sleep(max(down, 1.1))
        self.world = World(self.layout, self.clock)
        self._office.world = self.world
        await self.open_port()

    def _say_goodbye(self) -> None:
        for channel in tuple(self.world.channels.values()):
            self.world.soft_hangup(channel)
            bridge = channel.bridge
            self.world.leave(channel)
            if bridge is not None and not bridge.channels:
                self.world.destroy(bridge)
            self.world.hang_up(channel)

    # ---- people

    def rings_in(
        self, caller: Party, number: str, presentation: str = "allowed_not_screened"
    ) -> SimulatedCall:
        """Somebody outside dials one of our numbers; the dialplan has done nothing with it yet."""
        world = self.world
        channel = world.new_channel(
            self.layout.trunk, state=RING, caller=caller, context="from-trunk", exten=number
        )
        extra = {"UserEvent": "RingbackCaller", "Presentation": presentation}
        world.emit("UserEvent", {**channel_headers(channel), **extra}, "user")
        return SimulatedCall(world, channel)

    def rings_phone(self, caller: Party, *extensions: str) -> SimulatedCall:
        """Somebody dials the direct number of the first of these phones; all of them ring."""
        call = self.rings_in(caller, self.layout.direct_number(extensions[0]))
        call.rings(extensions)
        return call

    def rings_queue(self, caller: Party, queue: str) -> SimulatedCall:
        """Somebody dials a queue's number; its free members ring."""
        call = self.rings_in(caller, self.layout.queues[queue].number)
        call.joins_queue(queue)
        return call

    def phone_calls(self, extension: str, number: str) -> SimulatedCall:
        """One of our phones dials: a colleague, or an outside number as people write it (`600100200`, `0049…`)."""
        world, layout = self.world, self.layout
        device, own = layout.device(extension), world.party(extension)
        channel = world.new_channel(device, state=RING, caller=own, exten=number)
        call = SimulatedCall(world, channel)
        if number in layout.phones:
            call.rings([number])
            return call
        channel.context, channel.exten = "outside", layout.dialled(number)
        world.set_caller(channel, Party(layout.shown_number, own.name))
        call.rings_outside(channel.exten)
        return call

    def blind_transfer(self, call: SimulatedCall, to: str) -> None:
        transfers.blind_transfer(call, to)

    def consult(self, call: SimulatedCall, to: str) -> SimulatedCall:
        return transfers.consult(call, to)

    def attended_transfer(self, call: SimulatedCall, consultation: SimulatedCall) -> None:
        transfers.attended_transfer(call, consultation)

    # ---- stories

    def run(self, story: Callable[[Simulator], Awaitable[None]]) -> asyncio.Task[None]:
        """Play a story beside everything else; it ends with the simulator."""

        async def play() -> None:
            await story(self)

        task = asyncio.get_running_loop().create_task(play(), name=f"story {story.__name__}")
        self._keep(task)
        return task

    async def play(self, capture: Path, replace: Mapping[str, str] | None = None) -> None:
        """Play a capture from now on, in the PBX's time. Raises InvalidInputError for a file that is none."""
        await playback.play(self.world, playback.load(capture), replace)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _originate(self, action: AmiMessage) -> str | None:
        return self._originator.take(self.world, action)
