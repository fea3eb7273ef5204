"""How long a customer waits, one after the other, while nobody else asks: from the request to the checkout and the
printed proforma, and from the click on the checkout to the applied plan, the gateway's webhook between them.

Run: python -m benchmarks.latency
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

from sqlalchemy import select

from benchmarks.throughput import PATIENCE_SECONDS, new_changes, run_changes, whole_stack
from models.database import transaction
from models.invoice import Invoice
from models.payment import PaymentAttempt
from models.plan_change import PlanChange
from tasks.story import enqueue
from tests.support import loopback

CHANGES = 40
_LOOK_SECONDS = 0.002


def run() -> dict[str, Any]:
    """{"payable" | "applied": {"p50_ms", "p99_ms"}, "changes": …}"""
    payable, applied = list[float](), list[float]()
    with whole_stack() as stack:
        run_changes(new_changes(stack, "warm", 10))  # what is loaded at the first use only
        for number in range(CHANGES):  # one by one, or the sweep would begin them
            [change_id] = new_changes(stack, f"patient-{number}", 1, covered=False)
            begun = time.monotonic()
            enqueue(change_id)
            url = _checkout_of(change_id)
            payable.append(time.monotonic() - begun)
            paid = time.monotonic()
            loopback.post(url, data={"outcome": "pay"}).raise_for_status()
            until_applied(change_id)
            applied.append(time.monotonic() - paid)
    return {"changes": CHANGES, "payable": told(payable), "applied": told(applied)}


def _checkout_of(change_id: str) -> str:
    """The page to pay on, once it is known; the proforma was printed before it was asked for."""
    asked = select(PaymentAttempt.checkout_url).join(Invoice, Invoice.id == PaymentAttempt.invoice_id)
    return str(_found(asked.where(Invoice.change_id == change_id, PaymentAttempt.checkout_url.is_not(None))))


def until_applied(change_id: str) -> None:
    """Waits for it. Raises TimeoutError."""
    _found(select(PlanChange.id).where(PlanChange.id == change_id, PlanChange.status == "applied"))


def _found(query: Any) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with transaction() as session:
            if (found := session.scalar(query)) is not None:
                return found
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"nothing came about in {PATIENCE_SECONDS} s")


def told(waits: list[float]) -> dict[str, float]:
    """Of waits in seconds, the middle one and the longest but for one in a hundred."""
    ordered = sorted(1000 * wait for wait in waits)
    last = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return {"p50_ms": round(statistics.median(ordered), 1), "p99_ms": round(last, 1)}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
