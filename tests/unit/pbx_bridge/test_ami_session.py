"""Login, replies, lists, deadlines and pings, with messages and times handed in."""

from __future__ import annotations

import hashlib

import pytest

from pbx_bridge.ami.codec import AmiEncodeError
from pbx_bridge.ami.message import AmiMessage
from pbx_bridge.ami.session import (
    MAX_GIVEN_UP,
    MAX_PENDING,
    AmiActionError,
    AmiList,
    AmiSession,
    Answered,
    Auth,
    Credentials,
    Dead,
    Failed,
    LoggedIn,
    LoginRefused,
    SessionState,
    SessionTimes,
)

TIMES = SessionTimes(login=10.0, ping_every=10.0, ping_reply=5.0)
STATUS = {"Action": "Status"}


def new_session(auth: Auth = Auth.PLAIN) -> AmiSession:
    return AmiSession(Credentials("ringback-events", "s3cret", auth), TIMES, prefix="rb-1")


def logged_in() -> AmiSession:
    session = new_session()
    session.begin(0.0)
    session.outgoing()
    assert session.receive(reply("login"), 0.0) == [LoggedIn()]
    return session


def reply(action_id: str, response: str = "Success", **more: str) -> AmiMessage:
    return AmiMessage.of({"Response": response, "ActionID": action_id, **more})


def item(action_id: str, event: str = "Status", **more: str) -> AmiMessage:
    return AmiMessage.of({"Event": event, "ActionID": action_id, **more})


def failure(outcomes: object) -> AmiActionError:
    assert isinstance(outcomes, list)
    (outcome,) = outcomes
    assert isinstance(outcome, Failed)
    return outcome.error


class TestLogin:
    def test_it_sends_user_and_secret_and_is_up_when_accepted(self) -> None:
        session = new_session()
        session.begin(0.0)
        assert b"Action: Login\r\nUsername: ringback-events\r\nSecret: s3cret\r\n" in session.outgoing()
        assert session.receive(reply("login", Message="Authentication accepted"), 0.1) == [LoggedIn()]
        assert session.state is SessionState.UP

    def test_it_needs_no_fully_booted_event(self) -> None:
        """With our rights Asterisk sends none: the reply alone must do."""
        assert logged_in().state is SessionState.UP

    def test_with_md5_the_secret_does_not_travel(self) -> None:
        session = new_session(Auth.MD5)
        session.begin(0.0)
        first = session.outgoing()
        assert b"Action: Challenge\r\nAuthType: MD5\r\n" in first
        assert session.receive(reply("challenge", Challenge="184033"), 0.1) == []
        second = session.outgoing()
        key = hashlib.md5(b"184033s3cret").hexdigest()
        assert f"AuthType: MD5\r\nKey: {key}\r\n".encode() in second
        assert b"s3cret" not in first + second
        assert session.receive(reply("login"), 0.2) == [LoggedIn()]

    def test_a_refusal_carries_asterisk_s_own_reason(self) -> None:
        session = new_session()
        session.begin(0.0)
        outcomes = session.receive(reply("login", "Error", Message="Authentication failed"), 0.1)
        assert outcomes == [LoginRefused("Authentication failed")]
        assert session.state is SessionState.REFUSED

    def test_silence_after_the_greeting_ends_it(self) -> None:
        session = new_session()
        session.begin(0.0)
        assert session.next_due() == 10.0
        assert session.tick(9.9) == []
        assert session.tick(10.0) == [Dead("no answer to the login within 10 s")]

    def test_a_secret_that_cannot_be_sent_is_refused_here(self) -> None:
        session = AmiSession(Credentials("u", "a\nb"), TIMES)
        with pytest.raises(AmiEncodeError):
            session.begin(0.0)

    def test_the_secret_is_in_no_log_line(self) -> None:
        assert "s3cret" not in repr(Credentials("u", "s3cret"))


