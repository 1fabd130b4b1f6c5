"""Who is who in the demo: the people who log in, the customers and what is known of them, and the callers nobody knows
yet. All invented. Numbers stand in blocks that no subscriber has: foreign ones in those set aside for fiction
(Ofcom, Bundesnetzagentur, ARCEP, PTS, NANPA 555-01xx), Polish ones begin with 1 after the area code."""

from __future__ import annotations

from dataclasses import dataclass

from core.accounts import Role


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody who logs in; `extension` is the phone on their desk."""

    login: str
    name: str
    role: Role
    extension: str
    sees: str


@dataclass(frozen=True, slots=True)
class SampleCustomer:
    """`numbers` as their PBX or carrier sends them, the most used first. The first note is pinned to the card."""

    name: str
    numbers: tuple[str, ...]
    company: str = ""
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


PEOPLE = (
    SamplePerson(
        "demo", "Demo Administrator", Role.ADMINISTRATOR, "101", "everything: the desk, calls, people"
    ),
    SamplePerson("anna", "Anna Malinowska", Role.AGENT, "102", "an agent's desk (phone 102)"),
    SamplePerson("marek", "Marek Dębski", Role.AGENT, "103", "an agent's desk (phone 103)"),
)

RECEPTION = ("104", "Reception")
"""A phone without a login."""

SWITCHBOARD = "+48221114000"
FAMILY = "+48121110077"

CUSTOMERS = (
    SampleCustomer(
        "Halina Rogal",
        ("+48221110101",),
        "Three Croissants Bakery",
        ("wholesale", "VIP"),
        (
            "Orders for the next morning close at 16:00; she calls at 15:55. Always take the order.",
            "Asked for invoices by e-mail, not by post.",
        ),
    ),
    SampleCustomer(
        "Tadeusz Szprycha",
        ("0048711110202",),
        "Spoke & Son Bicycles",
        ("repairs",),
        ("Prefers to be called back after 14:00.",),
    ),
    SampleCustomer(
        "Bogna Mak", ("581110303",), "Blue Poppy Flowers", ("wholesale",), ("Speaks Polish and German.",)
    ),
    SampleCustomer(
        "Ignacy Nogawka",
        ("+48421110404",),
        "Crooked Leg Furniture",
        ("late payer",),
        (
            "Two invoices open since September: ask before shipping.",
            "Promised to pay by the end of the month.",
        ),
    ),
    SampleCustomer(
        "Celina Stronnica", ("+48611110505",), "Lost Page Bookshop", (), ("Wants the spring catalogue.",)
    ),
    SampleCustomer(
        "Wiktor Rumianek",
        ("+48221110606", "+4917604069012"),
        "",
        ("VIP",),
        ("Travels a lot; try the German mobile.",),
    ),
    SampleCustomer("Lidia Przykładna", ("+48121110707",), "", (), ()),
    SampleCustomer(
        "Oskar Zębatka",
        ("711110808",),
        "Cogwheel Garage",
        ("repairs",),
        ("Warranty case 2231 is still open.",),
    ),
    SampleCustomer("Jagoda Wzorcowa", ("+48581110909",), "", ("new",), ()),
    SampleCustomer(
        "Emil Probierz",
        ("+48221111010",),
        "Probierz Instruments",
        ("wholesale",),
        ("Delivery only on Tuesdays.",),
    ),
    # One switchboard, three people: the agent picks who it is.
    SampleCustomer(
        "Renata Okienko",
        (SWITCHBOARD,),
        "North Window Insurance",
        ("claims",),
        ("Head of claims. Direct, wants figures first.",),
    ),
    SampleCustomer("Kajetan Parapet", (SWITCHBOARD,), "North Window Insurance", (), ("Purchasing.",)),
    SampleCustomer("Sonia Framuga", (SWITCHBOARD,), "North Window Insurance", (), ()),
    # A couple with one number.
    SampleCustomer("Danuta Wspólna", (FAMILY,), "", (), ("Her husband Roman calls from the same number.",)),
    SampleCustomer("Roman Wspólny", (FAMILY,), "", (), ()),
    SampleCustomer(
        "Nigel Sampleworth",
        ("+442079460123", "+447700900123"),
        "Sampleworth Tea Ltd",
        ("export", "English"),
        ("Call before 17:00 UK time.",),
    ),
    SampleCustomer(
        "Greta Beispiel",
        ("+493023125012",),
        "Beispiel & Muster GbR",
        ("export", "German"),
        ("Answers e-mail faster than the phone.",),
    ),
    SampleCustomer("Camille Exemplaire", ("+33199001234",), "", ("export",), ()),
    SampleCustomer("Astrid Provsson", ("+46846500401",), "Provsson Design AB", ("export", "English"), ()),
    SampleCustomer(
        "Walter Placeholder",
        ("+12025550123",),
        "Placeholder Freight Inc.",
        ("export", "English"),
        ("Six hours behind us.",),
    ),
    SampleCustomer("Felicja Zastępcza", ("+48421111111",), "", ("new",), ()),
    SampleCustomer(
        "Gniewko Umowny",
        ("+48611111212",),
        "Umowny Consulting",
        (),
        ("Contract ends in March: talk about renewal.",),
    ),
    SampleCustomer("Sabina Hipotetyczna", ("+48221111313",), "", (), ()),
    SampleCustomer(
        "Zenon Domniemany",
        ("+48581111414",),
        "",
        ("complaint",),
        ("Second complaint about delivery; be kind, offer a discount.",),
    ),
)

STRANGERS = (
    ("+48221119001", ""),
    ("+48711119002", "WROCLAW PL"),
    ("0048421119003", ""),
    ("+48611119004", "B. Nieznana"),
    ("+48581119005", ""),
    ("121119006", ""),
    ("+442079460987", "CROFT"),
    ("+493023125987", ""),
    ("+48221119007", "Kancelaria"),
    ("+48711119008", ""),
)
"""Number and name as shown; none belongs to a customer yet."""

WITHHELD = ("anonymous", "Anonymous")

CALL_NOTES = {
    "Solved": (
        "Confirmed the delivery for Thursday.",
        "Explained the invoice; all clear now.",
        "Changed the order from 20 to 30 pieces.",
        "Reset the order form, works again.",
    ),
    "Follow-up needed": (
        "Wants an offer for 50 pieces, send it by Friday.",
        "Call back when the part has arrived.",
        "Asks whether we deliver on Saturday: check with the warehouse.",
    ),
    "Passed on": ("Technical question, passed on to support.", "Asked for the manager."),
    "Wrong number": ("Looked for the town hall.",),
    "No conversation": ("Very bad line, nothing understood.",),
}
"""What agents write, by disposition."""
