"""Everything that beat rings for. Beat carries no business time: it only looks, often, for dates in rows that are due.

Messages expire when the next one would be there, so a beat that was away leaves no pile; two beats change nothing.
"""

from celery.schedules import crontab

SCHEDULE = {
    # A row that rested too long is rung for again.
    "ring again": {"task": "sweep.ring_again", "schedule": 2.0, "options": {"expires": 10}},
    # Webhooks may never come: open payments are fetched, lists of events are read.
    "ask gateways": {"task": "payments.ask", "schedule": 600.0, "options": {"expires": 300}},
    # Services whose period is over, scheduled changes that would not fit, renewals that were not paid.
    "renewals": {"task": "renewals.scan", "schedule": 3.0, "options": {"expires": 10}},
    # Whether every promise holds, each night (UTC), far from midnights at which periods end.
    "audit": {"task": "audit.books", "schedule": crontab(hour=3, minute=17), "options": {"expires": 3600}},
}