class TestReplies:
    def test_each_reply_finds_its_action_in_any_order(self) -> None:
        session = logged_in()
        first = session.submit({"Action": "CoreStatus"}, 5.0)
        second = session.submit({"Action": "CoreSettings"}, 5.0)
        sent = session.outgoing()
        assert sent.index(first.encode()) < sent.index(second.encode())
        answer_2, answer_1 = reply(second), reply(first)
        assert session.receive(answer_2, 1.0) == [Answered(second, answer_2)]
        assert session.receive(answer_1, 1.0) == [Answered(first, answer_1)]

    def test_bytes_are_handed_out_once(self) -> None:
        session = logged_in()
        session.submit(STATUS, 5.0)
        assert session.outgoing()
        assert session.outgoing() == b""

    def test_an_error_fails_the_action_with_the_reply_and_it_was_not_executed(self) -> None:
        session = logged_in()
        key = session.submit({"Action": "Hangup", "Channel": "x"}, 5.0)
        error = failure(session.receive(reply(key, "Error", Message="No such channel"), 1.0))
        assert "Hangup: the PBX answered 'No such channel'" in str(error)
        assert not error.perhaps_executed
        assert error.reply is not None

    def test_events_belong_to_the_call_stream(self) -> None:
        session = logged_in()
        session.submit(STATUS, 5.0)
        assert session.receive(AmiMessage.of({"Event": "Hangup"}), 1.0) is None

    def test_an_originate_response_may_come_before_the_reply(self) -> None:
        session = logged_in()
        key = session.submit({"Action": "Originate", "Channel": "x"}, 5.0)
        assert session.receive(item(key, "OriginateResponse", Reason="4"), 1.0) is None
        assert session.receive(reply(key), 1.0) == [Answered(key, reply(key))]

    def test_nothing_is_sent_before_the_login(self) -> None:
        session = new_session()
        session.begin(0.0)
        with pytest.raises(AmiActionError, match="Status was not sent") as caught:
            session.submit(STATUS, 5.0)
        assert not caught.value.perhaps_executed

    def test_an_action_that_must_not_be_sent_leaves_nothing_behind(self) -> None:
        session = logged_in()
        with pytest.raises(AmiEncodeError):
            session.submit({"Action": "Ping", "X": "a\nb"}, 5.0)
        assert session.outgoing() == b""
        assert session.close("gone") == []

    def test_the_number_of_actions_in_flight_is_bounded(self) -> None:
        session = logged_in()
        for _ in range(MAX_PENDING):
            session.submit(STATUS, 5.0)
        with pytest.raises(AmiActionError, match="waiting for answers"):
            session.submit(STATUS, 5.0)


class TestDeadlines:
    def test_an_unanswered_action_fails_as_perhaps_executed_and_is_never_sent_again(self) -> None:
        session = logged_in()
        key = session.submit({"Action": "Originate", "Channel": "x"}, 5.0)
        session.outgoing()
        assert session.next_due() == 5.0
        assert session.tick(4.9) == []
        error = failure(session.tick(5.0))
        assert error.perhaps_executed
        assert "Originate: no answer in time; perhaps executed" in str(error)
        assert session.outgoing() == b""
        assert session.receive(reply(key), 6.0) == []

    def test_a_lost_connection_fails_everything_in_flight_as_perhaps_executed(self) -> None:
        session = logged_in()
        keys = {
            session.submit({"Action": "Originate", "Channel": "x"}, 5.0),
            session.submit(STATUS, 5.0, is_list=True),
        }
        session.outgoing()
        outcomes = session.close("the connection was cut")
        assert {outcome.action_id for outcome in outcomes if isinstance(outcome, Failed)} == keys
        assert all(isinstance(outcome, Failed) and outcome.error.perhaps_executed for outcome in outcomes)
        assert session.outgoing() == b""
        assert session.close("again") == []

    def test_a_new_connection_sends_only_its_login(self) -> None:
        old = logged_in()
        old.submit({"Action": "Originate", "Channel": "x"}, 5.0)
        old.close("cut")
        new = new_session()
        new.begin(0.0)
        assert new.outgoing().count(b"Action: ") == 1


