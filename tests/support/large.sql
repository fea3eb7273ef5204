-- See large.py. Each statement takes some of its values. Ids are as long as real ones, and as real ones the newer the
-- greater; rows are written in the order of their months.

INSERT INTO customers (id, provider_id, ref, name, email, country, locale, address, tax_exempt)
SELECT 'cus_' || rpad(CAST(:mark AS text) || n, 26, 'x'), CAST(:provider AS varchar), 'customer-' || n, 'Example ' || n, 'c' || n || '@example.invalid', 'JP', 'en', '[]', false
FROM generate_series(1, :services) n;

INSERT INTO services (id, provider_id, customer_id, ref, status, plan, cycle, currency, quantity, unit_price_minor,
    limits, usage, period_start, period_end, anchor_day, anchor_time, anchor_assumed, moved_days, generation)
SELECT 'svc_' || rpad(CAST(:mark AS text) || n, 26, 'x'), CAST(:provider AS varchar), coalesce(CAST(:customer AS varchar), 'cus_' || rpad(CAST(:mark AS text) || n, 26, 'x')),
    CAST(:mark AS text) || n, CASE WHEN n % 50 = 0 THEN 'past_due' ELSE 'active' END,
    'basic', 'monthly', 'JPY', 1, 500, '{}', '{}', CAST(:clock AS timestamptz) - interval '10 days', CAST(:clock AS timestamptz) + n % 20 * interval '1 day'
    + interval '1 hour', 1, '00:00', true, 0, 0
FROM generate_series(1, :services) n;

INSERT INTO service_moves (service_id, event, from_status, to_status, at, actor)
SELECT id, event, from_status, to_status, period_start, 'host' FROM services
JOIN (VALUES (1, 'report', NULL, 'active'), (2, 'miss_payment', 'active', 'past_due')) AS move (place, event, from_status, to_status)
    ON place = 1 OR status = 'past_due'
WHERE provider_id = CAST(:provider AS varchar) AND ref LIKE CAST(:mark AS text) || '%' ORDER BY id, place;

INSERT INTO plan_changes (id, provider_id, service_id, customer_id, status, idempotency_key, request_sha256, channel,
    received_at, from_plan, from_cycle, target_plan, target_cycle, apply_round, apply_attempts, fence, payable_until,
    effective_at, next_attempt_at)
SELECT 'chg_' || rpad(CAST(:mark AS text) || n || 'k' || k, 26, 'x'), s.provider_id, s.id, s.customer_id, CASE WHEN k = 0 AND n % 100 = 0 THEN 'awaiting_payment'
    WHEN k = 0 AND n % 101 = 0 THEN 'scheduled' ELSE 'applied' END, 'key ' || n || ' ' || k, '', 'api',
    CAST(:clock AS timestamptz) - (k * 120 + 40) * interval '1 day', 'start', 'monthly', 'basic', 'monthly', 1, 1, 1, CAST(:clock AS timestamptz) + n % 7 * interval '1 day' + interval '1 hour',
    CAST(:clock AS timestamptz) + interval '20 days', CASE WHEN k = 0 AND n % 100 = 0 THEN clock_timestamp() - interval '1 day' END
FROM generate_series((:renewals - 1) / 4, 0, -1) k, generate_series(1, :services) n
JOIN services s ON s.id = 'svc_' || rpad(CAST(:mark AS text) || n, 26, 'x');

INSERT INTO plan_change_moves (change_id, event, from_status, to_status, at, actor)
SELECT id, event, from_status, to_status, received_at, 'system' FROM plan_changes
JOIN (VALUES ('scheduled', 1, 'request', NULL, 'requested'), ('scheduled', 2, 'quote', 'requested', 'scheduled'),
    ('applied', 1, 'request', NULL, 'requested'), ('applied', 2, 'quote', 'requested', 'scheduled'),
    ('applied', 3, 'renewal', 'scheduled', 'applying'), ('applied', 4, 'apply', 'applying', 'applied'),
    ('awaiting_payment', 1, 'request', NULL, 'requested'), ('awaiting_payment', 2, 'quote', 'requested', 'quoted'),
    ('awaiting_payment', 3, 'issue', 'quoted', 'invoiced'), ('awaiting_payment', 4, 'request_payment', 'invoiced', 'awaiting_payment'))
    AS move (ends, place, event, from_status, to_status) ON ends = status
