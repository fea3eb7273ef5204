"""A request under a key is the same however its fields are ordered, and another as soon as one of them differs."""

from __future__ import annotations

from engine.jobs.idempotency import KeyedRequest


def test_the_order_of_fields_says_nothing() -> None:
    refund = KeyedRequest.of("k", "refund", {"amount": 300, "currency": "JPY"})
    assert refund == KeyedRequest.of("k", "refund", {"currency": "JPY", "amount": 300})
    assert refund != KeyedRequest.of("k", "refund", {"currency": "JPY", "amount": 301})
