"""Mail addresses, checked where they come in: one that cannot be written to is refused there, with the reason."""

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

# Whether a domain exists is the mail server's matter; sandboxes write to names that never will.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


class BadAddress(ValueError):
    """A text that is not the address of one mailbox."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text[:80]!r} is no mail address: {why} Write one address, such as ana@example.com.")


def mail_address(text: str) -> str:
    """The address in its normal form. Raises BadAddress.

    The part before the @ is ASCII: one that is not could be sent to only where every mail server on the way has
    SMTPUTF8, and nobody would be told where one has not.
    """
    return _parsed(text).normalized


def on_the_wire(address: str) -> str:
    """As a mail server is told it: an internationalised domain in ASCII (IDNA). Raises BadAddress."""
    ascii_address = _parsed(address).ascii_email
    assert ascii_address is not None, "the local part is ASCII"
    return ascii_address


def _parsed(text: str) -> ValidatedEmail:
    try:
        return validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise BadAddress(text, str(error)) from error