WHERE provider_id = CAST(:provider AS varchar) ORDER BY received_at, id, place;

INSERT INTO renewals (id, provider_id, service_id, change_id, plan, period_start, period_end, renewed_at)
SELECT 'rnw_' || rpad(CAST(:mark AS text) || lpad(CAST(:renewals - m AS text), 3, '0') || 'n' || n, 26, 'x'), CAST(:provider AS varchar), 'svc_' || rpad(CAST(:mark AS text) || n, 26, 'x'), c.id,
    'basic', CAST(:clock AS timestamptz) - (m + 1) * interval '30 days', CAST(:clock AS timestamptz) - m * interval '30 days',
    CAST(:clock AS timestamptz) - (m + 1) * interval '30 days'
FROM generate_series(:renewals, 1, -1) m CROSS JOIN generate_series(1, :services) n
LEFT JOIN plan_changes c ON c.id = 'chg_' || rpad(CAST(:mark AS text) || n || 'k' || (m - 1) / 4, 26, 'x') AND c.status = 'applied' AND m % 4 = 1
ORDER BY m DESC, n;

INSERT INTO invoices (id, provider_id, customer_id, service_id, renewal_id, kind, currency, net_minor, tax_minor,
    total_minor, credit_applied_minor, due_minor, content, issued_at, due_at, number, numbered_on, settled_at, rounding_minor)
SELECT 'inv' || substr(r.id, 4), r.provider_id, s.customer_id, r.service_id, r.id, 'invoice', 'JPY', 500, 50, 550, 0, 550,
    '{"title": "Basic", "locale": "en", "timezone": "Asia/Tokyo", "logo": null, "colour": "#0b5394", "notes": [],
      "seller": {"name": "DNS Service", "email": "billing@dns.example", "tax_id": null, "address": ["1-1 Example-cho", "Chiyoda-ku, Tokyo 100-0000"], "country": "JP"},
      "buyer": {"name": "Example", "email": "zone@example.invalid", "tax_id": null, "address": [], "country": "JP"},
      "before": null, "after": {"plan": "Basic", "cycle": "monthly", "price": {"amount": 500, "currency": "JPY"}},
      "supply": {"start": "2027-06-30T15:00:00Z", "end": "2027-07-31T15:00:00Z"}, "next_renewal": null, "payment_instructions": null,
      "lines": [{"kind": "charge", "code": "jp-10", "percent": "10", "base": null, "amount": {"amount": 500, "currency": "JPY"}, "full_price": {"amount": 500, "currency": "JPY"},
        "share": {"part": 1, "unit": "period", "whole": 1}, "period": {"start": "2027-06-30T15:00:00Z", "end": "2027-07-31T15:00:00Z"},
        "description": "Basic (monthly)", "arithmetic": "full price = ¥500"}],
      "taxes": [{"kind": "tax", "code": "jp-10", "percent": "10", "base": {"amount": 500, "currency": "JPY"}, "amount": {"amount": 50, "currency": "JPY"}, "full_price": null,
        "share": null, "period": null, "label": "Consumption tax", "description": "Consumption tax", "arithmetic": "10% of ¥500 = ¥50"}]}',
    r.renewed_at, r.renewed_at + interval '14 days',
    format('DNS-%s-%s', extract(year FROM r.renewed_at), lpad(CAST(row_number() OVER (PARTITION BY extract(year FROM r.renewed_at) ORDER BY r.renewed_at, r.id) AS text), 6, '0')),
    r.renewed_at::date, CASE WHEN s.status = 'active' OR r.period_end < CAST(:clock AS timestamptz) - interval '30 days' THEN r.renewed_at END, 0
