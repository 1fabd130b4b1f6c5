"""The simulated PBX's AMI on a real TCP socket: greeting, login (plain and MD5), rights, replies, events. It knows
nothing of calls: replies come from `answers.py`, events from the world; faults are applied on the last metre, where
bytes leave. Bounded like a real one: a reader who falls 3 MB behind is cut off with nothing but EOF."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
from collections import deque
from collections.abc import Callable, Sequence

from pbx_bridge.ami.message import END_OF_MESSAGE, AmiMessage
from pbx_bridge.simulator.answers import Answer, Question, answer, error, success, with_action_id
from pbx_bridge.simulator.dialplan import Step
from pbx_bridge.simulator.faults import Faults
from pbx_bridge.simulator.users import ManagerUser
from pbx_bridge.simulator.world import Emission, World

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
LOGIN_SECONDS = 30.0
MOST_BEHIND = 3_000_000
LONGEST_ACTION = 65_536


class Office:
    """What all connections of one simulated PBX share."""

    def __init__(
        self,
        world: World,
        users: Sequence[ManagerUser],
        faults: Faults,
        dialplan: Sequence[Step],
        originate: Callable[[AmiMessage], str | None],
    ) -> None:
        self.world = world
        self.users = {user.name: user for user in users}
        self.faults = faults
        self.dialplan = dialplan
        self.originate = originate


class ManagerConnection:
    """One client, from greeting to EOF. `serve` returns when it is over."""

    def __init__(
        self,
        office: Office,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[AmiMessage], None],
    ) -> None:
        self.user: ManagerUser | None = None
        self._note = note
        self._office = office
        self._reader = reader
        self._writer = writer
        self._challenge: str | None = None
        self._events_on = True
        self._is_closing = False
        self._outbox: deque[tuple[float, bytes]] = deque()
        self._behind = 0
        self._news = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._left = office.faults.cut_after
        transport_socket = writer.get_extra_info("socket")
        if transport_socket is not None:
            transport_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def serve(self) -> None:
        stop_listening = self._office.world.listen(self._event)
        self._put(GREETING)
        sending = asyncio.create_task(self._send(), name="simulated AMI: send")
        receiving = asyncio.create_task(self._receive(), name="simulated AMI: receive")
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop_listening()
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            self._all_sent.set()
            self.cut()

    def cut(self) -> None:
        """EOF for the client, after what has been written already; what waits in the outbox is lost."""
        self._writer.close()

    async def finish(self) -> None:
        """Send what waits; then nothing more. Returns when it has been sent (or cannot be)."""
        self._put(b"")
        await self._all_sent.wait()

    # ---- in

    async def _receive(self) -> None:
        buffer = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := await self._read():
                buffer += data
                *whole, buffer = buffer.split(END_OF_MESSAGE)
                for raw in whole:
                    if raw:
                        await self._act(AmiMessage(raw.lstrip(b"\r\n")))
                if len(buffer) > LONGEST_ACTION or self._is_closing:
                    return

    async def _read(self) -> bytes:
        async with asyncio.timeout(None if self.user else LOGIN_SECONDS):
            return await self._reader.read(65_536)

    async def _act(self, action: AmiMessage) -> None:
        self._note(action)
        name = (action.get("Action") or "").lower()
        if name in ("login", "challenge"):
            replies = self._login(action) if name == "login" else self._challenged(action)
        elif self.user is None:
            replies = [error("Permission denied")]
        elif name == "logoff":
            replies = [{"Response": "Goodbye", "Message": "Thanks for all the fish."}]
            self._is_closing = True
        else:
            replies = self._answer(action, name, self.user)
        for headers in replies:
            self._put(with_action_id(headers, action.action_id).raw + END_OF_MESSAGE)
        if self._is_closing:
            await self.finish()

    def _answer(self, action: AmiMessage, name: str, user: ManagerUser) -> Answer:
        office = self._office
        replies = answer(Question(office.world, user, action, office.dialplan, office.originate))
        if name == "events":
            self._events_on = replies[0].get("Events") == "On"
        return replies

    def _challenged(self, action: AmiMessage) -> Answer:
        if (action.get("AuthType") or "").upper() != "MD5":
            return [error("Must specify AuthType")]
        self._challenge = str(random.randrange(10**8, 10**9))  # noqa: S311
        return [{"Response": "Success", "Challenge": self._challenge}]

    def _login(self, action: AmiMessage) -> Answer:
        user = self._office.users.get(action.get("Username") or "")
        if user is None or self._office.faults.refuse_login or not self._proves(user, action):
            self._is_closing = True
            return [error("Authentication failed")]
        self.user = user
        self._events_on = (action.get("Events") or "on").lower() not in ("off", "no", "0")
        return [success("Authentication accepted")]

    def _proves(self, user: ManagerUser, action: AmiMessage) -> bool:
        if (action.get("AuthType") or "").upper() != "MD5":
            return action.get("Secret") == user.secret
        if self._challenge is None:
            return False
        expected = hashlib.md5((self._challenge + user.secret).encode(), usedforsecurity=False)
        return action.get("Key") == expected.hexdigest()

    # ---- out

    def _event(self, emission: Emission) -> None:
        message, drop = emission.message, self._office.faults.drop
        if self.user is None or not self._events_on or not self.user.hears(message.event, emission.right):
            return
        if drop is None or not drop(message):
            self._put(message.raw + END_OF_MESSAGE)

    def _put(self, data: bytes) -> None:
        due = asyncio.get_running_loop().time() + self._office.faults.delay
        self._outbox.append((due, data))
        self._behind += len(data)
        self._news.set()

    async def _send(self) -> None:
        """Until the end (empty data), a cut, a lost peer or one who is too far behind."""
        with contextlib.suppress(ConnectionError):
            while self._behind <= MOST_BEHIND:
                due, data = await self._next()
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                if not data or not await self._write(data):
                    break
                self._behind -= len(data)
        self._all_sent.set()

    async def _next(self) -> tuple[float, bytes]:
        while not self._outbox:
            self._news.clear()
            await self._news.wait()
        return self._outbox.popleft()

    async def _write(self, data: bytes) -> bool:
        """False when the connection has been cut on purpose."""
        faults = self._office.faults
        await faults.speaking.wait()
        size = faults.piece or len(data)
        for start in range(0, len(data), size):
            piece = self._within_cut(data[start : start + size])
            self._writer.write(piece)
            await self._writer.drain()
            if faults.piece:
                await asyncio.sleep(0)
            if self._left == 0:
                return False
        return True

    def _within_cut(self, piece: bytes) -> bytes:
        if self._office.faults.cut_after is None:
            self._left = None
            return piece
        if self._left is None:
            self._left = self._office.faults.cut_after
        piece = piece[: self._left]
        self._left -= len(piece)
        return piece
