"""One call at one test phone: everything a person can do with it, and when it happened.

In: the phone's messages for this Call-ID. Out: SIP messages and sound, and the moments ``started_at``, ``rang_at``,
``answered_at``, ``ended_at`` (Unix time by the phone's clock), ``ended_by`` ("us" or "them") and ``status``.
Sending and receiving datagrams is the phone's work.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.asterisk.rtp import Rtp
from tests.asterisk.sip import SipMessage, describe, media_address, reply, tag_of, token, uri_of

if TYPE_CHECKING:
    from tests.asterisk.phone import Phone

WAIT_SECONDS = 20.0
ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, REFER, NOTIFY, OPTIONS, UPDATE")
SDP = ("Content-Type", "application/sdp")


class CallError(Exception):
    """The call did not go the way the story needs."""


class Call:
    """A dialog. ``local`` and ``remote`` are our and their From/To, ``target`` is where requests go."""

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, target: str, number: str) -> None:
        self.phone, self.id, self.local, self.remote, self.target, self.number = (
            phone, call_id, local, remote, target, number,
        )  # fmt: skip
        self.incoming = False
        self.started_at = 0.0
        self.rang_at: float | None = None
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.ended_by = ""
        self.status = 0
        self.notified: list[str] = []
        self.peer_name = ""
        self.rtp: Rtp | None = None
        self._invite: SipMessage | None = None
        self._last_reply: SipMessage | None = None
        self._sequence = 0
        self._sdp_version = 0
        self._task: asyncio.Task[None] | None = None
        self._goodbye: asyncio.Task[float] | None = None
        self._changed = asyncio.Event()

    # -- waiting ------------------------------------------------------------------------------------------------

    async def until(self, state: str) -> float:
        """Wait for ``rang_at``, ``answered_at`` or ``ended_at``; returns that moment. Raises CallError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while getattr(self, state) is None:
                    self._changed.clear()
                    await self._changed.wait()
                return float(getattr(self, state))
        raise CallError(
            f"{self.phone.name}: call with {self.number} never got {state} (status {self.status})"
        )

    async def ringing(self) -> float:
        """The other side's phone rings."""
        return await self.until("rang_at")

    async def answered(self) -> float:
        """The call is up."""
        return await self.until("answered_at")

    async def ended(self) -> float:
        """The call is over."""
        return await self.until("ended_at")

    async def hears(self, packets: int = 5) -> None:
        """Wait until that much more sound has come in, so that somebody really is on the line."""
        assert self.rtp is not None
        goal = self.rtp.received + packets
        async with asyncio.timeout(WAIT_SECONDS):
            while self.rtp.received < goal:
                await asyncio.sleep(0.02)

    async def hears_tone(self, hertz: int) -> None:
        """Wait until what comes in is mostly that tone, which somebody plays. Raises CallError."""
        assert self.rtp is not None
        before = self.rtp.received
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while self.rtp.share_of(hertz) < 0.8:
                    await asyncio.sleep(0.05)
                return
        raise CallError(
            f"{self.phone.name}: {self.rtp.share_of(hertz):.0%} of what came in lately is {hertz} Hz;"
            f" {self.rtp.received - before} packets came meanwhile; {self.rtp.loudest()}"
        )

    def plays(self, hertz: int) -> None:
        """Say a tone from now on, in the place of silence."""
        assert self.rtp is not None
        self.rtp.play(hertz)

    async def says(self, sound: bytes) -> None:
        """Speak (µ-law, 8 kHz), and wait until it is said."""
        assert self.rtp is not None
        self.rtp.say(sound)
        async with asyncio.timeout(len(sound) / 8000 + WAIT_SECONDS):
            while self.rtp.is_speaking:
                await asyncio.sleep(0.02)

    # -- calling ------------------------------------------------------------------------------------------------

    async def invite(self, headers: list[tuple[str, str]]) -> None:
        """Send the INVITE; answers are handled in the background."""
        self.rtp = await Rtp.open(self.phone.address)
        request = self._request(
            "INVITE", [("Contact", f"<{self.phone.contact}>"), ALLOW, SDP, *headers], self._sdp()
        )
        self.started_at = self.phone.note("dial", self.number)
        self._task = asyncio.create_task(self._follow(request))

    async def _follow(self, request: SipMessage) -> None:
        while True:
            self._invite = request
            answers = self.phone.open_transaction(request)
            self.phone.send(request)
            final = await self._provisional(request, answers)
            self._acknowledge(request, final)
            if final.status != 401:
                break
            request = self.phone.with_login(request, final, self.target)
            self._sequence = request.number
            # The PBX makes a channel only now, after the challenge.
            self.started_at = self.phone.note("dial", self.number)
        self.status = final.status
        if final.status == 200:
            self._connected(final)
            self._mark("answered_at", "answered")
        else:
            self._end("them" if final.status != 487 else "us", f"refused {final.status}")

    async def _provisional(self, request: SipMessage, answers: asyncio.Queue[SipMessage]) -> SipMessage:
        while True:
            try:
                answer = await asyncio.wait_for(answers.get(), None if self.status else 0.5)
            except TimeoutError:
                self.phone.send(request)
                continue
            if answer.status >= 200:
                return answer
            self.status = answer.status
            if answer.status in (180, 183) and self.rang_at is None:
                self.remote = answer.get("To")
                self._mark("rang_at", "ringback")

    def _acknowledge(self, request: SipMessage, final: SipMessage) -> None:
        headers = [(k, v) for k, v in request.headers if k in ("From", "Call-ID", "Max-Forwards")]
        uri = request.start.split()[1]
        if final.status == 200:
            uri = uri_of(final.get("Contact"))
            via = request.get("Via").replace(request.branch, f"z9hG4bK{token()}")
        else:
            via = request.get("Via")
        headers = [("Via", via), *headers, ("To", final.get("To")), ("CSeq", f"{final.number} ACK")]
        self.phone.send(SipMessage(f"ACK {uri} SIP/2.0", headers))

    async def cancel(self) -> None:
        """Give up before an answer."""
        request = self._invite
        if request is None or self.answered_at is not None:
            raise CallError("only an unanswered outgoing call can be cancelled")
        headers = [
            (k, v) for k, v in request.headers if k in ("Via", "From", "To", "Call-ID", "Max-Forwards")
        ]
        self.phone.note("cancel", self.number)
        self.phone.send(
            SipMessage(
                request.start.replace("INVITE", "CANCEL", 1), [*headers, ("CSeq", f"{request.number} CANCEL")]
            )
        )
        await self.ended()

    # -- being called -------------------------------------------------------------------------------------------

    def ring(self, invite: SipMessage, refuse: int | None, forward: str) -> None:
        """The PBX calls us: ring, or refuse or forward at once."""
        self.incoming = True
        self._invite = invite
        self.started_at = self.phone.note("invite", self.number)
        self.peer_name = invite.get("From")
        if refuse:
            self._reply(invite, refuse)
            self._end("us", f"refused {refuse}")
            return
        if forward:
            self.forward(forward)
            return
        self._reply(invite, 180)
        self._mark("rang_at", "ring")

    async def answer(self) -> float:
        """Lift the receiver; returns the moment."""
        invite = self._ringing_invite()
        self.rtp = await Rtp.open(self.phone.address)
        peer = media_address(invite.body)
        self._reply(invite, 200, [SDP], self._sdp())
        self.status = 200
        if peer:
            self.rtp.start(peer)
        return self._mark("answered_at", "answer")

    def refuse(self, status: int = 486) -> None:
        """Decline a ringing call: 486 busy, 603 declined, 480 not available."""
        self._reply(self._ringing_invite(), status)
        self._end("us", f"refused {status}")

    def forward(self, number: str) -> None:
        """Send the caller elsewhere (302)."""
        contact = ("Contact", f"<sip:{number}@{self.phone.pbx}>")
        self._last_reply = reply(self._ringing_invite(), 302, tag_of(self.local), [contact])
        self.phone.send(self._last_reply)
        self._end("us", f"forwarded {number}")

    def _ringing_invite(self) -> SipMessage:
        if self._invite is None or self.answered_at is not None or self.ended_at is not None:
            raise CallError(f"{self.phone.name}: this call does not ring")
        return self._invite

    # -- in the call --------------------------------------------------------------------------------------------

    async def hangup(self) -> float:
        """Put the receiver down; returns the moment."""
        if self.ended_at is None:
            self._end("us", "bye")
            with suppress(Exception):
                await self.phone.ask(self._request("BYE"))
        assert self.ended_at is not None
        return self.ended_at

    async def hold(self) -> None:
        """Put the other side on hold (a re-INVITE that only sends)."""
        await self._renegotiate("sendonly", "hold")

    async def unhold(self) -> None:
        """Take the other side back."""
        await self._renegotiate("sendrecv", "unhold")

    async def press(self, keys: str) -> None:
        """Press keys and wait until they are out."""
        assert self.rtp is not None
        self.phone.note("keys", keys)
        await asyncio.sleep(self.rtp.press(keys))

    async def refer(self, number: str, other: Call | None = None) -> int:
        """Transfer the other side to a number, or onto our ``other`` call (attended). Returns the status."""
        to = f"<sip:{number}@{self.phone.pbx}>"
        if other is not None:
            tags = f"{other.id};to-tag={tag_of(other.remote)};from-tag={tag_of(other.local)}"
            to = f"<sip:{number}@{self.phone.pbx}?Replaces={quote(tags, safe='')}>"
        self.phone.note("refer", number)
        contact = f"<{self.phone.contact}>"
        request = self._request("REFER", [("Contact", contact), ("Refer-To", to), ("Referred-By", contact)])
        return (await self.phone.ask(request)).status

    async def _renegotiate(self, direction: str, word: str) -> None:
        assert self.rtp is not None
        request = self._request(
            "INVITE", [("Contact", f"<{self.phone.contact}>"), ALLOW, SDP], self._sdp(direction)
        )
        self.phone.note(word)
        answer = await self.phone.ask(request)
        # A login challenge makes ask() send a second one; the ACK belongs to the answer's CSeq.
        self._sequence = answer.number
        self._acknowledge(request, answer)
        self.rtp.sending = direction != "sendonly"

    # -- messages -----------------------------------------------------------------------------------------------

    def requested(self, message: SipMessage) -> None:
        """A request of the PBX inside this call."""
        handler = {
            "INVITE": self._reinvited,
            "CANCEL": self._cancelled,
            "BYE": self._hung_up,
            "NOTIFY": self._told,
        }
        if message.method in handler:
            handler[message.method](message)
        elif message.method != "ACK":
            self._reply(message, 200)

    def _reinvited(self, message: SipMessage) -> None:
        if (
            self._invite is not None
            and message.number == self._invite.number
            and self._last_reply is not None
        ):
            self.phone.send(self._last_reply)
            return
        peer = media_address(message.body)
        if peer and self.rtp:
            self.rtp.start(peer)
        self._reply(message, 200, [SDP], self._sdp())

    def _cancelled(self, message: SipMessage) -> None:
        self._reply(message, 200)
        if self._invite is not None and self.answered_at is None and self.ended_at is None:
            self._reply(self._invite, 487)
            self._end("them", "cancelled")

    def _hung_up(self, message: SipMessage) -> None:
        self._reply(message, 200)
        self._end("them", "bye")

    def _told(self, message: SipMessage) -> None:
        self._reply(message, 200)
        self.notified.append(message.body.strip())
        self.phone.note("notify", message.body.strip())
        # The PBX leaves the last BYE of a transfer to the phone.
        if message.body.startswith("SIP/2.0 200"):
            self._goodbye = asyncio.create_task(self.hangup())

    def _reply(
        self, request: SipMessage, status: int, extra: list[tuple[str, str]] | None = None, body: str = ""
    ) -> None:
        headers = [("Contact", f"<{self.phone.contact}>"), ALLOW, *(extra or [])]
        answer = reply(request, status, tag_of(self.local), headers, body)
        if request is self._invite:
            self._last_reply = answer
        self.phone.send(answer)

    def _request(self, method: str, extra: list[tuple[str, str]] | None = None, body: str = "") -> SipMessage:
        self._sequence += 1
        headers = [("From", self.local), ("To", self.remote), ("Call-ID", self.id)]
        headers += [("CSeq", f"{self._sequence} {method}"), *(extra or [])]
        return SipMessage(f"{method} {self.target} SIP/2.0", headers, body)

    def _sdp(self, direction: str = "sendrecv") -> str:
        assert self.rtp is not None
        self._sdp_version += 1
        return describe(self.phone.address, self.rtp.port, direction, self._sdp_version)

    def _connected(self, answer: SipMessage) -> None:
        self.remote = answer.get("To")
        self.target = uri_of(answer.get("Contact"))
        peer = media_address(answer.body)
        if peer and self.rtp:
            self.rtp.start(peer)

    def _mark(self, moment: str, word: str) -> float:
        at = self.phone.note(word, self.number)
        setattr(self, moment, at)
        self._changed.set()
        return at

    def _end(self, by: str, word: str) -> None:
        if self.ended_at is None:
            self.ended_by = by
            self._mark("ended_at", f"{word} by {by}")
            if self.rtp is not None:
                self.rtp.close()

    def drop(self) -> None:
        """Forget the call without a message."""
        if self._task is not None:
            self._task.cancel()
        if self.rtp is not None:
            self.rtp.close()
