"""One logged-in AMI connection as a state machine: messages and the time in, outcomes and bytes out.

Pure: the caller passes `now` (seconds, monotonic) and moves the bytes. It logs in, matches
replies to actions, collects event lists, enforces deadlines and pings. It never sends an
action twice: one that is not answered fails, with word on whether it may have been executed.
A session serves one connection; `link.py` makes a new one for the next.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import RingbackError
from pbx_bridge.ami.codec import ActionHeaders, VocabularyAction, action_name, encode_action
from pbx_bridge.ami.message import AmiMessage, HeaderValue


class AmiActionError(RingbackError):
    """An action has no usable answer.

    `perhaps_executed`: it was sent and Asterisk may have done it; doing it again could do it
    twice. `reply`: what Asterisk answered, if it did.
    """

    code = "pbx-action-failed"

    def __init__(
        self, reason: str, *, perhaps_executed: bool = False, reply: AmiMessage | None = None
    ) -> None:
        super().__init__(reason)
        self.perhaps_executed = perhaps_executed
        self.reply = reply


class Auth(StrEnum):
    """How the secret travels: as it is, or as an MD5 answer to a challenge."""

    PLAIN = "plain"
    MD5 = "md5"


class SessionState(StrEnum):
    NEW = "new"
    CHALLENGED = "challenged"
    LOGGING_IN = "logging_in"
    UP = "up"
    REFUSED = "refused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Seconds. A ping is late when nothing at all has arrived for `ping_reply` after it."""

    login: float = 10.0
    ping_every: float = 10.0
    ping_reply: float = 10.0


@dataclass(frozen=True, slots=True)
class AmiList:
    """The whole answer to a list action: its items in order, and the event that closed it.

    `complete` is None when Asterisk had nothing to list and said so in the reply alone.
    """

    items: tuple[AmiMessage, ...]
    complete: AmiMessage | None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The login was accepted; actions may be sent."""


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """Asterisk said no to user, secret or address. `reason` is its own text."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An action was answered well: a reply, or a whole list if one was asked for."""

    action_id: str
    answer: AmiMessage | AmiList


@dataclass(frozen=True, slots=True)
class Failed:
    """An action was answered badly, too late or never."""

    action_id: str
    error: AmiActionError


@dataclass(frozen=True, slots=True)
class Dead:
    """The peer no longer answers: close the connection."""

    reason: str


Outcome = LoggedIn | LoginRefused | Answered | Failed | Dead


