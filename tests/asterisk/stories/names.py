"""Stories of callers who hide, or whose name or number is strange, broken or an attack."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from tests.asterisk.call import Call
from tests.asterisk.lab import Lab
from tests.asterisk.stories.story import pause, ring_in, story
from tests.asterisk.truth import Customer, Truth, inbound

NOBODY = Customer("anonymous", "", None, '"Anonymous"')


async def _rings_and_gives_up(lab: Lab, who: Customer, headers: list[tuple[str, str]] | None = None) -> Truth:
    agent = await lab.phone("101")
    if headers is None:
        customer: Call = await ring_in(lab, "48221000101", who)
    else:
        customer = await lab.trunk.dial("48221000101", caller=who.raw, name=who.display, headers=headers)
    await agent.rings()
    await pause(0.3)
    await customer.cancel()
    await lab.pbx.idle()
    return inbound(customer, who, "abandoned", "caller", rang=["101"])


@story("101")
async def withheld_anonymous(lab: Lab) -> Sequence[Truth]:
    """A caller without a number: From says anonymous."""
    return [await _rings_and_gives_up(lab, NOBODY)]


@story("101")
async def withheld_but_asserted(lab: Lab) -> Sequence[Truth]:
    """The trusted carrier tells the number of a caller who asked for privacy; it must not be used."""
    headers = [
        ("P-Asserted-Identity", '"Jan Kowalski" <sip:+48226011111@carrier.example>'),
        ("Privacy", "id"),
    ]
    return [await _rings_and_gives_up(lab, NOBODY, headers)]


@story("101")
async def asserted_identity(lab: Lab) -> Sequence[Truth]:
    """The carrier asserts a number other than From's; the asserted one counts."""
    who = Customer("+48226010000", "+48226011111", "Jan Asserted", '"From Name"')
    headers = [("P-Asserted-Identity", '"Jan Asserted" <sip:+48226011111@carrier.example>')]
    return [await _rings_and_gives_up(lab, who, headers)]


@story("101")
async def odd_numbers(lab: Lab) -> Sequence[Truth]:
    """The same customers in the spellings carriers use: 0048, 48, nine digits, dashes, slashes, brackets."""
    spellings = [
        ("0048226011111", "+48226011111"),
        ("48226011111", "+48226011111"),
        ("226011111", "+48226011111"),
        ("+48-22-601-11-11", "+48226011111"),
        ("+48/22/601-11-11", "+48226011111"),
        ("(22)6011111", "+48226011111"),
        ("+12025550123", "+12025550123"),
        ("0012025550123", "+12025550123"),
    ]
    return [await _rings_and_gives_up(lab, Customer(raw, number)) for raw, number in spellings]


HOSTILE = [
    ("Eve Event: Hangup Uniqueid: 1", '"Eve\u2028Event: Hangup\u2028Uniqueid: 1"'),
    (
        "Eve Event: Hangup Channel: PJSIP/101-00000001",
        '"Eve\u0085Event: Hangup\u0085Channel: PJSIP/101-00000001"',
    ),
    ("Eve Event: Hangup", '"Eve\x1cEvent: Hangup"'),
    ("Name: value: and; a semicolon", None),
    ('Back\\slash and "quotes"', '"Back\\\\slash and \\"quotes\\""'),
    ("Bro\ufffdken UTF-8", '"Bro\udcffken UTF-8"'),
    ("=HYPERLINK(1)", None),
    ("<b>bold</b>", None),
    ("Robert'); DROP TABLE calls;--", None),
    ("Łódź – Żółw ☎", None),
]


@story("101")
async def hostile_names(lab: Lab) -> Sequence[Truth]:
    """Names with line separators that are not AMI's, header look-alikes, quotes, backslashes and broken UTF-8."""
    truths = []
    for number, (name, shown) in enumerate(HOSTILE):
        phone = f"+4822601{number:04}"
        truths.append(await _rings_and_gives_up(lab, Customer(phone, phone, name, shown)))
    return truths


@story("101")
async def number_with_forged_headers(lab: Lab) -> Sequence[Truth]:
    """A caller's number with percent-encoded CR LF. Asterisk writes it into AMI as it is: forged Event and Uniqueid
    headers stand inside every event of this channel. The number is what stands before the first line break."""
    raw = "+48226011111%0D%0AEvent%3A%20Hangup%0D%0AUniqueid%3A%201"
    return [await _rings_and_gives_up(lab, Customer(raw, "+48226011111"))]


@story("101")
async def number_with_forged_event(lab: Lab) -> Sequence[Truth]:
    """A caller's number with two percent-encoded line breaks: whole forged events reach AMI, here the birth of a
    channel that does not exist. What is left of the true event follows as a fragment without a name."""
    forged = ["Event: Newchannel", "Channel: PJSIP/trunk-0000ffff", "Uniqueid: 9.9", "Linkedid: 9.9", "X: "]
    raw = "+48226011111" + quote("\r\n\r\n" + "\r\n".join(forged), safe="")
    return [await _rings_and_gives_up(lab, Customer(raw, "+48226011111"))]


@story("101")
async def very_long_name(lab: Lab) -> Sequence[Truth]:
    """A display name of 300 characters, of which the PBX keeps 79."""
    name = "Long " * 60
    who = Customer("+48226011111", "+48226011111", name[:79], f'"{name}"')
    return [await _rings_and_gives_up(lab, who)]
