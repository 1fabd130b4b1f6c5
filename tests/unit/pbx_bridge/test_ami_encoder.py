"""An action in, bytes out: what is refused, what is escaped, and what asterisk-ami's objects become."""

from __future__ import annotations

import pytest
from asterisk.ami import LoginAction, SimpleAction

from pbx_bridge.ami.codec import AmiEncodeError, encode_action

ORIGINATE = {"Action": "Originate", "Channel": "Local/101@ringback-agent/n"}


def test_an_action_is_its_headers_its_id_and_an_empty_line() -> None:
    assert encode_action({"Action": "Ping"}, "rb-1") == b"Action: Ping\r\nActionID: rb-1\r\n\r\n"


def test_the_action_comes_first_wherever_it_stood() -> None:
    assert encode_action({"Channel": "x", "action": "Hangup"}, "1").startswith(
        b"Action: Hangup\r\nChannel: x\r\n"
    )


def test_values_may_be_numbers_truths_lists_or_left_out() -> None:
    sent = encode_action({"Action": "A", "N": 3, "Yes": True, "No": False, "L": ["x", "y"], "Out": None}, "1")
    assert sent == b"Action: A\r\nN: 3\r\nYes: true\r\nNo: false\r\nL: x\r\nL: y\r\nActionID: 1\r\n\r\n"


@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
@pytest.mark.parametrize("place", ["key", "value", "variable", "id"])
def test_every_control_character_is_refused_everywhere(code: int, place: str) -> None:
    bad = f"a{chr(code)}b"
    with pytest.raises(AmiEncodeError):
        encode_action(
            {"Action": "Originate", bad if place == "key" else "Key": bad if place == "value" else "v"},
            bad if place == "id" else "1",
            {"NAME": bad if place == "variable" else "v"},
        )


def test_a_lone_line_feed_cannot_smuggle_a_second_action() -> None:
    with pytest.raises(AmiEncodeError, match="control character"):
        encode_action({"Action": "Ping", "X": "1\nAction: Originate"}, "1")


@pytest.mark.parametrize("key", ["", "A: B", "A:", " A", "A "])
def test_odd_header_names_are_refused(key: str) -> None:
    with pytest.raises(AmiEncodeError):
        encode_action({"Action": "Ping", key: "1"}, "1")


def test_the_longest_line_asterisk_reads_passes_and_one_more_byte_does_not() -> None:
    room = 1_022 - len("Data: ")
    assert encode_action({"Action": "A", "Data": "x" * room}, "1")
    with pytest.raises(AmiEncodeError, match="1023 bytes"):
        encode_action({"Action": "A", "Data": "x" * (room + 1)}, "1")


def test_bytes_count_and_not_characters() -> None:
    with pytest.raises(AmiEncodeError, match="bytes"):
        encode_action({"Action": "A", "Data": "ż" * 600}, "1")


def test_128_lines_pass_and_129_do_not() -> None:
    assert encode_action({"Action": "A", "L": ["x"] * 126}, "1").count(b"\r\n") == 129
    with pytest.raises(AmiEncodeError, match="129 lines"):
        encode_action({"Action": "A", "L": ["x"] * 127}, "1")


def test_variables_are_escaped_and_have_a_header_each() -> None:
    sent = encode_action(ORIGINATE, "1", {"NAME": 'Bob,EVIL=1 "x" \\', "N": 2})
    assert b'Variable: NAME=Bob\\,EVIL=1 \\"x\\" \\\\\r\n' in sent
    assert b"Variable: N=2\r\n" in sent


@pytest.mark.parametrize("name", ["", "A=B", "A,B", 'A"', "A\\"])
def test_odd_variable_names_are_refused(name: str) -> None:
    with pytest.raises(AmiEncodeError):
        encode_action(ORIGINATE, "1", {name: "x"})


def test_variables_written_by_hand_are_refused() -> None:
    with pytest.raises(AmiEncodeError, match="variables"):
        encode_action({**ORIGINATE, "variable": "A=1,B=2"}, "1")


def test_getvar_and_setvar_name_their_one_variable() -> None:
    assert b"Variable: X\r\n" in encode_action({"Action": "Getvar", "Variable": "X"}, "1")


def test_originate_is_always_asynchronous() -> None:
    assert encode_action(ORIGINATE, "1").count(b"Async: true\r\n") == 1
    assert encode_action({**ORIGINATE, "Async": "true"}, "1").count(b"Async: true\r\n") == 1
    assert encode_action({"Action": "originate", "Channel": "x"}, "1").count(b"Async: true\r\n") == 1
    with pytest.raises(AmiEncodeError, match="asynchronous"):
        encode_action({**ORIGINATE, "Async": False}, "1")


def test_the_action_id_is_not_the_caller_s_to_choose() -> None:
    with pytest.raises(AmiEncodeError, match="ActionID"):
        encode_action({"Action": "Ping", "ActionId": "7"}, "1")


def test_a_mapping_without_an_action_is_refused() -> None:
    with pytest.raises(AmiEncodeError, match="without the header Action"):
        encode_action({"Channel": "x"}, "1")


def test_the_vocabulary_of_asterisk_ami_is_understood() -> None:
    action = SimpleAction("Originate", Channel="PJSIP/101", Timeout=30000)
    action["CARD"] = "a,b"
    sent = encode_action(action, "rb-9")
    assert sent == (
        b"Action: Originate\r\nChannel: PJSIP/101\r\nTimeout: 30000\r\nActionID: rb-9\r\n"
        b"Variable: CARD=a\\,b\r\nAsync: true\r\n\r\n"
    )
    assert b"Username: u\r\nSecret: s\r\n" in encode_action(LoginAction("u", "s"), "1")
