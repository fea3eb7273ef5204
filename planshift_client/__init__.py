"""The typed client of Planshift's HTTP API: calls are values, a client sends them, answers are shapes.

```python
from planshift_client import Client, create_plan_change, create_quote

with Client("https://billing.example.com", key) as planshift:
    quote = planshift.send(create_quote("zone-1", "business", "monthly"))
    change = planshift.send(create_plan_change("zone-1", "business", "monthly", quote=quote.id))
    change = planshift.wait(change.id)
    print(change.payment.checkout_url)
    for change in planshift.events(change.id):
        print(change.status)
```
"""

from planshift_client.aio import AsyncClient
from planshift_client.calls import (
    Call,
    cancel_plan_change,
    create_cancellation,
    create_customer_token,
    create_payment_attempt,
    create_plan_change,
    create_portal_session,
    create_quote,
    get_balance,
    get_credit_ledger,
    get_customer,
    get_invoice,
    get_payment_attempt,
    get_pdf,
    get_plan_change,
    get_plan_options,
    get_service,
    list_cancellations,
    list_invoices,
    list_plan_changes,
    list_plans,
    list_services,
    preview_cancellation,
    put_customer,
    put_service,
    put_test_clock,
    put_usage,
    withdraw_cancellation,
)
from planshift_client.client import Client
from planshift_client.errors import NotAnswered, NotInTime, PlanshiftError, Refused

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "NotAnswered",
    "NotInTime",
    "PlanshiftError",
    "Refused",
    "cancel_plan_change",
    "create_cancellation",
    "create_customer_token",
    "create_payment_attempt",
    "create_plan_change",
    "create_portal_session",
    "create_quote",
    "get_balance",
    "get_credit_ledger",
    "get_customer",
    "get_invoice",
    "get_payment_attempt",
    "get_pdf",
    "get_plan_change",
    "get_plan_options",
    "get_service",
    "list_cancellations",
    "list_invoices",
    "list_plan_changes",
    "list_plans",
    "list_services",
    "preview_cancellation",
    "put_customer",
    "put_service",
    "put_test_clock",
    "put_usage",
    "withdraw_cancellation",
]
