"""The Celery tasks, one module for each part of the task names; importing this package registers them all."""

from tasks import audit, door, invoices, outbox, payments, plan_change, renewals, sweep

__all__ = ["audit", "door", "invoices", "outbox", "payments", "plan_change", "renewals", "sweep"]
