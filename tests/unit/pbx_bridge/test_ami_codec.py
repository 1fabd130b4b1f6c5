"""AMI bytes in, messages out: framing, headers, limits. Asterisk's own habits are noted where they matter."""

from __future__ import annotations

import time

import pytest

from pbx_bridge.ami.codec import AmiDecoder, AmiMessage, AmiProtocolError, DecoderLimits

GREETING = b"Asterisk Call Manager/11.0.0\r\n"


def decode(stream: bytes, limits: DecoderLimits | None = None) -> list[AmiMessage]:
    return AmiDecoder(limits=limits).feed(GREETING + stream)


def only(stream: bytes) -> AmiMessage:
    (message,) = decode(stream)
    return message


class TestFraming:
    def test_the_greeting_has_no_empty_line_after_it(self) -> None:
        decoder = AmiDecoder()
        messages = decoder.feed(GREETING + b"Response: Success\r\n\r\n")
        assert decoder.banner == "11.0.0"
        assert [message.response for message in messages] == ["Success"]

    def test_a_message_ends_at_an_empty_line_wherever_the_network_cuts(self) -> None:
        stream = GREETING + b"Event: One\r\nA: 1\r\n\r\nEvent: Two\r\nB: 2\r\n\r\n"
        for cut in range(len(stream)):
            decoder = AmiDecoder()
            messages = decoder.feed(stream[:cut]) + decoder.feed(stream[cut:])
            assert [message.event for message in messages] == ["One", "Two"], cut

    def test_a_character_split_between_two_reads_survives(self) -> None:
        stream = GREETING + "Event: Hangup\r\nCallerIDName: Żółć\r\n\r\n".encode()
        decoder = AmiDecoder()
        messages = [message for byte in stream for message in decoder.feed(bytes([byte]))]
        assert messages[0].get("CallerIDName") == "Żółć"

    @pytest.mark.parametrize(
        "odd", ["\u2028", "\u2029", "\x85", "\x1c", "\x1d", "\x0b", "\x0c", "\n", "\r", "\x00"]
    )
    def test_no_character_of_a_display_name_forges_a_header(self, odd: str) -> None:
        name = f"Bob{odd}Event: Hangup{odd}Uniqueid: 9.9"
        message = only(f"Event: Newchannel\r\nCallerIDName: {name}\r\nUniqueid: 1.1\r\n\r\n".encode())
        assert message.event == "Newchannel"
        assert message.get("CallerIDName") == name
        assert message.get_all("Uniqueid") == ["1.1"]

    def test_bytes_that_are_not_utf8_are_replaced_and_cost_only_themselves(self) -> None:
        message = only(b"Event: Hangup\r\nCallerIDName: caf\xe9\r\nCause: 16\r\n\r\n")
        assert message.get("CallerIDName") == "caf\ufffd"
        assert message.get("Cause") == "16"

    def test_events_of_a_single_line_keep_their_own_names(self) -> None:
        messages = decode(b"Event: Alarm1\r\n\r\nEvent: Alarm2\r\n\r\nEvent: Alarm\r\n\r\n")
        assert [message.event for message in messages] == ["Alarm1", "Alarm2", "Alarm"]

    def test_surplus_empty_lines_are_no_messages(self) -> None:
        messages = decode(b"\r\n\r\nEvent: One\r\n\r\n\r\nEvent: Two\r\n\r\n\r\n\r\n")
        assert [message.event for message in messages] == ["One", "Two"]

    def test_each_message_knows_where_it_stood_in_the_stream(self) -> None:
        stream = GREETING + b"Event: One\r\n\r\n\r\nEvent: Two\r\nA: 1\r\n\r\n"
        for message in AmiDecoder().feed(stream):
            assert stream[message.offset : message.end] == message.raw + b"\r\n\r\n"

    def test_the_decoder_knows_how_far_it_has_read(self) -> None:
        decoder = AmiDecoder()
        decoder.feed(GREETING + b"Event: One\r\n\r\nEvent: Tw")
        assert decoder.offset == len(GREETING) + len(b"Event: One\r\n\r\n")
        assert decoder.pending == len(b"Event: Tw")

    def test_a_stored_capture_may_begin_in_mid_session(self) -> None:
        decoder = AmiDecoder(greeting=False)
        assert [message.event for message in decoder.feed(b"Event: One\r\n\r\n")] == ["One"]
        assert decoder.banner is None

    def test_a_stored_capture_may_begin_with_the_greeting(self) -> None:
        decoder = AmiDecoder(greeting=False)
        assert [message.event for message in decoder.feed(GREETING + b"Event: One\r\n\r\n")] == ["One"]
        assert decoder.banner == "11.0.0"


