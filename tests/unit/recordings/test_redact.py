"""Card numbers in every way people read them out, in each language; and what must not be taken for one."""

from __future__ import annotations

import re

import pytest

from recordings.digits import runs
from recordings.kinds import Channel
from recordings.redact import HIDDEN, Hidden, Redacted, Rules, UnknownLanguageError, redact
from recordings.spoken import known, language
from recordings.words import Word, plain

WORD_S = 0.4


def said(text: str, channel: Channel = Channel.CUSTOMER, start: float = 0.0) -> list[Word]:
    return [
        Word(word, start + at * WORD_S, start + at * WORD_S + 0.35, 1.0, channel)
        for at, word in enumerate(text.split())
    ]


def redacted(text: str, code: str = "en") -> Redacted:
    return redact(said(text), code, Rules())


CARDS = [
    ("en", "four five three two one two three four five six seven eight nine oh one two"),
    ("en", "4532 1234 5678 9012"),
    ("en", "4532-1234-5678-9012."),
    ("en", "4532123456789012"),
    ("en", "4,532, 1,234, 5,678, 9,012"),
    ("en", "forty-five thirty-two twelve thirty-four fifty-six seventy-eight ninety twelve"),
    ("en", "forty five hundred, twelve hundred, fifty six seventy eight, nine thousand and twelve"),
    ("en", "double four five three, uh, two two two and then triple one nine nine nine four four four"),
    ("en", "double oh triple seven double five double six double eight double nine"),
    ("en", "3782 822463 10005"),
    ("en", "four five three to one two three for five six seven ate nine oh one two"),
    ("en", "four five banana three two one two three four five six seven eight nine oh one two"),
    ("pl", "cztery pięć trzy dwa jeden dwa trzy cztery pięć sześć siedem osiem dziewięć zero jeden dwa"),
    ("pl", "czterdzieści pięć trzydzieści dwa dwanaście trzydzieści cztery pięćdziesiąt sześć "
           "siedemdziesiąt osiem dziewięćdziesiąt dwanaście"),
    ("pl", "cztery tysiące pięćset trzydzieści dwa, tysiąc dwieście trzydzieści cztery, pięć tysięcy sześćset "
           "siedemdziesiąt osiem, dziewięć tysięcy dwanaście"),
    ("de", "fünfundvierzig zweiunddreißig zwölf vierunddreißig sechsundfünfzig achtundsiebzig neunzig zwölf"),
    ("de", "viertausendfünfhundertzweiunddreißig eintausendzweihundertvierunddreißig "
           "fünftausendsechshundertachtundsiebzig neuntausendzwölf"),
    ("de", "vier fünf drei zwo eins zwo drei vier fünf sechs sieben acht neun null eins zwo"),
    ("es", "cuatro mil quinientos treinta y dos mil doscientos treinta y cuatro cinco mil seiscientos setenta y "
           "ocho nueve mil doce"),
    ("fr", "quarante-cinq trente-deux douze trente-quatre cinquante-six soixante-dix-huit quatre-vingt-dix douze"),
    ("it", "quarantacinque trentadue dodici trentaquattro cinquantasei settantotto novanta dodici"),
    ("pt", "quatro cinco três dois um dois três quatro cinco meia sete oito nove zero um dois"),
    ("nl", "vijfenveertig tweeëndertig twaalf vierendertig zesenvijftig achtenzeventig negentig twaalf"),
    ("cs", "čtyři pět tři dva jedna dva tři čtyři pět šest sedm osm devět nula jedna dva"),
    ("ru", "четыре пять три два один два три четыре пять шесть семь восемь девять ноль один два"),
    ("uk", "чотири п'ять три два один два три чотири п’ять шість сім вісім дев'ять нуль один два"),
    ("ko", "사오삼이 일이삼사 오육칠팔 구공일이"),
    ("ko", "사 오 삼 이 일 이 삼 사 오 육 칠 팔 구 공 일 이"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "number"), CARDS)
def test_a_card_number_is_hidden_however_it_is_read(code: str, number: str) -> None:
    found = redacted(number, code)
    assert plain(found.words) == HIDDEN
    (hidden,) = found.hidden
    last = said(number)[-1]
    assert (hidden.start, hidden.end) == pytest.approx((0.0, last.end + 0.5))
    assert hidden.why == "card"


