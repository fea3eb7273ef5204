"""ISO 4217 currencies and how many decimals each has. Source: ISO 4217 list one, active codes."""

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DECIMALS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
    CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD
    KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
    THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG
"""
_CODES_BY_DECIMALS = {0: _NO_DECIMALS, 2: _TWO_DECIMALS, 3: _THREE_DECIMALS}
_EXPONENTS = {code: decimals for decimals, codes in _CODES_BY_DECIMALS.items() for code in codes.split()}
CURRENCIES = frozenset(_EXPONENTS)


class UnknownCurrency(ValueError):
    """The currency has no ISO 4217 exponent of 0, 2 or 3; use an active three-letter code such as USD or JPY."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        super().__init__(
            f"{currency!r} is not a currency with 0, 2 or 3 decimals; use an active ISO 4217 code such as USD or JPY"
        )


def exponent(currency: str) -> int:
    """Decimals of the currency's minor unit: JPY 0, USD 2, KWD 3. Raises UnknownCurrency."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(currency) from None
