"""A frontend upgrades a service with a client that a generator made: `generated_upgrade.py URL KEY REF`."""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request

from planshift_generated import AuthenticatedClient
from planshift_generated.api.plan_changes import create_plan_change, get_plan_change
from planshift_generated.api.services import create_quote
from planshift_generated.models import PlanChange, PlanChangeBody, Quote, QuoteBody

url, key, ref = sys.argv[1:]


def waited(client: AuthenticatedClient, change_id: str, status: str) -> PlanChange:
    while True:
        change = get_plan_change.sync(change_id, client=client, prefer="wait=20")
        assert isinstance(change, PlanChange), change
        if change.status == status:
            return change


with AuthenticatedClient(base_url=url, token=key) as client:
    quote = create_quote.sync(client=client, body=QuoteBody(service=ref, plan="business", cycle="monthly"))
    assert isinstance(quote, Quote), quote
    wanted = PlanChangeBody(service=ref, plan="business", cycle="monthly", quote=quote.id)
    asked = create_plan_change.sync(client=client, body=wanted, idempotency_key=f"order-{ref}")
    assert isinstance(asked, PlanChange), asked
    payable = waited(client, asked.id, "awaiting_payment")
    assert payable.payment is not None
    form = urllib.parse.urlencode({"outcome": "pay"}).encode()
    urllib.request.urlopen(str(payable.payment.checkout_url), form).close()
    applied = waited(client, asked.id, "applied")
    print(json.dumps({"status": applied.status, "due": quote.total_due_today.amount}))
