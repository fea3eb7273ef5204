-- See large.py. Each statement takes some of its values. Ids are as long as real ones, where a list's cursor is one.

INSERT INTO services (id, provider_id, customer_id, ref, status, plan, cycle, currency, quantity, unit_price_minor,
    limits, usage, period_start, period_end, anchor_day, anchor_time, anchor_assumed, moved_days, generation)
SELECT 'svc_' || CAST(:mark AS text) || n, CAST(:provider AS varchar), CAST(:customer AS varchar), CAST(:mark AS text) || n, CASE WHEN n % 50 = 0 THEN 'past_due' ELSE 'active' END,
    'basic', 'monthly', 'JPY', 1, 500, '{}', '{}', CAST(:clock AS timestamptz) - interval '10 days', CAST(:clock AS timestamptz) + n % 20 * interval '1 day'
    + interval '1 hour', 1, '00:00', true, 0, 0
FROM generate_series(1, :services) n;

INSERT INTO customers (id, provider_id, ref, name, email, country, locale, address, tax_exempt)
SELECT 'cus_' || CAST(:mark AS text) || n, CAST(:provider AS varchar), 'customer ' || n, 'Example ' || n, 'c' || n || '@example.invalid', 'JP', 'en', '[]', false
FROM generate_series(1, :services) n;

INSERT INTO renewals (id, provider_id, service_id, plan, period_start, period_end, renewed_at)
SELECT 'rnw_' || rpad(CAST(:mark AS text) || n || 'm' || m, 26, 'x'), CAST(:provider AS varchar), 'svc_' || CAST(:mark AS text) || n, 'basic', CAST(:clock AS timestamptz) - (m + 1) * interval '30 days',
    CAST(:clock AS timestamptz) - m * interval '30 days', CAST(:clock AS timestamptz) - (m + 1) * interval '30 days'
FROM generate_series(1, :services) n, generate_series(1, :renewals) m;

INSERT INTO invoices (id, provider_id, customer_id, service_id, renewal_id, kind, currency, net_minor, tax_minor,
    total_minor, credit_applied_minor, due_minor, content, issued_at, due_at, number, numbered_on, settled_at, rounding_minor)
SELECT 'inv' || substr(r.id, 4), CAST(:provider AS varchar), CAST(:customer AS varchar), r.service_id, r.id, 'invoice', 'JPY', 500, 50, 550, 0, 550,
    '{"title": "Basic", "lines": [], "taxes": []}', r.renewed_at, r.renewed_at + interval '14 days', r.id, r.renewed_at::date,
    CASE WHEN s.status = 'active' OR r.id NOT LIKE '%m1x%' THEN r.renewed_at END, 0
FROM renewals r JOIN services s ON s.id = r.service_id WHERE r.provider_id = CAST(:provider AS varchar);

INSERT INTO documents (id, invoice_id, kind, sha256, size_bytes, renderer_version)
SELECT 'doc' || substr(id, 4), id, 'invoice', '', 1, 'test' FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO payment_attempts (id, provider_id, invoice_id, connection_id, status, amount_minor, currency, expires_at,
    fence, next_attempt_at)
SELECT 'pay' || substr(id, 4), CAST(:provider AS varchar), id, CAST(:connection AS varchar), 'succeeded', 550, 'JPY', due_at, 1, NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar) AND settled_at IS NOT NULL;

INSERT INTO inbox_events (id, provider_id, connection_id, source, event_key, body, body_sha256, conflicting, deliveries,
    status, match_attempts, failures, received_at, next_attempt_at)
SELECT 'evt' || substr(id, 4), CAST(:provider AS varchar), CAST(:connection AS varchar), 'webhook', id, '{}', '', false, 1, 'processed', 0, 0, due_at, NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar) AND settled_at IS NOT NULL;

INSERT INTO outbox_messages (id, provider_id, customer_id, subject, event, channel, recipient, locale, values, sent_at,
    fence, next_attempt_at)
SELECT 'msg' || substr(id, 4), CAST(:provider AS varchar), CAST(:customer AS varchar), id, 'renewed', 'mail', 'a@example.invalid', 'en', '{}', due_at, 1,
    NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO arrived_credits (id, provider_id, customer_id, currency, next_attempt_at)
SELECT 'crd' || substr(id, 4), CAST(:provider AS varchar), CAST(:customer AS varchar), id, NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO plan_changes (id, provider_id, service_id, customer_id, status, idempotency_key, request_sha256, channel,
    received_at, from_plan, from_cycle, target_plan, target_cycle, apply_round, apply_attempts, fence, payable_until,
    effective_at, next_attempt_at)
