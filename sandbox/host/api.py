"""The host's HTTP routes. `/v1` is for provisioners and wants signed calls; the rest is for testers.

A provisioner signs as Standard Webhooks does: an order over its body, a read over its path (it has no body).
"""

import asyncio
import binascii

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.host.shapes import EndOrderBody, HostAccountSetup, HostKnobs, PlanOrderBody, ServiceSetup
from sandbox.host.store import Answer, HostStore
from sandbox.program import body_of, checked, refuse, say_no

Order = PlanOrderBody | EndOrderBody


def application(store: HostStore) -> Starlette:
    tester, provisioner = Tester(store), HostApi(store)
    return Starlette(
        routes=[
            Route("/accounts/{account}", tester.account, methods=["PUT"]),
            Route("/_knobs/{account}", tester.knobs, methods=["PUT"]),
            Route("/_orders/{account}", tester.orders),
            Route("/services/{ref}", tester.set_service, methods=["PUT"]),
            Route("/services/{ref}", tester.service),
            Route("/v1/services/{ref}", provisioner.read),
            Route("/v1/services/{ref}/plan", provisioner.order, methods=["POST"]),
            Route("/v1/services/{ref}/end", provisioner.end, methods=["POST"]),
        ],
        exception_handlers={HTTPException: say_no},
    )


class Tester:
    """Sets the host up and looks at what a customer now has; needs no signature."""

    def __init__(self, store: HostStore) -> None:
        self._store = store

    async def account(self, request: Request) -> Response:
        self._store.set_account(request.path_params["account"], await body_of(request, HostAccountSetup))
        return JSONResponse({"account": request.path_params["account"]})

    async def knobs(self, request: Request) -> Response:
        account: str = request.path_params["account"]
        if not self._store.secrets(account):
            refuse(404, f"There is no account {account}; create it by PUT /accounts/{account}.")
        knobs = await body_of(request, HostKnobs)
        self._store.set_knobs(account, knobs)
        return JSONResponse(knobs.model_dump())

    async def orders(self, request: Request) -> Response:
        return JSONResponse({"orders": self._store.orders_of(request.path_params["account"])})

    async def set_service(self, request: Request) -> Response:
        setup = await body_of(request, ServiceSetup)
        ref: str = request.path_params["ref"]
        self._store.set_service(ref, setup)
        return JSONResponse(self._store.service(ref, setup.account))

    async def service(self, request: Request) -> Response:
        found = self._store.service(request.path_params["ref"], request.query_params.get("account"))
        return JSONResponse(found or refuse(404, "There is no such service."))


class HostApi:
    """Takes orders from whoever has the account's secret."""

    def __init__(self, store: HostStore) -> None:
        self._store = store

    async def read(self, request: Request) -> Response:
        account = self._verified(request, request.scope["raw_path"])
        found = self._store.service(request.path_params["ref"], account)
        return JSONResponse(found or refuse(404, "There is no such service."))

    async def order(self, request: Request) -> Response:
        return await self._taken(request, PlanOrderBody)

    async def end(self, request: Request) -> Response:
        return await self._taken(request, EndOrderBody)

    async def _taken(self, request: Request, shape: type[Order]) -> Response:
        raw = await request.body()
        account = self._verified(request, raw)
        order = checked(raw, shape)
        if (order.account, order.service) != (account, request.path_params["ref"]):
            refuse(422, "The signed body names another account or service than the request.")
        key = request.headers.get("idempotency-key") or refuse(400, "Send an Idempotency-Key.")
        knobs = self._store.knobs(account)
        await asyncio.sleep(knobs.slow_seconds)
        status, body = self._fail(account) or self._answer(order, key)
        self._store.log_order(order, key, status)
        if knobs.lose_answers > 0 and status == 200:
            self._use_up(account, "lose_answers")
            await asyncio.sleep(knobs.hang_seconds)
        return JSONResponse(body, status, {"retry-after": "1"} if status == 429 else None)

    def _fail(self, account: str) -> Answer | None:
        knobs = self._store.knobs(account)
        if knobs.fail_times <= 0:
            return None
        self._use_up(account, "fail_times")
        return knobs.fail_status, {"detail": "The host cannot do this now."}

    def _answer(self, order: Order, key: str) -> Answer:
        """The same key gets the same answer; what was not answered before is decided and carried out now."""
        asked = order.model_dump_json()
        if before := self._store.answered(order.account, key):
            return before[1] if before[0] == asked else (409, {"detail": "This Idempotency-Key was used before."})
        answer = self._decide(order)
        self._store.keep_answer(order.account, key, asked, answer)
        return answer

    def _decide(self, order: Order) -> Answer:
        knobs = self._store.knobs(order.account)
        if knobs.refuse:
            return 422, {"detail": knobs.refuse}
        before = self._store.service(order.service, order.account)
        if before and before["generation"] > order.generation:
            return 409, {"detail": f"Generation {order.generation} is older than {before['generation']}."}
        if knobs.deaf:
            return 200, before or {}
        if isinstance(order, PlanOrderBody):
            self._store.carry_out(order)
        elif before:
            self._store.end(order)
        else:
            return 404, {"detail": "There is no such service."}
        return 200, self._store.service(order.service, order.account) or {}

    def _verified(self, request: Request, signed: bytes) -> str:
        """The account whose secret signed the call."""
        account = request.headers.get("x-account", "")
        if not any(_signed_with(secret, signed, request) for secret in self._store.secrets(account)):
            refuse(401, "The signature is not the account's, or is older than five minutes.")
        return account

    def _use_up(self, account: str, knob: str) -> None:
        knobs = self._store.knobs(account)
        self._store.set_knobs(account, knobs.model_copy(update={knob: getattr(knobs, knob) - 1}))


def _signed_with(secret: str, signed: bytes, request: Request) -> bool:
    try:
        Webhook(secret).verify(signed, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, binascii.Error, ValueError, TypeError):  # it raises all of these on bad headers
        return False
    return True
