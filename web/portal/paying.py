"""Paying: a new attempt, and the way to the gateway's checkout page, which a page takes by itself once.

Whoever presses *Submit and pay*, or *Pay*, wants to be at the checkout, but it is ready only moments later. What they
want is kept in a cookie of two minutes; the page on which the checkout has become ready takes the cookie away and leads
there. Whoever comes back, reloads or has a second tab finds a page that stays.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from engine.payments.attempts import (
    AttemptOpen,
    MoneyOnItsWay,
    NothingToPay,
    PaymentRefused,
    start_attempt,
    start_invoice_attempt,
)
from tasks.story import enqueue_task
from web.portal.pages import see
from web.portal.visit import COOKIE_PATH, FormOfBill, RowId, transaction_for
from web.signed_cookies import set_cookie

router = APIRouter()

WISH = "planshift_pay"
WISH_LIFE_SECONDS = 120


def wish_to_pay(answer: Response, row_id: str) -> None:
    """The page of this change, or of this invoice without one, leads to the checkout as soon as that is ready."""
    set_cookie(answer, WISH, row_id, COOKIE_PATH, WISH_LIFE_SECONDS)


def wishes_to_pay(request: Request, row_id: str) -> bool:
    return request.cookies.get(WISH) == row_id


def has_led_out(answer: Response) -> None:
    """The wish is granted: no page leads out again."""
    answer.delete_cookie(WISH, path=COOKIE_PATH)


@router.post("/changes/{change_id}/payments")
def pay_again(change_id: RowId, visit: FormOfBill) -> RedirectResponse:
    """A new attempt after a decline; one that is open already is taken up."""
    answer = see(f"/changes/{change_id}")
    try:
        with transaction_for(visit) as tx:
            start_attempt(tx.session, tx.now, tx.change(change_id).id)
    except (NothingToPay, PaymentRefused):
        return answer
    except (AttemptOpen, MoneyOnItsWay):
        pass
    else:
        enqueue_task("plan_change.request_payment", change_id=change_id)
    wish_to_pay(answer, change_id)
    return answer


@router.post("/invoices/{invoice_id}/payments")
def pay_invoice_again(invoice_id: RowId, visit: FormOfBill) -> RedirectResponse:
    """The same for a renewal's invoice, and for any that is owed again."""
    answer = see(f"/invoices/{invoice_id}")
    try:
        with transaction_for(visit) as tx:
            invoice = tx.invoice(invoice_id)
            followed = invoice.change_id or invoice.id
            start_invoice_attempt(tx.session, tx.now, invoice)
    except (NothingToPay, PaymentRefused):
        return answer
    except (AttemptOpen, MoneyOnItsWay):
        pass
    else:
        enqueue_task("invoices.request_payment", invoice_id=invoice_id)
    wish_to_pay(answer, followed)
    return answer
