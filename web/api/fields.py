"""What a single field of a request takes: texts, references, instants, codes, amounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from domain.addresses import mail_address
from domain.countries import country_code
from domain.locales import TAG
from domain.texts import (
    ADDRESS_LINES_MAX,
    LINE_PATTERN,
    NAME_AND_ADDRESS_MAX,
    TAX_ID_MAX,
    TEXT_PATTERN,
    check_line,
    check_text,
    readable,
)

# What stands in a path without an escape (RFC 3986, pchar). Dots alone would be another path.
_NO_DOT = r"A-Za-z0-9_~!$&'()*+,;=:@-"
REF = rf"^\.*[{_NO_DOT}][.{_NO_DOT}]*$"
Ref = Annotated[str, Field(min_length=1, max_length=128, pattern=REF)]


def _line(value: Any) -> Any:
    return check_line(value) if isinstance(value, str) and value else value


def _text(value: Any) -> Any:
    return check_text(value) if isinstance(value, str) else value


def _schema(pattern: str, shortest: int, longest: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": shortest, "maxLength": longest, "pattern": pattern})


def _length(longest: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest)


# The check of characters comes first, since it names the character.
Text = Annotated[str, _length(500), BeforeValidator(_line), _schema(LINE_PATTERN, 1, 500)]
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    BeforeValidator(_text),
    _schema(TEXT_PATTERN, 1, 500),
]
Note = Annotated[str, StringConstraints(max_length=2_000), BeforeValidator(_text), _schema(TEXT_PATTERN, 0, 2_000)]
# The same out of a form that a person fills in, whose words are not refused for what a keyboard puts between them.
TypedNote = Annotated[str, StringConstraints(max_length=2_000), BeforeValidator(readable)]


# Computing with the first and the last years of a calendar leaves it.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


def _written(value: Any) -> Any:
    if not isinstance(value, datetime) and (not isinstance(value, str) or "T" not in value.upper()):
        raise ValueError("write an instant as RFC 3339, such as 2027-07-17T03:00:00Z")
    return value


def _computable(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError("write an instant between 1970 and 2999")
    return value


def _counted(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("write a whole number, without quotes")
    return value


# JSON has types, and so have we: no number is an instant, no text a number.
Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_computable)]
Whole = Annotated[int, BeforeValidator(_counted)]


def _lines(value: Any) -> Any:
    """One text with line breaks is as good as a list, and a line that was left empty is none; a list that is too long
    with those stays as it is, to be refused. Other separators are no line breaks: they are refused."""
    if isinstance(value, str):
        value = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    elif not isinstance(value, list) or len(value) > ADDRESS_LINES_MAX:
        return value
    return [line for line in value if line != ""]


def _capital(value: str) -> str:
    return value.upper()


# Codes are the same in small letters; they are kept and answered in capitals.
Country = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}$"), AfterValidator(country_code)]
Currency = Annotated[str, Field(pattern=r"^[A-Za-z]{3}$"), AfterValidator(_capital)]
TaxId = Annotated[
    str, StringConstraints(max_length=TAX_ID_MAX), BeforeValidator(_line), _schema(LINE_PATTERN, 0, TAX_ID_MAX)
]
Email = Annotated[
    str, AfterValidator(mail_address), WithJsonSchema({"type": "string", "format": "email", "maxLength": 254})
]
Locale = Annotated[str, Field(max_length=35, pattern=TAG)]
Address = Annotated[
    list[Text],
    BeforeValidator(_lines),
    Field(max_length=ADDRESS_LINES_MAX),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "maxItems": ADDRESS_LINES_MAX,
                    "items": {"type": "string", "maxLength": 500, "pattern": LINE_PATTERN},
                },
                {"type": "string", "pattern": TEXT_PATTERN, "maxLength": NAME_AND_ADDRESS_MAX},
            ]
        }
    ),
]
