"""Handing one mail to the SMTP server, and what its answer means.

The library's time-out is of each read, so a server that drips would hold a worker: at the deadline of the whole
delivery the connection is cut.
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_LINES
from threading import Timer

from outbound.guard import NoAnswer, NotAsked, guarded
from settings import settings

DEADLINE_SECONDS = 25.0
# What the guard counts deliveries for: all providers have one mail server.
SYSTEM = "mail"
_READY = 220


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why a mail was not taken. `permanent`: it will not be taken by being sent again."""

    text: str
    permanent: bool


class _Silent(NoAnswer):
    """The server is not there, or ill."""


def send(mail: EmailMessage) -> DeliveryError | None:
    """What went wrong, if anything. (`send_message` would write ">From" where a line begins with "From".)"""
    try:
        return guarded(SYSTEM, lambda: _send(mail))
    except NotAsked as error:
        return DeliveryError(f"the mail server was not called: {error}", permanent=False)
    except _Silent as error:
        return DeliveryError(str(error), permanent=False)


def _send(mail: EmailMessage) -> DeliveryError | None:
    """Raises _Silent."""
    config = settings()
    try:
        # Without a host it does not connect yet, so that the deadline is there before the first byte.
        with smtplib.SMTP(timeout=config.smtp_timeout_seconds) as server, _cut_at_the_deadline(server):
            code, greeting = server.connect(config.smtp_host, config.smtp_port)
            if code != _READY:
                raise smtplib.SMTPConnectError(code, greeting)
            if config.smtp_starttls:
                server._host = config.smtp_host  # type: ignore[attr-defined]  # what the certificate must be for
                server.starttls()
            if config.smtp_user and config.smtp_password:
                server.login(config.smtp_user, config.smtp_password.get_secret_value())
            server.sendmail(_addresses(mail, "From")[0], _addresses(mail, "To"), mail.as_bytes(policy=SMTP_LINES))
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        return DeliveryError(f"{type(error).__name__}: {error}", _is_permanent(error))
    except (OSError, smtplib.SMTPException) as error:
        raise _Silent(f"{type(error).__name__}: {error}") from error
    return None


@contextmanager
def _cut_at_the_deadline(server: smtplib.SMTP) -> Iterator[None]:
    def cut() -> None:
        with suppress(OSError, TypeError):  # it is closed, or was never open
            socket.socket.shutdown(server.sock, socket.SHUT_RDWR)  # type: ignore[arg-type]

    timer = Timer(DEADLINE_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _addresses(mail: EmailMessage, header: str) -> list[str]:
    return [address.addr_spec for address in mail[header].addresses]


def _is_permanent(error: Exception) -> bool:
    """A 5xx about this mail: its recipient or its contents. One about us, such as a wrong password or a sender that the
    server does not want, is of every mail, and over as soon as somebody mends it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
