"""The steps of one plan change that credit covers, as plain functions: what every contender of the throughput runs."""

from __future__ import annotations

from typing import Any

from engine import apply, quote, settle
from engine.invoicing import invoice, printing
from engine.jobs.external_call import ExternalStep
from engine.notifications import mail
from models.database import transaction
from models.outbox import OutboxMessage, unsent_about
from models.plan_change import PlanChange
from tasks.run import external_step, local_step

STEPS = ("quote", "issue_invoice", "settle", "apply_plan", "print_invoice", "notify")
_LOCAL = {"quote": quote.quote, "issue_invoice": invoice.issue_invoice, "settle": settle.settle}
_EXTERNAL: dict[str, ExternalStep[Any, Any, Any]] = {
    "apply_plan": apply.apply_plan,
    "print_invoice": printing.print_change_invoice,
}


def run_step(name: str, change_id: str) -> None:
    """One of STEPS: the same statements, the same page, the same calls as in production."""
    if name in _LOCAL:
        local_step(_LOCAL[name], PlanChange, change_id)
    elif name in _EXTERNAL:
        external_step(_EXTERNAL[name], PlanChange, change_id)
    else:
        with transaction() as session:
            messages = unsent_about(session, change_id)
        for message_id in messages:
            external_step(mail.deliver, OutboxMessage, message_id)
