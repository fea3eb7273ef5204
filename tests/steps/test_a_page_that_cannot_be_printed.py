"""A document that fails all the same: the sale goes on, a person is told why, and it is printed once it can be."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from cli.main import app
from domain.money import Money
from engine.invoicing.documents import document_values
from engine.invoicing.printing import print_invoice
from engine.operators.dead_letter_retry import retry_dead_letter
from engine.operators.dead_letters import dead_letters
from local.stack import Stack
from models import storage
from models.audit import Attribution
from models.database import transaction
from models.invoice import Invoice, document_of
from tasks.run import external_step
from tests.conftest import catalog_named
from tests.support.play import NOON_17_JULY, Play

ANA = Attribution("ana", "the name is right now")


def spoilt(play: Play, change_id: str, name: str) -> str:
    """What no entry point takes any more is in a row that an older version wrote."""
    invoice = play.invoice(change_id)
    content = invoice.content | {"buyer": invoice.content["buyer"] | {"name": name}}
    with transaction() as session:
        session.execute(update(Invoice).where(Invoice.id == invoice.id).values(content=content))
    return invoice.id


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Ana \u0626", "MissingGlyph: no shipped font can draw U+0626"), ("W" * 601, "InvalidDocument:")],
)
def test_the_sale_goes_on_and_a_person_is_told(servers: Stack, name: str, reason: str) -> None:
    play = Play.of(servers)
    play.set_clock(NOON_17_JULY)
    change_id = play.request("start")
    play.steps("quote issue", change_id)
    invoice_id = spoilt(play, change_id, name)
    # ¥373 are asked for without a page.
    assert play.steps("print request_payment", change_id) == "awaiting_payment"
    assert play.attempts(change_id)[0].amount_minor == 373
    with transaction() as session:
        [letter] = dead_letters(session, play.provider(session).id)
    assert (letter.id, letter.kind) == (invoice_id, "invoice")
    assert reason in (letter.error or "")
    shown = CliRunner().invoke(app, ["changes", "show", change_id]).stdout
    assert f"its document cannot be printed: {letter.error}" in shown
    told = CliRunner().invoke(app, ["doctor"]).stdout
    assert "rows were given up. See `planshift dead-letters list`" in told

    play.process(play.report(play.attempts(change_id)[-1].id, Money(373, "JPY")))
    assert play.steps("settle", change_id) == "paid"
    assert play.step("apply", change_id) == "applied"
    play.step("print", change_id)  # the invoice, with its number: it fails in the same way
    assert reason in (play.invoice(change_id).print_error or "")
    spoilt(play, change_id, "Ana")
    with transaction() as session:
        assert retry_dead_letter(session, NOON_17_JULY, invoice_id, ANA) == invoice_id
    external_step(print_invoice, Invoice, invoice_id)
    with transaction() as session:
        document = document_of(session, invoice_id, "invoice")
        assert document is not None
        assert dead_letters(session, play.provider(session).id) == []
        sha256 = document.sha256
    assert storage.get(sha256).startswith(b"%PDF")


LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'


@pytest.mark.parametrize(("logo", "alt"), [(LOGO, "DNS Service"), (None, None)])
def test_the_page_bears_the_providers_logo_with_its_name(servers: Stack, logo: str | None, alt: str | None) -> None:
    invoice = catalog_named("x", "dns").invoice.model_copy(update={"logo": logo})
    play = Play.of(servers, catalog={"invoice": invoice})
    change_id = play.request("start")
    play.steps("quote issue", change_id)
    with transaction() as session:
        printed = document_values(session.get_one(Invoice, play.invoice(change_id).id), "proforma").brand.logo
    assert (printed and printed.alt) == alt


def test_a_store_that_is_away_is_tried_again(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play.of(servers)
    play.set_clock(NOON_17_JULY)
    change_id = play.request("start")
    play.steps("quote issue", change_id)

    def away(content: bytes) -> str:
        raise OSError("no such bucket")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "put", away)
        with pytest.raises(OSError, match="no such bucket"):
            play.step("print", change_id)
    assert play.invoice(change_id).print_error is None
    assert play.steps("print request_payment", change_id) == "awaiting_payment"
