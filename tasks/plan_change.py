"""The steps of a plan change, in the order of the story."""

from __future__ import annotations

from datetime import datetime

from celery import shared_task
from sqlalchemy.orm import Session

from domain.lifecycle import Status
from engine import apply, quote, settle
from engine.invoicing import invoice, printing
from engine.jobs.summary import NextWork, next_work
from engine.payments import checkout
from models.plan_change import PlanChange, lock_change
from tasks.outbox import deliver_about
from tasks.run import end_canvas_if_waiting, external_step, local_step
from tasks.story import go_on, name_rest
from worker.steps import StepTask


@shared_task(name="plan_change.quote", base=StepTask, bind=True)
def quote_change(self: StepTask, change_id: str) -> str:
    return end_canvas_if_waiting(self, local_step(quote.quote, PlanChange, change_id))


@shared_task(name="plan_change.issue_invoice", base=StepTask, bind=True)
def issue_invoice(self: StepTask, change_id: str) -> str:
    status, following = local_step(_issue, PlanChange, change_id)
    if status is Status.INVOICED:
        go_on(self, following)  # where nothing is due, with settle, which is in the other canvas
    return end_canvas_if_waiting(self, status)


def _issue(session: Session, now: datetime, change_id: str) -> tuple[Status, NextWork]:
    return invoice.issue_invoice(session, now, change_id), next_work(session, change_id)


@shared_task(name="plan_change.print_invoice", base=StepTask, bind=True)
def print_invoice(self: StepTask, change_id: str) -> str:
    return end_canvas_if_waiting(self, external_step(printing.print_change_invoice, PlanChange, change_id))


@shared_task(name="plan_change.request_payment", base=StepTask)
def request_payment(change_id: str) -> str:
    return external_step(checkout.request_payment, PlanChange, change_id).value


@shared_task(name="plan_change.settle", base=StepTask, bind=True)
def settle_change(self: StepTask, change_id: str) -> str:
    change = local_step(_settle, PlanChange, change_id)
    if change.invoice is not None and change.invoice.number is not None:
        name_rest(self, change.invoice.id, change.invoice.number)
    return end_canvas_if_waiting(self, change.lifecycle_status)


def _settle(session: Session, now: datetime, change_id: str) -> PlanChange:
    change = lock_change(session, change_id)
    settle.settle_locked(session, now, change)
    return change


@shared_task(name="plan_change.apply_plan", base=StepTask, bind=True)
def apply_plan(self: StepTask, change_id: str) -> str:
    return end_canvas_if_waiting(self, external_step(apply.apply_plan, PlanChange, change_id))


@shared_task(name="plan_change.give_up")
def give_up(change_id: str) -> str:
    return local_step(apply.give_up, PlanChange, change_id).value


@shared_task(name="plan_change.notify", base=StepTask)
def notify(change_id: str) -> int:
    return deliver_about(change_id)
