"""Steps 2 to 5: a plan, a billing cycle, the review of what it costs today, and the submit."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote as quote_path

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from domain.errors import ChangeError
from domain.pricing.quote_values import Quote
from domain.pricing.settled import by_time
from engine.jobs.idempotency import KeyReused, RequestInFlight
from engine.jobs.summary import next_work
from engine.offers import payable_until, quote_change
from engine.request import ChangeOpen, ChangeRequest, PriceChanged, request_change
from models.customer import Service
from models.invoice import StoredQuote
from models.plan_change import PlanChange
from tasks.story import publish_next
from web.api.fields import TypedNote
from web.portal.overview import cards_of
from web.portal.pages import page, see
from web.portal.paying import wish_to_pay
from web.portal.plan_cards import best_saving, choices_of, price_of
from web.portal.problems import NotFound
from web.portal.visit import PortalTransaction, RowId, Signed, SignedForm, Slug, Visit, transaction_for

router = APIRouter()


Cycle = Annotated[str, Query(max_length=64)]


@router.get("/services/{service_id}/change")
def choose_plan(
    service_id: RowId, visit: Signed, category: Annotated[str, Query(max_length=64)] = "", cycle: Cycle = ""
) -> Response:
    """Every plan of a category, side by side, with what it costs by this cycle; those not offered say why."""
    with transaction_for(visit) as tx:
        service = tx.service(service_id)
        [card] = cards_of(tx, [service])
        if card.blocked(tx.now):
            return see(f"/services/{service_id}")
        looked_at = cycle if cycle in tx.catalog.cycles else service.cycle
        choices = choices_of(tx, service, looked_at)
        home = tx.catalog.plan(service.plan)
        shown = category if category in choices else home.category if home else next(iter(choices), "")
        plans = choices.get(shown, [])
        cycles = sorted({one for choice in plans for one in choice.prices}, key=tx.formatter.months)
        return page(
            tx,
            "plans.html",
            service=service,
            scheduled=card.scheduled,
            categories=list(choices),
            shown=shown,
            plans=plans,
            cycles={one: best_saving(plans, one) for one in cycles},
            cycle=looked_at,
        )


@router.get("/services/{service_id}/change/{plan_id}")
def choose_cycle(
    service_id: RowId,
    plan_id: Slug,
    visit: Signed,
    notice: Annotated[str, Query(max_length=40)] = "",
    cycle: Cycle = "",
) -> Response:
    """The billing cycles of the chosen plan, each with what it costs today and at the renewal."""
    with transaction_for(visit) as tx:
        service = tx.service(service_id)
        if blocked(tx, service):
            return see(f"/services/{service_id}")
        choices = choices_of(tx, service, cycle or service.cycle)
        of_plan = [choice for group in choices.values() for choice in group if choice.plan.id == plan_id]
        if not of_plan:
            raise NotFound()
        return page(tx, "cycles.html", service=service, choice=of_plan[0], notice=notice)


@router.post("/services/{service_id}/quotes")
def make_quote(
    service_id: RowId,
    visit: SignedForm,
    plan: Annotated[str, Form(max_length=64)] = "",
    cycle: Annotated[str, Form(max_length=64)] = "",
    quantity: Annotated[int | None, Form(ge=1, le=1_000_000)] = None,
) -> RedirectResponse:
    """Continue: prices the change. What cannot be priced goes back to the page that says why."""
    try:
        with transaction_for(visit) as tx:
            stored = quote_change(tx.session, tx.now, tx.service(service_id), plan, cycle, quantity)
    except ChangeError:
        return see(f"/services/{service_id}/change/{quote_path(plan, safe='')}?notice=choose")
    return see(f"/quotes/{stored.id}")


@router.get("/quotes/{quote_id}")
def review(
    quote_id: RowId, visit: Signed, was: Annotated[str, Query(max_length=64, pattern=r"^[a-z_0-9]*$")] = ""
) -> Response:
    """Before → after and the total charge for today. A quote that was submitted leads to its change.

    `was` is the quote that the customer saw before, when the price changed meanwhile.
    """
    with transaction_for(visit) as tx:
        stored, service = tx.quote(quote_id)
        submitted = tx.session.scalar(select(PlanChange.id).where(PlanChange.accepted_quote_id == stored.id))
        if submitted is not None:
            return see(f"/changes/{submitted}")
        before = tx.session.get(StoredQuote, was) if was else None
        seen = Quote.from_json(before.document) if before and before.service_id == service.id else None
        [card] = cards_of(tx, [service])
        quote = Quote.from_json(stored.document)
        return page(
            tx,
            "review.html",
            service=service,
            stored=stored,
            quote=quote,
            prices=[
                price_of(tx, service, terms.plan, terms.unit_price, terms.quantity) for terms in (quote.from_, quote.to)
            ],
            seen=seen,
            card=card,
            expired=tx.now >= stored.expires_at,
            payable_until=payable_until(tx.catalog, service, quote, tx.now),
            ceiling=by_time(quote) and tx.catalog.policies.priced_at == "payment",
        )


@router.post("/quotes/{quote_id}/accept")
def submit(quote_id: RowId, visit: SignedForm, note: Annotated[TypedNote, Form()] = "") -> RedirectResponse:
    """Submit: asks for the change at the quoted price. The quote is the key: pressed twice is one change."""
    service_id = ""
    try:
        with transaction_for(visit) as tx:
            stored, service = tx.quote(quote_id)
            service_id = service.id
            request = _request(service, stored, note)
            change, repeated = request_change(tx.session, tx.now, tx.provider, f"portal:{stored.id}", request, "portal")
            following = None if repeated else next_work(tx.session, change.id)
    except PriceChanged:
        return _show_new_price(visit, quote_id)
    except (RequestInFlight, KeyReused):
        return see(f"/quotes/{quote_id}")
    except ChangeOpen as error:
        return see(f"/changes/{error.change_id}?notice=open")
    except ChangeError:
        return see(f"/services/{service_id}/change")
    answer = see(f"/changes/{change.id}")
    if following is not None:
        publish_next(following)
    wish_to_pay(answer, change.id)
    return answer


def _request(service: Service, stored: StoredQuote, note: str) -> ChangeRequest:
    target = stored.document["to"]
    return ChangeRequest(
        service=service.ref,
        plan=target["plan"],
        cycle=target["cycle"],
        quote=stored.id,
        note=note.strip() or None,
    )


def _show_new_price(visit: Visit, quote_id: str) -> RedirectResponse:
    """The price is not the quoted one any more: a new quote to look at, nothing charged."""
    with transaction_for(visit) as tx:
        stored, service = tx.quote(quote_id)
        target = stored.document["to"]
        try:
            new = quote_change(tx.session, tx.now, service, target["plan"], target["cycle"], wanted_quantity(stored))
        except ChangeError:
            return see(f"/services/{service.id}/change")
    return see(f"/quotes/{new.id}?was={quote_id}")


def wanted_quantity(stored: StoredQuote) -> int | None:
    """The quantity that the quote was asked for; None keeps the service's."""
    quantity: int | None = stored.document["inputs"]["target"]["quantity"]
    return quantity


def blocked(tx: PortalTransaction, service: Service) -> str | None:
    """Why the service cannot be changed at this moment, if so."""
    [card] = cards_of(tx, [service])
    return card.blocked(tx.now)
