"""The gateway's HTTP routes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.gateway import payments
from sandbox.gateway.checkout import checkout_routes
from sandbox.gateway.delivery import Courier
from sandbox.gateway.payments import NotPossible, Payment
from sandbox.gateway.shapes import Clock, GatewayAccountSetup, GatewayKnobs, PaymentOrder, RefundOrder
from sandbox.gateway.store import GatewayStore, IdempotencyConflict
from sandbox.program import body_of, refuse, say_no


def application(store: GatewayStore) -> Starlette:
    @asynccontextmanager
    async def deliver_meanwhile(_app: Starlette) -> AsyncIterator[None]:
        courier = asyncio.create_task(Courier(store).run())
        yield
        courier.cancel()
        with suppress(asyncio.CancelledError):
            await courier

    return Starlette(
        routes=[*_merchant_routes(Merchant(store)), *_setup_routes(SetUp(store)), *checkout_routes(store)],
        exception_handlers={HTTPException: say_no},
        lifespan=deliver_meanwhile,
    )


class SetUp:
    """Routes for whoever sets the sandbox up; they ask for no key."""

    def __init__(self, store: GatewayStore) -> None:
        self._store = store

    async def account(self, request: Request) -> Response:
        self._store.set_account(request.path_params["account"], await body_of(request, GatewayAccountSetup))
        return JSONResponse({"account": request.path_params["account"]})

    async def knobs(self, request: Request) -> Response:
        knobs = await body_of(request, GatewayKnobs)
        self._store.set_knobs(self._known(request), knobs)
        return JSONResponse(knobs.model_dump())

    async def clock(self, request: Request) -> Response:
        clock = await body_of(request, Clock)
        self._store.set_clock(self._known(request), clock.text())
        return JSONResponse({"now": clock.text()})

    async def deliveries(self, request: Request) -> Response:
        return JSONResponse({"deliveries": self._store.deliveries_of(self._known(request))})

    def _known(self, request: Request) -> str:
        name: str = request.path_params["account"]
        if self._store.account(name) is None:
            refuse(404, f"There is no account {name}; create it by PUT /accounts/{name}.")
        return name


class Merchant:
    """Routes for a merchant, who shows the account's API key."""

    def __init__(self, store: GatewayStore) -> None:
        self._store = store

    async def create(self, request: Request) -> Response:
        account, key = self._account(request), _key(request)
        order = await body_of(request, PaymentOrder)
        knobs = self._store.knobs(account)
        if order.amount < knobs.minimum:
            refuse(422, f"The smallest payment is {knobs.minimum}.")
        if knobs.create_errors > 0:
            self._use_up(account, "create_errors")
            refuse(500, "The gateway has an error.")
        try:
            payment = payments.open_payment(self._store, account, key, order)
        except IdempotencyConflict:
            refuse(422, "This Idempotency-Key was used for another request.")
        if knobs.create_timeouts > 0:
            self._use_up(account, "create_timeouts")
            await asyncio.sleep(knobs.hang_seconds)
        return JSONResponse(_answer(request, payment), 201)

    async def fetch(self, request: Request) -> Response:
        account, payment = self._payment(request)
        return JSONResponse(_answer(request, payments.current(self._store, account, payment)))

    async def list_payments(self, request: Request) -> Response:
        account = self._account(request)
        found = self._store.of_reference(account, request.query_params.get("reference", ""))
        now = [payments.current(self._store, account, payment) for payment in found]
        return JSONResponse({"payments": [_answer(request, payment) for payment in now]})

    async def cancel(self, request: Request) -> Response:
        account, payment = self._payment(request)
        return JSONResponse(_answer(request, payments.cancel(self._store, account, payment)))

    async def refund(self, request: Request) -> Response:
        account, payment = self._payment(request)
        order = await body_of(request, RefundOrder)
        try:
            refund = payments.refund(self._store, account, payment, _key(request), order)
        except IdempotencyConflict:
            refuse(422, "This Idempotency-Key was used for another request.")
        except NotPossible as error:
            refuse(422, str(error))
        return JSONResponse(refund, 201)

    async def events(self, request: Request) -> Response:
        account = self._account(request)
        return JSONResponse({"events": self._store.events_after(account, request.query_params.get("since"))})

    def _account(self, request: Request) -> str:
        scheme, _, api_key = request.headers.get("authorization", "").partition(" ")
        account = self._store.account_of_key(api_key) if scheme.lower() == "bearer" else None
        return account or refuse(401, "Send the account's API key: Authorization: Bearer <key>.")

    def _payment(self, request: Request) -> tuple[str, Payment]:
        account = self._account(request)
        found = self._store.find(request.path_params["id"], account)
        if found is None or "reference" not in found[1]:
            refuse(404, "There is no such payment in this account.")
        return found

    def _use_up(self, account: str, knob: str) -> None:
        knobs = self._store.knobs(account)
        self._store.set_knobs(account, knobs.model_copy(update={knob: getattr(knobs, knob) - 1}))


def _key(request: Request) -> str:
    return request.headers.get("idempotency-key") or refuse(400, "Send an Idempotency-Key.")


def _answer(request: Request, payment: Payment) -> dict[str, Any]:
    return {**payments.shown(payment), "checkout_url": str(request.url_for("checkout", id=payment["id"]))}


def _merchant_routes(merchant: Merchant) -> list[Route]:
    return [
        Route("/v1/payments", merchant.create, methods=["POST"]),
        Route("/v1/payments", merchant.list_payments),
        Route("/v1/payments/{id}", merchant.fetch),
        Route("/v1/payments/{id}/cancel", merchant.cancel, methods=["POST"]),
        Route("/v1/payments/{id}/refunds", merchant.refund, methods=["POST"]),
        Route("/v1/events", merchant.events),
    ]


def _setup_routes(set_up: SetUp) -> list[Route]:
    return [
        Route("/accounts/{account}", set_up.account, methods=["PUT"]),
        Route("/_knobs/{account}", set_up.knobs, methods=["PUT"]),
        Route("/_clock/{account}", set_up.clock, methods=["PUT"]),
        Route("/_deliveries/{account}", set_up.deliveries),
    ]
