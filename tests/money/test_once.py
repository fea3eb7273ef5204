"""What operators decide happens once for each key: over HTTP, on the command line, and whoever is faster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import typer.main
from sqlalchemy import select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cli.main import app
from engine.accounts.access import create_key
from local.stack import Stack
from models.database import transaction
from models.payment import Refund
from tests.support.money_play import MoneyPlay, yen
from web.app import create_api, create_app

ANA = {"actor": "ana", "reason": "paid twice"}
OF_300 = {"amount": {"amount": 300, "currency": "JPY"}, **ANA}


class Staff:
    """A customer has 1,000 yen of credit, which came by one payment; and a key of scope ops."""

    def __init__(self, servers: Stack) -> None:
        self.play = MoneyPlay.of(servers)
        change_id = self.play.until_awaiting_payment("start")
        attempt = self.play.attempts(change_id)[0].id
        self.play.process(self.play.report(attempt, yen(1_373)))
        self.play.step("settle", change_id)
        self.payment = self.play.payments()[0].id
        with transaction() as session:
            self.token = create_key(session, self.play.provider(session), ["ops"])[1]

    def post(self, path: str, body: Any, key: str | None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        with TestClient(create_app()) as client:
            return client.post(path, json=body, headers=headers)

    def refund(self, body: Any, key: str | None) -> Any:
        return self.post(f"/v1/payments/{self.payment}/refunds", body, key)

    def refunds(self) -> list[int]:
        with transaction() as session:
            return list(session.scalars(select(Refund.amount_minor).where(Refund.payment_id == self.payment)))

    def command(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["payments", "refund", self.play.slug, self.payment, *arguments])


@pytest.fixture
def staff(servers: Stack) -> Staff:
    return Staff(servers)


def test_a_double_click_refunds_once(staff: Staff) -> None:
    first, again = (staff.refund(OF_300, "click-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert staff.refunds() == [300]
    assert staff.play.ledger()["credit"] == -700


def test_a_key_is_of_one_request(staff: Staff) -> None:
    assert staff.refund(OF_300, "k").status_code == 202
    other = staff.refund(OF_300 | {"amount": {"amount": 301, "currency": "JPY"}}, "k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = staff.post(f"/v1/payments/{staff.payment}/match", {"invoice": "inv_01", **ANA}, '"k"')
    assert elsewhere.json()["code"] == "idempotency_key_reused"
    assert staff.refunds() == [300]


def test_what_was_refused_may_be_sent_again_under_its_key(staff: Staff) -> None:
    too_much = OF_300 | {"amount": {"amount": 5_000, "currency": "JPY"}}
    assert [staff.refund(too_much, "k").json()["code"] for _ in range(2)] == ["not_refundable"] * 2
    assert staff.refunds() == []


def test_without_a_key_each_request_is_another_one(staff: Staff) -> None:
    assert [staff.refund(OF_300, None).status_code for _ in range(2)] == [202, 202]
    assert staff.refunds() == [300, 300]


def test_clicks_at_once_refund_once(staff: Staff) -> None:
    with ThreadPoolExecutor(6) as together:
        answers = list(together.map(lambda _: staff.refund(OF_300, "storm"), range(6)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_in_flight"}
    assert staff.refunds() == [300]


def test_the_command_refunds_once_for_each_key(staff: Staff) -> None:
    who = ("--actor", "ana", "--reason", "paid twice")
    first, again = (staff.command("--amount", "300 JPY", *who, "--key", "cli-1") for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.output == again.output
    assert staff.refunds() == [300]
    other = staff.command("--amount", "299 JPY", *who, "--key", "cli-1")
    assert "was used for another request" in str(other.exception)
    assert staff.refunds() == [300]


def test_every_post_of_operators_takes_a_key() -> None:
    document = create_api().openapi()
    operators = {
        operation["operationId"]: [parameter["name"].lower() for parameter in operation.get("parameters", ())]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method == "post" and set(operation["tags"]) & {"operators", "manual payments"}
    }
    assert len(operators) >= 13
    assert [name for name, taken in operators.items() if "idempotency-key" not in taken] == []


def test_every_command_of_operators_takes_a_key() -> None:
    """What wants an actor is a decision; what only names one if it is told sets up, and may be done again."""
    group: Any = typer.main.get_command(app)
    decisions = {
        f"{name} {command}": {parameter.name for parameter in found.params}
        for name, inner in group.commands.items()
        for command, found in getattr(inner, "commands", {}).items()
        if any(parameter.name == "actor" and parameter.required for parameter in found.params)
    }
    assert len(decisions) >= 15
    without = [command for command, options in decisions.items() if "key" not in options]
    assert without == ["services keep"]  # taken back twice is taken back once
