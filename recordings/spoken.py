"""Pure. How numbers are spoken, by language: the words for them, the words that repeat a digit, and what people say
between digits. num2words knows the plain numbers; what only the telephone knows stands here.

A language that is not here is not understood: then no transcript is written where card numbers are to be kept out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from num2words import num2words

from core.folding import fold


@dataclass(frozen=True, slots=True)
class Language:
    """Folded words. `glued` languages write a number in one word; `by_twenties` is French, where 95 is 4 20 15."""

    values: Mapping[str, int]
    multipliers: Mapping[str, int]
    repeats: Mapping[str, int]
    links: frozenset[str]
    fillers: frozenset[str]
    sounds_like: frozenset[str]
    glued: bool
    by_twenties: bool


@dataclass(frozen=True, slots=True)
class _Extra:
    """Beside the numbers of num2words. Each text is words between spaces; `links` stand within one number."""

    zero: str = ""
    others: Mapping[str, int] | None = None
    hundred: str = ""
    thousand: str = ""
    double: str = ""
    triple: str = ""
    links: str = ""
    fillers: str = ""
    sounds_like: str = ""
    glued: bool = False
    by_twenties: bool = False


EVERYWHERE = "eh em um uh er erm hmm hm mhm mm ah ok okay"
"""What recognisers write for a breath."""

EXTRAS: dict[str, _Extra] = {
    "en": _Extra(
        zero="oh o nought naught nil",
        hundred="hundred",
        thousand="thousand",
        double="double",
        triple="triple treble",
        links="and",
        fillers="yes yeah right then next dash space so the is it go on please again now number numbers digit digits",
        sounds_like="to too for fore ate won sex tree sicks",
    ),
    "pl": _Extra(
        zero="zera",
        others={"jedna": 1, "jedno": 1, "dwie": 2},
        thousand="tysiac tysiace tysiecy",
        double="podwojne podwojna podwojny",
        triple="potrojne potrojna potrojny",
        fillers="tak dalej potem i no dobrze prosze nastepnie kreska spacja to jest teraz numer cyfra cyfry yyy",
        sounds_like="czy",
    ),
    "de": _Extra(
        others={"ein": 1, "eine": 1, "zwo": 2, "funf": 5, "dreissig": 30},
        hundred="hundert",
        thousand="tausend",
        double="doppel doppelt zweimal",
        triple="dreifach dreimal",
        links="und",
        fillers="ja dann also genau strich leerzeichen bitte weiter die der das ist nummer ziffer ziffern und noch ahm",
        glued=True,
    ),
    "es": _Extra(
        others={"un": 1, "una": 1, "ciento": 100, "veintiun": 21},
        thousand="mil",
        double="doble",
        triple="triple",
        links="y",
        fillers="si pues luego entonces despues guion espacio vale el la es numero este digito digitos",
    ),
    "fr": _Extra(
        others={"une": 1, "septante": 70, "huitante": 80, "octante": 80, "nonante": 90, "vingts": 20},
        hundred="cent cents",
        thousand="mille",
        double="double",
        triple="triple",
        links="et",
        fillers="oui alors puis ensuite donc tiret espace le la c est numero euh voila chiffre chiffres",
        by_twenties=True,
    ),
    "it": _Extra(
        others={"un": 1, "una": 1},
        hundred="cento",
        thousand="mille mila",
        double="doppio",
        triple="triplo",
        links="e",
        fillers="si allora poi quindi trattino spazio il la numero ecco bene cifra cifre",
        glued=True,
    ),
    "pt": _Extra(
        others={
            "uma": 1,
            "duas": 2,
            "meia": 6,
            "cento": 100,
            "dezesseis": 16,
            "dezassete": 17,
            "dezanove": 19,
        },
        thousand="mil",
        double="duplo dobro",
        triple="triplo",
        links="e",
        fillers="sim entao depois traco espaco o a numero ta certo digito digitos",
    ),
    "nl": _Extra(
        others={"een": 1},
        hundred="honderd",
        thousand="duizend",
        double="dubbel dubbele tweemaal",
        triple="driemaal",
        links="en",
        fillers="ja dan dus streepje spatie de het is nummer even cijfer cijfers",
        glued=True,
    ),
    "cs": _Extra(
        others={"jeden": 1, "jedno": 1, "dve": 2, "sta": 100},
        thousand="tisic tisice",
        double="dvakrat dvojite",
        triple="trikrat",
        fillers="ano pak a tak potom dale pomlcka mezera to je cislo dobre cislice",
    ),
    "ru": _Extra(
        zero="нуль ноля нуля",
        others={"одна": 1, "одно": 1, "раз": 1, "две": 2},
        thousand="тысяча тысячи тысяч",
        double="дважды двойной двойная",
        triple="трижды тройной",
        fillers="да потом и так дальше затем тире пробел это номер ну вот цифра цифры эм",
    ),
    "uk": _Extra(
        zero="ноль нуля",
        others={"одна": 1, "одне": 1, "дві": 2, "пять": 5, "девять": 9},
        thousand="тисяча тисячі тисяч",
        double="двічі подвійний",
        triple="тричі потрійний",
        fillers="так потім і далі тире пробіл це номер ну ось цифра цифри та",
    ),
    "ko": _Extra(
        zero="공 제로",
        others={
            "하나": 1,
            "둘": 2,
            "셋": 3,
            "넷": 4,
            "다섯": 5,
            "여섯": 6,
            "일곱": 7,
            "여덟": 8,
            "아홉": 9,
            "륙": 6,
        },
        hundred="백",
        thousand="천",
        fillers="네 예 그리고 다음 다음은 다시 에 의 음 어 그 저 번호 번호는 숫자 이고요 이요 요 입니다",
        glued=True,
    ),
}


def known() -> tuple[str, ...]:
    """The languages whose spoken numbers are understood."""
    return tuple(EXTRAS)


@cache
def language(code: str) -> Language | None:
    """By its two letters; None when its numbers are not understood."""
    extra = EXTRAS.get(code.lower())
    if extra is None:
        return None
    multipliers = dict.fromkeys(_words(extra.hundred), 100)
    multipliers |= dict.fromkeys(_words(extra.thousand), 1000)
    values = _values(code.lower(), glued=extra.glued)
    values |= {bare(word): value for word, value in (extra.others or {}).items()}
    values |= dict.fromkeys(_words(extra.zero), 0)
    return Language(
        {word: value for word, value in values.items() if word not in multipliers},
        multipliers,
        dict.fromkeys(_words(extra.double), 2) | dict.fromkeys(_words(extra.triple), 3),
        frozenset(_words(extra.links)),
        frozenset(_words(f"{extra.fillers} {EVERYWHERE}")),
        frozenset(_words(extra.sounds_like)),
        extra.glued,
        extra.by_twenties,
    )


def bare(text: str) -> str:
    """Folded, and without the apostrophes within words."""
    return fold(text).translate({ord(mark): None for mark in "'’ʼ`"})


def _words(text: str) -> Iterable[str]:
    return (bare(word) for word in text.split())


def _values(code: str, *, glued: bool) -> dict[str, int]:
    """Every number that is one word; of the others their parts are."""
    numbers = range(1000) if glued else (*range(100), *range(100, 1000, 100))
    spoken = ((bare(num2words(number, lang=code)), number) for number in numbers)
    return {word: number for word, number in spoken if " " not in word and "-" not in word}
