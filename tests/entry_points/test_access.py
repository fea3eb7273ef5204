"""Keys are listed, rotated and revoked; what sets an installation up is written down with who and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cli.main import app
from cli.sandbox import SAMPLES
from engine.accounts.access import UnknownKey
from local.stack import Stack
from models.database import transaction
from models.provider import CatalogVersion, find_api_key
from tests.conftest import new_slug
from tests.support.play import Play

WHO = ("--actor", "ana", "--reason", "once a year")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None:
        raise done.exception
    return done.output


def good(token: str) -> bool:
    with transaction() as session:
        return find_api_key(session, token) is not None


@pytest.fixture
def slug(servers: Stack) -> str:
    return Play.of(servers).slug


def test_a_key_is_rotated_with_an_overlap_and_revoked_at_once(slug: str) -> None:
    made = json.loads(run("keys", "create", slug, "--scope", "ops", "--scope", "host", "--json"))
    old, old_id = made["key"], made["id"]
    newer = json.loads(run("keys", "rotate", slug, old_id, "--hours", "1", *WHO, "--json"))
    assert newer["scopes"] == ["ops", "host"]
    assert (good(old), good(newer["key"])) == (True, True)
    listed: dict[str, Any] = {key["id"]: key["good_until"] for key in json.loads(run("keys", "list", slug, "--json"))}
    assert (listed[old_id] != "", listed[newer["id"]]) == (True, "")

    run("keys", "revoke", slug, old_id, *WHO)
    assert (good(old), good(newer["key"])) == (False, True)
    newest = json.loads(run("keys", "rotate", slug, newer["id"], "--hours", "0", *WHO, "--json"))
    assert (good(newer["key"]), good(newest["key"])) == (False, True)
    with pytest.raises(UnknownKey):
        run("keys", "revoke", slug, old_id, *WHO)


def test_another_providers_key_is_not_revoked(servers: Stack, slug: str) -> None:
    made = json.loads(run("keys", "create", slug, "--scope", "ops", "--json"))
    with pytest.raises(UnknownKey):
        run("keys", "revoke", Play.of(servers).slug, made["id"])
    assert good(made["key"])


def test_catalogues_connections_and_keys_are_written_down(servers: Stack, tmp_path: Path) -> None:
    slug = new_slug("dns")
    file = tmp_path / "dns.toml"
    file.write_text((SAMPLES / "dns.toml").read_text().replace('"dns"', f'"{slug}"', 1))
    run("catalog", "load", str(file), "--sandbox", *WHO)
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
    run("connect", "host", slug, "--url", servers.addresses.host, "--secret", secret, *WHO)
    made = json.loads(run("keys", "create", slug, "--scope", "ops", *WHO, "--json"))
    run("keys", "revoke", slug, made["id"], "--reason", "it was in a log")

    actions = json.loads(run("actions", "list", slug, "--json"))
    assert [action["action"] for action in actions] == ["key.revoke", "key.create", "connection.set", "catalog.load"]
    assert [action["actor"] for action in actions[1:]] == ["ana"] * 3
    assert actions[0]["actor"] not in ("", "ana")  # this machine's account
    assert actions[0]["reason"] == "it was in a log"
    connected = {"kind": "host", "adapter": "http", "base_url": servers.addresses.host, "secrets": 1}
    assert actions[2]["details"] == connected
    with transaction() as session:
        loaded = session.scalars(select(CatalogVersion).where(CatalogVersion.id == actions[3]["subject"])).one()
    assert actions[3]["details"] == {"version": 1, "digest": loaded.digest}
    assert secret not in json.dumps(actions)
    assert made["key"] not in json.dumps(actions)