SELECT 'chg_' || CAST(:mark AS text) || n, CAST(:provider AS varchar), 'svc_' || CAST(:mark AS text) || n, CAST(:customer AS varchar), CASE WHEN n % 100 = 0 THEN 'awaiting_payment'
    WHEN n % 101 = 0 THEN 'scheduled' ELSE 'applied' END, 'key ' || n, '', 'api', CAST(:clock AS timestamptz) - interval '40 days', 'start',
    'monthly', 'basic', 'monthly', 1, 1, 1, CAST(:clock AS timestamptz) + n % 7 * interval '1 day' + interval '1 hour',
    CAST(:clock AS timestamptz) + interval '20 days', CASE WHEN n % 100 = 0 THEN clock_timestamp() - interval '1 day' END
FROM generate_series(1, :services) n;

INSERT INTO plan_change_moves (change_id, event, from_status, to_status, at, actor)
SELECT id, CASE m WHEN 1 THEN 'request' ELSE 'finish' END, CASE m WHEN 2 THEN 'requested' END,
    CASE m WHEN 1 THEN 'requested' ELSE status END, received_at, 'system'
FROM plan_changes, generate_series(1, 2) m WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO payment_attempt_moves (attempt_id, event, from_status, to_status, at, actor)
SELECT id, CASE m WHEN 1 THEN 'begin' ELSE 'succeed' END, CASE m WHEN 2 THEN 'creating' END,
    CASE m WHEN 1 THEN 'creating' ELSE 'succeeded' END, expires_at, 'system'
FROM payment_attempts, generate_series(1, 2) m WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO payments (id, provider_id, connection_id, gateway_object, kind, attempt_id, invoice_id, amount_minor, currency,
    outcome, paid_at)
SELECT 'mny' || substr(id, 4), provider_id, connection_id, id, 'payment', id, invoice_id, 550, 'JPY', 'renewal', expires_at
FROM payment_attempts WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO refunds (id, provider_id, payment_id, amount_minor, currency, source, owner, status, actor, reason, fence,
    next_attempt_at)
SELECT 'ref' || substr(id, 4), provider_id, id, 550, 'JPY', 'credit', '', 'succeeded', 'ana', 'asked for', 1, NULL
FROM payments WHERE provider_id = CAST(:provider AS varchar) AND id LIKE '%m2x%';

INSERT INTO ledger_transactions (id, provider_id, source_kind, source_id, at)
SELECT cause || substr(id, 4), provider_id, cause, id, issued_at FROM invoices, unnest(ARRAY['sale', 'payment']) cause
WHERE provider_id = CAST(:provider AS varchar) AND (cause = 'sale' OR settled_at IS NOT NULL);

INSERT INTO ledger_entries (transaction_id, provider_id, account, owner, currency, amount_minor)
SELECT id, provider_id, account, CASE account WHEN 'receivable' THEN source_id ELSE '' END, 'JPY', amount
FROM ledger_transactions JOIN (VALUES ('sale', 'receivable', 550), ('sale', 'sales', -500), ('sale', 'tax:jp-10', -50),
    ('payment', 'clearing:standard', 550), ('payment', 'receivable', -550)) AS entry (cause, account, amount) ON cause = source_kind
WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO ledger_balances (provider_id, account, owner, currency, balance_minor)
SELECT provider_id, 'held', id, 'JPY', 0 FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO endings (id, provider_id, service_id, customer_id, status, at, idempotency_key, request_sha256, channel, plan,
    received_at, ended_at, credit_minor, lost_minor, fence, next_attempt_at)
SELECT 'end' || substr(id, 4), provider_id, service_id, customer_id, 'withdrawn', 'period_end', id, '', 'api', 'basic',
    issued_at, NULL, 0, 0, 1, NULL
FROM invoices WHERE provider_id = CAST(:provider AS varchar);

INSERT INTO arrived_credits (id, provider_id, customer_id, currency, arrived_at, next_attempt_at)
SELECT 'crd_' || CAST(:mark AS text) || n, CAST(:provider AS varchar), CAST(:customer AS varchar), 'X' || n, NULL, NULL
FROM generate_series(1, :services) n;

INSERT INTO quotes (id, provider_id, service_id, catalog_id, priced_at, expires_at, document)
SELECT 'qt_' || substr(s.id, 5) || 'm' || m, s.provider_id, s.id, c.id, CAST(:clock AS timestamptz),
    CAST(:clock AS timestamptz) + interval '30 minutes', '{}'
FROM services s JOIN catalogs c ON c.provider_id = s.provider_id, generate_series(1, :renewals) m
WHERE s.provider_id = CAST(:provider AS varchar);

INSERT INTO rejected_messages (id, message, reason)
SELECT 'rej_' || CAST(:mark AS text) || n, '{}', 'says nothing' FROM generate_series(1, :services) n;
