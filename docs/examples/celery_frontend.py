import os

from celery import Celery
from kombu import Exchange, Queue

app = Celery("frontend", broker=os.environ["PLANSHIFT_BROKER_URL"])
# The queue is Planshift's; a frontend declares nothing.
app.conf.task_queues = [Queue("requests", Exchange("requests"), routing_key="requests", no_declare=True)]

app.send_task(
    "planshift.request_change",
    kwargs={
        "provider": "dns",
        "service": "zone-1",
        "plan": "start",
        "cycle": "monthly",
        "idempotency_key": "order-4712",
        "accept_total": {"amount": 0, "currency": "JPY"},
    },
    queue="requests",
    ignore_result=True,
)
