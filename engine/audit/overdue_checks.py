"""Rows that should have moved and did not, found by statements of the audit's own: they name the states in which
something is next by themselves and do not read the tables by which the sweep claims, so that a state which the sweep
has forgotten is seen here.
"""

from __future__ import annotations

# A row that moves on needs fewer attempts.
_IN_VAIN = 12
_NOT_TRIED = "next_attempt_at < clock_timestamp() - :patience"
_HELD = """
    SELECT -sum(e.amount_minor) FROM ledger_entries e
    WHERE e.provider_id = r.provider_id AND e.account = 'held' AND e.owner = r.id
"""


def _overdue(kind: str, table: str, waits: str, date: str | None = None) -> str:
    """Rows of a table of which `waits` is true: given up, tried in vain, or not tried for longer than the patience.

    With `date`, something is next from that date on. When a sandbox's clock came to it nobody knows, so there a row
    counts only if it was given up or tried in vain.
    """
    clock = "coalesce(p.clock_at, clock_timestamp())"
    since = f"{_NOT_TRIED} AND {date} < clock_timestamp() - :patience AND p.clock_at IS NULL" if date else _NOT_TRIED
    reached = f" AND {date} <= {clock}" if date else ""
    return f"""
        SELECT r.id AS row_id, format('{kind} %s, after %s attempts; the last error: %s',
            coalesce('is due at ' || to_char(next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                'was given up'), attempts, coalesce(last_error, 'none was seen')) AS what
        FROM {table} r JOIN providers p ON p.id = r.provider_id
        WHERE r.provider_id = ANY(:providers) AND ({waits}){reached}
            AND (next_attempt_at IS NULL OR attempts > {_IN_VAIN} OR ({since}))
    """


_ON_ITS_WAY = """
    (SELECT FROM plan_changes c WHERE c.service_id = {} AND c.status IN
        ('requested', 'quoted', 'invoiced', 'awaiting_payment', 'paid', 'applying', 'stuck'))
"""

OVERDUE_SQL = " UNION ALL ".join(
    (
        _overdue("change", "plan_changes", "status IN ('requested', 'quoted', 'invoiced', 'paid', 'applying')"),
        _overdue(
            "change",
            "plan_changes",
            "status = 'awaiting_payment'"
            f" AND ({_HELD}) >= (SELECT i.total_minor FROM invoices i WHERE i.change_id = r.id)",
        ),
        _overdue("change", "plan_changes", "status = 'awaiting_payment'", date="r.payable_until"),
        _overdue("change", "plan_changes", "status = 'awaiting_review'", date="r.review_until"),
        _overdue("payment", "payment_attempts", "status = 'creating' OR status = 'canceling' AND NOT outlasts"),
        _overdue("refund", "refunds", "status = 'sending'"),
        _overdue("event", "inbox_events", "status IN ('received', 'parked', 'retry')"),
        _overdue("event", "inbox_events", "status = 'dead'"),
        _overdue(
            "invoice",
            "invoices",
            "number IS NOT NULL AND voided_at IS NULL"
            " AND NOT EXISTS (SELECT FROM documents d WHERE d.invoice_id = r.id AND d.kind = r.kind)",
        ),
        _overdue(
            "invoice",
            "invoices",
            "number IS NOT NULL AND change_id IS NULL AND settled_at IS NULL AND voided_at IS NULL AND due_minor > 0"
            " AND NOT EXISTS (SELECT FROM payment_attempts a WHERE a.invoice_id = r.id)",
        ),
        _overdue(
            "credit",
            "arrived_credits",
            "arrived_at IS NOT NULL AND NOT EXISTS (SELECT FROM plan_changes c"
            " JOIN services s ON s.id = c.service_id"
            " WHERE s.customer_id = r.customer_id AND c.status IN ('requested', 'quoted'))",
        ),
        _overdue("mail", "outbox_messages", "sent_at IS NULL"),
        _overdue(
            "renewal",
            "services",
            f"status = 'active' AND NOT EXISTS {_ON_ITS_WAY.format('r.id')}"
            " AND NOT EXISTS (SELECT FROM endings e WHERE e.service_id = r.id AND e.status = 'scheduled')",
            date="r.period_end",
        ),
        _overdue(
            "ending",
            "endings",
            f"status = 'scheduled' AND at = 'period_end' AND NOT EXISTS {_ON_ITS_WAY.format('r.service_id')}",
            date="(SELECT s.period_end FROM services s WHERE s.id = r.service_id)",
        ),
        _overdue(
            "ending",
            "endings",
            f"status = 'scheduled' AND at = 'now' AND NOT EXISTS {_ON_ITS_WAY.format('r.service_id')}",
        ),
        _overdue("ending", "endings", "status = 'ending'"),
    )
)
