"""A small SIP phone for tests: registers, calls, rings, answers, refuses, forwards, holds, transfers, presses keys.

In: an address of its own, the PBX's address, a login (or none: then it plays a carrier with all its customers).
Out: ``Call`` objects, and ``log``: what this phone saw and when, the truth that captures are checked against.
It is a user agent for one well-behaved PBX on loopback: no NAT, no TCP, no DNS, no video.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.asterisk.call import Call
from tests.asterisk.place import SIP_PORT
from tests.asterisk.sip import SipMessage, authorization, parse, reply, token, uri_of, user_of

WAIT_SECONDS = 15.0
RESEND_SECONDS = 0.5
RESENDS = 10


class PhoneError(Exception):
    """The PBX did not do what the story needs; the text says what was waited for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing the phone saw: ``at`` is Unix time, ``what`` is ring, answer, bye, …"""

    at: float
    phone: str
    what: str
    detail: str


class Phone(asyncio.DatagramProtocol):
    """One device. ``async with Phone(...)`` opens it and, with a password, registers it."""

    def __init__(self, name: str, address: str, pbx: str, password: str = "") -> None:
        self.name = name
        self.address = address
        self.pbx = pbx
        self.password = password
        self.log: list[Seen] = []
        self.calls: list[Call] = []
        self.extension = name
        """What colleagues dial to reach it; a story's shop may call its devices otherwise."""
        self.refuse_at_once: dict[str, int] = {}
        """Dialled user (or "*") → status this phone answers without ringing."""
        self.forward_at_once = ""
        """Where this phone sends every call (302), without ringing."""
        self._transport: asyncio.DatagramTransport | None = None
        self._replies: dict[tuple[str, str], asyncio.Queue[SipMessage]] = {}
        self._news = asyncio.Event()
        self._taken: set[str] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def open(self) -> None:
        """Bind the address and, with a password, register. Raises PhoneError."""
        loop = asyncio.get_running_loop()
        address = (self.address, SIP_PORT)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)
        if self.password:
            await self.register()

    def close(self) -> None:
        """Switch off without a word to the PBX, as when the cable is pulled."""
        for call in self.calls:
            call.drop()
        if self._transport is not None:
            self._transport.close()

    async def register(self, seconds: int = 3600) -> None:
        """Tell the PBX where we are; 0 seconds takes it back. Raises PhoneError."""
        me = f"<sip:{self.name}@{self.pbx}>"
        request = SipMessage(
            f"REGISTER sip:{self.pbx} SIP/2.0",
            [
                ("From", f"{me};tag={token()}"),
                ("To", me),
                ("Call-ID", token()),
                ("CSeq", "1 REGISTER"),
                ("Contact", f"<{self.contact}>;expires={seconds}"),
            ],
        )
        answer = await self.ask(request)
        if answer.status != 200:
            raise PhoneError(f"{self.name} could not register: {answer.start}")

    @property
    def contact(self) -> str:
        """Where the PBX reaches this device."""
        return f"sip:{self.name}@{self.address}:{SIP_PORT}"

    async def dial(
        self,
        number: str,
        *,
        caller: str = "",
        name: str | None = None,
        headers: list[tuple[str, str]] | None = None,
    ) -> Call:
        """Start a call; returns at once with the call, which rings elsewhere.

        ``caller`` and ``name`` stand in From (a carrier's customers); ``name`` goes out exactly as given.
        """
        shown = f"{name} " if name is not None else ""
        local = f"{shown}<sip:{caller or self.name}@{self.pbx}>;tag={token()}"
        call = Call(
            self, token(), local, f"<sip:{number}@{self.pbx}>", f"sip:{number}@{self.pbx}:{SIP_PORT}", number
        )
        self.calls.append(call)
        await call.invite(headers or [])
        return call

    async def rings(self, number: str = "") -> Call:
        """The next call that rings here (for that dialled number) and still does. Raises PhoneError after 15 s."""

        def fits(call: Call) -> bool:
            return call.incoming and call.ended_at is None and number in ("", call.number)

        return await self._find(fits, f"rings {number}".strip())

    def rang(self) -> bool:
        """Whether any call has rung here."""
        return any(seen.what == "ring" for seen in self.log)

    def note(self, what: str, detail: str = "") -> float:
        """Write one line into the phone's log; returns its time."""
        at = time.time()
        self.log.append(Seen(at, self.extension, what, detail))
        self._news.set()
        return at

    async def _find(self, fits: Callable[[Call], bool], what: str) -> Call:
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    for call in self.calls:
                        if call.id not in self._taken and fits(call):
                            self._taken.add(call.id)
                            return call
                    self._news.clear()
                    await self._news.wait()
        raise PhoneError(f"phone {self.name} never {what}")

    # -- messages -----------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """asyncio calls this."""
        try:
            message = parse(data)
        except ValueError:
            return
        if message.status:
            self._answered(message)
        else:
            self._requested(message)

    def send(self, message: SipMessage) -> None:
        """One datagram to the PBX."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(message.encode(), (self.pbx, SIP_PORT))

    async def ask(self, request: SipMessage) -> SipMessage:
        """Send a request and return its final answer; a challenge is answered once. Raises PhoneError."""
        answer = await self._transact(request)
        if answer.status == 401:
            uri = request.start.split()[1]
            answer = await self._transact(self.with_login(request, answer, uri))
        return answer

    def with_login(self, request: SipMessage, challenge: SipMessage, uri: str) -> SipMessage:
        """The same request again, with our password's proof and the next CSeq."""
        proof = authorization(
            challenge.get("WWW-Authenticate"), request.method, uri, self.name, self.password
        )
        again = [(k, v) for k, v in request.headers if k not in ("Via", "CSeq", "Authorization")]
        again += [("CSeq", f"{request.number + 1} {request.method}"), ("Authorization", proof)]
        return SipMessage(request.start, again, request.body)

    def open_transaction(self, request: SipMessage) -> asyncio.Queue[SipMessage]:
        """Give the request a Via of its own and a queue for its answers."""
        branch = f"z9hG4bK{token()}"
        request.headers.insert(0, ("Via", f"SIP/2.0/UDP {self.address}:{SIP_PORT};branch={branch};rport"))
        request.headers.append(("Max-Forwards", "70"))
        queue: asyncio.Queue[SipMessage] = asyncio.Queue()
        self._replies[branch, request.method] = queue
        return queue

    async def _transact(self, request: SipMessage) -> SipMessage:
        queue = self.open_transaction(request)
        for _ in range(RESENDS):
            self.send(request)
            with suppress(TimeoutError):
                while True:
                    answer = await asyncio.wait_for(queue.get(), RESEND_SECONDS)
                    if answer.status >= 200:
                        return answer
        raise PhoneError(f"{self.name}: no answer to {request.start}")

    def _answered(self, message: SipMessage) -> None:
        queue = self._replies.get((message.branch, message.method))
        if queue is not None:
            queue.put_nowait(message)

    def _requested(self, message: SipMessage) -> None:
        call = next((call for call in self.calls if call.id == message.get("Call-ID")), None)
        if call is not None:
            call.requested(message)
        elif message.method == "INVITE":
            self._ring(message)
        elif message.method != "ACK":
            known = message.method in ("OPTIONS", "NOTIFY")
            self.send(reply(message, 200 if known else 481, token(), []))

    def _ring(self, message: SipMessage) -> None:
        number = user_of(message.start.split()[1])
        local = f"{message.get('To')};tag={token()}"
        call = Call(
            self, message.get("Call-ID"), local, message.get("From"), uri_of(message.get("Contact")), number
        )
        self.calls.append(call)
        call.ring(
            message, self.refuse_at_once.get(number) or self.refuse_at_once.get("*"), self.forward_at_once
        )
