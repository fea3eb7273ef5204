"""Services that end: at their date, and then the host is told."""

from __future__ import annotations

from celery import shared_task

from domain.lifecycle import EndingStatus
from engine import ending, ending_order
from models.ending import Ending
from tasks.run import external_step, local_step
from tasks.story import follow_with
from worker.steps import StepTask


@shared_task(name="endings.run", base=StepTask, bind=True)
def run(self: StepTask, ending_id: str) -> str:
    status = local_step(ending.run_ending, Ending, ending_id)
    if status is EndingStatus.ENDING:
        follow_with(self, ending_id)
    return status.value


@shared_task(name="endings.order_host", base=StepTask)
def order_host(ending_id: str) -> str:
    return external_step(ending_order.order_host, Ending, ending_id).value
