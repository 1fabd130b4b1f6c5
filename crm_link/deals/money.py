"""*Pure.* Amounts of money: what people and programs write in, whole numbers of the currency's smallest unit out, and
back to text. Never a float: a tenth of a euro has no exact one. Currencies are those of ISO 4217 (2024)."""

from __future__ import annotations

import re
from decimal import Decimal

from core.errors import InvalidInputError

WORDS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
"""
CURRENCIES = frozenset(WORDS.split())
NO_PLACES = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF")
)  # fmt: skip
THREE_PLACES = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))

NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?")

LARGEST = 10**15
"""Smallest units: ten thousand milliards of euros, far from the end of a 64-bit number."""


def places(currency: str) -> int:
    """Decimal places of a currency: 2 for most."""
    if currency in NO_PLACES:
        return 0
    return 3 if currency in THREE_PLACES else 2


def currency_of(text: str) -> str:
    """The code in capitals. Raises InvalidInputError (field `currency`)."""
    code = text.strip().upper()
    if code not in CURRENCIES:
        raise InvalidInputError("write the currency by its ISO code, such as EUR or PLN", field="currency")
    return code


def units_of(text: str, currency: str) -> int:
    """`1 299,90` or `1299.9` to 129990. Raises InvalidInputError (field `amount`)."""
    plain = "".join(text.split()).replace("\u2019", "").replace("'", "")
    plain = _with_point(plain)
    # Before any arithmetic: 1e999999999 is a short text and a number that fills the memory.
    if NUMBER.fullmatch(plain) is None:
        raise InvalidInputError("write the amount as a number, such as 129.90", field="amount")
    units = Decimal(plain).scaleb(places(currency))
    if units != units.to_integral_value():
        raise InvalidInputError(f"{currency} has {places(currency)} decimal places", field="amount")
    if abs(units) > LARGEST:
        raise InvalidInputError("this amount is too large", field="amount")
    return int(units)


def _with_point(text: str) -> str:
    """The last comma or point is the decimal one when the other sign stands before it, or a comma stands alone."""
    comma, point = text.rfind(","), text.rfind(".")
    if comma < 0:
        return text
    if comma > point:
        return text.replace(".", "").replace(",", ".") if text.count(",") == 1 else text
    return text.replace(",", "")


def amount_text(units: int, currency: str) -> str:
    """129990 EUR to `1299.90`: for programs."""
    return f"{Decimal(units).scaleb(-places(currency)):.{places(currency)}f}"


def money_text(units: int | None, currency: str | None) -> str:
    """129990 EUR to `1 299.90 EUR`, with thin spaces: for people. Empty when nobody knows the amount."""
    if units is None or currency is None:
        return ""
    return f"{Decimal(units).scaleb(-places(currency)):,.{places(currency)}f}".replace(",", "\u202f") + (
        f"\u00a0{currency}"
    )
