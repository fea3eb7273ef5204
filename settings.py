"""Every environment variable Planshift reads, typed, read once. Names carry the prefix PLANSHIFT_."""

from __future__ import annotations

from email.headerregistry import Address
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _mail_address(text: str) -> str:
    """One mailbox. Raises ValueError."""
    try:
        Address(addr_spec=text)
    except (ValueError, IndexError, AttributeError) as error:  # all that the parser raises
        raise ValueError(f"{text!r} is no mail address; write one such as billing@example.com") from error
    return text


class Settings(BaseSettings):
    """The field name in upper case after PLANSHIFT_ is the variable; the comment says what it is for."""

    model_config = SettingsConfigDict(env_prefix="PLANSHIFT_", frozen=True)

    # Where the rows are, and the messages that wake workers. Unset, `planshift up` starts servers of its own.
    database_url: str | None = None
    broker_url: str | None = None
    # With a broker `sentinel://`: what its Sentinels call the primary, and their own password, if they want one.
    sentinel_primary: str = "mymaster"
    sentinel_password: SecretStr | None = None
    # A Redis or Valkey in which processes count together. Unset, the broker, where it is one.
    counters_url: str | None = None
    # A broker of their own for frontends that enqueue by Celery, from which `planshift entry` carries requests over.
    frontends_broker_url: str | None = None
    # Whether the database's address is that of a pooler in transaction mode, such as PgBouncer.
    database_pooled: bool = False
    # Signs portal links and encrypts gateway and host secrets at rest. Several keys stand with spaces between, the
    # newest first: that one signs and encrypts, any of them checks and reads.
    secret_key: SecretStr | None = None

    # Opens /metrics; unset, nobody may read them.
    metrics_key: SecretStr | None = None

    # What others see of us.
    public_url: str = "http://127.0.0.1:8000"
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = False
    smtp_timeout_seconds: float = 10.0
    mail_from: Annotated[str, AfterValidator(_mail_address)] = "billing@planshift.invalid"

    # Where documents are stored: a folder, or any fsspec URL, such as s3://bucket/folder (extra `s3`). All processes
    # that print or show documents need the same one.
    document_url: str = "var/documents"

    # What stands before us and says who calls in X-Forwarded-For: addresses or networks, with commas.
    trusted_proxies: str = "127.0.0.1"
    # How many connections one process of web or receiver holds. Less than its file descriptors (`ulimit -n`).
    connections_max: int = Field(default=800, ge=10)
    # Requests of the API in ten seconds: with one key, with one customer's token, and from one address with neither.
    rate_key_max: int = Field(default=2_000, ge=1)
    rate_token_max: int = Field(default=200, ge=1)
    rate_address_max: int = Field(default=300, ge=1)
    # Keys that are not known, from one address in a minute; after so many, only known ones are looked at.
    wrong_keys_max: int = Field(default=60, ge=1)

    # Flower: `user:password` for its login page and API.
    flower_auth: SecretStr | None = None

    log_level: str = "INFO"

    # What `planshift up` has written of its addresses and keys. Unset, web has no sandbox page.
    sandbox_file: str | None = None

    # How long a row may be overdue before the sweep enqueues it again, and the longest pause between two attempts.
    sweep_patience_seconds: float = 5.0
    retry_pause_max_seconds: float = 600.0
    # Up to how many messages the sweep fills a queue; what a customer starts is enqueued at once, however deep it is.
    queue_depth: int = Field(default=500, ge=1)
    # How often the sweep enqueues one row before it leaves it to a person: about a day at the longest pause.
    attempts_max: int = Field(default=150, ge=1)
    # For how many days is kept what grows for ever and decides nothing any more (docs/scale.md): what gateways sent,
    # once it was processed; words and addresses of mails that were sent; quotes that nobody took; messages of the
    # Celery entry point that were refused.
    keep_event_bodies_days: int = Field(default=400, ge=1)
    keep_mails_days: int = Field(default=180, ge=1)
    keep_quotes_days: int = Field(default=30, ge=1)
    keep_rejected_days: int = Field(default=30, ge=1)
    # How long a worker may hold an external call, and how often a change is tried before it is stuck.
    lease_seconds: float = 60.0
    apply_attempts_max: int = 12

    @property
    def longest_pause_seconds(self) -> float:
        """Nothing waits for longer by design: neither a row between two attempts nor a lease."""
        return max(self.lease_seconds, self.retry_pause_max_seconds)

    @property
    def shared_counters_url(self) -> str | None:
        """None: each process counts by itself."""
        if self.counters_url or self.broker_url is None or is_rabbitmq(self.broker_url):
            return self.counters_url
        return self.broker_url

    def require_database_url(self) -> str:
        return _required("PLANSHIFT_DATABASE_URL", self.database_url)

    def require_broker_url(self) -> str:
        return _required("PLANSHIFT_BROKER_URL", self.broker_url)

    def require_frontends_broker_url(self) -> str:
        return _required("PLANSHIFT_FRONTENDS_BROKER_URL", self.frontends_broker_url)

    def require_secret_key(self) -> str:
        """The newest."""
        return self.require_secret_keys()[0]

    def require_secret_keys(self) -> list[str]:
        """The newest first. The text as a whole is a key, too, of those who had one with a space in it."""
        text = _required("PLANSHIFT_SECRET_KEY", self.secret_key.get_secret_value() if self.secret_key else None)
        return list(dict.fromkeys([*text.split(), text]))

    def signing_keys(self) -> list[str]:
        """The newest last, as the library for signed texts wants them."""
        return self.require_secret_keys()[::-1]


def is_rabbitmq(broker_url: str) -> bool:
    return broker_url.startswith(("amqp://", "amqps://"))


class MissingSetting(Exception):
    """A process that cannot run without a setting."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is not set. Set it, or run `planshift up`, which starts a stack of its own.")


def _required(variable: str, value: str | None) -> str:
    if not value:
        raise MissingSetting(variable)
    return value


@cache
def settings() -> Settings:
    """The process's settings; the environment is read at the first call."""
    return Settings()
