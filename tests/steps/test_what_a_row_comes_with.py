"""What is read with a row, and that nothing is read by touching it: every statement stands where its query does."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import InvalidRequestError

from local.stack import Stack
from models.base import Base
from models.database import transaction
from models.plan_change import PlanChange
from tests.conftest import ReadByATouch
from tests.support.play import Play

# By relationship, why no row is read without it. Any other one raises where no query has loaded it.
COMES_WITH = {
    "Service.provider": "whose catalogue prices it",
    "Service.customer": "who is billed for it",
    "PlanChange.service": "what it changes",
    "Ending.service": "what it ends",
    "Invoice.service": "what it is for",
    "Payment.connection": "its adapter names the account that it is booked on",
    "Refund.payment": "what goes back",
    "InboxEvent.connection": "its adapter reads the body",
    "RefusedWebhook.connection": "where it came in",
    "OutboxMessage.customer": "who reads it",
    "ArrivedCredit.provider": "whose catalogue says what becomes of it",
    "ArrivedCredit.customer": "whose it is",
}


def test_a_relationship_comes_with_its_row_or_raises() -> None:
    Base.registry.configure()
    lazy = {str(one): one.lazy for mapper in Base.registry.mappers for one in mapper.relationships}
    assert {name for name, how in lazy.items() if how == "joined"} == set(COMES_WITH)
    assert {how for name, how in lazy.items() if name not in COMES_WITH} <= {"raise", "raise_on_sql"}, lazy


def test_what_no_query_has_loaded_raises(servers: Stack) -> None:
    change_id = Play.of(servers).request("start")
    with transaction() as session:
        change = session.get_one(PlanChange, change_id)
        assert change.service.customer.ref, "read with the change"
        with pytest.raises(InvalidRequestError, match="lazy='raise'"):
            _ = change.invoice


def test_the_guard_of_the_tests_sees_a_touch_that_reads(servers: Stack) -> None:
    """What comes with its row is not there any more once it has expired."""
    change_id = Play.of(servers).request("start")
    with transaction() as session:
        change = session.get_one(PlanChange, change_id)
        session.expire(change, ["service"])
        with pytest.raises(ReadByATouch, match="service"):
            _ = change.service
