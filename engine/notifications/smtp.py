"""Handing one mail to the SMTP server, and what its answer means."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_LINES

from settings import settings


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why a mail was not taken. `permanent`: it will not be taken by being sent again."""

    text: str
    permanent: bool


def send(mail: EmailMessage) -> DeliveryError | None:
    """What went wrong, if anything. (`send_message` would write ">From" where a line begins with "From".)"""
    config = settings()
    try:
        with smtplib.SMTP(config.smtp_host, config.smtp_port, timeout=config.smtp_timeout_seconds) as server:
            if config.smtp_starttls:
                server.starttls()
            if config.smtp_user and config.smtp_password:
                server.login(config.smtp_user, config.smtp_password.get_secret_value())
            server.sendmail(_addresses(mail, "From")[0], _addresses(mail, "To"), mail.as_bytes(policy=SMTP_LINES))
    except (OSError, smtplib.SMTPException) as error:
        return DeliveryError(f"{type(error).__name__}: {error}", _is_permanent(error))
    return None


def _addresses(mail: EmailMessage, header: str) -> list[str]:
    return [address.addr_spec for address in mail[header].addresses]


def _is_permanent(error: Exception) -> bool:
    """A 5xx about this mail: its recipient or its contents. One about us, such as a wrong password or a sender that the
    server does not want, is of every mail, and over as soon as somebody mends it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
