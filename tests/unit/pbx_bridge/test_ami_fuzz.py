"""Any bytes, cut anywhere: the same messages or the one error; no forged header; no other exception."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.ami.codec import (
    AmiDecoder,
    AmiEncodeError,
    AmiMessage,
    AmiProtocolError,
    DecoderLimits,
    encode_action,
)

LIMITS = DecoderLimits(greeting=40, line=30, message=60, headers=5)
TIGHT = DecoderLimits(greeting=64, line=12, message=24, headers=3)

# Pieces that make interesting streams likelier than random bytes do.
PIECES = st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"\r", b"\n", b": ", b":", b"Event: ", b"Event: A", b"event: B", b"Response: Success",
     b"ActionID: 1", b"\xe2\x80\xa8", b"\x85", b"\xc2\x85", b"\x1c", b"x" * 11, b"\x00", b"\xff"]
)  # fmt: skip
STREAMS = st.lists(st.one_of(PIECES, st.binary(max_size=6)), max_size=40).map(b"".join)
ODD_TEXT = st.text(st.sampled_from("ab:, \\\"'\u2028\x85\x1c\x0b\n\r\x00żEvent"), max_size=20)


def run(pieces: list[bytes], limits: DecoderLimits, greeting: bool) -> tuple[list[AmiMessage], str | None]:
    """Messages and the text of the error, if any, for a stream in these pieces."""
    decoder = AmiDecoder(limits=limits, greeting=greeting)
    messages: list[AmiMessage] = []
    for piece in pieces:
        try:
            messages += decoder.feed(piece)
        except AmiProtocolError as error:
            return [*messages, *error.messages], str(error)
    return messages, None


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=8), st.booleans(), st.sampled_from([LIMITS, TIGHT]))
def test_cutting_changes_nothing(
    stream: bytes, places: list[int], greeting: bool, limits: DecoderLimits
) -> None:
    if greeting:
        stream = b"Asterisk Call Manager/1\r\n" + stream
    whole, whole_error = run([stream], limits, greeting)
    pieces, pieces_error = run(cut(stream, places), limits, greeting)
    single, single_error = run([bytes([byte]) for byte in stream], limits, greeting)
    assert whole == pieces == single
    assert (whole_error is None) == (pieces_error is None) == (single_error is None)


@given(STREAMS)
def test_every_message_can_be_read_and_stood_where_it_says(stream: bytes) -> None:
    messages, _ = run([stream], LIMITS, greeting=False)
    for message in messages:
        assert stream[message.offset : message.end] == message.raw + b"\r\n\r\n"
        names = {name.lower() for name, _ in message.items()}
        assert all(name in message and message.get_all(name) for name in names)
        assert repr(message)
        assert message.event == AmiMessage(message.raw).event
        assert message.timestamp is None or message.timestamp > 0


@given(st.lists(st.tuples(st.sampled_from(["Exten", "Data", "AppData"]), ODD_TEXT), max_size=6))
def test_what_a_peer_puts_into_values_stays_in_those_values(headers: list[tuple[str, str]]) -> None:
    sent = [("Event", "Newexten"), *((key, value.replace("\r\n", "")) for key, value in headers)]
    stream = "".join(f"{key}: {value}\r\n" for key, value in sent) + "\r\n"
    (message,) = AmiDecoder(greeting=False).feed(stream.encode())
    assert list(message.items()) == sent


LINES = st.tuples(
    st.sampled_from(["A", "a", "A:", "B", "", "C c", "A\r"]),
    st.sampled_from([": ", ":", ":  ", ""]),
    ODD_TEXT,
)


@given(st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=4))
def test_reading_by_a_learnt_shape_is_reading_by_splitting(
    messages: list[list[tuple[str, str, str]]],
) -> None:
    """Each message is read until its shape is known; `items` always splits and is the judge."""
    blocks = ["\r\n".join(["Event: E", *("".join(line) for line in lines)]) for lines in messages]
    for block in blocks * 3:
        message = AmiMessage(block.encode())
        first: dict[str, str | None] = {}
        for key, value in message.items():
            first.setdefault(key.lower(), value)
        assert {key: message.get(key, "missing") for key in first} == first
        assert message.get("missing", "missing") == "missing"


@given(st.text(max_size=40))
def test_escaping_a_name_as_asterisk_does_and_reading_it_gives_the_name(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    escapes = dict(zip("\a\b\f\n\r\t\v\\'\"?", "abfnrtv\\'\"?", strict=True))
    escaped = "".join("\\" + escapes[char] if char in escapes else char for char in name)
    (message,) = AmiDecoder(greeting=False).feed(f"Event: Hangup\r\nCallerIDName: {escaped}\r\n\r\n".encode())
    assert message.get("CallerIDName") == (None if name == "<unknown>" else name)


@given(st.dictionaries(ODD_TEXT, ODD_TEXT, max_size=4), st.dictionaries(ODD_TEXT, ODD_TEXT, max_size=3))
def test_an_action_is_refused_or_is_exactly_its_own_lines(
    headers: dict[str, str], variables: dict[str, str]
) -> None:
    action = {"Action": "Redirect", **headers}
    try:
        sent = encode_action(action, "rb-1", variables)
    except AmiEncodeError:
        return
    lines = sent.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert len(lines) == len(action) + 1 + len(variables)
    assert not any(byte < 0x20 or byte == 0x7F for line in lines for byte in line)
    assert all(len(line) <= 1_022 for line in lines)


@given(st.binary(max_size=64))
def test_a_stranger_s_first_bytes_give_the_one_error_or_nothing(stream: bytes) -> None:
    messages, error = run([stream], LIMITS, greeting=True)
    assert messages == []
    assert error is not None or b"Asterisk Call Manager/".startswith(stream[:22])
