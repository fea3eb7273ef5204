"""Every sentence that a customer reads, on pages, in mails, documents and reasons, in English, Spanish, Japanese and
Hindi.

English is written where it is said: in the templates of the pages and mails, and in en.py for what the program says.
The other languages are gettext catalogues beside this file (`make words` brings them up to date). Amounts and dates are
formatted by CLDR.
"""

from functools import lru_cache
from importlib import resources

from babel import Locale
from babel.messages.pofile import read_po

from domain.locales import known_parents
from domain.words.en import EN

# Each under its own name, as a person looks for it.
LANGUAGES = {"en": "English", "es": "Español", "ja": "日本語", "hi": "हिन्दी"}


def language_of(locale: str) -> str:
    """The language of a locale such as ja-JP, where there are sentences in it; else en."""
    language = locale.replace("-", "_").split("_")[0].lower()
    return language if language in LANGUAGES else "en"


def document_locale(locale: str) -> str:
    """The locale that documents for a customer are written in: their own, or English where we have no words of it."""
    known = next(known_parents(locale), None)
    return locale if known is not None and known.language in LANGUAGES else "en"


def translate(locale: str, english: str) -> str:
    """The English sentence in the locale's language, with its {placeholders}."""
    return _catalogue(language_of(locale)).get(english, english)


def sentence(locale: str, key: str, **values: object) -> str:
    """The sentence of this name in the locale's language. Raises KeyError for a name or value that is missing."""
    return translate(locale, EN[key]).format(**values)


def plural_key(locale: str, key: str, number: int) -> str:
    """The name of the sentence for so many: `of_days_one` where CLDR's form of the number has a sentence, else
    `of_days`."""
    form = f"{key}_{Locale(language_of(locale)).plural_form(number)}"
    return form if form in EN else key


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> dict[str, str]:
    """By the English sentence. English needs none."""
    if language == "en":
        return {}
    with resources.files(__package__).joinpath(f"{language}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id and message.string}