class TestHeaders:
    def test_keys_are_found_in_any_case(self) -> None:
        message = only(b"event: Hangup\r\nUNIQUEID: 1.1\r\n\r\n")
        assert message.event == "Hangup"
        assert message.get("UniqueId") == "1.1"
        assert "uniqueid" in message
        assert "Linkedid" not in message

    def test_repeated_keys_are_a_list_and_get_gives_the_first(self) -> None:
        message = only(b"Event: Status\r\nVariable: A=1\r\nvariable: B=2\r\n\r\n")
        assert message.get_all("Variable") == ["A=1", "B=2"]
        assert message.get("VARIABLE") == "A=1"

    def test_output_lines_of_a_command_are_a_list(self) -> None:
        message = only(b"Response: Success\r\nOutput: one: 1\r\nOutput: \r\nOutput: two\r\n\r\n")
        assert message.get_all("Output") == ["one: 1", "", "two"]

    def test_a_value_keeps_its_inner_colons(self) -> None:
        message = only(b"Event: Newexten\r\nAppData: SIP/a: b: c\r\n\r\n")
        assert message.get("AppData") == "SIP/a: b: c"

    def test_an_empty_value_is_empty_and_not_missing(self) -> None:
        message = only(b"Event: Hangup\r\nAccountCode: \r\nExten:\r\nA: 1\r\n\r\n")
        assert message.get("AccountCode") == ""
        assert message.get("Exten") == ""
        assert message.get("Language", "none") == "none"

    def test_a_line_without_a_separator_belongs_to_no_header(self) -> None:
        message = only(b"Response: Success\r\nhello there\r\nActionID: 7\r\n\r\n")
        assert dict(message.items()) == {"Response": "Success", "ActionID": "7"}

    def test_unknown_is_none(self) -> None:
        message = only(b"Event: Newchannel\r\nCallerIDNum: <unknown>\r\nExten: unknown\r\n\r\n")
        assert message.get("CallerIDNum", "default") is None
        assert message.get_all("CallerIDNum") == [None]
        assert message.get("Exten") == "unknown"

    def test_a_name_in_angle_brackets_is_not_unknown(self) -> None:
        assert only(b"Event: Hangup\r\nCallerIDName: <b>\r\n\r\n").get("CallerIDName") == "<b>"

    @pytest.mark.parametrize("prefix", ["", "Dest", "Transferee", "OrigTransferer"])
    @pytest.mark.parametrize("key", ["CallerIDName", "ConnectedLineName"])
    def test_names_of_channels_are_unescaped(self, prefix: str, key: str) -> None:
        escaped = rf"{prefix}{key}: O\'Brien \"Bob\" \\ \t\?"
        message = only(f"Event: Newstate\r\n{escaped}\r\n\r\n".encode())
        assert message.get(prefix + key) == 'O\'Brien "Bob" \\ \t?'

    def test_an_escaped_backslash_does_not_start_another_escape(self) -> None:
        assert (
            only(rb"Event: Hangup" + b"\r\nCallerIDName: a" + rb"\\n" + b"\r\n\r\n").get("CallerIDName")
            == r"a\n"
        )

    @pytest.mark.parametrize("event", ["QueueEntry", "OriginateResponse"])
    def test_names_that_asterisk_does_not_escape_are_left_alone(self, event: str) -> None:
        message = only(f"Event: {event}\r\nCallerIDName: C:\\new\r\n\r\n".encode())
        assert message.get("CallerIDName") == "C:\\new"

    def test_values_of_varset_are_unescaped_and_other_values_are_not(self) -> None:
        assert only(b"Event: VarSet\r\nValue: a\\'b\r\n\r\n").get("Value") == "a'b"
        assert only(b"Event: Newexten\r\nAppData: a\\,b\r\n\r\n").get("AppData") == "a\\,b"

    def test_the_time_is_the_pbx_s_own(self) -> None:
        message = only(b"Event: Hangup\r\nTimestamp: 1763766864.123456\r\n\r\n")
        assert message.timestamp == 1763766864.123456

    @pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "-1", "1e999"])
    def test_a_time_that_is_none_is_none(self, text: str) -> None:
        assert only(f"Event: Hangup\r\nTimestamp: {text}\r\n\r\n".encode()).timestamp is None
        assert only(b"Event: Hangup\r\n\r\n").timestamp is None

    def test_list_markers_and_success_are_understood(self) -> None:
        start = only(b"Response: Success\r\nEventList: start\r\nActionID: 3\r\n\r\n")
        assert (start.is_success, start.list_state, start.action_id) == (True, "start", "3")
        assert only(b"Event: StatusComplete\r\nEventList: Complete\r\n\r\n").list_state == "complete"
        assert only(b"Event: Hangup\r\n\r\n").list_state is None
        assert not only(b"Response: Error\r\nMessage: no\r\n\r\n").is_success

    def test_a_message_built_from_headers_equals_one_that_was_received(self) -> None:
        built = AmiMessage.of({"Event": "Status", "Variable": ["A=1", "B=2"], "Gone": None, "Seconds": 3})
        assert built.raw == b"Event: Status\r\nVariable: A=1\r\nVariable: B=2\r\nSeconds: 3"

    def test_a_message_in_a_log_line_shows_no_number(self) -> None:
        assert "4822" not in repr(only(b"Event: Newchannel\r\nCallerIDNum: 48221234567\r\n\r\n"))


