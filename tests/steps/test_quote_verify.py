"""A stored quote is recomputed from its own printed inputs: every cent holds, or the command says which does not."""

from __future__ import annotations

import json

from sqlalchemy import update
from typer.testing import CliRunner

from cli.main import app
from engine.offers import quote_change
from local.stack import Stack
from models.database import transaction
from models.invoice import StoredQuote
from tests.support.play import NOON_17_JULY, Play


def test_a_stored_quote_holds_until_a_cent_of_it_is_changed(servers: Stack) -> None:
    play = Play.of(servers)
    with transaction() as session:
        stored = quote_change(session, NOON_17_JULY, play.service(session), "business", "monthly")
    verify = ["quote", "verify", stored.id, "--json"]
    result = CliRunner().invoke(app, verify)
    assert (result.exit_code, json.loads(result.stdout)["holds"]) == (0, True)

    forged = stored.document | {"total_due_today": {"amount": 1330, "currency": "JPY"}}
    with transaction() as session:
        session.execute(update(StoredQuote).where(StoredQuote.id == stored.id).values(document=forged))
    result = CliRunner().invoke(app, verify)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["holds"]) == (1, False)
    assert any("total_due_today" in difference for difference in document["differences"])
