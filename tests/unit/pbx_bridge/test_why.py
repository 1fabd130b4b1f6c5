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
    assert pbx.record().why == "101 rang for 12 s; the caller hung up after 12 s, before anybody answered."


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
    assert pbx.record().why == (
        "101 rang for 5 s; 101 answered after 5 s; 102 talked to the caller too; 101 transferred the call to 102; "
        "our side hung up."
    )


def test_a_call_whose_end_nobody_saw_says_so() -> None:
    pbx = Script()
    customer = pbx.incoming()
    pbx.facts += pbx.book.finish(pbx.now, "its end is not in the capture")
    assert customer.name
    assert pbx.record().why == "No phone was called; nobody answered; its end is not in the capture."
