"""Sound of one call: sends G.711 tone or silence every 20 ms, counts what comes back, sends keys (RFC 4733).

In: a local address, then the other side's. Out: packet counts, and how much of a tone is in the last half second. Runs
as one asyncio task per call.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import struct
from collections import deque

PACKET_SECONDS = 0.02
SAMPLES = 160
KEYS = "0123456789*#ABCD"
KEY_EVENT = 101
KEY_PACKETS = 5
SILENCE = bytes([0xFF]) * SAMPLES

STREAM_STEP = 1500
"""Each stream's packets are numbered on from the one before, by more than a test lasts (half a minute). Debian builds
Asterisk with a patch for Opus that takes a talker for late, and leaves them out of a recording, when their first number
is below the last talker's (22.10.1; 16.28 does not). Real phones choose at random."""

_streams = itertools.count(random.randrange(20))


def mu_law(sample: int) -> int:
    """One 16-bit sample as a G.711 µ-law byte (ITU-T G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def tone(hertz: int) -> list[bytes]:
    """One second of a sine as packets' contents."""
    samples = (int(8000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(8000))
    sound = bytes(mu_law(sample) for sample in samples)
    return [sound[start : start + SAMPLES] for start in range(0, len(sound), SAMPLES)]


def _linear(code: int) -> int:
    """The sample behind a G.711 µ-law byte."""
    bits = ~code & 0xFF
    size = (((bits & 0x0F) << 3) + 132 << ((bits >> 4) & 0x07)) - 132
    return -size if bits & 0x80 else size


LINEAR = [_linear(code) for code in range(256)]
HEARD_PACKETS = 25


class Rtp(asyncio.DatagramProtocol):
    """One sound stream in each direction."""

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self.sending = True
        self._heard: deque[bytes] = deque(maxlen=HEARD_PACKETS)
        self._sound = [SILENCE]
        self._speech: deque[bytes] = deque()
        self._keys: list[bytes] = []
        self._peer: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None
        self._source = random.getrandbits(32)
        self._sequence = next(_streams) * STREAM_STEP % 0x8000
        self._clock = random.getrandbits(31)

    @classmethod
    async def open(cls, address: str) -> Rtp:
        """Bind any free port of that address."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(cls, local_addr=(address, 0))
        protocol._transport = transport
        return protocol

    @property
    def port(self) -> int:
        """Our port, for the session description."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: object) -> None:
        """asyncio calls this."""
        self.received += 1
        if data[1] & 0x7F == 0:
            self._heard.append(data[12:])

    def share_of(self, hertz: int) -> float:
        """Which part of the power of what came in lately is this tone: 0.0 (or nothing came in) to 1.0."""
        turn = 2 * math.pi * hertz / 8000
        power = tones = 0.0
        # Packet by packet: one that came too late leaves a jump in the tone, which whole seconds would cancel out.
        for packet in self._heard:
            samples = [LINEAR[code] for code in packet]
            across = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
            along = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
            power += sum(sample * sample for sample in samples)
            tones += 2 * (across * across + along * along) / max(len(samples), 1)
        return tones / power if power else 0.0

    def loudest(self) -> str:
        """For the message of a test that failed: which tones were in it."""
        shares = {hertz: self.share_of(hertz) for hertz in range(100, 4000, 20)}
        top = sorted(shares, key=lambda hertz: -shares[hertz])[:3]
        return ", ".join(f"{hertz} Hz {shares[hertz]:.0%}" for hertz in top)

    def start(self, peer: tuple[str, int]) -> None:
        """Send to the other side from now on (again after a re-INVITE)."""
        self._peer = peer
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def play(self, hertz: int) -> None:
        """A tone in the place of silence."""
        self._sound = tone(hertz)

    def say(self, sound: bytes) -> float:
        """Queue speech (µ-law, 8 kHz), in the place of the tone; returns how many seconds it takes."""
        pieces = [sound[start : start + SAMPLES] for start in range(0, len(sound), SAMPLES)]
        self._speech += [piece.ljust(SAMPLES, SILENCE[:1]) for piece in pieces]
        return len(pieces) * PACKET_SECONDS

    @property
    def is_speaking(self) -> bool:
        return bool(self._speech)

    def press(self, keys: str) -> float:
        """Queue key presses; returns how many seconds they take."""
        for key in keys:
            self._keys += [
                struct.pack("!BBH", KEYS.index(key), 10, SAMPLES * (n + 1)) for n in range(KEY_PACKETS)
            ]
            self._keys += [struct.pack("!BBH", KEYS.index(key), 0x8A, SAMPLES * KEY_PACKETS)] * 3
            self._keys += [b""] * 4
        return len(self._keys) * PACKET_SECONDS

    def close(self) -> None:
        """End the stream."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due, key_clock = loop.time(), 0
        while True:
            key = self._keys.pop(0) if self._keys else b""
            if not key:
                key_clock = 0
                sound = self._sound[self.sent % len(self._sound)]
                self._send(0, self._clock, self._speech.popleft() if self._speech else sound)
            else:
                # All packets of one key carry the moment it was pressed.
                first = key_clock == 0
                key_clock = key_clock or self._clock
                self._send(KEY_EVENT | (0x80 if first else 0), key_clock, key)
            self._clock = (self._clock + SAMPLES) & 0xFFFFFFFF
            due += PACKET_SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _send(self, payload: int, clock: int, content: bytes) -> None:
        if self._peer is None or self._transport is None or not self.sending:
            return
        header = struct.pack("!BBHII", 0x80, payload, self._sequence, clock, self._source)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._transport.sendto(header + content, self._peer)
        self.sent += 1