@dataclass(slots=True)
class _Pending:
    """An action on its way. `items` collects a list while it arrives, None for a plain action."""

    name: str
    deadline: float
    items: list[AmiMessage] | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AMI user of manager.conf."""

    user: str
    secret: str = field(repr=False)
    auth: Auth = Auth.PLAIN


# Bounds one list answer; the largest real ones (DeviceStateList) have some thousands of items.
MAX_LIST_ITEMS = 100_000
# Actions in flight at once; a resync uses five.
MAX_PENDING = 1_000
# Lists given up whose late items are still recognised (they are not events of the call stream).
MAX_GIVEN_UP = 100

_LOGIN = "login"
_CHALLENGE = "challenge"
_PING = "ping"


class AmiSession:
    """Drive it with `begin`, `submit`, `receive`, `tick` and `close`; take bytes from `outgoing`.

    `prefix` begins every ActionID, so that two connections never share one.
    """

    def __init__(
        self, credentials: Credentials, times: SessionTimes | None = None, prefix: str = "rb"
    ) -> None:
        self.state = SessionState.NEW
        self._credentials = credentials
        self._times = times or SessionTimes()
        self._prefix = prefix
        self._count = 0
        self._pending: dict[str, _Pending] = {}
        self._given_up: dict[str, None] = {}
        self._outgoing = bytearray()
        self._login_deadline = 0.0
        self._ping_due = 0.0
        self._ping_sent: float | None = None

    # ---- what we say

    def outgoing(self) -> bytes:
        """Bytes to send now; they are handed out once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def begin(self, now: float) -> None:
        """The greeting has been read: log in. Raises `AmiEncodeError` for an impossible secret."""
        self._login_deadline = now + self._times.login
        if self._credentials.auth is Auth.MD5:
            self.state = SessionState.CHALLENGED
            self._write({"Action": "Challenge", "AuthType": "MD5"}, _CHALLENGE)
        else:
            self._write_login({"Secret": self._credentials.secret})

    def submit(
        self,
        action: ActionHeaders | VocabularyAction,
        deadline: float,
        *,
        variables: Mapping[str, HeaderValue] | None = None,
        is_list: bool = False,
    ) -> str:
        """Send an action; its outcome comes later under the ActionID returned.

        Raises `AmiActionError` (not executed) when not logged in or with too much in flight,
        `AmiEncodeError` when it must not be sent.
        """
        name = action_name(action)
        if self.state is not SessionState.UP:
            raise AmiActionError(f"{name} was not sent: not logged in to the PBX")
        if len(self._pending) >= MAX_PENDING:
            raise AmiActionError(f"{name} was not sent: {MAX_PENDING} actions are waiting for answers")
        self._count += 1
        action_id = f"{self._prefix}-{self._count}"
        self._outgoing += encode_action(action, action_id, variables)
        self._pending[action_id] = _Pending(name, deadline, [] if is_list else None)
        return action_id

    def _write(self, action: ActionHeaders, action_id: str) -> None:
        self._outgoing += encode_action(action, action_id)

    def _write_login(self, proof: dict[str, str]) -> None:
        self.state = SessionState.LOGGING_IN
        self._write({"Action": "Login", "Username": self._credentials.user, **proof}, _LOGIN)

    # ---- what we hear

    def receive(self, message: AmiMessage, now: float) -> list[Outcome] | None:
        """Take one message: what it settles, or None for an event of the call stream."""
        self._ping_sent = None  # anything at all shows that the peer is alive
        if message.event is None:
            if self._is_logging_in:
                return self._login_reply(message, now)
            return self._reply(message)
        if not self._pending and not self._given_up:
            return None
        return self._list_event(message)

    def _login_reply(self, message: AmiMessage, now: float) -> list[Outcome]:
        if not message.is_success:
            self.state = SessionState.REFUSED
            return [LoginRefused(message.get("message") or "no reason given")]
        if self.state is SessionState.CHALLENGED:
            challenge = message.get("challenge") or ""
            key = hashlib.md5((challenge + self._credentials.secret).encode(), usedforsecurity=False)
            self._write_login({"AuthType": "MD5", "Key": key.hexdigest()})
            return []
        self.state = SessionState.UP
        self._ping_due = now + self._times.ping_every
        return [LoggedIn()]

    def _reply(self, reply: AmiMessage) -> list[Outcome]:
        action_id = reply.action_id or ""
        pending = self._pending.get(action_id)
        if pending is None:  # a ping's, or one that came after its deadline
            return []
        if pending.items is not None and reply.is_success and reply.list_state == "start":
            return []
        del self._pending[action_id]
        if not reply.is_success:
            reason = f"{pending.name}: the PBX answered {reply.get('message') or reply.response!r}"
            return [Failed(action_id, AmiActionError(reason, reply=reply))]
        return [Answered(action_id, reply if pending.items is None else AmiList((), None))]

    def _list_event(self, message: AmiMessage) -> list[Outcome] | None:
        action_id = message.action_id or ""
        ends = message.list_state in ("complete", "cancelled")
        if action_id in self._given_up:
            if ends:
                del self._given_up[action_id]
            return []
        pending = self._pending.get(action_id)
        if pending is None or pending.items is None:
            return None  # OriginateResponse may overtake the reply to its Originate
        if ends:
            del self._pending[action_id]
            return [_finished_list(action_id, pending.name, pending.items, message)]
        if len(pending.items) >= MAX_LIST_ITEMS:
            return [self._give_up(action_id, f"the list has more than {MAX_LIST_ITEMS} items")]
        pending.items.append(message)
        return []

    # ---- time

    def tick(self, now: float, *, reading: bool = True) -> list[Outcome]:
        """Enforce the deadlines that have passed at `now`.

        `reading` is False while the caller has stopped taking bytes: then the peer's silence
        is our own doing and no ping is judged.
        """
        late = [key for key, pending in self._pending.items() if now >= pending.deadline]
        outcomes: list[Outcome] = [self._give_up(key, "no answer in time") for key in late]
        if self._is_logging_in and now >= self._login_deadline:
            outcomes.append(Dead(f"no answer to the login within {self._times.login:g} s"))
        if self.state is SessionState.UP:
            outcomes += self._ping(now, reading)
        return outcomes

    def next_due(self) -> float | None:
        """When `tick` is next needed, on the clock of `now`."""
        due = [pending.deadline for pending in self._pending.values()]
        if self._is_logging_in:
            due.append(self._login_deadline)
        if self.state is SessionState.UP:
            sent = self._ping_sent
            due.append(self._ping_due if sent is None else sent + self._times.ping_reply)
        return min(due, default=None)

    def _ping(self, now: float, reading: bool) -> list[Outcome]:
        if self._ping_sent is not None:
            if not reading:
                self._ping_sent = now
            elif now >= self._ping_sent + self._times.ping_reply:
                return [Dead(f"nothing heard for {self._times.ping_reply:g} s after a ping")]
        elif now >= self._ping_due:
            self._write({"Action": "Ping"}, _PING)
            self._ping_sent = now
            self._ping_due = now + self._times.ping_every
        return []

    @property
    def _is_logging_in(self) -> bool:
        return self.state in (SessionState.CHALLENGED, SessionState.LOGGING_IN)

    def _give_up(self, action_id: str, why: str) -> Failed:
        pending = self._pending.pop(action_id)
        if pending.items is not None:
            self._given_up[action_id] = None
            while len(self._given_up) > MAX_GIVEN_UP:
                del self._given_up[next(iter(self._given_up))]
        return Failed(action_id, _perhaps(pending.name, why))

    def close(self, reason: str) -> list[Outcome]:
        """The connection is gone: every action in flight fails as perhaps executed."""
        lost = list(self._pending.items())
        self._pending.clear()
        self._given_up.clear()
        self._outgoing.clear()
        self.state = SessionState.CLOSED
        return [Failed(key, _perhaps(pending.name, reason)) for key, pending in lost]


def _perhaps(name: str, why: str) -> AmiActionError:
    return AmiActionError(f"{name}: {why}; perhaps executed", perhaps_executed=True)


def _finished_list(action_id: str, name: str, items: list[AmiMessage], end: AmiMessage) -> Outcome:
    """A list counts only when it is whole: what is missing from a part would look like gone."""
    if end.list_state == "cancelled":
        return Failed(action_id, AmiActionError(f"{name}: the PBX cancelled the list", reply=end))
    expected = end.get("listitems")
    if expected is not None and expected != str(len(items)):
        reason = f"{name}: the PBX announced {expected} list items and sent {len(items)}"
        return Failed(action_id, AmiActionError(reason, reply=end))
    return Answered(action_id, AmiList(tuple(items), end))
