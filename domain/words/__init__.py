"""The customer's sentences, in English, Spanish, Japanese and Hindi. Amounts and dates are formatted by CLDR."""

from babel import Locale

from domain.words.en import EN
from domain.words.es import ES
from domain.words.hi import HI
from domain.words.ja import JA

WORDS: dict[str, dict[str, str]] = {"en": EN, "es": ES, "ja": JA, "hi": HI}


def language_of(locale: str) -> str:
    """The language of a locale such as ja-JP, where there are sentences in it; else en."""
    language = locale.replace("-", "_").split("_")[0].lower()
    return language if language in WORDS else "en"


def sentence(locale: str, key: str, **values: object) -> str:
    """The sentence of this name in the locale's language. Raises KeyError for a name or value that is missing."""
    return WORDS[language_of(locale)][key].format(**values)


def plural_key(locale: str, key: str, number: int) -> str:
    """The name of the sentence for so many: `of_days_one` where CLDR's form of the number has a sentence, else
    `of_days`."""
    language = language_of(locale)
    form = f"{key}_{Locale(language).plural_form(number)}"
    return form if form in WORDS[language] else key
