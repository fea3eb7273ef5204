"""What `planshift connect` takes as a secret and from where, and how the key that encrypts them is changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import LargeBinary, select, type_coerce
from typer.testing import CliRunner

from cli.connect import BadAddress
from cli.main import app
from cli.secrets import UselessSecret
from engine.accounts import access
from engine.accounts.catalogs import load_catalog
from engine.accounts.providers import required_provider
from local.stack import Stack
from models.base import WrongSecretKey, has_newest_key
from models.database import transaction
from models.provider import Connection, connection_of
from settings import settings
from tests.conftest import SECRET_KEY, catalog_named, environment, new_slug
from tests.support.play import Play

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
OTHER = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def connect(kind: str, slug: str, *more: str, text: str | None = None) -> None:
    api_key = ["--api-key", "key"] if kind == "gateway" and "--api-key-file" not in more else []
    words = ["connect", kind, slug, "--url", "https://h.invalid", *api_key, *more]
    result = CliRunner().invoke(app, words, input=text, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def stored(slug: str, kind: str = "host") -> Connection:
    with transaction() as session:
        connection = connection_of(session, required_provider(session, slug).id, kind)
        assert connection is not None
        return connection


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_…", "whsec_...", "secret", "whsec_" + "A" * 40, "whsec_AAAAAAAAAAAA", SECRET[6:]]
)
@pytest.mark.parametrize("kind", ["host", "gateway"])
def test_what_protects_nothing_is_refused(servers: Stack, kind: str, secret: str) -> None:
    slug = Play.of(servers).slug
    before = stored(slug, kind).secrets
    with pytest.raises(UselessSecret):
        connect(kind, slug, "--secret", secret)
    assert stored(slug, kind).secrets == before


def test_no_secret_at_all_only_where_nothing_is_signed(servers: Stack) -> None:
    slug = Play.of(servers).slug
    with pytest.raises(UselessSecret, match="There is no secret"):
        connect("gateway", slug)
    with pytest.raises(UselessSecret, match="API key is empty"):
        connect("gateway", slug, "--adapter", "mollie", "--api-key", " ")
    connect("gateway", slug, "--adapter", "mollie")
    assert stored(slug, "gateway").secrets == ()


def test_a_file_and_standard_input(servers: Stack, tmp_path: Path) -> None:
    slug, file, key = Play.of(servers).slug, tmp_path / "secrets", tmp_path / "key"
    file.write_text(f"{SECRET}\n\n{OTHER}\n")
    key.write_text("from a file\n")
    connect("host", slug, "--secret-file", str(file))
    assert stored(slug).secrets == (SECRET, OTHER)
    connect("host", slug, "--secret-file", "-", text=f"{OTHER}\n")
    assert stored(slug).secrets == (OTHER,)
    connect("gateway", slug, "--secret-file", "-", "--api-key-file", str(key), text=SECRET)
    assert (stored(slug, "gateway").api_key, stored(slug, "gateway").secrets) == (("from a file",), (SECRET,))
    for more in (
        ["--secret-file", str(tmp_path / "none")],
        ["--secret-file", "-"],
        ["--secret-file", "-", "--secret", "s"],
    ):
        with pytest.raises(UselessSecret):
            connect("host", slug, *more, text="\n")


def test_plain_http_is_for_sandboxes(servers: Stack) -> None:
    slug = new_slug("dns")
    with transaction() as session:
        load_catalog(session, catalog_named(slug, "dns"), sandbox=False)
    with pytest.raises(BadAddress, match="plain http"):
        connect("host", slug, "--url", "http://h.invalid", "--secret", SECRET)
    connect("host", slug, "--secret", SECRET)
    connect("host", Play.of(servers).slug, "--url", "http://h.invalid", "--secret", SECRET)


def encrypted(slug: str) -> bytes:
    with transaction() as session:
        query = select(type_coerce(Connection.secrets, LargeBinary)).where(
            Connection.provider_id == required_provider(session, slug).id, Connection.kind == "host"
        )
        found: bytes = session.scalars(query).one()
        return found


def test_the_key_is_changed(own_database: tuple[Stack, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The old key alone, both, the new one alone; cut off in between, the command is given again."""
    stack, variables = own_database
    monkeypatch.setattr(access, "BATCH", 1)
    with environment(variables):
        slugs = [Play.of(stack).slug for _ in range(2)]
        secret, link = stored(slugs[0]).secrets, signed()
    with environment(variables | {"PLANSHIFT_SECRET_KEY": f"newest {SECRET_KEY}"}):
        assert stored(slugs[0]).secrets == secret
        assert read(link) == "kept"
        with transaction() as session:
            assert access.reencrypt_connections(session, "").rewritten == 1
        result = CliRunner().invoke(app, ["connect", "reencrypt"])
        assert result.stdout == "3 connections were encrypted anew; all are with the newest key.\n"
        assert all(has_newest_key(encrypted(slug)) for slug in slugs)
        assert "0 connections" in CliRunner().invoke(app, ["connect", "reencrypt"]).stdout
        newer = signed()
    with environment(variables | {"PLANSHIFT_SECRET_KEY": "newest"}):
        assert stored(slugs[0]).secrets == secret
        assert read(newer) == "kept"
    with environment(variables), pytest.raises(WrongSecretKey):
        stored(slugs[0])


def test_a_key_with_a_space_in_it_is_a_key_as_before(servers: Stack) -> None:
    with environment(dict(os.environ) | {"PLANSHIFT_SECRET_KEY": "two words"}):
        assert settings().require_secret_keys() == ["two", "words", "two words"]
        assert settings().signing_keys() == ["two words", "words", "two"]


def signed() -> str:
    return str(URLSafeTimedSerializer(settings().signing_keys()).dumps("kept"))


def read(text: str) -> str:
    return str(URLSafeTimedSerializer(settings().signing_keys()).loads(text))