FROM renewals r JOIN services s ON s.id = r.service_id WHERE r.provider_id = CAST(:provider AS varchar) ORDER BY r.renewed_at, r.id;

INSERT INTO number_series (provider_id, kind, year, last_number, last_on)
SELECT provider_id, kind, extract(year FROM numbered_on), count(*), max(numbered_on) FROM invoices
WHERE provider_id = CAST(:provider AS varchar) GROUP BY provider_id, kind, extract(year FROM numbered_on);

INSERT INTO documents (id, invoice_id, kind, sha256, size_bytes, renderer_version)
SELECT 'doc' || substr(id, 4), id, 'invoice', CAST(:sha256 AS varchar), 1, 'test' FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO billed_items (id, provider_id, service_id, invoice_id, line, kind, plan, cycle, units, unit_price_minor, covers_start,
    covers_end, moved_days, period_start, period_end, currency, net_minor, tax_code, tax_rate_millionths, tax_included, tax_minor, gross_minor, at)
SELECT 'itm' || substr(i.id, 4), i.provider_id, i.service_id, i.id, 0, 'charge', 'basic', 'monthly', 1, 500, r.period_start,
    r.period_end, 0, r.period_start, r.period_end, 'JPY', 500, 'jp-10', 100000, false, 50, 550, r.renewed_at
FROM invoices i JOIN renewals r ON r.id = i.renewal_id WHERE i.provider_id = CAST(:provider AS varchar) ORDER BY r.renewed_at, i.id;

INSERT INTO payment_attempts (id, provider_id, invoice_id, connection_id, status, amount_minor, currency, expires_at,
    fence, next_attempt_at)
SELECT 'pay' || substr(id, 4), provider_id, id, CAST(:connection AS varchar), CASE WHEN settled_at IS NULL THEN 'open' ELSE 'succeeded' END, 550, 'JPY', due_at, 1, NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO payment_attempt_moves (attempt_id, event, from_status, to_status, at, actor)
SELECT id, CASE WHEN place = 1 THEN 'begin' WHEN status = 'open' THEN 'open' ELSE 'succeed' END, CASE place WHEN 2 THEN 'creating' END,
    CASE place WHEN 1 THEN 'creating' ELSE status END, expires_at, 'system'
FROM payment_attempts, generate_series(1, 2) place WHERE provider_id = CAST(:provider AS varchar) ORDER BY expires_at, id, place;

INSERT INTO inbox_events (id, provider_id, connection_id, source, event_key, body, body_sha256, conflicting, deliveries,
    status, match_attempts, failures, received_at, next_attempt_at)
SELECT 'evt' || substr(id, 4), provider_id, CAST(:connection AS varchar), 'webhook', id, '{}', '', false, 1, 'processed', 0, 0, due_at, NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar) AND settled_at IS NOT NULL;

INSERT INTO payments (id, provider_id, connection_id, gateway_object, kind, attempt_id, invoice_id, amount_minor, currency,
    outcome, paid_at)
SELECT 'mny' || substr(id, 4), provider_id, connection_id, id, 'payment', id, invoice_id, 550, 'JPY', 'renewal', expires_at
FROM payment_attempts WHERE provider_id = CAST(:provider AS varchar) AND status = 'succeeded';

INSERT INTO refunds (id, provider_id, payment_id, amount_minor, currency, source, owner, status, actor, reason, fence,
    next_attempt_at)
SELECT 'ref' || substr(p.id, 4), p.provider_id, p.id, 550, 'JPY', 'credit', '', 'succeeded', 'ana', 'asked for', 1, NULL
FROM payments p JOIN invoices i ON i.id = p.invoice_id JOIN renewals r ON r.id = i.renewal_id
WHERE p.provider_id = CAST(:provider AS varchar) AND r.period_end = CAST(:clock AS timestamptz) - interval '30 days';

INSERT INTO refund_moves (refund_id, event, from_status, to_status, at, actor)
SELECT id, CASE place WHEN 1 THEN 'begin' ELSE 'succeed' END, CASE place WHEN 2 THEN 'sending' END,
    CASE place WHEN 1 THEN 'sending' ELSE 'succeeded' END, CAST(:clock AS timestamptz), 'ana'
