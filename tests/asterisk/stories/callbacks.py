"""Stories of callbacks: the PBX is told to ring our agent first, then the customer (the shipped dialplan). The agent
hears an announcement before; in most stories they press 1 and do not wait for its end. Places in queues and customers
who are rung first have a file of their own (`places.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import pause, story
from tests.asterisk.truth import Moved, Truth

CUSTOMER = "48226019999"
TWICE = "0123456789abcdef0123"


def callback(
    started_at: float, ended_at: float, result: str, ended_by: str, *, human_at: float | None = None,
    rang: Sequence[str] = ("101",), talked: Sequence[str] = (), talks: Sequence[tuple[float, float]] = (),
    transfers: Sequence[Moved] = (), callee: str = CUSTOMER, caller: str | None = "101",
    queue: str | None = None,
) -> Truth:  # fmt: skip
    """A callback by 101; ``human_at`` is the agent's answer."""
    return Truth(
        "callback", caller, callee, result, started_at, ended_at, ended_by, None, queue, human_at,
        rang, talked, talks, transfers,
    )  # fmt: skip


async def accept(at_agent: Call) -> None:
    """The agent does not wait for the end of the announcement."""
    await pause(0.4)
    await at_agent.press("1")


async def greeted(at_agent: Call) -> float:
    """The customer has been greeted and is connected: the agent hears them. Returns the moment."""
    await pause(1.1)
    await at_agent.hears()
    return at_agent.phone.note("joined")


