"""The line monitor's own process: registers at a PBX as one of its extensions, rings without ever answering, and says
on standard output what it saw (`wire.py`). Started by `monitor.py`; ends when its standard input ends.

The only file that loads pyVoIP, which is GPL-3: the server never imports it. pyVoIP signs us in and keeps the digest;
its faults are kept out. Requests never reach it (it ignores CANCEL, garbles names, believes any address), it gets no
socket and no timer of its own, and a refused registration is not repeated at once."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass, field

import pyVoIP.VoIP  # noqa: F401  (first: `SIP` alone runs into a circular import of theirs)
from pyVoIP import SIP

from pbx_bridge.line.sip import Request, answer, caller_of, parse_request, why_stopped
from pbx_bridge.line.wire import (
    LONGEST_LINE,
    Login,
    Refused,
    Registered,
    Rings,
    Stopped,
    Strangers,
    Told,
    Unreachable,
    read_login,
    write_told,
)

EXPIRES_S = 60
"""A PBX that died is noticed within half of this."""

ANSWER_S = 10
"""How long one answer to a registration is waited for."""

REFUSED_S = 60.0
"""Sooner, and fail2ban on the PBX would lock us out."""

UNREACHABLE_S = (2.0, 5.0, 15.0, 30.0)
"""Pauses before the second, third … try."""

MOST_CALLS = 50
LONGEST_CALL_S = 600.0
"""A ringing whose CANCEL was lost is forgotten after this."""

RESENDS_S = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""UDP loses datagrams: a final answer is sent until it is acknowledged (RFC 3261, 17.2.1)."""

STRANGERS_S = 60.0
"""Scanners come in thousands; they are worth a line a minute."""

LARGEST = 65_535
ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS"


class Mouth:
    """Says lines on the pipe; two threads may speak."""

    def __init__(self) -> None:
        # pyVoIP prints: whatever it says goes to standard error, the pipe is ours alone.
        self._pipe = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._turn = threading.Lock()

    def say(self, told: Told) -> None:
        with self._turn:
            self._pipe.write(write_told(told))


PORTS = range(40_000, 60_000)


def usual_port(login: Login) -> int:
    """The same for the same line each time: a process that was killed has not signed out, and the PBX would go on
    ringing its old address beside the new one."""
    line = f"{login.user}@{login.host}:{login.port}".encode()
    return PORTS[int.from_bytes(hashlib.sha256(line).digest()[:4]) % len(PORTS)]


def _bind(our: socket.socket, address: str, port: int) -> None:
    try:
        our.bind((address, port))
    except OSError:
        our.bind((address, 0))


class Gate:
    """The one UDP socket. Only the PBX's own addresses get through; answers to pyVoIP are handed to it separately."""

    def __init__(self, login: Login) -> None:
        found = socket.getaddrinfo(login.host, login.port, socket.AF_INET, socket.SOCK_DGRAM)
        self.pbx = found[0][4][0], login.port
        self._known = {str(one[4][0]) for one in found}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        _bind(self.socket, login.address or _routed_from(self.pbx), usual_port(login))
        self.address, self.port = self.socket.getsockname()
        self._inner, self.outer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inner.setblocking(False)

    def receive(self) -> tuple[bytes, tuple[str, int], bool]:
        """One datagram, where it came from, and whether that is the PBX."""
        data, source = self.socket.recvfrom(LARGEST)
        return data, source, source[0] in self._known

    def hand_in(self, data: bytes) -> None:
        """An answer for pyVoIP. One that it does not read in time is dropped, as the network might have done."""
        try:
            self._inner.send(data)
        except BlockingIOError:
            return


def _routed_from(pbx: tuple[str | int, int]) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(pbx)
        return str(probe.getsockname()[0])


