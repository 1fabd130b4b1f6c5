"""SIP requests: who calls and why it stopped, whatever a caller wrote into the name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.shown import LONGEST_NAME
from pbx_bridge.line.sip import answer, caller_of, parse_request, why_stopped
from pbx_bridge.line.wire import How, Rings, read_told, write_told

INVITE = (
    "INVITE sip:201@192.0.2.9:5070 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa\r\n"
    "Via: SIP/2.0/UDP 192.0.2.6:5060;branch=z9hG4bKb\r\n"
    "From: {0};tag=ab-1\r\nTo: <sip:201@192.0.2.9>\r\nCall-ID: x@y\r\nCSeq: 7 INVITE\r\n\r\nv=0\r\n"
)
CANCEL = INVITE.replace("INVITE", "CANCEL").replace("\r\n\r\nv=0", "\r\nReason: {1}\r\n\r\n")


def caller(header: str | bytes) -> tuple[str | None, str | None]:
    raw = header if isinstance(header, bytes) else header.encode()
    return caller_of(parse_request(INVITE.encode().replace(b"{0}", raw)))


@pytest.mark.parametrize(
    ("header", "number", "name"),
    [
        ('"Jan Kowalski" <sip:+48226011111@192.0.2.5>', "+48226011111", "Jan Kowalski"),
        ("<sip:0048226011111@192.0.2.5>", "0048226011111", None),
        ("Jan <sips:101@192.0.2.5:5061;transport=tls>", "101", "Jan"),
        ("sip:101@192.0.2.5", "101", None),
        ("<tel:+48-22-601-11-11;phone-context=x>", "+48-22-601-11-11", None),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', "anonymous", "Anonymous"),
        ('"a \\"b\\" \\\\ c" <sip:1@h>', "1", 'a "b" \\ c'),
        ('"<sip:+48999@evil>" <sip:+48226011111@h>', "+48226011111", "<sip:+48999@evil>"),
        ('"x" <sip:+48999@evil>" <sip:+48226011111@h>', "+48226011111", 'x" <sip:+48999@evil>'),
        ('"one\u2028two\u0085three" <sip:1@h>', "1", "one two three"),
        ('"\u202egnp.exe" <sip:1@h>', "1", "gnp.exe"),
        (b'"Jos\xe9" <sip:1@h>', "1", "Jos\ufffd"),
        ("<sip:%2B48226011111;npdi@h>", "+48226011111", None),
        ("<sip:192.0.2.5>", None, None),
    ],
)
def test_who_calls(header: str | bytes, number: str | None, name: str | None) -> None:
    assert caller(header) == (number, name)


def test_a_long_name_is_cut() -> None:
    _, name = caller(f'"{"x" * 5000}" <sip:1@h>')
    assert name == "x" * LONGEST_NAME


@pytest.mark.parametrize(
    ("reason", "how"),
    [
        ('SIP;cause=200;text="Call completed elsewhere"\r\nReason: Q.850;cause=26', How.ELSEWHERE),
        ('SIP ;cause=200 ;text="Call completed elsewhere"', How.ELSEWHERE),
        ("Q.850;cause=26", How.ELSEWHERE),
        ("Q.850;cause=127", How.CALLER),
        ('Q.850;cause=16;text="NORMAL_CLEARING"', How.CALLER),
        ("Q.850;cause=0", How.UNSAID),
        ('SIP;cause=487;text="ORIGINATOR_CANCEL"', How.UNSAID),
        ("nonsense", How.UNSAID),
    ],
)
def test_why_it_stopped(reason: str, how: How) -> None:
    assert why_stopped(parse_request(CANCEL.format("<sip:1@h>", reason).encode())) is how


def test_an_answer_gives_back_what_came() -> None:
    data = INVITE.encode().replace(b"{0}", b'"Jos\xe9" <sip:1@h>')
    lines = answer(parse_request(data), "180 Ringing", "me", "Contact: <sip:h>").split(b"\r\n")
    assert lines == [
        b"SIP/2.0 180 Ringing",
        b"Via: SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z9hG4bKa",
        b"Via: SIP/2.0/UDP 192.0.2.6:5060;branch=z9hG4bKb",
        b'From: "Jos\xe9" <sip:1@h>;tag=ab-1',
        b"To: <sip:201@192.0.2.9>;tag=me",
        b"Call-ID: x@y",
        b"CSeq: 7 INVITE",
        b"Contact: <sip:h>",
        b"Content-Length: 0",
        b"",
        b"",
    ]


def test_compact_and_folded_headers() -> None:
    start = b"OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP h\r\n"
    request = parse_request(start + b"f: <sip:1\r\n  @h>\r\nt: <sip:2@h>\r\ni: c\r\nCSeq: 1 OPTIONS\r\n\r\n")
    assert (request.method, request.call_id, request.get("from")) == ("OPTIONS", "c", "<sip:1 @h>")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n\r\n",
        INVITE.replace("7 INVITE", "7 CANCEL").encode(),
        INVITE.replace("7 INVITE", "INVITE").encode(),
        INVITE.replace("Call-ID: x@y\r\n", "").encode(),
        INVITE.replace("Call-ID", "Call-ID\r\nX").encode(),
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not|without"):
        parse_request(data)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_bytes_give_a_caller_that_can_be_told_or_an_error(header: bytes, reason: bytes) -> None:
    data = CANCEL.encode().replace(b"{0}", header).replace(b"{1}", reason)
    try:
        request = parse_request(data)
    except ValueError:
        return
    number, name = caller_of(request)
    told = Rings(1.0, "id", number, name)
    assert read_told(write_told(told)) == told
    assert write_told(told).count(b"\n") == 1
    why_stopped(request)
    answer(request, "200 OK", "t")
