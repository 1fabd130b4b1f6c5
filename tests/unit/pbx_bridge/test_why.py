"""The sentence behind a verdict says who was tried, how long, and what happened then."""

from __future__ import annotations

from tests.unit.pbx_bridge.script import Script


def test_a_queue_that_rang_out() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.queue("QueueCallerJoin", customer, "sales")
    phones = [pbx.dial(customer, f"PJSIP/{number}") for number in (101, 102)]
    pbx.wait(20)
    for phone in phones:
        pbx.dial_end(customer, phone, "NOANSWER")
    pbx.hangup(*phones)
    pbx.queue("QueueCallerAbandon", customer, "sales")
    pbx.queue("QueueCallerLeave", customer, "sales")
    pbx.hangup(customer)
    assert pbx.record().why == (
        "Queue sales rang 101 and 102 for 20 s; nobody answered before the queue's time-out, "
        "and the PBX ended the call."
    )


def test_a_caller_who_gave_up() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.wait(12)
    pbx.request(customer)
    pbx.dial_end(customer, phone, "CANCEL")
    pbx.hangup(phone, customer)
    assert pbx.record().why == "101 rang for 12 s until the caller hung up, before anybody answered."


def test_an_answered_call_names_only_who_rang_before_the_answer() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.wait(5)
    pbx.answer(customer, phone)
    pbx.leave(customer, "b1")
    pbx.send(
        "BlindTransfer", phone.headers("Transferer"), customer.headers("Transferee"),
        {"Result": "Success", "Extension": "102", "BridgeUniqueid": "b1"},
    )  # fmt: skip
    pbx.hangup(phone)
    colleague = pbx.dial(customer, "PJSIP/102")
    pbx.answer(customer, colleague, "b2")
    pbx.request(colleague)
    pbx.hangup(colleague, customer)
    assert pbx.record().why == ("101 answered after 5 s, then transferred the call to 102; our side hung up.")


def test_a_call_whose_end_nobody_saw_says_so() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.facts += pbx.book.finish(pbx.now, "its end is not in the capture")
    assert customer.name
    assert pbx.record().why == "No phone was called; nobody answered; its end is not in the capture."


def test_an_answer_at_once_names_nobody_twice() -> None:
    pbx = Script()
    customer = pbx.incoming()
    phone = pbx.dial(customer, "PJSIP/101")
    pbx.answer(customer, phone)
    pbx.request(customer)
    pbx.hangup(phone, customer)
    assert pbx.record().why == "101 answered at once; the caller's side hung up."


def test_an_answer_in_a_queue_says_who_rang_beside() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.queue("QueueCallerJoin", customer, "sales")
    phones = [pbx.dial(customer, f"PJSIP/{number}") for number in (101, 102, 103)]
    pbx.wait(7)
    pbx.dial_end(customer, phones[0], "CANCEL")
    pbx.dial_end(customer, phones[2], "CANCEL")
    pbx.hangup(phones[0], phones[2])
    pbx.answer(customer, phones[1])
    pbx.request(customer)
    pbx.hangup(phones[1], customer)
    assert pbx.record().why == (
        "102 answered after 7 s in queue sales while 101 and 103 rang too; the caller's side hung up."
    )


def test_a_caller_who_leaves_before_any_phone_rings() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.wait(3)
    pbx.request(customer)
    pbx.hangup(customer)
    assert pbx.record().why == "The caller hung up after 3 s, before any phone rang."
