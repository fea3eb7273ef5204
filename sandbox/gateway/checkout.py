"""What the payer sees: one page with one form."""

from html import escape
from string import Template
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.gateway import payments
from sandbox.gateway.payments import NotPossible, Payment
from sandbox.gateway.store import GatewayStore
from sandbox.program import refuse

_DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pay $amount</title>
<style>
  :root { color-scheme: light dark; --ink: #1b2430; --soft: #5c6878; --line: #d9dfe7; --page: #eef1f5; --card: #fff;
    --pay: #14633f; --no: #a5271c }
  @media (prefers-color-scheme: dark) { :root { --ink: #eef2f7; --soft: #a9b4c2; --line: #37424f; --page: #12171d;
    --card: #1c232b; --pay: #1f7d52; --no: #ff9d92 } }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--page); color: var(--ink);
    font: 16px/1.5 system-ui, sans-serif }
  main { box-sizing: border-box; width: min(26rem, 92vw); padding: 2rem; background: var(--card);
    border: 1px solid var(--line); border-radius: 14px; box-shadow: 0 8px 30px rgb(0 0 0 / .07) }
  .note { margin: 0 0 1.25rem; color: var(--soft); font-size: .875rem }
  h1 { margin: 0; font-size: 2.25rem; font-variant-numeric: tabular-nums }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .4rem 1rem; margin: 1.25rem 0; padding: 1rem 0;
    border-block: 1px solid var(--line) }
  dt { color: var(--soft) }
  dd { margin: 0; text-align: right; overflow-wrap: anywhere }
  button { width: 100%; min-height: 3rem; margin-top: .6rem; border-radius: 9px; font: inherit; font-weight: 600;
    cursor: pointer }
  .pay { border: 0; background: var(--pay); color: #fff }
  .no { border: 1px solid var(--line); background: none; color: var(--no) }
  button:focus-visible { outline: 3px solid #4a90e2; outline-offset: 2px }
</style>
</head>
<body>
<main>
<p class="note">Sandbox gateway · no real money moves</p>
<h1>$amount</h1>
<dl><dt>For</dt><dd>$description</dd><dt>Merchant</dt><dd>$account</dd><dt>Status</dt><dd>$status</dd></dl>
$action
</main>
</body>
</html>
""")
_FORM = Template("""<form method="post">
<button class="pay" name="outcome" value="pay">$pay</button>
<button class="no" name="outcome" value="decline">Decline</button>
</form>""")
_BACK = Template('<p><a href="$return_url">Back to the merchant</a></p>')
_STATUS = {
    "open": "waiting for you",
    "action_required": "your bank asks you to confirm",
    "succeeded": "paid",
    "failed": "declined",
    "canceled": "canceled or expired",
}


def checkout_routes(store: GatewayStore) -> list[Route]:
    async def show(request: Request) -> Response:
        account, payment = _payment(store, request)
        return HTMLResponse(_page(account, payment, store.knobs(account).pay_late))

    async def press(request: Request) -> Response:
        account, payment = _payment(store, request)
        outcome = parse_qs((await request.body()).decode("latin-1")).get("outcome", [""])[0]
        if outcome not in ("pay", "decline"):
            refuse(422, "The form field `outcome` must be `pay` or `decline`.")
        try:
            payment = payments.press(store, account, payment, outcome)
        except NotPossible as error:
            refuse(409, str(error))
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(payments.shown(payment))
        to_confirm = payment["status"] == "action_required"
        return RedirectResponse(str(request.url) if to_confirm else payment["return_url"], 303)

    return [
        Route("/checkout/{id}", show, name="checkout"),
        Route("/checkout/{id}", press, methods=["POST"]),
    ]


def _payment(store: GatewayStore, request: Request) -> tuple[str, Payment]:
    found = store.find(request.path_params["id"])
    if found is None or "reference" not in found[1]:
        refuse(404, "There is no such payment.")
    account, payment = found
    return account, payments.current(store, account, payment)


def _page(account: str, payment: Payment, pay_late: bool) -> str:
    status = payment["status"]
    if status in ("open", "action_required") or (status == "canceled" and pay_late):
        action = _FORM.substitute(pay="Confirm payment" if status == "action_required" else "Pay")
    else:
        action = _BACK.substitute(return_url=escape(payment["return_url"]))
    return _PAGE.substitute(
        amount=f"{_major(payment['amount'], payment['currency'])} {payment['currency']}",
        description=escape(payment["description"]),
        account=escape(account),
        status=_STATUS[status],
        action=action,
    )


def _major(amount: int, currency: str) -> str:
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole:,}" + (f".{rest:0{decimals}d}" if decimals else "")
