"""Writes AMI events the way Asterisk sends them, for tests that need a call no capture holds.

In: what channels do. Out: `AmiMessage`s with Timestamps on a clock that moves by `step` per event, given to a book."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.facts import CallEnded, CallRecord, Fact
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.calls import CallBook

START = 1_800_000_000.0
STATES = {"Down": 0, "Ring": 4, "Ringing": 5, "Up": 6, "Busy": 7}


@dataclass(slots=True)
class Line:
    """One channel as its events show it."""

    name: str
    uniqueid: str
    linkedid: str
    state: str = "Down"
    number: str = "<unknown>"
    caller_name: str = "<unknown>"
    exten: str = ""
    context: str = "internal"

    def headers(self, prefix: str = "") -> dict[str, str]:
        return {
            f"{prefix}Channel": self.name,
            f"{prefix}ChannelState": str(STATES[self.state]),
            f"{prefix}ChannelStateDesc": self.state,
            f"{prefix}CallerIDNum": self.number,
            f"{prefix}CallerIDName": self.caller_name,
            f"{prefix}Context": self.context,
            f"{prefix}Exten": self.exten,
            f"{prefix}Uniqueid": self.uniqueid,
            f"{prefix}Linkedid": self.linkedid,
        }


@dataclass(slots=True)
class Script:
    """A PBX told what to do; every fact its book gives is kept in `facts`."""

    book: CallBook = field(default_factory=lambda: CallBook("office", ("PJSIP/trunk",), "PL"))
    now: float = START
    step: float = 0.001
    facts: list[Fact] = field(default_factory=list)
    sent: list[AmiMessage] = field(default_factory=list)
    _born: int = 0

    def send(self, event: str, *headers: dict[str, str]) -> list[Fact]:
        """One event through the book."""
        self.now += self.step
        merged = {"Event": event, "Timestamp": f"{self.now:.6f}"}
        for one in headers:
            merged |= one
        message = AmiMessage.of(merged)
        self.sent.append(message)
        new = self.book.apply(message, self.now)
        self.facts += new
        return new

    def wait(self, seconds: float) -> list[Fact]:
        """Time passes in silence."""
        self.now += seconds
        new = self.book.tick(self.now)
        self.facts += new
        return new

    def channel(self, name: str, *, of: Line | None = None, uniqueid: str | None = None, **more: str) -> Line:
        """A channel is born, alone or as part of another's call. `of` None with state Ring: it calls us."""
        self._born += 1
        own = uniqueid or f"{int(START)}.{self._born}"
        line = Line(f"{name}-{self._born:08x}", own, own if of is None else of.linkedid, **more)
        self.send("Newchannel", line.headers())
        return line

    def incoming(
        self, number: str = "+48226011111", exten: str = "48221000101", trunk: str = "PJSIP/trunk"
    ) -> Line:
        """A customer calls."""
        return self.channel(trunk, state="Ring", number=number, exten=exten, context="from-trunk")

    def dial(self, caller: Line, name: str, *, ring: bool = True, string: str = "") -> Line:
        """`caller` dials a phone, which rings."""
        dest = self.channel(name, of=caller, exten="s")
        string = string or name.split("/", 1)[1]
        self.send("DialBegin", caller.headers(), dest.headers("Dest"), {"DialString": string})
        if ring:
            dest.state = "Ringing"
            self.send("Newstate", dest.headers())
        return dest

    def dial_end(self, caller: Line, dest: Line, status: str) -> None:
        self.send("DialEnd", caller.headers(), dest.headers("Dest"), {"DialStatus": status})

    def up(self, line: Line) -> None:
        line.state = "Up"
        self.send("Newstate", line.headers())

    def answer(self, caller: Line, dest: Line, bridge: str = "b1") -> None:
        """`dest` answers and is bridged with `caller`."""
        self.up(dest)
        self.dial_end(caller, dest, "ANSWER")
        if caller.state != "Up":
            self.up(caller)
        self.enter(dest, bridge)
        self.enter(caller, bridge)

    def enter(self, line: Line, bridge: str, kind: str = "basic", technology: str = "simple_bridge") -> None:
        self.send("BridgeEnter", _bridge(bridge, kind, technology), line.headers())

    def leave(self, line: Line, bridge: str, kind: str = "basic", technology: str = "simple_bridge") -> None:
        self.send("BridgeLeave", _bridge(bridge, kind, technology), line.headers())

    def request(self, line: Line, cause: str = "16") -> None:
        """The party hangs up."""
        self.send("HangupRequest", line.headers(), {"Cause": cause})

    def hangup(self, *lines: Line, cause: str = "16") -> None:
        """The channels are gone."""
        for line in lines:
            self.send("Hangup", line.headers(), {"Cause": cause, "Cause-txt": "Normal Clearing"})

    def queue(self, event: str, line: Line, name: str) -> None:
        """QueueCallerJoin, QueueCallerLeave or QueueCallerAbandon."""
        self.send(event, line.headers(), {"Queue": name, "Position": "1"})

    def cdr(self, line: Line, application: str) -> None:
        self.send("Cdr", {"Channel": line.name, "LastApplication": application, "UniqueID": line.uniqueid})

    def names(self) -> list[str]:
        """The facts' names in order."""
        return [type(fact).__name__ for fact in self.facts]

    def records(self) -> list[CallRecord]:
        """Calls that ended, after everything has settled."""
        self.wait(10.0)
        return [fact.record for fact in self.facts if isinstance(fact, CallEnded)]

    def record(self) -> CallRecord:
        """The only call."""
        (one,) = self.records()
        return one


def _bridge(bridge: str, kind: str, technology: str) -> dict[str, str]:
    return {"BridgeUniqueid": bridge, "BridgeType": kind, "BridgeTechnology": technology}
