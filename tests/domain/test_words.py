"""The catalogues say all that the English says, with the same values and tags, and nothing that is said no more."""

from __future__ import annotations

import re

import pytest

from domain.words import LANGUAGES, document_locale, translate
from pdf.words import WORDS
from tests.support.catalogues import TEMPLATES, TRANSLATED, english, path_of, placeholders, read, untranslated, write

# Only values and signs; or the same word in both languages.
_ALIKE = {"{plan} ({cycle}), {first} – {last}", "{amount}", "{price} × {running} ÷ {months} = {scaled}"}
_ALIKE |= {"{quantity} × {unit} = {price}", "{plan}: {price} {every}.", "Total", "Plan"}
# Mails that the provider's own people read.
_FOR_STAFF = {"review_requested", "money_returned", "refund_failed_for_staff"}


def test_documents_are_written_in_the_same_languages() -> None:
    assert WORDS.keys() == LANGUAGES.keys()
    tags = {"es-AR": "es-AR", "ja_JP_x_kansai": "ja_JP_x_kansai", "hi": "hi", "de": "en", "i-klingon": "en", "": "en"}
    assert {tag: document_locale(tag) for tag in tags} == tags


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    said, translated = english(), read(language)
    assert [text for text in said if not translated.get(text)] == []
    assert [text for text in translated if text not in said] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_same_values_and_tags(language: str) -> None:
    for text, translation in read(language).items():
        assert placeholders(translation) == placeholders(text), text
        assert sorted(re.findall(r"<[^>]*>", translation)) == sorted(re.findall(r"<[^>]*>", text)), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_sentence_has_been_left_in_english(language: str) -> None:
    for text, translation in read(language).items():
        assert translation != text or text in _ALIKE, text
        if language != "es":
            assert set(re.findall(r"[A-Za-z]{2,}", re.sub(r"\{\w+\}|<[^>]*>", "", translation))) <= {"PDF"}, translation


def test_a_template_says_nothing_that_is_not_translated() -> None:
    """So that no state of a page, however rare, has an English word on a page of another language."""
    speaking = {path.stem for folder in TEMPLATES for path in folder.iterdir() if untranslated(path)}
    assert speaking == _FOR_STAFF


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_committed_catalogue_is_what_make_words_writes(language: str) -> None:
    before = path_of(language).read_bytes()
    write(language, read(language))
    assert path_of(language).read_bytes() == before


def test_a_language_that_we_do_not_write_reads_english() -> None:
    assert [translate(locale, "Services") for locale in ("ja-JP", "es_AR", "fr", "")] == [
        "サービス", "Servicios", "Services", "Services",
    ]  # fmt: skip