@story("101", everything=True)
async def callback_answered(lab: Lab) -> Sequence[Truth]:
    """101 answers and waits for the end of the announcement, the customer answers; the customer hangs up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause()
    human = await at_agent.answer()
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause()
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause(1.2)
    end = await at_customer.hangup()
    await at_agent.ended()
    return [callback(start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101")
async def callback_agent_hangs_up(lab: Lab) -> Sequence[Truth]:
    """The callback succeeds; 101 hangs up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause()
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause(1.0)
    end = await at_agent.hangup()
    await at_customer.ended()
    return [callback(start, end, "answered", "agent", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101")
async def callback_agent_refuses(lab: Lab) -> Sequence[Truth]:
    """101 declines the offered callback; the customer is never dialled."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause()
    at_agent.refuse(486)
    return [callback(start, lab.now(), "missed", "pbx")]


@story("101")
async def callback_agent_unanswered(lab: Lab) -> Sequence[Truth]:
    """101 does not answer for 3 s, the Originate's time-out; the customer is never dialled."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER, seconds=3)
    at_agent = await agent.rings()
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx")]


@story()
async def callback_agent_not_registered(lab: Lab) -> Sequence[Truth]:
    """101's phone is switched off, so nothing rings and the customer is never dialled."""
    start = await lab.originate("101", CUSTOMER)
    return [callback(start, lab.now(), "missed", "pbx", rang=[])]


@story("101")
async def callback_customer_busy(lab: Lab) -> Sequence[Truth]:
    """101 answers, the customer is busy."""
    agent = await lab.phone("101")
    lab.trunk.refuse_at_once["*"] = 486
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause()
    human = await at_agent.answer()
    await accept(at_agent)
    end = await at_agent.ended()
    return [callback(start, end, "busy", "pbx", human_at=human)]


@story("101")
async def callback_customer_unanswered(lab: Lab) -> Sequence[Truth]:
    """101 answers, the customer's phone rings, 101 gives up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause(0.5)
    human = await at_agent.answer()
    await accept(at_agent)
    await lab.trunk.rings(CUSTOMER)
    await pause(1.5)
    end = await at_agent.hangup()
    return [callback(start, end, "missed", "agent", human_at=human)]


@story("101")
async def callback_number_fails(lab: Lab) -> Sequence[Truth]:
    """101 answers, the carrier says the number does not exist (404)."""
    agent = await lab.phone("101")
    lab.trunk.refuse_at_once["*"] = 404
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    await pause(0.5)
    human = await at_agent.answer()
    await accept(at_agent)
    end = await at_agent.ended()
    return [callback(start, end, "failed", "pbx", human_at=human)]


@story("101")
async def callback_number_not_allowed(lab: Lab) -> Sequence[Truth]:
    """101 answers, and the shipped dialplan refuses a number outside its allow-list: our side gave up."""
    agent = await lab.phone("101")
    start = await lab.originate("101", "442079460000")
    at_agent = await agent.rings()
    await pause(0.5)
    human = await at_agent.answer()
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx", human_at=human, callee="442079460000")]


@story("101")
async def callback_same_id_twice(lab: Lab) -> Sequence[Truth]:
    """The same attempt is sent a second time while the first lives: the PBX refuses it, the customer is rung once."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER, attempt=TWICE)
    at_agent = await agent.rings()
    await lab.originate("101", CUSTOMER, attempt=TWICE)
    await pause(0.5)
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause(1.0)
    end = await at_customer.hangup()
    await at_agent.ended()
    return [callback(start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101")
async def callback_connect_now(lab: Lab) -> Sequence[Truth]:
    """While 101 hears the announcement, the desk says "connect now"; a second click while the customer's phone rings
    changes nothing."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await pause()
    await lab.click("PlayDTMF", await lab.half(";2"), Digit="1", Duration="100")
    at_customer = await lab.trunk.rings(CUSTOMER)
    await lab.click("PlayDTMF", await lab.half(";2"), Digit="1", Duration="100")
    await pause()
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause()
    end = await at_customer.hangup()
    await at_agent.ended()
    return [callback(start, end, "answered", "caller", human_at=human, talked=["101"], talks=[(joined, end)])]


@story("101")
async def callback_not_now_by_key(lab: Lab) -> Sequence[Truth]:
    """101 answers and presses 5, which means nothing, then 2: not now. The customer is not dialled."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await pause(0.4)
    await at_agent.press("5")
    await pause(0.4)
    await at_agent.press("2")
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx", human_at=human)]


@story("101")
async def callback_not_now_at_the_desk(lab: Lab) -> Sequence[Truth]:
    """While 101 hears the announcement, the desk says "not now"."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await pause()
    await lab.click("Hangup", await lab.half(";1"))
    end = await at_agent.ended()
    return [callback(start, end, "missed", "pbx", human_at=human)]


@story("101")
async def callback_not_now_put_down(lab: Lab) -> Sequence[Truth]:
    """101 answers and puts the receiver down in the announcement."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await pause(1.2)
    end = await at_agent.hangup()
    return [callback(start, end, "missed", "agent", human_at=human)]


@story("101")
async def callback_declined(lab: Lab) -> Sequence[Truth]:
    """The customer answers and presses 9: they did not ask for this. Nobody talks, and the PBX ends the call."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await pause()
    await at_customer.answer()
    await pause(0.3)
    await at_customer.press("9")
    end = await at_customer.ended()
    await at_agent.ended()
    return [callback(start, end, "answered", "pbx", human_at=human)]


@story("101")
async def callback_customer_leaves_in_the_greeting(lab: Lab) -> Sequence[Truth]:
    """The customer answers and hangs up before they are connected."""
    agent = await lab.phone("101")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    await pause(0.4)
    end = await at_customer.hangup()
    await at_agent.ended()
    return [callback(start, end, "answered", "caller", human_at=human)]


@story("101", "102")
async def callback_blind_transfer(lab: Lab) -> Sequence[Truth]:
    """After the callback 101 transfers the customer to 102 by REFER."""
    agent, colleague = await lab.phones("101", "102")
    start = await lab.originate("101", CUSTOMER)
    at_agent = await agent.rings()
    human = await at_agent.answer()
    await accept(at_agent)
    at_customer = await lab.trunk.rings(CUSTOMER)
    await at_customer.answer()
    joined = await greeted(at_agent)
    await pause(1.0)
    left = lab.now()
    await at_agent.refer("102")
    at_colleague = await colleague.rings()
    await pause(0.5)
    again = await at_colleague.answer()
    await pause(1.0)
    end = await at_customer.hangup()
    return [
        callback(
            start, end, "answered", "caller", human_at=human, rang=["101", "102"], talked=["101", "102"],
            talks=[(joined, left), (again, end)], transfers=[Moved("blind", "101", "102")],
        )
    ]  # fmt: skip
