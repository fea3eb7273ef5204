"""The invariants that one SQL statement each can check, whatever the code above the tables believes.

Every statement takes `providers` (ids) and `patience` (an interval of machine time that work in hand may take) and
returns the rows that violate the invariant: `row_id`, and `what` is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.audit.overdue_checks import OVERDUE_SQL

OVERDUE = "nothing_is_overdue"

SETTLED = "('paid', 'applying', 'stuck', 'applied', 'compensated', 'reversed')"
ACTIVE = "('requested', 'quoted', 'invoiced', 'awaiting_payment', 'awaiting_review', 'paid', 'applying', 'stuck')"


@dataclass(frozen=True, slots=True)
class Check:
    """`invariant` is what a reader may rely on while the statement returns nothing."""

    name: str
    invariant: str
    sql: str


CHECKS = (
    Check(
        "ledger_transactions_balance",
        "every ledger transaction sums to zero in each currency",
        """
        SELECT transaction_id AS row_id, format('%s %s too much', sum(amount_minor), currency) AS what
        FROM ledger_entries WHERE provider_id = ANY(:providers)
        GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0
        """,
    ),
    Check(
        "trial_balance",
        "all entries of a provider sum to zero in each currency",
        """
        SELECT provider_id AS row_id, format('%s %s too much', sum(amount_minor), currency) AS what
        FROM ledger_entries WHERE provider_id = ANY(:providers)
        GROUP BY provider_id, currency HAVING sum(amount_minor) <> 0
        """,
    ),
    Check(
        "balances_are_their_entries",
        "a guarded balance is the sum of the entries behind it",
        """
        WITH summed AS (
            SELECT provider_id, account, owner, currency, -sum(amount_minor) AS total FROM ledger_entries
            WHERE provider_id = ANY(:providers)
            AND split_part(account, ':', 1) IN ('credit', 'held', 'refunding', 'unmatched')
            GROUP BY provider_id, account, owner, currency
        ), kept AS (SELECT * FROM ledger_balances WHERE provider_id = ANY(:providers))
        SELECT concat_ws(' ', account, owner, currency) AS row_id,
            format('the balance is %s, its entries make %s', coalesce(balance_minor, 0), coalesce(total, 0)) AS what
        FROM summed FULL JOIN kept USING (provider_id, account, owner, currency)
        WHERE coalesce(balance_minor, 0) <> coalesce(total, 0)
        """,
    ),
    Check(
        "payments_are_posted",
        "every payment that came in stands in the ledger with its amount",
        """
        SELECT p.id AS row_id, format('%s %s came, %s were posted', p.amount_minor, p.currency, posted.total) AS what
        FROM payments p, LATERAL (
            SELECT coalesce(sum(e.amount_minor), 0) AS total FROM ledger_transactions t
            JOIN ledger_entries e ON e.transaction_id = t.id AND e.account LIKE 'clearing:%'
            WHERE t.source_kind = 'payment' AND t.source_id = p.id
        ) posted
        WHERE p.provider_id = ANY(:providers) AND p.kind = 'payment' AND posted.total <> p.amount_minor
        """,
    ),
    Check(
        "refunds_are_posted",
        "what is kept for a refund is its amount until it is decided whether it went; what failed is not gone",
        """
        SELECT r.id AS row_id, format('is %s, %s are to be decided; %s are kept for it, %s have left by it',
            r.status, r.to_decide_minor, posted.kept, posted.gone) AS what
        FROM refunds r, LATERAL (
            SELECT -coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'refunding'), 0) AS kept,
                -coalesce(sum(e.amount_minor) FILTER (WHERE t.source_kind IN ('refund_done', 'refund_reopened')
                    AND e.account LIKE 'clearing:%'), 0) AS gone
            FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id WHERE t.source_id = r.id
        ) posted
        WHERE r.provider_id = ANY(:providers) AND (
            posted.kept <> CASE WHEN r.status IN ('sending', 'pending') THEN r.amount_minor
                ELSE r.to_decide_minor END
            OR posted.gone <> CASE WHEN r.status = 'succeeded' THEN r.amount_minor
                WHEN r.actor = 'gateway' THEN -r.amount_minor ELSE 0 END)
        """,
    ),
    Check(
        "invoices_add_up",
        "an invoice's lines, taxes and rounding are its total, and what is due is the total less the credit",
        """
        SELECT i.id AS row_id, format('lines make %s and net is %s; taxes make %s and tax is %s; total %s, due %s',
            l.total, net_minor, t.total, tax_minor, total_minor, due_minor) AS what
        FROM invoices i,
            LATERAL (SELECT coalesce(sum((line->'amount'->>'amount')::bigint), 0) AS total
                FROM jsonb_array_elements(content->'lines') line) l,
            LATERAL (SELECT coalesce(sum((line->'amount'->>'amount')::bigint), 0) AS total
                FROM jsonb_array_elements(content->'taxes') line) t
        WHERE i.provider_id = ANY(:providers) AND (l.total <> net_minor OR t.total <> tax_minor
            OR net_minor + tax_minor + rounding_minor <> total_minor
            OR due_minor <> greatest(total_minor - credit_applied_minor, 0))
        """,
    ),
    Check(
        "numbered_invoices_are_printed",
        "an invoice with a legal number has its document",
        """
        SELECT i.id AS row_id, format('%s has no document', i.number) AS what FROM invoices i
        WHERE i.provider_id = ANY(:providers) AND i.number IS NOT NULL
            AND NOT EXISTS (SELECT FROM documents d WHERE d.invoice_id = i.id AND d.kind = i.kind)
            AND coalesce((SELECT max(m.recorded_at) FROM plan_change_moves m
                WHERE m.change_id = i.change_id AND m.event = 'settle'), i.created_at) < clock_timestamp() - :patience
        """,
    ),
    Check(
        "numbers_have_no_gap",
        "each series runs from 1 to its counter, once each or in a recorded gap, with dates that never go back",
        """
        WITH numbered AS (
            SELECT provider_id, kind, number, numbered_on, substring(number FROM '([0-9]{4})-[0-9]+$')::int AS year,
                substring(number FROM '-([0-9]+)$')::bigint AS place
            FROM invoices WHERE provider_id = ANY(:providers) AND number IS NOT NULL
        ), known AS (
            SELECT provider_id, kind, year, place FROM numbered
            UNION ALL SELECT provider_id, kind, year, generate_series(first, last) FROM number_gaps
            WHERE provider_id = ANY(:providers)
        ), series AS (
            SELECT provider_id, kind, year, count(*) AS given, count(DISTINCT place) AS places, max(place) AS highest
            FROM known GROUP BY provider_id, kind, year
        )
        SELECT concat_ws(' ', provider_id, kind, year) AS row_id, format('%s numbers, the highest %s, the counter %s',
            coalesce(given, 0), coalesce(highest, 0), coalesce(last_number, 0)) AS what
        FROM series FULL JOIN (SELECT * FROM number_series WHERE provider_id = ANY(:providers)) counter
            USING (provider_id, kind, year)
        WHERE given IS DISTINCT FROM places OR given IS DISTINCT FROM highest OR highest IS DISTINCT FROM last_number
        UNION ALL
        SELECT number, format('is dated %s, the number before it %s', numbered_on, before) FROM (
            SELECT number, numbered_on, lag(numbered_on) OVER (PARTITION BY provider_id, kind, year ORDER BY place)
                AS before FROM numbered) dated
        WHERE before > numbered_on
        """,
    ),
    Check(
        "paid_and_invoiced_agree",
        "what is paid has a settled, numbered invoice (a change at renewal: its renewal); what is not, has none",
        f"""
        SELECT c.id AS row_id, format('is %s; its invoice is %s', c.status, CASE
            WHEN i.id IS NULL AND r.id IS NULL THEN 'missing' WHEN i.settled_at IS NULL THEN 'not settled'
            ELSE 'settled' END) AS what
        FROM plan_changes c LEFT JOIN invoices i ON i.change_id = c.id LEFT JOIN renewals r ON r.change_id = c.id
        WHERE c.provider_id = ANY(:providers)
            AND NOT (c.reverses_id IS NOT NULL AND c.status IN ('paid', 'applying', 'stuck')) -- its note comes last
            AND (c.status IN {SETTLED}) <> ((i.settled_at IS NOT NULL AND i.number IS NOT NULL) OR r.id IS NOT NULL)
        """,
    ),
    Check(
        "settled_invoices_are_earned",
        "a settled invoice is posted to sales and tax, once, with its total",
        """
        SELECT i.id AS row_id, format('total %s, posted %s', i.total_minor, posted.total) AS what
        FROM invoices i, LATERAL (
            SELECT -coalesce(sum(e.amount_minor), 0) AS total FROM ledger_transactions t
            JOIN ledger_entries e ON e.transaction_id = t.id
            WHERE t.source_id = i.id AND t.source_kind IN ('settle', 'renewal', 'correction')
                AND (e.account = 'sales' OR e.account LIKE 'tax:%')
        ) posted
        WHERE i.provider_id = ANY(:providers)
            AND posted.total <> CASE WHEN i.number IS NULL THEN 0 ELSE i.total_minor END
        """,
    ),
    Check(
        "no_more_is_taken_back_than_was_billed",
        "what is left of each billed item is what was billed less its take-backs, and never less than nothing",
        """
        SELECT i.id AS row_id, format('units %s, net %s, tax %s are left; %s, %s, %s were kept', i.units - taken.units,
            i.net_minor - taken.net, i.tax_minor - taken.tax, l.units_left, l.net_left_minor, l.tax_left_minor) AS what
        FROM billed_items i LEFT JOIN billed_item_balances l ON l.item_id = i.id, LATERAL (
            SELECT coalesce(sum(t.units), 0) AS units, coalesce(sum(t.net_minor), 0) AS net,
                coalesce(sum(t.tax_minor), 0) AS tax
            FROM take_backs t WHERE t.item_id = i.id
        ) taken
        WHERE i.provider_id = ANY(:providers) AND (
            (l.units_left, l.net_left_minor, l.tax_left_minor) IS DISTINCT FROM
                (i.units - taken.units, i.net_minor - taken.net, i.tax_minor - taken.tax)
            OR least(i.units - taken.units, i.net_minor - taken.net, i.tax_minor - taken.tax) < 0)
        """,
    ),
    Check(
        "bills_are_their_items",
        "a settled change billed what its items are worth, less what it took back, and its fees",
        """
        SELECT i.id AS row_id, format('net %s, items %s, taken back %s, fees %s', i.net_minor, made.net, taken.net,
            fees.net) AS what
        FROM invoices i JOIN plan_changes c ON c.id = i.change_id AND c.reverses_id IS NULL, LATERAL (
            SELECT coalesce(sum(b.net_minor), 0) AS net, count(*) AS count FROM billed_items b
            WHERE b.invoice_id = i.id
        ) made, LATERAL (
            SELECT coalesce(sum(t.net_minor), 0) AS net, count(*) AS count FROM take_backs t WHERE t.invoice_id = i.id
        ) taken, LATERAL (
            SELECT coalesce(sum((line->'amount'->>'amount')::bigint) FILTER (WHERE line->>'kind' = 'fee'), 0) AS net,
                bool_or(line->>'kind' = 'included_tax') AND bool_or(line->>'kind' = 'fee') AS holds_tax
            FROM jsonb_array_elements(i.content->'lines') line
        ) fees
        WHERE i.provider_id = ANY(:providers) AND i.settled_at IS NOT NULL AND made.count + taken.count > 0
            AND fees.holds_tax IS NOT TRUE AND i.net_minor <> made.net - taken.net + fees.net
        """,
    ),
    Check(
        "nothing_stays_held",
        "money is held for a change only while it is open and unpaid",
        """
        SELECT c.id AS row_id, format('is %s and %s %s are still held', c.status, b.balance_minor, b.currency) AS what
        FROM ledger_balances b JOIN plan_changes c ON c.id = b.owner AND c.provider_id = b.provider_id
        WHERE b.provider_id = ANY(:providers) AND b.account = 'held' AND b.balance_minor <> 0
            AND c.status NOT IN ('quoted', 'invoiced', 'awaiting_payment')
        """,
    ),
    Check(
        "one_open_change",
        "a service has at most one active and one scheduled change",
        f"""
        SELECT service_id AS row_id, string_agg(id || ' is ' || status, ', ' ORDER BY id) AS what FROM plan_changes
        WHERE provider_id = ANY(:providers) AND (status IN {ACTIVE} OR status = 'scheduled')
        GROUP BY service_id, status = 'scheduled' HAVING count(*) > 1
        """,
    ),
    Check(
        "plan_is_the_last_applied",
        "a service has the plan of the change that was applied to it last",
        """
        SELECT s.id AS row_id, format('has %s, but %s applied %s', s.plan, last.id, last.target_plan) AS what
        FROM services s, LATERAL (
            SELECT c.id, c.target_plan, c.target_cycle FROM plan_changes c
            JOIN plan_change_moves m ON m.change_id = c.id AND m.to_status = 'applied'
            WHERE c.service_id = s.id ORDER BY m.id DESC LIMIT 1
        ) last
        WHERE s.provider_id = ANY(:providers) AND (s.plan, s.cycle) <> (last.target_plan, last.target_cycle)
        """,
    ),
    Check(
        "renewals_follow_each_other",
        "each renewal has one invoice, and no period overlaps the one before, unless a change has shortened that, or it"
        " ended with all that was billed for it, and the service is back",
        """
        SELECT id AS row_id, format('starts %s, the period before it ends %s', period_start, before) AS what FROM (
            SELECT *, lag(period_end) OVER of_service AS before, lag(renewed_at) OVER of_service AS since
            FROM renewals WHERE provider_id = ANY(:providers)
            WINDOW of_service AS (PARTITION BY service_id ORDER BY period_start)) periods
        WHERE before > period_start AND NOT EXISTS (
            SELECT FROM plan_changes c JOIN invoices i ON i.change_id = c.id
            WHERE c.service_id = periods.service_id AND i.settled_at BETWEEN since AND renewed_at
            AND (coalesce(c.settled_quote, c.quote)->'new_period'->>'end')::timestamptz <= period_start)
        AND NOT EXISTS (
            SELECT FROM resumptions r WHERE r.service_id = periods.service_id AND r.starts_at = period_start
            AND NOT EXISTS (
                SELECT FROM billed_items b WHERE b.service_id = r.service_id
                AND b.covers_start < period_start AND b.covers_end > period_start
                AND b.units > (SELECT coalesce(sum(t.units), 0) FROM take_backs t
                    WHERE t.item_id = b.id AND t.at <= period_start)))
        UNION ALL
        SELECT r.id, 'has no invoice' FROM renewals r LEFT JOIN invoices i ON i.renewal_id = r.id
        WHERE r.provider_id = ANY(:providers) AND i.id IS NULL
        """,
    ),
    Check(
        OVERDUE,
        "no row with a next step waits longer than the sweep's patience, is enqueued in vain, or was given up",
        OVERDUE_SQL,
    ),
)