class Replies:
    """What pyVoIP believes to be its socket: it reads answers of the PBX only, and sends to nobody else."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def sendto(self, data: bytes, _address: object) -> int:
        return self._gate.socket.sendto(data, self._gate.pbx)

    def recv(self, size: int) -> bytes:
        return self._gate.outer.recv(size)

    def setblocking(self, blocking: bool) -> None:
        self._gate.outer.setblocking(blocking)

    def fileno(self) -> int:
        return self._gate.outer.fileno()

    def drain(self) -> None:
        """Forget answers that came too late."""
        self.setblocking(False)
        try:
            while True:
                self.recv(LARGEST)
        except BlockingIOError:
            return


class Client(SIP.SIPClient):
    """pyVoIP's registration alone: no receiving loop, no timer, no call."""

    def __init__(self, login: Login, gate: Gate) -> None:
        super().__init__(
            login.host,
            login.port,
            login.user,
            login.secret,
            phone=_Status(),  # type: ignore[arg-type]
            myIP=gate.address,
            myPort=gate.port,
        )
        self.replies = Replies(gate)
        self.s = self.out = self.replies  # type: ignore[assignment]
        self.NSD = True
        self.default_expires, self.register_timeout = EXPIRES_S, ANSWER_S
        # They begin at 1 in every process, and the PBX would take our next process for this one's echo.
        self.registerCounter, self.callID = SIP.Counter(int(time.time())), SIP.Counter(random.getrandbits(64))

    def sign_in(self) -> bool:
        """One try. Raises what pyVoIP raises (see `Registrar`)."""
        self.replies.drain()
        return bool(self._SIPClient__register())  # type: ignore[attr-defined]

    def sign_out(self) -> None:
        self.replies.drain()
        self._SIPClient__deregister()  # type: ignore[attr-defined]


class _Status:
    """Stands where pyVoIP's phone would; it gets its `_status` written."""


class Registrar(threading.Thread):
    """Keeps us registered until told to stop, in a thread, because pyVoIP waits for its answers."""

    FAULTS = (
        OSError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        SIP.SIPParseError,
        SIP.RetryRequiredError,
    )
    """What pyVoIP lets through for silence (TimeoutError is an OSError) and for answers it cannot read."""

    def __init__(self, client: Client, user: str, mouth: Mouth) -> None:
        super().__init__(name="registrar", daemon=True)
        self._client, self._user, self._mouth = client, user, mouth
        self.stopping = threading.Event()

    def run(self) -> None:
        fails = 0
        while not self.stopping.is_set():
            told = self._try()
            self._mouth.say(told)
            fails = fails + 1 if isinstance(told, Unreachable) else 0
            match told:
                case Registered():
                    pause = EXPIRES_S / 2
                case Refused():
                    pause = REFUSED_S
                case _:
                    pause = UNREACHABLE_S[min(fails, len(UNREACHABLE_S)) - 1]
            self.stopping.wait(pause)

    def _try(self) -> Registered | Refused | Unreachable:
        try:
            accepted = self._client.sign_in()
        except SIP.InvalidAccountInfoError:
            accepted = False
        except self.FAULTS as error:
            return Unreachable(
                time.time(), f"the PBX does not answer our registration ({error or type(error)})"
            )
        if accepted:
            return Registered(time.time())
        return Refused(time.time(), f"the PBX refused to register {self._user}: wrong `user` or `secret`?")

    def sign_out(self) -> None:
        """Say good-bye, unless a registration hangs."""
        self.stopping.set()
        self.join(1.0)
        if not self.is_alive():
            try:
                self._client.register_timeout = 1
                self._client.sign_out()
            except (SIP.InvalidAccountInfoError, *self.FAULTS):
                return


@dataclass
class Ringing:
    """One INVITE that rings here."""

    request: Request
    since: float
    tag: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def short_id(self) -> str:
        return hashlib.sha256(self.request.call_id.encode("utf-8", "surrogateescape")).hexdigest()[:16]


@dataclass
class Final:
    """A final answer that waits for its ACK."""

    data: bytes
    sent: int
    due: float


