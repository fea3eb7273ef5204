"""What holds for services that have ended, as one statement of SQL."""

from __future__ import annotations

from engine.audit.ledger_checks import Check

ENDINGS = Check(
    "what_ended_is_over",
    "an ending gave back what its credit note and take-backs say, left nothing open, and nothing was renewed after it",
    """
    SELECT e.id AS row_id, format('credit %s, its credit note %s, taken back %s', e.credit_minor,
        coalesce(-i.total_minor, 0), taken.total) AS what
    FROM endings e LEFT JOIN invoices i ON i.ending_id = e.id, LATERAL (
        SELECT coalesce(sum(t.net_minor + t.tax_minor), 0) AS total FROM take_backs t WHERE t.invoice_id = i.id
    ) taken
    WHERE e.provider_id = ANY(:providers)
        AND (e.credit_minor <> coalesce(-i.total_minor, 0) OR e.credit_minor <> taken.total)
    UNION ALL
    SELECT e.id, format('has ended at %s', coalesce(e.ended_at::text, 'no time')) FROM endings e
    WHERE e.provider_id = ANY(:providers) AND (e.ended_at IS NULL) <> (e.status IN ('scheduled', 'withdrawn'))
    UNION ALL
    SELECT e.id, format('is ending, its service is %s', s.status) FROM endings e JOIN services s ON s.id = e.service_id
    WHERE e.provider_id = ANY(:providers) AND e.status = 'ending' AND s.status NOT IN ('canceled', 'terminated')
    UNION ALL
    SELECT e.id, format('ended at %s and left %s open', e.ended_at, b.id) FROM endings e
    JOIN billed_items b ON b.service_id = e.service_id AND b.covers_end > e.ended_at AND b.at <= e.ended_at
    JOIN billed_item_balances l ON l.item_id = b.id AND l.units_left > 0
    WHERE e.provider_id = ANY(:providers) AND e.at = 'now' AND e.generation IS NOT NULL
    UNION ALL
    SELECT e.id, format('ended at %s, and %s renewed its service from %s on', e.ended_at, r.id, r.period_start)
    FROM endings e JOIN renewals r ON r.service_id = e.service_id AND r.period_start >= e.ended_at
    WHERE e.provider_id = ANY(:providers) AND e.ended_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM service_moves m WHERE m.service_id = e.service_id AND m.event <> 'end' AND m.at >= e.ended_at
            AND m.from_status IN ('canceled', 'terminated') AND m.to_status NOT IN ('canceled', 'terminated'))
    """,
)