class TestWanted:
    STREAM = (
        b"Event: Newchannel\r\nUniqueid: 1.1\r\n\r\n"
        b"Event: VarSet\r\nVariable: A\r\n\r\n"
        b"Event: Status\r\nActionID: rb-1\r\n\r\n"
        b"event: RTCPSent\r\nSSRC: 1\r\n\r\n"
        b"Response: Success\r\nActionID: rb-2\r\n\r\n"
        b"Event: VarSet\r\nVariable: B\r\n\r\n"
    )

    def test_a_piece_torn_off_an_event_is_handed_out_whatever_its_name(self) -> None:
        """A caller's number with a line break forges an event; the true one's tail hangs on it."""
        true = b"Event: Newchannel\r\nTimestamp: 1.5\r\nCallerIDNum: 1"
        unwanted = b"Event: Reload\r\nTimestamp: 1.6\r\nModule: x"
        forged = b"Event: Reload\r\nModule: y\r\nUniqueid: 1.1"
        stream = b"".join(block + b"\r\n\r\n" for block in (true, unwanted, true, unwanted, forged, forged))
        messages = AmiDecoder(wanted={"Newchannel"}).feed(GREETING + stream)
        assert [message.get("Module") for message in messages] == [None, None, "y", "y"]

    def test_unwanted_events_are_counted_and_not_handed_out(self) -> None:
        decoder = AmiDecoder(wanted={"Newchannel"})
        messages = decoder.feed(GREETING + self.STREAM)
        assert [message.event for message in messages if message.event] == ["Newchannel", "Status"]
        assert decoder.skipped == 3

    def test_replies_and_answers_to_actions_always_pass(self) -> None:
        messages = AmiDecoder(wanted=()).feed(GREETING + self.STREAM)
        assert [message.action_id for message in messages] == ["rb-1", "rb-2"]

    def test_an_event_often_skipped_still_passes_as_an_answer(self) -> None:
        """DeviceStateChange is both a frequent event and the item of DeviceStateList."""
        change = b"Event: DeviceStateChange\r\nState: INUSE\r\n"
        messages = AmiDecoder(wanted=()).feed(
            GREETING + (change + b"\r\n") * 3 + change + b"ActionID: rb-1\r\n\r\n"
        )
        assert [message.action_id for message in messages] == ["rb-1"]

    def test_offsets_count_the_skipped_bytes_too(self) -> None:
        stream = GREETING + self.STREAM
        for message in AmiDecoder(wanted={"Newchannel"}).feed(stream):
            assert stream[message.offset : message.end] == message.raw + b"\r\n\r\n"

    def test_a_flood_of_made_up_event_names_is_not_remembered_for_ever(self) -> None:
        decoder = AmiDecoder(wanted=())
        decoder.feed(GREETING)
        for number in range(5_000):
            decoder.feed(b"Event: Made%d\r\n\r\n" % number)
        assert decoder.skipped == 5_000
        assert len(decoder._names) <= 1_024