FROM refunds, generate_series(1, 2) place WHERE provider_id = CAST(:provider AS varchar) ORDER BY id, place;

INSERT INTO outbox_messages (id, provider_id, customer_id, subject, event, channel, recipient, locale, values, sent_at,
    fence, next_attempt_at)
SELECT 'msg' || substr(id, 4), provider_id, customer_id, id, 'renewed', 'mail', 'a@example.invalid', 'en', '{}', due_at, 1,
    NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO ledger_transactions (id, provider_id, source_kind, source_id, at)
SELECT kind || substr(id, 4), provider_id, kind, id, at FROM (
    SELECT 'renewal' AS kind, id, provider_id, issued_at AS at FROM invoices
    UNION ALL SELECT 'payment', id, provider_id, paid_at FROM payments
    UNION ALL SELECT kind, id, provider_id, CAST(:clock AS timestamptz) FROM refunds, unnest(ARRAY['refund', 'refund_done']) kind) source
WHERE provider_id = CAST(:provider AS varchar) ORDER BY at, id;

INSERT INTO ledger_entries (transaction_id, provider_id, account, owner, currency, amount_minor)
SELECT id, provider_id, account, CASE account WHEN 'receivable' THEN 'inv' || substr(source_id, 4) ELSE '' END, 'JPY', amount
FROM ledger_transactions JOIN (VALUES ('renewal', 'receivable', 550), ('renewal', 'sales', -500), ('renewal', 'tax:jp-10', -50),
    ('payment', 'clearing:standard', 550), ('payment', 'receivable', -550), ('refund', 'losses', 550), ('refund', 'refunding', -550),
    ('refund_done', 'refunding', 550), ('refund_done', 'clearing:standard', -550)) AS entry (kind, account, amount) ON kind = source_kind
WHERE provider_id = CAST(:provider AS varchar) ORDER BY at, id;

INSERT INTO ledger_balances (provider_id, account, owner, currency, balance_minor)
SELECT provider_id, 'held', id, 'JPY', 0 FROM plan_changes WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO endings (id, provider_id, service_id, customer_id, status, at, idempotency_key, request_sha256, channel, plan,
    received_at, ended_at, credit_minor, lost_minor, fence, next_attempt_at)
SELECT 'end' || substr(id, 4), provider_id, id, customer_id, 'withdrawn', 'period_end', id, '', 'api', 'basic',
    period_start, NULL, 0, 0, 1, NULL
FROM services WHERE provider_id = CAST(:provider AS varchar) AND ref LIKE CAST(:mark AS text) || '%';

INSERT INTO ending_moves (ending_id, event, from_status, to_status, at, actor)
SELECT id, event, from_status, to_status, received_at, 'customer' FROM endings
JOIN (VALUES (1, 'request', NULL, 'scheduled'), (2, 'withdraw', 'scheduled', 'withdrawn')) AS move (place, event, from_status, to_status) ON true
WHERE provider_id = CAST(:provider AS varchar) ORDER BY id, place;

INSERT INTO arrived_credits (id, provider_id, customer_id, currency, arrived_at, next_attempt_at)
SELECT 'crd' || substr(id, 4), provider_id, customer_id, 'X' || ref, NULL, NULL
FROM services WHERE provider_id = CAST(:provider AS varchar) AND ref LIKE CAST(:mark AS text) || '%';

INSERT INTO quotes (id, provider_id, service_id, catalog_id, priced_at, expires_at, document)
SELECT 'qt' || substr(r.id, 4), r.provider_id, r.service_id, c.id, r.renewed_at, r.renewed_at + interval '30 minutes', '{}'
FROM renewals r JOIN catalogs c ON c.provider_id = r.provider_id WHERE r.provider_id = CAST(:provider AS varchar);

INSERT INTO rejected_messages (id, message, reason)
SELECT 'rej_' || CAST(:mark AS text) || n, '{}', 'says nothing' FROM generate_series(1, :services) n;
