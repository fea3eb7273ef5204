"""Every error answer is a problem document (RFC 9457). This table is the one place where an HTTP status is decided."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from domain.currencies import UnknownCurrency
from domain.errors import (
    BadQuantity,
    ChangeError,
    NothingToChange,
    OpenInvoice,
    PlanNotOffered,
    UnknownCycle,
    UnknownPlan,
)
from domain.money import CurrencyMismatch
from domain.periods import ImplausiblePeriod
from engine.accounts.providers import ClockBackwards, NotASandbox, NotConnected
from engine.accounts.services import UnknownService
from engine.ending import StillEnding
from engine.ending_requests import CreditChanged, EndingOpen, NoEnding, ServiceOver
from engine.expiry import NotCancelable
from engine.host_reports import (
    NotCorrectable,
    OtherCustomersService,
    PeriodRunsBackwards,
    ServiceDiffers,
    UnknownCustomer,
    UnknownDiscount,
)
from engine.invoicing.printable import NotPrintable
from engine.jobs.idempotency import KeyReused, RequestInFlight
from engine.jobs.retention import ContentsDeleted
from engine.ledger.billed_items import LaterBill
from engine.operators.dead_letter_retry import NotADeadLetter
from engine.operators.failed_refunds import NotByHand, NothingToDecide, UnknownRefund
from engine.operators.mails import NotSentYet
from engine.operators.manual_payments import AlreadyRecorded, NotMatchable, UnknownInvoice
from engine.operators.recovery import NotStuck
from engine.operators.replay import UnknownEvent
from engine.operators.returned_money import NothingReturned
from engine.payments.attempts import AttemptOpen, MoneyOnItsWay, NothingToPay, PaymentRefused
from engine.payments.ended_invoices import NotDecidable
from engine.payments.refunds import NotRefundable, UnknownPayment
from engine.request import ChangeOpen, PriceChanged, UnknownQuote
from engine.review import NotInReview, PriceNotAgreeable
from models.base import WrongSecretKey
from models.database import DATABASE_AWAY, UNSTORABLE
from models.provider import NoCatalog, UnknownRow
from planshift_client.shapes import ProblemDocument
from web.places import TooMany

log = logging.getLogger(__name__)

# What a route finds wrong itself: the status, and what it means.
PROBLEMS: dict[str, tuple[int, str]] = {
    "idempotency_key_missing": (400, "A request that is to happen once carries an Idempotency-Key."),
    "not_authenticated": (401, "There is no API key, or none that is known."),
    "missing_scope": (403, "The API key may not do this."),
    "origin_not_allowed": (403, "The provider's catalogue does not name the web page whose script calls."),
    "not_found": (404, "There is no such route."),
    "unknown_plan_change": (404, "The provider has no plan change of this id."),
    "unknown_payment_attempt": (404, "The provider has no payment attempt of this id."),
    "unknown_invoice": (404, "The provider has no invoice of this id."),
    "no_such_document": (404, "The invoice has no document of this kind."),
    "document_failed": (404, "The document could not be made; a person has been told. It can be paid all the same."),
    "not_printed_yet": (404, "The document is being printed; ask again in a moment."),
    "method_not_allowed": (405, "The route does not take this method; `Allow` names those that it takes."),
    "not_compensated": (409, "The host does not show the old plan yet."),
    "too_large": (413, "The body of the request is larger than it may be."),
    "rate_limited": (429, "More requests than `RateLimit-Policy` grants in its window."),
    "too_many_wrong_keys": (429, "This address has sent too many keys that are not known; known ones still work."),
    "head_too_large": (431, "The address and the headers of the request are larger than they may be."),
    "not_http": (400, "This is not a request in HTTP/1.1."),
    "invalid_request": (422, "A part of the request is not as it should be; `errors` names each."),
    "unknown_parameter": (422, "The route has no such query parameter."),
    "return_url_not_allowed": (422, "The catalogue does not name the page that the portal is to lead back to."),
    "acceptance_missing": (422, "A frontend says which price its customer accepted: `quote` or `accept_total`."),
    "internal_error": (500, "An error of ours, logged under the request's id; send the request again."),
    "not_available": (503, "The database does not answer. Nothing was changed; send the request again."),
}


class Problem(Exception):
    """An error that a route raises itself; its code is one of PROBLEMS."""

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.extra = PROBLEMS[code][0], code, extra


# The nearest class of an exception decides; a ChangeError brings its own code.
STATUS_OF: tuple[tuple[type[Exception], int, str], ...] = (
    (UnknownCustomer, 404, "unknown_customer"),
    (UnknownService, 404, "unknown_service"),
    (UnknownQuote, 404, "unknown_quote"),
    (OtherCustomersService, 409, "other_customers_service"),
    (ChangeOpen, 409, "change_open"),
    (PriceChanged, 409, "price_changed"),
    (RequestInFlight, 409, "request_in_flight"),
    (KeyReused, 422, "idempotency_key_reused"),
    (NotCancelable, 409, "not_cancelable"),
    (EndingOpen, 409, "ending_open"),
    (ServiceOver, 409, "service_ended"),
    (NoEnding, 409, "no_ending"),
    (CreditChanged, 409, "credit_changed"),
    (StillEnding, 409, "service_ending"),
    (NotDecidable, 409, "not_decidable"),
    (LaterBill, 409, "later_bill"),
    (MoneyOnItsWay, 409, "payment_pending"),
    (AttemptOpen, 409, "payment_open"),
    (NotInReview, 409, "not_in_review"),
    (PriceNotAgreeable, 422, "price_not_agreeable"),
    (PaymentRefused, 409, "payment_refused"),
    (NothingToPay, 409, "nothing_to_pay"),
    (UnknownEvent, 404, "unknown_event"),
    (ContentsDeleted, 409, "contents_deleted"),
    (UnknownPayment, 404, "unknown_payment"),
    (UnknownInvoice, 404, "unknown_invoice"),
    (AlreadyRecorded, 409, "already_recorded"),
    (NotMatchable, 409, "not_matchable"),
    (NotRefundable, 409, "not_refundable"),
    (UnknownRefund, 404, "unknown_refund"),
    (NothingToDecide, 409, "nothing_to_decide"),
    (NotByHand, 409, "not_by_hand"),
    (NotStuck, 409, "not_stuck"),
    (NotSentYet, 409, "not_sent_yet"),
    (UnknownRow, 404, "unknown_row"),
    (ServiceDiffers, 409, "service_differs"),
    (NotCorrectable, 409, "not_correctable"),
    (NothingReturned, 409, "nothing_returned"),
    (NotADeadLetter, 409, "not_a_dead_letter"),
    (ClockBackwards, 409, "clock_backwards"),
    (NotASandbox, 403, "not_a_sandbox"),
    (NotConnected, 503, "not_connected"),
    (NoCatalog, 503, "no_catalog"),
    (WrongSecretKey, 503, "wrong_secret_key"),
    (TooMany, 429, "too_many_at_once"),
    (PeriodRunsBackwards, 422, "bad_period"),
    (ImplausiblePeriod, 422, "implausible_period"),
    (NotPrintable, 422, "not_printable"),
    (UnknownDiscount, 422, "unknown_discount"),
    (UnknownCurrency, 422, "unknown_currency"),
    (CurrencyMismatch, 422, "currency_mismatch"),
    (UnknownPlan, 422, ""),
    (UnknownCycle, 422, ""),
    (PlanNotOffered, 422, ""),
    (NothingToChange, 422, ""),
    (BadQuantity, 422, ""),
    (ChangeError, 409, ""),
)

MEDIA_TYPE = "application/problem+json"

# What every route may answer instead, in the OpenAPI document.
ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDocument, "description": description}
    for status, description in {
        "4XX": "The request cannot be done; `detail` says why and what to do.",
        "5XX": "Not now: an error of ours, or the database is away. Send the same request again.",
    }.items()
}

KEY_MISSING = "Send an Idempotency-Key header: a new one for each request, the same one when you repeat it."

_TITLES = {400: "Bad request", 401: "Not authenticated", 403: "Not allowed", 404: "Not found", 409: "Conflict"}
_TITLES |= {405: "Method not allowed", 413: "Too large", 422: "Cannot be processed", 429: "Too many", 431: "Too large"}
_TITLES |= {503: "Not available just now"}


class ProblemResponse(JSONResponse):
    """Names in a request may be half pairs, which no encoding takes; its answer can be read all the same."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **extra: Any) -> JSONResponse:
    """A problem document; `type` is stable, `detail` says what to do."""
    title = _TITLES.get(status, "Error")
    body = {"type": f"urn:planshift:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    return ProblemResponse(body | extra, status, headers=headers)


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem document."""
    for error_class, status, code in STATUS_OF:
        app.add_exception_handler(error_class, _handler(status, code))
    app.add_exception_handler(Problem, _own)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    for unstorable in UNSTORABLE:
        app.add_exception_handler(unstorable, _unstorable)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(Exception, _unexpected)


def _handler(status: int, code: str) -> Any:
    def answer(request: Request, error: Exception) -> JSONResponse:
        extra: dict[str, Any] = {}
        if isinstance(error, OpenInvoice):
            extra |= error.details
        elif isinstance(error, ChangeError) and error.details:
            extra["details"] = error.details
        if isinstance(error, ChangeOpen):
            extra["plan_change"] = error.change_id
        if isinstance(error, NotPrintable):
            extra["errors"] = [{"where": f"body.{error.field}", "what": error.why}]
        if isinstance(error, ServiceDiffers):
            extra["differences"] = {one.field: one.as_json() for one in error.differences}
        headers = {"Retry-After": "1"} if isinstance(error, TooMany) else None
        return problem(status, code or getattr(error, "code", "change_error"), str(error), headers, **extra)

    return answer


def _own(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return problem(error.status, error.code, str(error), **error.extra)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code, "http_error")
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}. The routes are listed at /docs."
    if error.status_code == 405:
        detail = f"{request.url.path} does not take {request.method}. The routes are listed at /docs."
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem(error.status_code, code, detail, headers=headers)


def _methods_at(request: Request) -> list[str]:
    """All that the path takes: each route knows its own method only."""
    routes = [route for route in request.app.routes if isinstance(route, APIRoute)]
    at = [route.methods or () for route in routes if route.path_regex.fullmatch(request.url.path)]
    return sorted({method for methods in at for method in methods})


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if any(item["loc"] == ("header", "idempotency-key") and item["type"] == "missing" for item in error.errors()):
        return problem(400, "idempotency_key_missing", KEY_MISSING)
    errors = [{"where": ".".join(str(part) for part in item["loc"]), "what": item["msg"]} for item in error.errors()]
    detail = "; ".join(f"{item['where']}: {item['what']}" for item in errors)
    return problem(422, "invalid_request", f"The request is not as it should be. {detail}", errors=errors)


def _unstorable(request: Request, error: Exception) -> JSONResponse:
    # Its text may hold what the customer wrote. Whether a check of a field is missing, a person can see by the route.
    log.warning("%s %s: a value cannot be kept (%s)", request.method, request.url.path, type(error).__name__)
    detail = "A value of the request is larger than can be kept, or holds a character that cannot. Nothing was changed."
    return problem(422, "invalid_request", detail)


def _database_away(request: Request, error: Exception) -> JSONResponse:
    detail = "The database does not answer. Nothing was changed; send the same request again."
    return problem(503, "not_available", detail, headers={"Retry-After": "2"})


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    detail = "An error of ours; it is logged under the request id. Send the same request again, or ask support."
    return problem(500, "internal_error", detail)
