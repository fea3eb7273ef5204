"""Countries by ISO 3166-1: which there are, and which one is meant by another code that people write."""

from babel.core import get_global

# The officially assigned codes of two letters.
_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_CODES.split())
# Greece, as the European Union's tax offices write it, and Kosovo, which has no code of ISO's and is known by these.
_BESIDE_THEM = {"EL": "GR", "XK": "XK", "XKX": "XK"}


class UnknownCountry(ValueError):
    """A text that is no country's code."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no country's code. Write the one of two letters of ISO 3166-1, such as ES.")


def country_code(text: str) -> str:
    """The code of two letters, in capitals, of a country that is meant by its code of two or three letters, or by a
    former one: jp, JPN and JP are JP, UK is GB. Raises UnknownCountry, also where a country has become several."""
    code = text.upper()
    if code in COUNTRIES:
        return code
    successors = get_global("territory_aliases").get(code, []) if code.isalpha() else []
    found = _BESIDE_THEM.get(code) or (successors[0] if len(successors) == 1 else None)
    if found is None:
        raise UnknownCountry(text)
    return found
