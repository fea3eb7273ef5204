"""Whether a report repeats what we hold. What it cannot change is refused, never ignored."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from domain.lifecycle import SETTLED_UNAPPLIED
from engine.host_reports.reports import ServiceReport
from models.customer import Service
from models.plan_change import active_change

# What a report that brings a service back in service may say anew: when it renews, and which period runs, how it was
# billed and whether it is paid.
OF_A_RESUMPTION = frozenset({"anchor_day"})
OF_A_NEW_PERIOD = frozenset({"period", "anchor_day", "billing", "paid"})

_CHANGED_BY = "A plan, its cycle and its quantity are changed by POST /v1/plan-changes."
_INSTEAD = {
    "plan": _CHANGED_BY,
    "cycle": _CHANGED_BY,
    "quantity": _CHANGED_BY,
    "currency": "Another currency is a service of another reference.",
    "period": "Renewals roll the period; another one can be reported once it is over, with the report that the service"
    " is active again.",
}


class FieldDifference(NamedTuple):
    """A field of a report that is neither what we hold nor what was reported before."""

    field: str
    held: Any
    reported: Any

    def as_json(self) -> dict[str, Any]:
        return {"held": self.held, "reported": self.reported}


class ServiceDiffers(Exception):
    """A report that says something else than we hold, and does not say that it corrects an earlier one."""

    def __init__(self, service: Service, differences: list[FieldDifference]) -> None:
        self.differences = differences
        values = "; ".join(f"{one.field} is {one.held}, not {one.reported}" for one in differences)
        ways = dict.fromkeys(_INSTEAD[one.field] for one in differences if one.field in _INSTEAD)
        correct = (
            "If what was reported before was wrong, send this report with correct: true, and with actor and reason."
        )
        super().__init__(f"Of service {service.ref}, {values}. {' '.join([*ways, correct])}")


def differences_of(session: Session, service: Service, report: ServiceReport) -> list[FieldDifference]:
    """Where the report is neither what we hold, nor what a change on its way leads to, nor what was reported at
    creation."""
    said, held, expected = report.said(), held_of(service), _on_its_way(session, service)
    if service.reported is None:
        service.reported = {field: [value] for field, value in said.items()}
    return [
        FieldDifference(field, held.get(field), value)
        for field, value in said.items()
        if value != held.get(field) and value != expected.get(field) and value not in service.reported.get(field, [])
    ]


def remember(service: Service, said: dict[str, Any]) -> None:
    """From now on the host may repeat this, too."""
    before = service.reported or {}
    service.reported = before | {
        field: [*before.get(field, []), value] for field, value in said.items() if value not in before.get(field, [])
    }


def held_of(service: Service) -> dict[str, Any]:
    """What we hold of all that counts at creation only; of what was billed, what was reported last."""
    billing: list[Any] = (service.reported or {}).get("billing") or [{}]
    discount: list[Any] = (service.reported or {}).get("discount") or [None]
    return {
        "plan": service.plan,
        "cycle": service.cycle,
        "currency": service.currency,
        "period": service.period.as_json(),
        "quantity": service.quantity,
        "anchor_day": service.anchor_day,
        "discount": discount[-1],
        "billing": billing[-1],
        "paid": service.unpaid_import is None,
    }


def _on_its_way(session: Session, service: Service) -> dict[str, Any]:
    """The host may have a change before we know that it has."""
    change = active_change(session, service.id)
    if change is None or change.status not in SETTLED_UNAPPLIED or change.quote is None:
        return {}
    target, quote = change.quote["to"], change.quote
    expected = {"plan": target["plan"], "cycle": target["cycle"], "quantity": quote["quantity"]}
    return expected if quote["timing"] == "at_renewal" else expected | {"period": quote["new_period"]}
