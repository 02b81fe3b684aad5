"""Functions of amounts of money: $convertCurrencyToSubunit and $convertCurrencyFromSubunit."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from truto_mapper.language.library.truto.ecmascript import is_nothing, number_at_start
from truto_mapper.language.runtime.coercion import scalar_text
from truto_mapper.language.runtime.values import MISSING, Run

#: The decimals of each currency of ISO 4217.
_DIGITS: Final = {
    code: digits
    for digits, codes in {
        0: (
            "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XAG XAU XBA XBB XBC XBD XDR XOF XPD XPF XPT "
            "XSU XTS XUA"
        ),
        2: (
            "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
            "CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
            "GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
            "MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
            "RUB SAR SBD SCR SDG SEK SGD SHP SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
            "USN UYU UZS VES WST XCD YER ZAR ZMW ZWL"
        ),
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
} | {3 * "X": 0}
_LARGE: Final = 1e21


def _digits(code: Any) -> int | None:
    return _DIGITS.get(code) if isinstance(code, str) else None


def convert_currency_to_subunit(run: Run, amount: Any = MISSING, code: Any = MISSING) -> Any:
    """An amount in the smallest unit of a currency, rounded down; unchanged if the code is unknown."""
    digits = _digits(code)
    if is_nothing(amount) or digits is None:
        return amount
    product = number_at_start(run, amount) * 10**digits  # binary, as theirs: 19.99 USD are 1998
    return math.floor(product) if math.isfinite(product) else product


def convert_currency_from_subunit(run: Run, amount: Any = MISSING, code: Any = MISSING) -> Any:
    """An amount in the smallest unit of a currency, as a text with the currency's decimals."""
    digits = _digits(code)
    if is_nothing(amount) or digits is None:
        return amount
    whole = number_at_start(run, amount)
    value = (
        Decimal(whole) / 10**digits if isinstance(whole, int) and digits and abs(whole) > 2**53 else whole / 10**digits
    )
    if not math.isfinite(value) or abs(value) >= _LARGE:
        return scalar_text(float(value))
    exact = Decimal(value + 0)
    return f"{exact.quantize(Decimal((0, (1,), -digits)), ROUND_HALF_UP, Context(prec=60)):f}"
