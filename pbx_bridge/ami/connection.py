"""One AMI connection from greeting to end: moves bytes between a transport, the decoder and the session.

In: what asyncio reports of the transport; actions. Out: call-stream messages into the link's
queue, an answer per action, and in `ended` the one reason why it is over. It opens nothing and
never reconnects (`link.py` does), and it never calls the consumer, whose mistakes therefore
cannot reach the transport.
"""

import asyncio
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

from core.clock import Clock
from pbx_bridge.ami import target as ami_target
from pbx_bridge.ami.codec import (
    ActionHeaders,
    AmiDecoder,
    AmiEncodeError,
    AmiProtocolError,
    DecoderLimits,
    HeaderValue,
    VocabularyAction,
)
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.queue import LinkQueue, QueueLimits
from pbx_bridge.ami.session import (
    AmiActionError,
    AmiList,
    AmiSession,
    Answered,
    Dead,
    Failed,
    LoggedIn,
    LoginRefused,
    Outcome,
    SessionState,
    SessionTimes,
)
from pbx_bridge.ami.target import AmiTarget

Recorder = Callable[[bytes, float], None]
"""Takes every piece of bytes as received, with the instant of its arrival."""

_MAX_UNSENT = 1_048_576  # bytes of actions the PBX has not taken yet


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """Seconds. Asterisk cuts a reader off after its writetimeout (5 s), hence `patience`.

    Waits between attempts are random between 0 and a bound that doubles from `backoff_first`
    to `backoff_max`, and starts again after a connection that held for `steady`.
    """

    connect: float = 10.0
    greeting: float = 10.0
    backoff_first: float = 0.5
    backoff_max: float = 30.0
    refused_wait: float = 60.0
    steady: float = 30.0
    patience: float = 2.0
    session: SessionTimes = field(default_factory=SessionTimes)

    def wait(self, attempt: int, luck: float, *, is_refusal: bool) -> float:
        """Seconds until attempt number `attempt` + 1; `luck` is between 0 and 1.

        After a refusal always the same: fail2ban locks out whoever repeats a wrong login.
        """
        if is_refusal:
            return self.refused_wait
        bound = min(self.backoff_max, self.backoff_first * 2.0 ** min(attempt, 16))
        return bound * luck


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Which events to hand out (None: all), and the bounds on time and memory."""

    wanted: Collection[str] | None = None
    times: LinkTimes = field(default_factory=LinkTimes)
    queue: QueueLimits = field(default_factory=QueueLimits)
    decoder: DecoderLimits = field(default_factory=DecoderLimits)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection, or the attempt at one, is over."""

    sentence: str
    is_refusal: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connection works with: shared by all connections of one link.

    `on_login` is called with the banner once actions may be sent, `on_items` whenever the
    queue may have something new.
    """

    target: AmiTarget
    options: LinkOptions
    queue: LinkQueue
    clock: Clock
    on_login: Callable[[str], None]
    on_items: Callable[[], None]


class AmiConnection(asyncio.Protocol):
    """Asyncio calls `connection_made`, `data_received` and `connection_lost`; the link the rest."""

    def __init__(self, around: Surroundings, prefix: str, recorder: Recorder | None) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Ending] = self._loop.create_future()
        self.heard_at = around.clock()
        self._around = around
        self._target = around.target
        self._times = around.options.times
        self._record = recorder
        self._decoder = AmiDecoder(wanted=around.options.wanted, limits=around.options.decoder)
        self._session = AmiSession(around.target.credentials, self._times.session, prefix)
        self._waiting: dict[str, asyncio.Future[AmiMessage | AmiList]] = {}
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_reading = True
        self._patience: asyncio.TimerHandle | None = None
        self._patience_over = False

    @property
    def skipped(self) -> int:
        """Events passed over because nobody wants them."""
        return self._decoder.skipped

    # ---- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._socket: socket.socket | None = transport.get_extra_info("socket")
        _keep_alive(self._socket)
        self._timer = self._loop.call_later(self._times.greeting, self._no_greeting)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._around.clock()
        _acknowledge_at_once(self._socket)
        if self._record is not None:
            self._record(data, self.heard_at)
        fault: AmiProtocolError | None = None
        try:
            messages = self._decoder.feed(data)
        except AmiProtocolError as error:
            messages, fault = list(error.messages), error
        self._take(messages)
        if fault is not None:
            self.end(Ending(ami_target.not_ami(self._target, str(fault))))
        self._after_work()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(Ending(ami_target.closed(self._target, str(exc or "closed by the PBX"))))

    # ---- messages

    def _take(self, messages: list[AmiMessage]) -> None:
        now = self._loop.time()
        if self._session.state is SessionState.NEW and self._decoder.banner is not None:
            self._log_in(now)
        for message in messages:
            if self.ended.done():
                return
            outcomes = self._session.receive(message, now)
            if outcomes is None:
                self._around.queue.put(message, self.heard_at)
            else:
                self._settle(outcomes)

    def _log_in(self, now: float) -> None:
        try:
            self._session.begin(now)
        except AmiEncodeError as error:
            self.end(Ending(ami_target.bad_credentials(self._target, str(error)), is_refusal=True))

    def _settle(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            match outcome:
                case Answered(action_id, answer):
                    self._answer(action_id, answer)
                case Failed(action_id, error):
                    self._answer(action_id, error)
                case LoggedIn():
                    self._around.on_login(self._decoder.banner or "")
                case LoginRefused(reason):
                    self.end(Ending(ami_target.refused(self._target, reason), is_refusal=True))
                case Dead(reason):
                    self.end(Ending(ami_target.closed(self._target, reason)))

    def _answer(self, action_id: str, answer: AmiMessage | AmiList | AmiActionError) -> None:
        waiting = self._waiting.pop(action_id, None)
        if waiting is None or waiting.done():  # whoever asked was cancelled meanwhile
            return
        if isinstance(answer, AmiActionError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    # ---- actions

    async def ask(
        self,
        action: ActionHeaders | VocabularyAction,
        timeout: float,
        variables: Mapping[str, HeaderValue] | None,
        *,
        is_list: bool,
    ) -> AmiMessage | AmiList:
        """Send an action and wait for its answer. Raises `AmiActionError`, `AmiEncodeError`."""
        if self._transport is None or self._transport.get_write_buffer_size() > _MAX_UNSENT:
            raise AmiActionError("the action was not sent: the PBX takes no bytes")
        deadline = self._loop.time() + timeout
        action_id = self._session.submit(action, deadline, variables=variables, is_list=is_list)
        answer: asyncio.Future[AmiMessage | AmiList] = self._loop.create_future()
        self._waiting[action_id] = answer
        self._after_work()
        return await answer

    # ---- time and flow

    def _after_work(self) -> None:
        """Send what the session has to say, set the next alarm, tell the consumer, mind the queue."""
        if not self.ended.done() and self._transport is not None:
            outgoing = self._session.outgoing()
            if outgoing:
                self._transport.write(outgoing)
            self._set_timer()
            if self._around.queue.is_crowded and not self._patience_over:
                self._pause()
        self._around.on_items()

    def _set_timer(self) -> None:
        due = self._session.next_due()
        if due is None or self._session.state is SessionState.NEW:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._settle(self._session.tick(self._loop.time(), reading=self._is_reading))
        self._after_work()

    def _no_greeting(self) -> None:
        cause = f"no greeting within {self._times.greeting:g} s"
        self.end(Ending(ami_target.not_ami(self._target, cause)))

    def _pause(self) -> None:
        """Leave bytes with the PBX while we are behind, but not until it cuts us off."""
        if self._is_reading and self._transport is not None:
            self._is_reading = False
            self._transport.pause_reading()
            self._patience = self._loop.call_later(self._times.patience, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience_over = True
        self._read_on()

    def room_again(self) -> None:
        """The consumer has caught up."""
        self._patience_over = False
        self._read_on()

    def _read_on(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if not self._is_reading and self._transport is not None and not self.ended.done():
            self._is_reading = True
            self._transport.resume_reading()

    # ---- the end

    def end(self, ending: Ending) -> None:
        """Close, once: every action in flight fails, and `ended` tells why."""
        if self.ended.done():
            return
        self.ended.set_result(ending)
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._settle(self._session.close("the connection to the PBX ended before the answer"))


def _acknowledge_at_once(sock: socket.socket | None) -> None:
    """Asterisk sends the next small event only when the last one is acknowledged (Nagle), and Linux waits 40 ms
    before it acknowledges a few bytes: together they delay every ring by 40 ms. The kernel forgets this wish after a
    while, hence once a read."""
    if sock is not None and hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _keep_alive(sock: socket.socket) -> None:
    """Notice within a minute a PBX that lost its power; pings notice it first when we read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