class TestLimits:
    @pytest.mark.parametrize(
        "other",
        [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01", b"\r\n"],
    )
    def test_a_port_that_is_not_ami_is_told_at_the_first_wrong_byte(self, other: bytes) -> None:
        with pytest.raises(AmiProtocolError, match="not an AMI greeting"):
            AmiDecoder().feed(other)

    def test_an_endless_greeting_is_refused(self) -> None:
        with pytest.raises(AmiProtocolError, match="greeting"):
            AmiDecoder().feed(b"Asterisk Call Manager/" + b"1" * 300)

    def test_an_endless_message_is_refused_before_it_ends(self) -> None:
        decoder = AmiDecoder(limits=DecoderLimits(message=1_000))
        decoder.feed(GREETING + b"Event: One\r\nA: ")
        with pytest.raises(AmiProtocolError, match="longer than 1000 bytes"):
            decoder.feed(b"x" * 1_100)

    def test_a_line_that_is_too_long_is_refused(self) -> None:
        with pytest.raises(AmiProtocolError, match="line"):
            decode(b"Event: One\r\nA: " + b"x" * 100 + b"\r\n\r\n", limits=DecoderLimits(line=100))

    def test_too_many_headers_are_refused(self) -> None:
        with pytest.raises(AmiProtocolError, match="more than 10 headers"):
            decode(b"Event: One\r\n" + b"A: 1\r\n" * 10 + b"\r\n", limits=DecoderLimits(headers=10))

    def test_what_came_before_the_fault_is_not_lost(self) -> None:
        with pytest.raises(AmiProtocolError) as caught:
            decode(
                b"Event: Good\r\n\r\nEvent: Bad\r\nA: " + b"x" * 200 + b"\r\n\r\n",
                limits=DecoderLimits(line=100),
            )
        assert [message.event for message in caught.value.messages] == ["Good"]

    def test_the_largest_allowed_message_passes_in_one_piece_and_in_many(self) -> None:
        message = b"\r\n" + b"Event: One\r\nA: ".ljust(1_000, b"x") + b"\r\n\r\n"
        limits = DecoderLimits(message=1_000)
        assert len(decode(message, limits=limits)) == 1
        decoder = AmiDecoder(limits=limits)
        assert sum(len(decoder.feed(bytes([byte]))) for byte in GREETING + message) == 1

    def test_the_work_grows_with_the_bytes_and_not_with_their_square(self) -> None:
        """One long message in small pieces: eight times the bytes cost far less than 64 times the work."""
        small, large = cpu_seconds(64_000), cpu_seconds(512_000)
        assert large < 24 * max(small, 0.001)


def cpu_seconds(size: int) -> float:
    """The least of three, so that a busy machine does not decide."""
    limits = DecoderLimits(line=1_000_000)
    best = float("inf")
    for _ in range(3):
        decoder = AmiDecoder(limits=limits)
        decoder.feed(GREETING + b"Event: One\r\nA: ")
        begin = time.process_time()
        for _ in range(size // 16):
            decoder.feed(b"x" * 16)
        best = min(best, time.process_time() - begin)
    return best