class TestLists:
    def test_items_are_collected_from_start_to_complete(self) -> None:
        session = logged_in()
        key = session.submit(STATUS, 5.0, is_list=True)
        assert session.receive(reply(key, EventList="start"), 1.0) == []
        items = [item(key, Channel="a"), item(key, Channel="b")]
        assert [session.receive(one, 1.0) for one in items] == [[], []]
        end = item(key, "StatusComplete", EventList="Complete", ListItems="2")
        assert session.receive(end, 1.0) == [Answered(key, AmiList(tuple(items), end))]

    def test_other_events_and_other_lists_run_between_the_items(self) -> None:
        session = logged_in()
        one, two = (session.submit(STATUS, 5.0, is_list=True) for _ in range(2))
        for key in (one, two):
            session.receive(reply(key, EventList="start"), 1.0)
        assert session.receive(item(two, Channel="b"), 1.0) == []
        assert session.receive(AmiMessage.of({"Event": "Newchannel"}), 1.0) is None
        assert session.receive(item("somebody-else"), 1.0) is None
        outcomes = session.receive(item(one, "StatusComplete", EventList="Complete", ListItems="0"), 1.0)
        assert outcomes is not None
        assert isinstance(outcomes[0], Answered)
        assert outcomes[0].action_id == one

    def test_a_list_with_missing_items_is_no_answer(self) -> None:
        session = logged_in()
        key = session.submit(STATUS, 5.0, is_list=True)
        session.receive(reply(key, EventList="start"), 1.0)
        session.receive(item(key), 1.0)
        error = failure(
            session.receive(item(key, "StatusComplete", EventList="Complete", ListItems="2"), 1.0)
        )
        assert "announced 2 list items and sent 1" in str(error)

    def test_a_cancelled_list_is_no_answer(self) -> None:
        session = logged_in()
        key = session.submit(STATUS, 5.0, is_list=True)
        session.receive(reply(key, EventList="start"), 1.0)
        assert "cancelled" in str(failure(session.receive(item(key, "X", EventList="cancelled"), 1.0)))

    def test_a_reply_without_a_list_is_an_empty_list(self) -> None:
        session = logged_in()
        key = session.submit({"Action": "DeviceStateList"}, 5.0, is_list=True)
        assert session.receive(reply(key), 1.0) == [Answered(key, AmiList((), None))]

    def test_late_items_of_a_list_given_up_are_not_call_events(self) -> None:
        session = logged_in()
        key = session.submit(STATUS, 5.0, is_list=True)
        session.receive(reply(key, EventList="start"), 1.0)
        assert failure(session.tick(5.0)).perhaps_executed
        assert session.receive(item(key), 6.0) == []
        assert session.receive(item(key, "StatusComplete", EventList="Complete", ListItems="1"), 6.0) == []
        assert session.receive(item(key), 7.0) is None

    def test_only_so_many_lists_given_up_are_remembered(self) -> None:
        session = logged_in()
        keys = [session.submit(STATUS, 5.0, is_list=True) for _ in range(MAX_GIVEN_UP + 1)]
        session.tick(5.0)
        assert session.receive(item(keys[0]), 6.0) is None
        assert session.receive(item(keys[-1]), 6.0) == []


class TestPing:
    def test_a_ping_goes_out_every_ten_seconds(self) -> None:
        session = logged_in()
        assert session.next_due() == 10.0
        session.tick(9.9)
        assert session.outgoing() == b""
        session.tick(10.0)
        assert session.outgoing().startswith(b"Action: Ping\r\n")
        session.receive(reply("ping", Ping="Pong"), 10.1)
        assert session.next_due() == 20.0
        session.tick(20.0)
        assert session.outgoing().startswith(b"Action: Ping\r\n")

    def test_silence_after_a_ping_is_death(self) -> None:
        session = logged_in()
        session.tick(10.0)
        assert session.next_due() == 15.0
        assert session.tick(14.9) == []
        assert session.tick(15.0) == [Dead("nothing heard for 5 s after a ping")]

    def test_any_event_after_a_ping_is_life(self) -> None:
        """Replies queue behind events in Asterisk: a busy PBX answers late and lives."""
        session = logged_in()
        session.tick(10.0)
        session.receive(AmiMessage.of({"Event": "Newchannel"}), 14.0)
        assert session.tick(15.0) == []

    def test_silence_that_is_our_own_doing_is_not_judged(self) -> None:
        session = logged_in()
        session.tick(10.0)
        assert session.tick(16.0, reading=False) == []
        assert session.tick(20.9) == []
        assert session.tick(21.0) == [Dead("nothing heard for 5 s after a ping")]