@pytest.mark.parametrize(
    ("code", "text", "digits"),
    [
        ("en", "call me on oh seven seven double oh nine hundred one two three", [10]),
        ("en", "my number is 0 7 7 0 0 9 0 0 1 2 3", [11]),
        ("en", "we close at seventeen thirty", [4]),
        ("en", "two thousand and twenty six", [4]),
        ("en", "I have two cats who sleep all day long and three dogs", [1, 1]),
        ("pl", "sześćset sto dwadzieścia trzy czterysta pięćdziesiąt sześć", [9]),
        ("fr", "zéro six quatre-vingt-dix-sept soixante-douze quatre vingts quarante et un", [10]),
        ("de", "null eins sieben sechs einundzwanzig zweiundvierzig", [8]),
    ],
)
def test_other_numbers_stay(code: str, text: str, digits: list[int]) -> None:
    spoken = language(code)
    assert spoken is not None
    assert [run.digits for run in runs(said(text), spoken)] == digits
    found = redacted(text, code)
    assert plain(found.words) == text
    assert found.hidden == ()


def test_what_is_said_around_it_stays() -> None:
    found = redacted("yes my card is 4532 1234 5678 9012 is that right")
    assert plain(found.words) == f"yes my card is {HIDDEN} is that right"


def test_groups_with_talk_in_between_are_a_card_number() -> None:
    found = redacted(
        "4532 wait let me find my glasses 1234 sorry about that 5678 you see it is worn off 9012 there"
    )
    assert [hidden.why for hidden in found.hidden] == ["card"] * 4
    assert not any(character.isdigit() for character in plain(found.words))


@pytest.mark.parametrize(
    "read",
    [
        "4532 1234 wait let me find my glasses 5678 9012",
        "4532 wait let me find my glasses 1234 5678 9012",
        "4532 1234 just wait somebody came in here 5678 ah yes now I see it 9012",
        "3712 345678 please wait a moment here 95006",
    ],
)
def test_some_groups_read_in_one_go_are_a_card_number_too(read: str) -> None:
    found = redacted(f"it is {read} there")
    assert {hidden.why for hidden in found.hidden} == {"card"}
    assert not any(character.isdigit() for character in plain(found.words))


def test_two_numbers_with_a_conversation_in_between_are_none() -> None:
    first, then = said("my number is 60012345"), said("and what I pay for is 20264711", start=40.0)
    assert redact([*first, *then], "en", Rules()).hidden == ()


def test_the_security_code_after_it_and_the_other_side_reading_it_back_go_too() -> None:
    customer = said("4532 1234 5678 9012 and the code on the back of it is 737")
    ours = said("that ends in 9 0 1 2 thank you", Channel.OURS, start=9.0)
    later = said("your order 4711 comes tomorrow", Channel.OURS, start=90.0)
    found = redact([*customer, *ours, *later], "en", Rules())
    assert [(hidden.channel, hidden.why) for hidden in found.hidden] == [
        (Channel.CUSTOMER, "card"),
        (Channel.CUSTOMER, "near_card"),
        (Channel.OURS, "near_card"),
    ]
    assert "4711" in plain(found.words)
    assert "737" not in plain(found.words)


def test_each_side_counts_for_itself() -> None:
    customer, ours = said("4532 1234"), said("5678 9012", Channel.OURS)
    assert redact([*customer, *ours], "en", Rules()).hidden == ()


def test_a_language_that_is_not_understood_is_refused() -> None:
    with pytest.raises(UnknownLanguageError, match=r"'cy'.*redact_cards = false"):
        redacted("pedwar pump tri dau", "cy")
    assert plain(redact(said("pedwar pump"), "cy", Rules(cards=False)).words) == "pedwar pump"


def test_patterns_hide_whole_words() -> None:
    rules = Rules(patterns=(re.compile(r"customer number \d+"), re.compile(r"secret\w*")))
    found = redact(said("my customer number 4711 is secretly kept"), "en", rules)
    assert plain(found.words) == f"my {HIDDEN} is {HIDDEN} kept"
    assert [hidden.why for hidden in found.hidden] == ["pattern", "pattern"]


def test_what_was_hidden_before_stays_hidden() -> None:
    before = Hidden(0.5, 4.0, Channel.CUSTOMER, "card")
    found = redact(said("hello there is really nothing in here that I know of"), "en", Rules(), [before])
    assert before in found.hidden
    assert plain(found.words) == f"hello there is {HIDDEN} know of"


@pytest.mark.parametrize("code", known())
def test_every_known_language_counts_single_digits(code: str) -> None:
    from num2words import num2words

    spoken = language(code)
    assert spoken is not None
    text = " ".join(num2words(digit, lang=code) for digit in (4, 5, 3, 2, 1, 9, 8, 7, 6, 0, 4, 4, 1, 2, 3, 6))
    assert [run.digits for run in runs(said(text), spoken)] == [16]


@pytest.mark.parametrize("code", known())
def test_every_known_language_counts_whole_numbers(code: str) -> None:
    from num2words import num2words

    spoken = language(code)
    assert spoken is not None
    for number in (*range(0, 100, 7), 100, 342, 999, 1000, 4532, 9012):
        text = num2words(number, lang=code).replace("-", " ")
        assert [run.digits for run in runs(said(text), spoken)] == [len(str(number))], text
