"""What may happen to a payment: open → action_required → pending → succeeded | failed | canceled, then refunds, which
may fail after they have succeeded."""

from datetime import datetime
from typing import Any

from sandbox.gateway.shapes import PaymentOrder, RefundOrder
from sandbox.gateway.store import GatewayStore, new_id

Payment = dict[str, Any]
_PAYABLE = ("open", "action_required")


class NotPossible(Exception):
    """The payment's status does not allow this; the message says why."""


def open_payment(store: GatewayStore, account: str, key: str, order: PaymentOrder) -> Payment:
    """Raises IdempotencyConflict."""
    asked = order.model_dump(mode="json")
    if made := store.made_with(account, key, asked):
        return made
    return store.make(
        account,
        key,
        asked,
        {"id": new_id("pay"), **asked, "status": "open", "paid_at": None, "refunded": 0, "failed_refunds": []},
    )


def current(store: GatewayStore, account: str, payment: Payment) -> Payment:
    """The payment as it is now: one that nobody paid in time is canceled."""
    expires_at = datetime.fromisoformat(payment["expires_at"])
    if payment["status"] in _PAYABLE and datetime.fromisoformat(store.now(account)) >= expires_at:
        return _move(store, account, payment, "canceled")
    return payment


def cancel(store: GatewayStore, account: str, payment: Payment) -> Payment:
    """Close it if it is open; it may have been paid meanwhile, so look at what comes back."""
    return _move(store, account, payment, "canceled") if payment["status"] in _PAYABLE else payment


def press(store: GatewayStore, account: str, payment: Payment, outcome: str) -> Payment:
    """The payer pressed a button of the checkout page. Pressing again changes nothing. Raises NotPossible."""
    knobs = store.knobs(account)
    if payment["status"] in ("succeeded", "failed"):
        return payment
    if payment["status"] == "canceled" and not knobs.pay_late:
        raise NotPossible("This payment was canceled or has expired.")
    if outcome == "decline" or knobs.decline:
        return _move(store, account, payment, "failed")
    if payment["status"] == "pending" and outcome == "pending":
        return payment
    if knobs.challenge and payment["status"] == "open":
        return _move(store, account, payment, "action_required")
    if outcome == "pending":
        return _move(store, account, payment, "pending")
    paid = {
        "paid_at": store.now(account),
        "amount": max(1, payment["amount"] + knobs.amount_off_by),
        "currency": knobs.pay_currency or payment["currency"],
    }
    return _move(store, account, payment, "succeeded", **paid)


def refund(store: GatewayStore, account: str, payment: Payment, key: str, order: RefundOrder) -> Payment:
    """Raises IdempotencyConflict, NotPossible."""
    asked = {"payment": payment["id"], **order.model_dump(mode="json")}
    if made := store.made_with(account, key, asked):
        return made
    left = payment["amount"] - payment["refunded"] if payment["status"] == "succeeded" else 0
    if order.amount > left:
        raise NotPossible(f"No more than {left} of this payment can be refunded.")
    pending = store.make(
        account, key, asked, {"id": new_id("re"), **asked, "currency": payment["currency"], "status": "pending"}
    )
    status = "failed" if store.knobs(account).refunds_fail else "succeeded"
    settled = {**pending, "status": status}
    after = (
        {**payment, "refunded": payment["refunded"] + order.amount}
        if status == "succeeded"
        else _failed(payment, settled)
    )
    store.change(account, [settled, after], f"refund.{status}", {"refund": settled, "payment": shown(after)})
    return pending


def refund_at_page(store: GatewayStore, account: str, payment: Payment) -> None:
    """Somebody refunds all that is left at the gateway, as the merchant's people do without asking the merchant's
    program. Raises NotPossible."""
    left = payment["amount"] - payment["refunded"] if payment["status"] == "succeeded" else 0
    if left <= 0:
        raise NotPossible("Nothing of this payment is left to be refunded.")
    refund(store, account, payment, new_id("page"), RefundOrder(amount=left))


def fail_refund(store: GatewayStore, account: str, payment: Payment) -> None:
    """The payer's bank sends the newest refund back. Raises NotPossible."""
    refunds = [one for one in store.refunds_of(account, payment["id"]) if one["status"] == "succeeded"]
    if not refunds:
        raise NotPossible("No refund of this payment has succeeded.")
    failed = {**refunds[-1], "status": "failed"}
    after = {**_failed(payment, failed), "refunded": payment["refunded"] - failed["amount"]}
    store.change(account, [failed, after], "refund.failed", {"refund": failed, "payment": shown(after)})


def shown(payment: Payment) -> Payment:
    names = ("id", "reference", "amount", "currency", "status", "paid_at", "refunded", "expires_at", "description")
    return {name: payment[name] for name in names} | {"failed_refunds": payment.get("failed_refunds", [])}


def _failed(payment: Payment, refund: Payment) -> Payment:
    failed = [*payment.get("failed_refunds", []), {"id": refund["id"], "amount": refund["amount"]}]
    return {**payment, "failed_refunds": failed}


def _move(store: GatewayStore, account: str, payment: Payment, status: str, **more: object) -> Payment:
    moved = {**payment, **more, "status": status}
    store.change(account, [moved], f"payment.{status}", {"payment": shown(moved)})
    return moved