class Line:
    """Answers the PBX's requests, in the main thread."""

    def __init__(self, gate: Gate, mouth: Mouth) -> None:
        self._gate, self._mouth = gate, mouth
        self._ringing: dict[str, Ringing] = {}
        self._finals: dict[str, Final] = {}
        self._strangers = 0
        self._strangers_told = 0.0

    def run(self, registrar: Registrar) -> None:
        """Until standard input ends. Raises RuntimeError when nobody keeps us registered any more."""
        port = self._gate.socket.fileno()
        while registrar.is_alive():
            ready, _, _ = select.select([port, 0], [], [], 0.25)
            if 0 in ready and not os.read(0, LONGEST_LINE):
                return
            if port in ready:
                self._take()
            self._keep_time(time.time())
        raise RuntimeError("the registration ended")

    def pass_answers_while(self, farewell: threading.Thread) -> None:
        """Signing out takes an answer or two, which only this thread can hand in."""
        while farewell.is_alive():
            ready, _, _ = select.select([self._gate.socket], [], [], 0.1)
            if ready:
                self._take()

    def _take(self) -> None:
        data, source, is_pbx = self._gate.receive()
        if not is_pbx:
            self._refuse(data, source)
        elif data.startswith(b"SIP/2.0 "):
            self._gate.hand_in(data)
        else:
            try:
                request = parse_request(data)
            except ValueError:
                return
            self._answer(request, source)

    def _refuse(self, data: bytes, source: tuple[str, int]) -> None:
        """No answer at all: who looks for telephones on the network finds none."""
        if not data.startswith(b"INVITE "):
            return
        self._strangers += 1
        now = time.time()
        if now - self._strangers_told >= STRANGERS_S:
            self._mouth.say(Strangers(now, source[0], self._strangers))
            self._strangers, self._strangers_told = 0, now

    def _answer(self, request: Request, source: tuple[str, int]) -> None:
        match request.method:
            case "INVITE":
                reply = self._invite(request)
            case "CANCEL":
                reply = self._cancel(request, source)
            case "ACK":
                self._finals.pop(request.call_id, None)
                return
            case "OPTIONS":
                reply = answer(request, "200 OK", secrets.token_hex(8), ALLOW)
            case "BYE":
                reply = answer(request, "481 Call/Transaction Does Not Exist", secrets.token_hex(8))
            case _:
                reply = answer(request, "405 Method Not Allowed", secrets.token_hex(8), ALLOW)
        self._gate.socket.sendto(reply, source)

    def _invite(self, request: Request) -> bytes:
        known = self._ringing.get(request.call_id)
        if known is None and (len(self._ringing) >= MOST_CALLS or ";tag=" in request.get("to")):
            return answer(request, "486 Busy Here", secrets.token_hex(8))
        if known is None:
            known = self._ringing[request.call_id] = Ringing(request, time.time())
            self._mouth.say(Rings(known.since, known.short_id, *caller_of(request)))
        contact = f"Contact: <sip:{self._gate.address}:{self._gate.port}>"
        return answer(request, "180 Ringing", known.tag, contact)

    def _cancel(self, request: Request, source: tuple[str, int]) -> bytes:
        known = self._ringing.get(request.call_id)
        if known is None or known.request.number != request.number:
            return answer(request, "481 Call/Transaction Does Not Exist", secrets.token_hex(8))
        del self._ringing[request.call_id]
        self._mouth.say(Stopped(time.time(), known.short_id, why_stopped(request)))
        final = answer(known.request, "487 Request Terminated", known.tag)
        self._gate.socket.sendto(final, source)
        self._finals[request.call_id] = Final(final, 0, time.time() + RESENDS_S[0])
        return answer(request, "200 OK", known.tag)

    def _keep_time(self, now: float) -> None:
        for call_id, final in tuple(self._finals.items()):
            if now < final.due:
                continue
            final.sent += 1
            if final.sent == len(RESENDS_S):
                del self._finals[call_id]
                continue
            self._gate.socket.sendto(final.data, self._gate.pbx)
            final.due = now + RESENDS_S[final.sent]
        for call_id, ringing in tuple(self._ringing.items()):
            if now - ringing.since > LONGEST_CALL_S:
                del self._ringing[call_id]


def main() -> None:
    mouth = Mouth()
    login = read_login(sys.stdin.buffer.readline(LONGEST_LINE))
    try:
        gate = Gate(login)
    except OSError as error:
        where = f"{login.host}:{login.port}" + (f" from {login.address}" if login.address else "")
        mouth.say(Unreachable(time.time(), f"cannot open a line to {where}: {error}"))
        raise SystemExit(1) from error
    registrar = Registrar(Client(login, gate), login.user, mouth)
    registrar.start()
    line = Line(gate, mouth)
    line.run(registrar)
    farewell = threading.Thread(target=registrar.sign_out, daemon=True)
    farewell.start()
    line.pass_answers_while(farewell)


if __name__ == "__main__":
    main()
