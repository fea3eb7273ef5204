"""What the payer sees: one page with one form. Once it is paid, the same page plays what comes later: that money which
was on its way arrives or does not, that the merchant's people refund it here, and that a bank sends that back."""

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
_FORM = Template('<form method="post">\n$buttons\n</form>')
_BUTTON = Template('<button class="$look" name="outcome" value="$outcome">$label</button>')
# What may be pressed in each status, as (look, outcome, label).
_PAY = (("pay", "pay", "Pay"), ("no", "pending", "Pay by bank debit (takes days)"), ("no", "decline", "Decline"))
_BUTTONS = {
    "open": _PAY,
    "canceled": _PAY,
    "action_required": (("pay", "pay", "Confirm payment"), ("no", "decline", "Decline")),
    "pending": (("pay", "pay", "The money arrives"), ("no", "decline", "The money does not come")),
    "succeeded": (("no", "refund", "Refund it here"), ("no", "fail_refund", "The bank sends the refund back")),
}
_OUTCOMES = ("pay", "pending", "decline", "refund", "fail_refund")
_BACK = Template('<p><a href="$return_url">Back to the merchant</a></p>')
_STATUS = {
    "open": "waiting for you",
    "action_required": "your bank asks you to confirm",
    "pending": "on its way",
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
        if outcome not in _OUTCOMES:
            refuse(422, f"The form field `outcome` must be one of {', '.join(_OUTCOMES)}.")
        try:
            _play(store, account, payment, outcome)
        except NotPossible as error:
            refuse(409, str(error))
        account, payment = _payment(store, request)
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(payments.shown(payment))
        stays = payment["status"] == "action_required" or outcome in ("refund", "fail_refund")
        return RedirectResponse(str(request.url) if stays else payment["return_url"], 303)

    return [
        Route("/checkout/{id}", show, name="checkout"),
        Route("/checkout/{id}", press, methods=["POST"]),
    ]


def _play(store: GatewayStore, account: str, payment: Payment, outcome: str) -> None:
    """Raises NotPossible."""
    if outcome == "refund":
        payments.refund_at_page(store, account, payment)
    elif outcome == "fail_refund":
        payments.fail_refund(store, account, payment)
    else:
        payments.press(store, account, payment, outcome)


def _payment(store: GatewayStore, request: Request) -> tuple[str, Payment]:
    found = store.find(request.path_params["id"])
    if found is None or "reference" not in found[1]:
        refuse(404, "There is no such payment.")
    account, payment = found
    return account, payments.current(store, account, payment)


def _page(account: str, payment: Payment, pay_late: bool) -> str:
    status = payment["status"]
    offered = _BUTTONS.get(status, ()) if status != "canceled" or pay_late else ()
    buttons = [_BUTTON.substitute(look=look, outcome=outcome, label=label) for look, outcome, label in offered]
    action = _FORM.substitute(buttons="\n".join(buttons)) if buttons else ""
    if status not in ("open", "action_required") and not (status == "canceled" and pay_late):
        action += _BACK.substitute(return_url=escape(payment["return_url"]))
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
